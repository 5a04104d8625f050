// SPDX-License-Identifier: Apache-2.0
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeSet;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.MessageUtil;

/**
 * Golden LIBS OURS THEIRS SAMPLES: reads the messages in OURS with the release whose jars are in LIBS, then writes
 * SAMPLES messages of every version that the release knows to THEIRS.
 *
 * A line of either file: name, version, bytes in hexadecimal, JSON, separated by tabs; OURS has one column more:
 * what of the bytes the JSON does not say, "nothing", "records" or "tags" (unknown tagged fields). On standard output a line "differs NAME VERSION WHAT" for each
 * difference, and at the end "read VERSIONS SAMPLES" and "wrote VERSIONS SAMPLES".
 */
public final class Golden {
    private static final HexFormat HEX = HexFormat.of();
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final boolean READS_BASE64 = readsBase64();

    private final Map<String, MessageClass> messages;

    private Golden(File libs) throws IOException, ReflectiveOperationException {
        messages = MessageClass.all(libs);
    }

    public static void main(String[] args) throws Exception {
        Golden golden = new Golden(new File(args[0]));
        golden.readOurs(Path.of(args[1]));
        golden.writeTheirs(Path.of(args[2]), Integer.parseInt(args[3]));
    }

    private void readOurs(Path path) throws IOException {
        TreeSet<String> versions = new TreeSet<>();
        long samples = 0;
        try (BufferedReader lines = Files.newBufferedReader(path)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] columns = line.split("\t", -1);
                MessageClass message = messages.get(columns[0]);
                short version = Short.parseShort(columns[1]);
                if (message == null || version < message.lowest || version > message.highest) continue;
                versions.add(columns[0] + " " + version);
                ++samples;
                report(columns[0], version, readOne(message, version, columns));
            }
        }
        System.out.println("read " + versions.size() + " " + samples);
    }

    /** What is different, null where nothing is. */
    private String readOne(MessageClass message, short version, String[] columns) {
        byte[] bytes = HEX.parseHex(columns[2]);
        try {
            ApiMessage read = message.ofBytes(bytes, version);
            byte[] again = MessageClass.bytes(read, version);
            if (!Arrays.equals(bytes, again)) return "bytes: ours " + columns[2] + " Kafka's " + HEX.formatHex(again);
            JsonNode ours = JSON.readTree(columns[3]);
            JsonNode tree = message.json(read, version);
            JsonNode theirs = JSON.readTree(tree.toString());
            if (!ours.equals(theirs)) return "JSON: ours " + ours + " Kafka's " + theirs;
            if (columns[4].equals("tags")) return null;
            ApiMessage ofJson = message.ofJson(READS_BASE64 ? ours : tree, version);
            JsonNode third = JSON.readTree(message.json(ofJson, version).toString());
            if (!ours.equals(third)) return "JSON read and written by Kafka: ours " + ours + " Kafka's " + third;
            if (columns[4].equals("records")) return null;
            byte[] last = MessageClass.bytes(ofJson, version);
            return Arrays.equals(bytes, last) ? null : "bytes of the JSON: ours " + columns[2] + " Kafka's " + HEX.formatHex(last);
        } catch (Exception e) {
            return "Kafka cannot read " + columns[2] + " " + columns[3] + ": " + cause(e);
        }
    }

    private void writeTheirs(Path path, int samples) throws IOException {
        long versions = 0;
        long written = 0;
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(path, StandardCharsets.UTF_8))) {
            for (Map.Entry<String, MessageClass> entry : messages.entrySet()) {
                MessageClass message = entry.getValue();
                for (short version = message.lowest; version <= message.highest; ++version) {
                    ++versions;
                    for (int sample = 0; sample < samples; ++sample) {
                        report(entry.getKey(), version, writeOne(entry.getKey(), message, version, sample, out));
                        ++written;
                    }
                }
            }
        }
        System.out.println("wrote " + versions + " " + written);
    }

    private String writeOne(String name, MessageClass message, short version, int sample, PrintWriter out) {
        Filler.Style[] styles = Filler.Style.values();
        Filler.Style style = styles[Math.min(sample, styles.length - 1)];
        try {
            ApiMessage made = message.make();
            new Filler(style, name.hashCode() * 1000L + version * 100 + sample).fill(made, message.schemas[version]);
            byte[] bytes = MessageClass.bytes(made, version);
            out.print(name + "\t" + version + "\t" + HEX.formatHex(bytes) + "\t" + message.json(made, version) + "\n");
            return null;
        } catch (Exception e) {
            return "Kafka cannot write sample " + sample + ": " + cause(e);
        }
    }

    /** Kafka 2.8 reads only binary nodes in memory, not the texts that it writes for them. */
    private static boolean readsBase64() {
        try {
            MessageUtil.jsonNodeToBinary(new TextNode("AAAA"), "");
            return true;
        } catch (RuntimeException e) {
            return false;
        }
    }

    private static void report(String name, short version, String difference) {
        if (difference != null) System.out.println("differs " + name + " " + version + " " + difference);
    }

    private static Throwable cause(Exception e) {
        return e instanceof InvocationTargetException ? e.getCause() : e;
    }
}
