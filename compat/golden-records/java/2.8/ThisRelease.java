// SPDX-License-Identifier: Apache-2.0
import java.nio.ByteBuffer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.record.*;
import org.apache.kafka.common.utils.Time;

final class ThisRelease implements Release {
    private final kafka.server.BrokerTopicStats stats = new kafka.server.BrokerTopicStats();

    public MemoryRecordsBuilder builder(ByteBuffer buffer, Shape s) {
        return MemoryRecords.builder(buffer, s.magic, CompressionType.forId(s.codec),
            s.logAppendTime ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME, s.baseOffset, s.logAppendTimeMs,
            s.producerId, s.producerEpoch, s.baseSequence, s.transactional, s.control, s.leaderEpoch);
    }

    public MemoryRecords downConvert(MemoryRecords records, byte magic, long firstOffset) {
        return records.downConvert(magic, firstOffset, Time.SYSTEM).records();
    }

    private static kafka.message.CompressionCodec codec(int id) {
        return kafka.message.CompressionCodec$.MODULE$.getCompressionCodec(id);
    }

    public MemoryRecords validate(MemoryRecords records, int source, Rules rules) {
        return kafka.log.LogValidator$.MODULE$.validateMessagesAndAssignOffsets(records, new TopicPartition("t", 0),
            new kafka.common.LongRef(FIRST_OFFSET), Time.SYSTEM, NOW, codec(source),
            codec(rules.codec < 0 ? source : rules.codec), rules.compacted, (byte) 2,
            rules.logAppendTime ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME, rules.maxDifferenceMs,
            LEADER_EPOCH, kafka.log.AppendOrigin.Client$.MODULE$, kafka.api.KAFKA_2_8_IV1$.MODULE$, stats).validatedRecords();
    }

    public Throwable cause(Throwable thrown) {
        return thrown instanceof kafka.common.RecordValidationException
            ? ((kafka.common.RecordValidationException) thrown).invalidException() : thrown;
    }
}
