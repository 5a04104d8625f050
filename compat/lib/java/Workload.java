// SPDX-License-Identifier: Apache-2.0
// One JVM that does what a scenario tells it, a command per line, with the clients of the release it runs on. Producers live
// until the end, over every stop of the broker in between, so that a sequence or a transaction can go on behind another one.
//
//   create TOPIC PARTITIONS key=value...      producer NAME key=value...        produce NAME TOPIC COUNT
//   begin|commit|abort NAME                   tombstone NAME TOPIC KEY          read TOPIC read_committed|read_uncommitted
//   consume GROUP TOPIC COUNT                 committed GROUP                   delete-records TOPIC PARTITION OFFSET
//
// Each answers with lines and then `done`, or `failed REASON`. Records: `record TOPIC PARTITION OFFSET TIMESTAMP KEY VALUE`.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public final class Workload {
  private static final long PATIENCE_MS = 60_000;

  private final String bootstrap;
  private final Map<String, KafkaProducer<String, String>> producers = new HashMap<>();
  private final Map<String, Integer> sent = new HashMap<>();

  private Workload(String bootstrap) {
    this.bootstrap = bootstrap;
  }

  public static void main(String[] arguments) throws Exception {
    Workload workload = new Workload(arguments[0]);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      try {
        workload.run(line.trim().split(" "));
        System.out.println("done");
      } catch (Exception failure) {
        Throwable why = failure.getCause() == null ? failure : failure.getCause();
        System.out.println("failed " + why.toString().replace('\n', ' '));
      }
      System.out.flush();
    }
    System.exit(0);
  }

  private void run(String[] words) throws Exception {
    switch (words[0]) {
      case "create" -> create(words);
      case "producer" -> makeProducer(words);
      case "produce" -> produce(words[1], words[2], Integer.parseInt(words[3]));
      case "tombstone" -> finish(List.of(producers.get(words[1]).send(new ProducerRecord<>(words[2], words[3], null))),
          List.of(new ProducerRecord<>(words[2], words[3], null)));
      case "begin" -> producers.get(words[1]).beginTransaction();
      case "commit" -> producers.get(words[1]).commitTransaction();
      case "abort" -> producers.get(words[1]).abortTransaction();
      case "read" -> read(words[1], words[2]);
      case "consume" -> consume(words[1], words[2], Integer.parseInt(words[3]));
      case "committed" -> committed(words[1]);
      case "delete-records" -> deleteRecords(words[1], Integer.parseInt(words[2]), Long.parseLong(words[3]));
      default -> throw new IllegalArgumentException("no command " + words[0]);
    }
  }

  private Properties common(String[] words, int from) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("reconnect.backoff.max.ms", "200");
    for (int i = from; i < words.length; i++) {
      String[] pair = words[i].split("=", 2);
      properties.put(pair[0], pair[1]);
    }
    return properties;
  }

  private void create(String[] words) throws Exception {
    NewTopic topic = new NewTopic(words[1], Optional.of(Integer.parseInt(words[2])), Optional.of((short) 1));
    Map<String, String> settings = new HashMap<>();
    for (int i = 3; i < words.length; i++) {
      String[] pair = words[i].split("=", 2);
      settings.put(pair[0], pair[1]);
    }
    try (Admin admin = Admin.create(common(words, words.length))) {
      admin.createTopics(List.of(topic.configs(settings))).all().get();
    }
  }

  private void makeProducer(String[] words) {
    Properties properties = common(words, 2);
    properties.putIfAbsent("acks", "all");
    properties.putIfAbsent("linger.ms", "20");
    properties.putIfAbsent("batch.size", "4000");
    KafkaProducer<String, String> producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    if (properties.containsKey("transactional.id")) producer.initTransactions();
    producers.put(words[1], producer);
  }

  // Values tell who wrote them, and are long enough for segments to end and to be worth compressing.
  private void produce(String name, String topic, int count) throws Exception {
    KafkaProducer<String, String> producer = producers.get(name);
    List<Future<RecordMetadata>> answers = new ArrayList<>();
    List<ProducerRecord<String, String>> records = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int number = sent.merge(name + " " + topic, 1, Integer::sum);
      ProducerRecord<String, String> record = new ProducerRecord<>(topic, "k" + number % 10,
          name + "-" + number + "-" + "abcdefgh".repeat(20));
      records.add(record);
      answers.add(producer.send(record));
    }
    producer.flush();
    finish(answers, records);
  }

  private void finish(List<Future<RecordMetadata>> answers, List<ProducerRecord<String, String>> records) throws Exception {
    for (int i = 0; i < answers.size(); i++) {
      RecordMetadata at = answers.get(i).get();
      print(at.topic(), at.partition(), at.offset(), at.timestamp(), records.get(i).key(), records.get(i).value());
    }
  }

  private static void print(String topic, int partition, long offset, long timestamp, String key, String value) {
    System.out.println("record " + topic + " " + partition + " " + offset + " " + timestamp + " " + key + " " + value);
  }

  private KafkaConsumer<String, String> consumer(String... settings) {
    String[] words = Arrays.copyOf(settings, settings.length + 2);
    words[settings.length] = "auto.offset.reset=earliest";
    words[settings.length + 1] = "enable.auto.commit=false";
    return new KafkaConsumer<>(common(words, 0), new StringDeserializer(), new StringDeserializer());
  }

  private void read(String topic, String isolation) throws Exception {
    try (KafkaConsumer<String, String> consumer = consumer("isolation.level=" + isolation)) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (PartitionInfo info : partitionsOf(consumer, topic)) partitions.add(new TopicPartition(topic, info.partition()));
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      long deadline = System.currentTimeMillis() + PATIENCE_MS;
      while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        if (System.currentTimeMillis() > deadline) throw new IllegalStateException("the end did not come: " + ends);
        for (ConsumerRecord<String, String> at : consumer.poll(Duration.ofMillis(200))) printRead(at);
      }
    }
  }

  // A broker that has just started may not know a topic for a moment.
  private static List<PartitionInfo> partitionsOf(KafkaConsumer<String, String> consumer, String topic) throws Exception {
    long deadline = System.currentTimeMillis() + PATIENCE_MS;
    while (true) {
      List<PartitionInfo> known = consumer.partitionsFor(topic);
      if (known != null && !known.isEmpty()) return known;
      if (System.currentTimeMillis() > deadline) throw new IllegalStateException("no topic " + topic);
      Thread.sleep(100);
    }
  }

  private static void printRead(ConsumerRecord<String, String> at) {
    print(at.topic(), at.partition(), at.offset(), at.timestamp(), at.key(), at.value());
  }

  private void consume(String group, String topic, int count) {
    try (KafkaConsumer<String, String> consumer = consumer("group.id=" + group, "max.poll.records=10")) {
      consumer.subscribe(List.of(topic));
      Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
      long deadline = System.currentTimeMillis() + PATIENCE_MS;
      for (int seen = 0; seen < count; ) {
        if (System.currentTimeMillis() > deadline) throw new IllegalStateException("only " + seen + " records came");
        for (ConsumerRecord<String, String> at : consumer.poll(Duration.ofMillis(200))) {
          if (seen++ == count) break;
          printRead(at);
          positions.put(new TopicPartition(at.topic(), at.partition()), new OffsetAndMetadata(at.offset() + 1, "by " + group));
        }
      }
      consumer.commitSync(positions);
    }
  }

  private void committed(String group) throws Exception {
    try (Admin admin = Admin.create(common(new String[0], 0))) {
      admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().forEach((partition, at) ->
          System.out.println("committed " + partition.topic() + " " + partition.partition() + " " + at.offset() + " " + at.metadata()));
    }
  }

  private void deleteRecords(String topic, int partition, long offset) throws Exception {
    try (Admin admin = Admin.create(common(new String[0], 0))) {
      admin.deleteRecords(Map.of(new TopicPartition(topic, partition), RecordsToDelete.beforeOffset(offset))).all().get();
    }
  }
}
