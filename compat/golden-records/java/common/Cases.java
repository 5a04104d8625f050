// SPDX-License-Identifier: Apache-2.0
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.record.*;
import org.apache.kafka.common.record.internal.*;

// Batches out of a seed: every format, codec, kind of time, headers, gaps, control records, producers; and damage.
final class Cases {
    private static final int[] CODECS_OF_V2 = {0, 0, 1, 2, 3, 4};
    private static final int[] CODECS_OF_OLD = {0, 0, 1, 2, 3};
    private final Random random;
    private final Release release;

    Cases(long seed, Release release) {
        this.random = new Random(seed);
        this.release = release;
    }

    // One batch, or a few messages of an old format.
    byte[] next() {
        Release.Shape shape = shape();
        if (shape.control) return control(shape);
        ByteBuffer buffer = ByteBuffer.allocate(1024);
        MemoryRecordsBuilder builder = release.builder(buffer, shape);
        int count = random.nextInt(10) == 0 ? 1 + random.nextInt(200) : 1 + random.nextInt(8);
        boolean gaps = random.nextInt(4) == 0;
        long offset = shape.baseOffset;
        for (int i = 0; i < count; ++i) {
            builder.appendWithOffset(offset, timestamp(), bytes(), bytes(), headers(shape.magic));
            offset += gaps ? 1 + random.nextInt(3) : 1;
        }
        return bytesOf(builder.build().buffer());
    }

    private Release.Shape shape() {
        Release.Shape shape = new Release.Shape();
        int kind = random.nextInt(10);
        shape.magic = (byte) (kind < 2 ? 0 : kind < 4 ? 1 : 2);
        int[] codecs = shape.magic == 2 ? CODECS_OF_V2 : CODECS_OF_OLD;
        shape.codec = codecs[random.nextInt(codecs.length)];
        shape.baseOffset = random.nextBoolean() ? 0 : random.nextInt(4) == 0 ? (1L << 40) + random.nextInt(1000) : random.nextInt(1000);
        if (shape.magic > 0 && random.nextInt(5) == 0) {
            shape.logAppendTime = true;
            shape.logAppendTimeMs = Release.NOW + random.nextInt(1000);
        }
        if (shape.magic < 2) return shape;
        if (random.nextInt(3) == 0) shape.leaderEpoch = random.nextInt(100);
        if (random.nextInt(3) == 0) {
            shape.producerId = random.nextInt(4) == 0 ? Long.MAX_VALUE : random.nextInt(100000);
            shape.producerEpoch = (short) random.nextInt(Short.MAX_VALUE + 1);
            shape.baseSequence = random.nextInt(4) == 0 ? Integer.MAX_VALUE - random.nextInt(3) : random.nextInt(1000);
            shape.transactional = random.nextBoolean();
        }
        shape.control = random.nextInt(12) == 0;
        return shape;
    }

    private byte[] control(Release.Shape shape) {
        shape.codec = 0;
        shape.logAppendTime = false;
        shape.logAppendTimeMs = -1;
        shape.baseSequence = -1;
        boolean leaderChange = random.nextInt(3) == 0;
        if (leaderChange) shape.leaderEpoch = 4;
        shape.transactional = !leaderChange;
        shape.producerId = leaderChange ? -1 : random.nextInt(1000);
        shape.producerEpoch = leaderChange ? (short) -1 : 3;
        MemoryRecordsBuilder builder = release.builder(ByteBuffer.allocate(512), shape);
        if (leaderChange) {
            builder.appendLeaderChangeMessage(Release.NOW, new LeaderChangeMessage().setLeaderId(5));
        } else {
            ControlRecordType type = random.nextBoolean() ? ControlRecordType.COMMIT : ControlRecordType.ABORT;
            builder.appendEndTxnMarker(Release.NOW, new EndTransactionMarker(type, random.nextInt(50)));
        }
        return bytesOf(builder.build().buffer());
    }

    private long timestamp() {
        switch (random.nextInt(12)) {
            case 0: return -1;
            case 1: return 0;
            case 2: return random.nextLong() & (Long.MAX_VALUE >> 1);
            default: return Release.NOW - 5000 + random.nextInt(10000);
        }
    }

    private byte[] bytes() {
        int kind = random.nextInt(80);
        if (kind < 5) return null;
        if (kind < 10) return new byte[0];
        byte[] bytes = new byte[kind < 70 ? random.nextInt(40) : kind < 79 || random.nextInt(5) > 0 ? random.nextInt(800) : random.nextInt(100_000)];
        if (random.nextBoolean()) {
            random.nextBytes(bytes);
        } else {
            Arrays.fill(bytes, (byte) random.nextInt());
        }
        return bytes;
    }

    private Header[] headers(byte magic) {
        Header[] headers = new Header[magic < 2 || random.nextInt(3) != 0 ? 0 : random.nextInt(6)];
        for (int i = 0; i < headers.length; ++i) {
            String key = random.nextInt(6) == 0 ? "" : random.nextInt(4) == 0 ? "größe€😀" : "h" + random.nextInt(1000);
            headers[i] = new RecordHeader(key, bytes());
        }
        return headers;
    }

    // `batch` changed somewhere, with its checksums made right again in half of the cases, so that the change is
    // found by what lies behind them.
    byte[] damaged(byte[] batch) {
        byte[] bad = batch.clone();
        switch (random.nextInt(6)) {
            case 0:
                bad = Arrays.copyOf(bad, random.nextInt(bad.length + 1));
                break;
            case 1:
                bad = Arrays.copyOf(bad, bad.length + 1 + random.nextInt(40));
                break;
            case 2: { // a field of the header
                int at = random.nextInt(Math.min(bad.length, 61));
                bad[at] = (byte) random.nextInt();
                break;
            }
            case 3: { // a number that lies
                int[] places = {8, 16, 21, 23, 57, 61, 62, 26, 30};
                int at = places[random.nextInt(places.length)];
                byte[] lies = {0, 1, -1, 0x7f, (byte) 0x80, 2, 100};
                if (at < bad.length) bad[at] = lies[random.nextInt(lies.length)];
                break;
            }
            case 4: { // two batches of which the second is cut, or nested
                byte[] two = Arrays.copyOf(bad, bad.length * 2);
                System.arraycopy(bad, 0, two, bad.length, bad.length);
                bad = Arrays.copyOf(two, bad.length + random.nextInt(bad.length + 1));
                break;
            }
            default: {
                int changes = 1 + random.nextInt(3);
                for (int i = 0; i < changes; ++i) bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
            }
        }
        return random.nextBoolean() ? withChecksum(bad) : bad;
    }

    // The first batch's checksum computed anew.
    private static byte[] withChecksum(byte[] bytes) {
        if (bytes.length < 61) return bytes;
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        int end = 12 + buffer.getInt(8);
        if (end <= 22 || end > bytes.length) return bytes;
        if (bytes[16] == 2) {
            java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
            crc.update(bytes, 21, end - 21);
            buffer.putInt(17, (int) crc.getValue());
        } else if (bytes[16] == 0 || bytes[16] == 1) {
            java.util.zip.CRC32 crc = new java.util.zip.CRC32();
            crc.update(bytes, 16, end - 16);
            buffer.putInt(12, (int) crc.getValue());
        }
        return bytes;
    }

    long number(long bound) {
        return (long) (random.nextDouble() * bound);
    }

    static byte[] bytesOf(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

}
