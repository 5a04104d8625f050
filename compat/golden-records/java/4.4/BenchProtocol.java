// SPDX-License-Identifier: Apache-2.0
// The work of tests/bench/protocol_bench.cc in kafka-clients, by plain loops after a warm-up: prints a name and nanoseconds.
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.zip.CRC32C;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.*;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;

public final class BenchProtocol {
    private static final int RECORDS = 1000;
    private static long sink;

    // The best of several rounds, each a tenth of a second and more, after a second of warm-up.
    private static void measure(String name, int items, LongSupplier work) {
        long warm = System.nanoTime() + 1_500_000_000L;
        long loops = 0;
        while (System.nanoTime() < warm) {
            sink += work.getAsLong();
            ++loops;
        }
        long perRound = Math.max(1, loops / 10);
        double best = Double.MAX_VALUE;
        for (int round = 0; round < 10; ++round) {
            long start = System.nanoTime();
            for (long i = 0; i < perRound; ++i) sink += work.getAsLong();
            best = Math.min(best, (double) (System.nanoTime() - start) / perRound);
        }
        System.out.println(name + " " + best / items);
    }

    private static MemoryRecords batch(int count) {
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1024), Compression.NONE, TimestampType.CREATE_TIME, 0);
        byte[] value = new byte[100];
        Arrays.fill(value, (byte) 'v');
        for (int i = 0; i < count; ++i) builder.append(1_700_000_000_000L + i, "key-1234".getBytes(), value);
        return builder.build();
    }

    private static ByteBuffer encode(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        buffer.flip();
        return buffer;
    }

    private static void produceRequest() {
        ProduceRequestData request = new ProduceRequestData().setAcks((short) -1).setTimeoutMs(30000);
        request.topicData().add(new ProduceRequestData.TopicProduceData().setName("a-topic-of-mine").setPartitionData(
            List.of(new ProduceRequestData.PartitionProduceData().setIndex(0).setRecords(batch(1)))));
        ByteBuffer buffer = encode(request, (short) 9);
        measure("produce_request_decode", 1, () ->
            new ProduceRequestData(new ByteBufferAccessor(buffer.duplicate()), (short) 9).topicData().size());
    }

    private static void produceResponse() {
        ProduceResponseData response = new ProduceResponseData();
        response.responses().add(new ProduceResponseData.TopicProduceResponse().setName("a-topic-of-mine").setPartitionResponses(
            List.of(new ProduceResponseData.PartitionProduceResponse().setBaseOffset(123456).setLogStartOffset(0))));
        measure("produce_response_encode", 1, () -> encode(response, (short) 9).remaining());
    }

    private static void metadataResponse() {
        MetadataResponseData response = new MetadataResponseData().setClusterId("a-cluster-of-mine-1234");
        for (int b = 0; b < 3; ++b) {
            response.brokers().add(new MetadataResponseData.MetadataResponseBroker().setNodeId(b).setHost("broker.example.com").setPort(9092));
        }
        for (int t = 0; t < 100; ++t) {
            MetadataResponseData.MetadataResponseTopic topic = new MetadataResponseData.MetadataResponseTopic().setName("topic-number-" + t);
            for (int p = 0; p < 100; ++p) {
                topic.partitions().add(new MetadataResponseData.MetadataResponsePartition().setPartitionIndex(p).setLeaderId(p % 3)
                    .setLeaderEpoch(5).setReplicaNodes(List.of(0, 1, 2)).setIsrNodes(List.of(0, 1, 2)));
            }
            response.topics().add(topic);
        }
        measure("metadata_response_encode", 1, () -> encode(response, (short) 12).remaining());
    }

    private static void crc() {
        byte[] bytes = new byte[16 * 1024];
        Arrays.fill(bytes, (byte) 0x5a);
        measure("crc32c_16k", 1, () -> {
            CRC32C crc = new CRC32C();
            crc.update(bytes, 0, bytes.length);
            return crc.getValue();
        });
    }

    private static void records() {
        MemoryRecords records = batch(RECORDS);
        LongSupplier walk = () -> {
            long sum = 0;
            for (MutableRecordBatch batch : records.batches()) {
                for (var record : batch) sum += record.timestamp() + record.value().get(0);
            }
            return sum;
        };
        measure("record_walk", RECORDS, walk);
        measure("record_read", RECORDS, walk);
    }

    public static void main(String[] arguments) {
        produceRequest();
        produceResponse();
        metadataResponse();
        crc();
        records();
        if (sink == 42) System.out.println("# the work is not optimized away");
    }
}
