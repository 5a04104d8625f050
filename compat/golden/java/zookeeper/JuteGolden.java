// SPDX-License-Identifier: Apache-2.0
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.jar.JarFile;
import org.apache.jute.BinaryOutputArchive;
import org.apache.jute.Record;
import org.apache.zookeeper.txn.CheckVersionTxn;
import org.apache.zookeeper.txn.CreateTxn;
import org.apache.zookeeper.txn.DeleteTxn;
import org.apache.zookeeper.txn.ErrorTxn;
import org.apache.zookeeper.txn.SetDataTxn;
import org.apache.zookeeper.txn.Txn;

/**
 * JuteGolden LIBS THEIRS SAMPLES: fills every record of ZooKeeper's jute with seeded values and writes a line each:
 * name, 0, bytes in hexadecimal. On standard output "wrote RECORDS SAMPLES".
 *
 * Buffers called "data" are null at times. Other nulls are left out: no client and no server writes them, and Ottla
 * refuses them or takes them as empty.
 */
public final class JuteGolden {
    private static final String[] TEXTS = {
        "", "/", "/brokers/ids/0", "/Gr\u00fc\u00dfe", "/\u65e5\u672c\u8a9e", "digest", "/" + "x".repeat(300), "world"};
    /** What may stand in a multi, by operation code. */
    private static final Map<Integer, Class<? extends Record>> PARTS = new TreeMap<>(Map.of(
        1, CreateTxn.class, 2, DeleteTxn.class, 5, SetDataTxn.class, 13, CheckVersionTxn.class, -1, ErrorTxn.class));

    private final Random random;

    private JuteGolden(long seed) {
        random = new Random(seed);
    }

    public static void main(String[] args) throws Exception {
        int samples = Integer.parseInt(args[2]);
        List<Class<? extends Record>> records = records(new File(args[0]));
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(Path.of(args[1]), StandardCharsets.UTF_8))) {
            for (Class<? extends Record> type : records) {
                for (int sample = 0; sample < samples; ++sample) {
                    Record record = new JuteGolden(type.getSimpleName().hashCode() * 1000L + sample).make(type);
                    out.print(type.getSimpleName() + "\t0\t" + HexFormat.of().formatHex(bytes(record)) + "\n");
                }
            }
        }
        System.out.println("wrote " + records.size() + " " + (long) records.size() * samples);
    }

    private static List<Class<? extends Record>> records(File libs) throws IOException, ReflectiveOperationException {
        List<Class<? extends Record>> found = new ArrayList<>();
        for (File file : libs.listFiles((dir, name) -> name.startsWith("zookeeper-jute-"))) {
            try (JarFile jar = new JarFile(file)) {
                for (String entry : jar.stream().map(one -> one.getName()).sorted().toList()) {
                    if (!entry.startsWith("org/apache/zookeeper/") || !entry.endsWith(".class")) continue;
                    Class<?> type = Class.forName(entry.substring(0, entry.length() - ".class".length()).replace('/', '.'));
                    if (Record.class.isAssignableFrom(type)) found.add(type.asSubclass(Record.class));
                }
            }
        }
        return found;
    }

    private static byte[] bytes(Record record) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        record.serialize(BinaryOutputArchive.getArchive(out), "record");
        return out.toByteArray();
    }

    private Record make(Class<? extends Record> type) throws IOException, ReflectiveOperationException {
        if (type == Txn.class) return part();
        Record record = type.getConstructor().newInstance();
        for (Field field : type.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers())) continue;
            field.setAccessible(true);
            field.set(record, value(field));
        }
        return record;
    }

    private Txn part() throws IOException, ReflectiveOperationException {
        Integer[] types = PARTS.keySet().toArray(new Integer[0]);
        int type = types[random.nextInt(types.length)];
        return new Txn(type, bytes(make(PARTS.get(type))));
    }

    private Object value(Field field) throws IOException, ReflectiveOperationException {
        Class<?> type = field.getType();
        if (type == boolean.class) return random.nextBoolean();
        if (type == int.class) return (int) edge(Integer.MIN_VALUE, Integer.MAX_VALUE, random.nextInt());
        if (type == long.class) return edge(Long.MIN_VALUE, Long.MAX_VALUE, random.nextLong());
        if (type == String.class) return text();
        if (type == byte[].class) {
            if (field.getName().equals("data") && random.nextInt(4) == 0) return null;
            return text().getBytes(StandardCharsets.UTF_8);
        }
        if (type == List.class) {
            Class<?> element = (Class<?>) ((ParameterizedType) field.getGenericType()).getActualTypeArguments()[0];
            List<Object> list = new ArrayList<>();
            int count = random.nextInt(4);
            for (int i = 0; i < count; ++i) list.add(element == String.class ? text() : make(element.asSubclass(Record.class)));
            return list;
        }
        return make(type.asSubclass(Record.class));
    }

    private long edge(long lowest, long highest, long other) {
        long[] choices = {lowest, highest, 0, -1, random.nextInt(100), other};
        return choices[random.nextInt(choices.length)];
    }

    private String text() {
        return TEXTS[random.nextInt(TEXTS.length)];
    }
}
