// SPDX-License-Identifier: Apache-2.0
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;

/**
 * Fills a generated message of Kafka's with seeded values. Only what the version's schema has is set, so that no
 * value is refused for the version; the rest keeps its default. A style is one way to choose all values.
 */
final class Filler {
    enum Style { DEFAULTS, EMPTIEST, LARGEST, MIXED }

    private static final String[] TEXTS = {
        "", "a", "topic-1", "Gr\u00fc\u00dfe", "\u65e5\u672c\u8a9e", "\ud83e\udda6 otter", "\u0000", "\"quoted\" \\ \n\t",
        "x".repeat(126), "x".repeat(127), "\u00e9".repeat(64), "x".repeat(300)};
    private static final Class<?> MEMORY_RECORDS = memoryRecords();
    private static final Map<Class<?>, Map<String, Field>> FIELDS = new HashMap<>();

    private final Random random;
    private final Style style;

    Filler(Style style, long seed) {
        this.style = style;
        this.random = new Random(seed);
    }

    void fill(Object target, Schema schema) throws ReflectiveOperationException {
        for (BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields tagged) {
                for (org.apache.kafka.common.protocol.types.Field field : taggedFields(tagged)) {
                    if (style != Style.MIXED || random.nextBoolean()) set(target, field.name, field.type, true);
                }
                addUnknownTags(target);
            } else {
                set(target, bound.def.name, bound.def.type, false);
            }
        }
    }

    @SuppressWarnings("unchecked")
    private static Collection<org.apache.kafka.common.protocol.types.Field> taggedFields(TaggedFields tagged)
        throws ReflectiveOperationException {
        Field fields = TaggedFields.class.getDeclaredField("fields");  // 2.8 has no other way to them
        fields.setAccessible(true);
        return ((Map<Integer, org.apache.kafka.common.protocol.types.Field>) fields.get(tagged)).values();
    }

    private void set(Object target, String name, Type type, boolean tagged) throws ReflectiveOperationException {
        Field field = fieldsOf(target.getClass()).get(name.replace("_", "").toLowerCase());
        if (field == null) throw new NoSuchFieldException(target.getClass().getName() + " has no member for " + name);
        // A schema calls all records nullable; these are not.
        boolean nullable = type.isNullable() && !field.getName().equals("unalignedRecords");
        if (style == Style.DEFAULTS || (style == Style.MIXED && random.nextInt(6) == 0)) {
            // The default may be null where only later versions allow that.
            if (field.get(target) != null || nullable || tagged) return;
        }
        if (nullable && (style == Style.EMPTIEST || (style == Style.MIXED && random.nextInt(4) == 0))) {
            field.set(target, null);
            return;
        }
        field.set(target, value(field, type));
    }

    private Object value(Field field, Type type) throws ReflectiveOperationException {
        if (!type.isArray()) return scalar(field.getType(), type);
        Class<?> collection = field.getType();
        ParameterizedType generic = (ParameterizedType)
            (collection == List.class ? field.getGenericType() : collection.getGenericSuperclass());
        java.lang.reflect.Type argument = generic.getActualTypeArguments()[0];
        @SuppressWarnings("unchecked")
        Collection<Object> out = collection == List.class
            ? new ArrayList<>() : (Collection<Object>) collection.getConstructor().newInstance();
        Type element = type.arrayElementType().orElseThrow();
        int count = arraySize(element instanceof Schema);
        for (int i = 0; i < count; ++i) out.add(scalar((Class<?>) argument, element));
        return out;
    }

    private int arraySize(boolean ofStructures) {
        if (style == Style.EMPTIEST || style == Style.DEFAULTS) return 0;
        if (style == Style.LARGEST) return ofStructures ? 2 : 3;
        int choice = random.nextInt(40);
        if (choice == 0) return ofStructures ? 9 : 128;
        return choice % 4;
    }

    private Object scalar(Class<?> as, Type type) throws ReflectiveOperationException {
        if (type instanceof Schema schema) {
            Object made = as.getConstructor().newInstance();
            fill(made, schema);
            return made;
        }
        if (as == boolean.class) return style == Style.LARGEST || (style == Style.MIXED && random.nextBoolean());
        if (as == byte.class || as == Byte.class) return (byte) integer(Byte.MIN_VALUE, Byte.MAX_VALUE);
        if (as == short.class || as == Short.class) return (short) integer(Short.MIN_VALUE, Short.MAX_VALUE);
        if (type == Type.UINT16) return (int) integer(0, 65535);
        if (as == int.class || as == Integer.class) return (int) integer(Integer.MIN_VALUE, Integer.MAX_VALUE);
        if (type == Type.UNSIGNED_INT32) return integer(0, 4294967295L);
        if (as == long.class || as == Long.class) return integer(Long.MIN_VALUE, Long.MAX_VALUE);
        if (as == double.class || as == Double.class) return floating();
        if (as == Uuid.class) return style == Style.EMPTIEST ? Uuid.ZERO_UUID : new Uuid(random.nextLong(), random.nextLong());
        if (as == String.class) return text();
        if (as == byte[].class) return text().getBytes(StandardCharsets.UTF_8);
        if (as == ByteBuffer.class) return ByteBuffer.wrap(text().getBytes(StandardCharsets.UTF_8));
        if (as.isAssignableFrom(MEMORY_RECORDS)) {
            ByteBuffer bytes = ByteBuffer.wrap(text().getBytes(StandardCharsets.UTF_8));
            return MEMORY_RECORDS.getMethod("readableRecords", ByteBuffer.class).invoke(null, bytes);
        }
        throw new IllegalArgumentException("no values for " + as + " as " + type);
    }

    private long integer(long lowest, long highest) {
        if (style == Style.EMPTIEST) return lowest;
        if (style == Style.LARGEST) return highest;
        switch (random.nextInt(5)) {
            case 0: return lowest;
            case 1: return highest;
            case 2: return 0;
            case 3: return Math.min(highest, random.nextInt(100));
            default: return lowest == Long.MIN_VALUE ? random.nextLong() : lowest + Math.floorMod(random.nextLong(), highest - lowest + 1);
        }
    }

    private double floating() {
        if (style == Style.EMPTIEST) return -0.0;
        if (style == Style.LARGEST) return Double.MAX_VALUE;
        double[] edges = {0, 1, -1.5, Double.MIN_VALUE, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 0.1, 1e300};
        return edges[random.nextInt(edges.length)];
    }

    private String text() {
        if (style == Style.EMPTIEST) return "";
        if (style == Style.LARGEST) return TEXTS[TEXTS.length - 1];
        return TEXTS[random.nextInt(TEXTS.length)];
    }

    /** Tags far above all known ones, in order, as every implementation writes them. */
    private void addUnknownTags(Object target) throws ReflectiveOperationException {
        if (style == Style.DEFAULTS || style == Style.EMPTIEST) return;
        int count = style == Style.LARGEST ? 2 : Math.max(0, random.nextInt(6) - 3);
        Method method = target.getClass().getMethod("unknownTaggedFields");
        @SuppressWarnings("unchecked")
        List<RawTaggedField> unknown = (List<RawTaggedField>) method.invoke(target);
        int tag = 100;
        for (int i = 0; i < count; ++i) {
            tag += 1 + random.nextInt(i == 0 ? 20 : 1_000_000);
            unknown.add(new RawTaggedField(tag, new byte[random.nextInt(3) == 0 ? 130 : random.nextInt(3)]));
        }
    }

    /** Where it stands in 4.4, or before. */
    private static Class<?> memoryRecords() {
        for (String place : List.of("record.internal", "record")) {
            try {
                return Class.forName("org.apache.kafka.common." + place + ".MemoryRecords");
            } catch (ClassNotFoundException e) {
                continue;
            }
        }
        throw new IllegalStateException("this release has no MemoryRecords");
    }

    /** Members by their names in lower case: the schemas name them in snake case, the classes in camel case. */
    private static Map<String, Field> fieldsOf(Class<?> type) {
        return FIELDS.computeIfAbsent(type, key -> {
            Map<String, Field> found = new HashMap<>();
            for (Field field : key.getDeclaredFields()) {
                if (Modifier.isStatic(field.getModifiers())) continue;
                field.setAccessible(true);
                found.put(field.getName().toLowerCase(), field);
            }
            return found;
        });
    }
}
