// SPDX-License-Identifier: Apache-2.0
import java.nio.ByteBuffer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.common.utils.internals.PrimitiveRef;
import org.apache.kafka.storage.internals.log.*;

final class ThisRelease implements Release {
    private static Compression codec(int id) {
        return Compression.of(CompressionType.forId(id)).build();
    }

    public MemoryRecordsBuilder builder(ByteBuffer buffer, Shape s) {
        return MemoryRecords.builder(buffer, s.magic, codec(s.codec),
            s.logAppendTime ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME, s.baseOffset, s.logAppendTimeMs,
            s.producerId, s.producerEpoch, s.baseSequence, s.transactional, s.control, s.leaderEpoch);
    }

    // Fetch requests that need it are gone (KIP-896).
    public MemoryRecords downConvert(MemoryRecords records, byte magic, long firstOffset) {
        return null;
    }

    public MemoryRecords validate(MemoryRecords records, int source, Rules rules) {
        LogValidator validator = new LogValidator(records, new TopicPartition("t", 0), FixedTime.of(NOW),
            CompressionType.forId(source), codec(rules.codec < 0 ? source : rules.codec), rules.compacted, (byte) 2,
            rules.logAppendTime ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME, rules.maxDifferenceMs,
            rules.maxDifferenceMs, LEADER_EPOCH, AppendOrigin.CLIENT);
        return validator.validateMessagesAndAssignOffsets(PrimitiveRef.ofLong(FIRST_OFFSET), new NoMetrics(),
            BufferSupplier.NO_CACHING).validatedRecords();
    }

    public Throwable cause(Throwable thrown) {
        return thrown instanceof RecordValidationException ? ((RecordValidationException) thrown).invalidException() : thrown;
    }

    private static final class NoMetrics implements LogValidator.MetricsRecorder {
        public void recordInvalidMagic() { }
        public void recordInvalidOffset() { }
        public void recordInvalidSequence() { }
        public void recordInvalidChecksums() { }
        public void recordNoKeyCompactedTopic() { }
    }
}
