// SPDX-License-Identifier: Apache-2.0
// usage: GoldenRecords SEED COUNT DAMAGED THEIRS OUT
//
// Writes JSON lines to OUT: COUNT batches that this release builds, each damaged DAMAGED times, and those of THEIRS (lines of
// hex); of each the bytes, what this release reads in them, what it converts them to, and what its leader appends.
import java.io.BufferedWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.*;
import org.apache.kafka.common.record.internal.*;

public final class GoldenRecords {
    private final Release release = new ThisRelease();
    private final Cases cases;
    private final BufferedWriter out;
    private final StringBuilder line = new StringBuilder();

    private GoldenRecords(long seed, BufferedWriter out) {
        this.cases = new Cases(seed, release);
        this.out = out;
    }

    public static void main(String[] arguments) throws Exception {
        int count = Integer.parseInt(arguments[1]);
        int damaged = Integer.parseInt(arguments[2]);
        List<String> theirs = Files.readAllLines(Path.of(arguments[3]));
        try (BufferedWriter out = Files.newBufferedWriter(Path.of(arguments[4]))) {
            GoldenRecords golden = new GoldenRecords(Long.parseLong(arguments[0]), out);
            for (int i = 0; i < count; ++i) {
                byte[] batch = golden.cases.next();
                golden.write("kafka", batch);
                for (int k = 0; k < damaged && batch.length < 20_000; ++k) golden.write("damaged", golden.cases.damaged(batch));
            }
            for (String hex : theirs) golden.write("ottla", fromHex(hex));
        }
    }

    private void write(String origin, byte[] bytes) throws Exception {
        line.setLength(0);
        line.append("{\"origin\":\"").append(origin).append("\",\"bytes\":");
        hex(bytes);
        line.append(",\"read\":");
        read(bytes);
        if (origin.equals("damaged")) {
            validate(bytes, new Release.Rules());
        } else {
            long firstOffset = cases.number(20);
            line.append(",\"first_offset\":").append(firstOffset);
            for (byte magic = 0; magic < 2; ++magic) convert(bytes, magic, firstOffset);
            validate(bytes, rules());
        }
        line.append("}\n");
        out.append(line);
    }

    private Release.Rules rules() {
        Release.Rules rules = new Release.Rules();
        rules.codec = (int) cases.number(6) - 1;
        rules.logAppendTime = cases.number(4) == 0;
        rules.compacted = cases.number(6) == 0;
        if (cases.number(4) == 0) rules.maxDifferenceMs = cases.number(8000);
        return rules;
    }

    private void read(byte[] bytes) {
        int start = line.length();
        try {
            line.append("{\"batches\":[");
            String comma = "";
            for (MutableRecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)).batches()) {
                batch.ensureValid();
                line.append(comma);
                describe(batch);
                comma = ",";
            }
            line.append("]}");
        } catch (Throwable thrown) {
            line.setLength(start);
            error(thrown);
        }
    }

    private void describe(RecordBatch batch) {
        line.append("{\"magic\":").append(batch.magic()).append(",\"base\":").append(batch.baseOffset());
        line.append(",\"last\":").append(batch.lastOffset()).append(",\"codec\":").append(batch.compressionType().id);
        line.append(",\"log_append_time\":").append(batch.timestampType() == TimestampType.LOG_APPEND_TIME);
        line.append(",\"max_timestamp\":").append(batch.maxTimestamp()).append(",\"producer\":[").append(batch.producerId());
        line.append(',').append(batch.producerEpoch()).append(',').append(batch.baseSequence()).append(',').append(batch.lastSequence());
        line.append("],\"transactional\":").append(batch.isTransactional()).append(",\"control\":").append(batch.isControlBatch());
        line.append(",\"leader_epoch\":").append(batch.partitionLeaderEpoch()).append(",\"records\":[");
        String comma = "";
        for (var record : all(batch)) {
            record.ensureValid();
            if (!record.hasMagic(batch.magic())) throw new IllegalArgumentException("inner magic");
            line.append(comma).append('[').append(record.offset()).append(',').append(record.timestamp()).append(',');
            hex(record.hasKey() ? Cases.bytesOf(record.key()) : null);
            line.append(',');
            hex(record.hasValue() ? Cases.bytesOf(record.value()) : null);
            headers(record.headers());
            if (batch.isControlBatch()) {
                ControlRecordType type = record.hasKey() ? ControlRecordType.parse(record.key()) : ControlRecordType.UNKNOWN;
                line.append(',').append(type == ControlRecordType.UNKNOWN ? -1 : type.ordinal());
            }
            line.append(']');
            comma = ",";
        }
        line.append("]}");
    }

    private static <T> List<T> all(Iterable<T> some) {
        List<T> all = new ArrayList<>();
        for (T one : some) all.add(one);
        return all;
    }

    private void headers(Header[] headers) {
        line.append(",[");
        String comma = "";
        for (Header header : headers) {
            line.append(comma).append('[');
            hex(header.key().getBytes(java.nio.charset.StandardCharsets.UTF_8));
            line.append(',');
            hex(header.value());
            line.append(']');
            comma = ",";
        }
        line.append(']');
    }

    private void convert(byte[] bytes, byte magic, long firstOffset) {
        int start = line.length();
        line.append(",\"down").append(magic).append("\":");
        try {
            MemoryRecords converted = release.downConvert(MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)), magic, firstOffset);
            if (converted == null) {
                line.setLength(start);
            } else {
                hex(Cases.bytesOf(converted.buffer()));
            }
        } catch (Throwable thrown) {
            error(thrown);
        }
    }

    // The order of UnifiedLog.analyzeAndValidateRecords, then LogValidator.
    private void validate(byte[] bytes, Release.Rules rules) {
        line.append(",\"rules\":[").append(rules.codec).append(',').append(rules.logAppendTime).append(',').append(rules.compacted);
        line.append(',').append(rules.maxDifferenceMs).append("],\"appended\":");
        try {
            MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(bytes.clone()));
            int codec = 0;
            int valid = 0;
            for (MutableRecordBatch batch : records.batches()) {
                if (batch.magic() >= 2 && batch.baseOffset() != 0) throw new org.apache.kafka.common.InvalidRecordException("offset");
                if (!batch.isValid()) throw new CorruptRecordException("crc");
                if (batch.compressionType().id != 0) codec = batch.compressionType().id;
                valid += batch.sizeInBytes();
            }
            if (valid == 0) {
                line.append("\"\"");
                return;
            }
            ByteBuffer whole = records.buffer().duplicate();
            whole.limit(whole.position() + valid);
            hex(Cases.bytesOf(release.validate(MemoryRecords.readableRecords(whole), codec, rules).buffer()));
        } catch (Throwable thrown) {
            error(thrown);
        }
    }

    private void error(Throwable thrown) {
        Throwable cause = release.cause(thrown);
        line.append("{\"error\":").append(Errors.forException(cause).code()).append(",\"reason\":\"");
        line.append((cause.getClass().getSimpleName() + " " + cause.getMessage()).replaceAll("[^A-Za-z0-9 .,:()]", " ")).append("\"}");
    }

    private void hex(byte[] bytes) {
        if (bytes == null) {
            line.append("null");
            return;
        }
        line.append('"');
        for (byte one : bytes) line.append(Character.forDigit(one >> 4 & 15, 16)).append(Character.forDigit(one & 15, 16));
        line.append('"');
    }

    private static byte[] fromHex(String hex) {
        byte[] bytes = new byte[hex.length() / 2];
        for (int i = 0; i < bytes.length; ++i) bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
        return bytes;
    }
}
