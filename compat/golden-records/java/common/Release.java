// SPDX-License-Identifier: Apache-2.0
// What differs between the releases in how records are built, converted and validated.
import java.nio.ByteBuffer;
import org.apache.kafka.common.record.*;
import org.apache.kafka.common.record.internal.*;

interface Release {
    final class Shape {
        byte magic = 2;
        int codec = 0;
        boolean logAppendTime = false;
        long logAppendTimeMs = -1;
        long baseOffset = 0;
        long producerId = -1;
        short producerEpoch = -1;
        int baseSequence = -1;
        boolean transactional = false;
        boolean control = false;
        int leaderEpoch = -1;
    }

    // As a leader's topic has them.
    final class Rules {
        int codec = -1; // -1: the producer's
        boolean logAppendTime = false;
        boolean compacted = false;
        long maxDifferenceMs = Long.MAX_VALUE;
    }

    long NOW = 1_700_000_000_000L;
    long FIRST_OFFSET = 4000;
    int LEADER_EPOCH = 7;

    MemoryRecordsBuilder builder(ByteBuffer buffer, Shape shape);

    // Null where the release does not convert.
    MemoryRecords downConvert(MemoryRecords records, byte magic, long firstOffset);

    // What is appended to the log; changes `records`.
    MemoryRecords validate(MemoryRecords records, int sourceCodec, Rules rules) throws Exception;

    // The error inside the exception that carries record errors; others as they are.
    Throwable cause(Throwable thrown);
}
