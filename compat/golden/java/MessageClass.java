// SPDX-License-Identifier: Apache-2.0
import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.util.Enumeration;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.Schema;

/** One generated message of a release, with its JSON converter. */
final class MessageClass {
    final Class<?> type;
    final short lowest;
    final short highest;
    final Schema[] schemas;
    private final Method toJson;
    private final Method fromJson;

    private MessageClass(Class<?> type, Class<?> converter) throws ReflectiveOperationException {
        this.type = type;
        lowest = type.getField("LOWEST_SUPPORTED_VERSION").getShort(null);
        highest = type.getField("HIGHEST_SUPPORTED_VERSION").getShort(null);
        schemas = (Schema[]) type.getField("SCHEMAS").get(null);
        toJson = converter.getMethod("write", type, short.class);
        fromJson = converter.getMethod("read", JsonNode.class, short.class);
    }

    /** Every generated message in the jars of `libs`, by the name that Kafka's own specs give it. */
    static Map<String, MessageClass> all(File libs) throws IOException, ReflectiveOperationException {
        Map<String, MessageClass> found = new TreeMap<>();
        for (File file : libs.listFiles((dir, name) -> name.startsWith("kafka") && name.endsWith(".jar"))) {
            try (JarFile jar = new JarFile(file)) {
                for (Enumeration<JarEntry> entries = jar.entries(); entries.hasMoreElements();) {
                    String entry = entries.nextElement().getName();
                    // A message is what has a converter.
                    if (!entry.endsWith("JsonConverter.class") || entry.contains("$")) continue;
                    String converter = entry.substring(0, entry.length() - ".class".length()).replace('/', '.');
                    add(converter, found);
                }
            }
        }
        return found;
    }

    private static void add(String converter, Map<String, MessageClass> found) throws ReflectiveOperationException {
        Class<?> type;
        try {
            type = Class.forName(converter.substring(0, converter.length() - "JsonConverter".length()));
        } catch (ClassNotFoundException | NoClassDefFoundError e) {
            return;  // a converter of something else
        }
        if (!ApiMessage.class.isAssignableFrom(type)) return;
        String name = type.getSimpleName().replaceAll("(Request|Response)Data$", "$1");
        if (name.equals("RequestHeaderData") || name.equals("ResponseHeaderData")) name = name.substring(0, name.length() - 4);
        if (found.put(name, new MessageClass(type, Class.forName(converter))) != null)
            throw new IllegalStateException("two messages are called " + name);
    }

    ApiMessage make() throws ReflectiveOperationException {
        return (ApiMessage) type.getConstructor().newInstance();
    }

    JsonNode json(ApiMessage message, short version) throws ReflectiveOperationException {
        return (JsonNode) toJson.invoke(null, message, version);
    }

    ApiMessage ofJson(JsonNode json, short version) throws ReflectiveOperationException {
        return (ApiMessage) fromJson.invoke(null, json, version);
    }

    static byte[] bytes(ApiMessage message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        int size = message.size(cache, version);
        ByteBuffer buffer = ByteBuffer.allocate(size);
        message.write(new ByteBufferAccessor(buffer), cache, version);
        if (buffer.hasRemaining()) throw new IllegalStateException("Kafka's own size is wrong");
        return buffer.array();
    }

    ApiMessage ofBytes(byte[] bytes, short version) throws ReflectiveOperationException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        ApiMessage message = make();
        message.read(new ByteBufferAccessor(buffer), version);
        if (buffer.hasRemaining()) throw new IllegalStateException(buffer.remaining() + " bytes are left over");
        return message;
    }
}
