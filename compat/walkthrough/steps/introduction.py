# SPDX-License-Identifier: Apache-2.0
"""The introduction as a person types it: topics through ZooKeeper (2.8.0 tools), records through the broker."""
import time

from compat.lib.checks import Failed, require
from compat.lib.texts import COLLIDES, PARTITION_WARNING

from .walk import Walk


def introduction(walk: Walk):
    zookeeper = walk.at_zookeeper()
    topic, new_topic = walk.name("topic1"), walk.name("new_topic")
    walk.step("create a topic", "kafka-topics", *zookeeper, "--topic", topic, "--create", "--partitions", "3",
              "--replication-factor", "1", out=[f"Created topic {topic}."])
    with walk.check("the list has it"):
        require(walk.listed_topics(zookeeper) == ["topic1"], "topic1 is not listed alone")
    walk.step("describe it", "kafka-topics", *zookeeper, "--topic", topic, "--describe",
              out=walk.describes(topic, 3, through_broker=False))
    broker_list = ("kafka-console-producer", "--broker-list", walk.bootstrap, "--topic")
    walk.step("produce three lines", *broker_list, topic, stdin="mensaje 1\nmensaje 2\nmensaje 3\n")
    walk.step("produce with acks=all", *broker_list, topic, "--producer-property", "acks=all",
              stdin="seguro 1\nseguro 2\n")
    walk.step("produce to a topic that is not there: one warning at most", *broker_list, new_topic,
              stdin="nuevo 1\nnuevo 2\n",
              err=walk.texts.missing_topic_warning(new_topic, "Producer clientId=console-producer", many=False))
    with walk.check("the new topic is listed"):
        require(walk.listed_topics(zookeeper) == ["new_topic", "topic1"], "the list is not new_topic, topic1")
    walk.step("describe the new topic", "kafka-topics", *zookeeper, "--topic", new_topic, "--describe",
              out=walk.describes(new_topic, 1, through_broker=False))
    _consume(walk, topic, new_topic)
    _administer(walk, topic, new_topic)


def _consume(walk, topic, new_topic):
    walk.consume("the new topic has the records", new_topic, ["nuevo 1", "nuevo 2"], "--from-beginning")
    everything = ["mensaje 1", "mensaje 2", "mensaje 3", "seguro 1", "seguro 2"]
    walk.consume("consume from the beginning until the time-out", topic, everything, "--from-beginning",
                 "--timeout-ms", "4000", ordered=False, timed_out=True)
    walk.consume("a consumer without --from-beginning sees nothing old", topic, [], "--timeout-ms", "2500",
                 timed_out=True)
    with walk.check("a consumer without --from-beginning sees what comes after it starts"):
        _only_what_comes_after(walk, topic)
    group = walk.name("g1")
    first = walk.step("two records with --group", "kafka-console-consumer", *walk.at_broker(), "--topic", topic,
                      "--group", group, "--from-beginning", "--max-messages", "2", out=["<any>", "<any>"],
                      err=["Processed a total of 2 messages"])
    with walk.check("the group is described with its lag"):
        lines = walk.quietly("kafka-consumer-groups", *walk.at_broker(), "--describe", "--group", group)
        require(lines.err == ["", f"Consumer group '{group}' has no active members."], f"standard error: {lines.err}")
        rows = [line.split() for line in lines.out if line.startswith(group)]
        require(sorted(row[2] for row in rows) == ["0", "1", "2"], f"not one row per partition: {rows}")
        require(sum(int(row[3]) for row in rows) == 2, f"two records were read, the rows say {rows}")
        require(all(int(row[4]) - int(row[3]) == int(row[5]) for row in rows), f"lag is wrong in {rows}")
        require(first is not None, "the group has read nothing")


def _only_what_comes_after(walk, topic):
    """Lines are produced until the consumer has shown one; only lines sent after its start may be shown."""
    with walk.tools.start("kafka-console-consumer", *walk.at_broker(), "--topic", topic,
                          "--max-messages", "1") as consumer, \
            walk.tools.start("kafka-console-producer", *walk.at_broker(), "--topic", topic) as producer:
        deadline = time.monotonic() + 30
        number = 0
        while consumer.running() and time.monotonic() < deadline:
            number += 1
            producer.send(f"despues {number}\n")
            time.sleep(0.2)
        code = consumer.wait(1)
        producer.close_stdin()
        producer_code = producer.wait(20)
    require(len(consumer.out) == 1 and consumer.out[0].startswith("despues "), f"it showed {consumer.out}")
    require(consumer.err == ["Processed a total of 1 messages"], f"standard error: {consumer.err}")
    if code or producer_code or producer.err:
        raise Failed(f"consumer ended with {code}, producer with {producer_code}: {producer.err}")


def _administer(walk, topic, new_topic):
    zookeeper = walk.at_zookeeper()
    walk.step("the broker describes it the same", "kafka-topics", *walk.at_broker(), "--describe", "--topic", topic,
              out=walk.describes(topic, 3))
    walk.step("more partitions", "kafka-topics", *zookeeper, "--topic", topic, "--alter", "--partitions", "5",
              out=[PARTITION_WARNING, "Adding partitions succeeded!"])
    with walk.check("get-offsets shows five partitions"):
        lines = walk.quietly("kafka-get-offsets", "--broker-list", walk.bootstrap, "--topic", topic).out
        require([line.rsplit(":", 1)[0] for line in lines] == [f"{topic}:{number}" for number in range(5)],
                f"it shows {lines}")
        require(sum(int(line.rsplit(":", 1)[1]) for line in lines) >= 5, f"records are missing in {lines}")
    walk.step("a topic's configuration through ZooKeeper", "kafka-configs", *zookeeper, "--alter", "--entity-type",
              "topics", "--entity-name", topic, "--add-config", "retention.ms=3600000",
              out=["Warning: --zookeeper is deprecated and will be removed in a future version of Kafka.",
                   "Use --bootstrap-server instead to specify a broker to connect to.",
                   f"Completed updating config for entity: topic '{topic}'."])
    walk.step("the configuration is described", "kafka-topics", *zookeeper, "--describe", "--topic", topic,
              out=walk.describes(topic, 5, through_broker=False, configs="retention.ms=3600000"))
    with walk.check("the broker has taken the configuration"):
        _until_broker_shows(walk, topic, "retention.ms=3600000")
    walk.step("delete a topic", "kafka-topics", *zookeeper, "--topic", new_topic, "--delete",
              out=[f"Topic {new_topic} is marked for deletion.",
                   "Note: This will have no impact if delete.topic.enable is not set to true."])
    with walk.check("it goes off ZooKeeper's list"):
        walk.wait_gone(zookeeper, "new_topic")
    with walk.check("and off the broker's"):
        walk.wait_gone(walk.at_broker(), "new_topic")


def _until_broker_shows(walk, topic, config, tries=8):
    lines = []
    for _ in range(tries):
        lines = walk.quietly("kafka-topics", *walk.at_broker(), "--describe", "--topic", topic).out
        if config in lines[0].split("Configs: ")[1].split(","):
            return
    raise Failed(f"{config} is not in {lines[0]}")


def mistakes(walk: Walk):
    zookeeper = walk.at_zookeeper()
    errors = "org.apache.kafka.common.errors."
    topic = walk.name("there")
    one = ("--partitions", "1", "--replication-factor", "1")

    def create(title, name, *options, **expected):
        walk.step(title, "kafka-topics", *zookeeper, "--topic", name, "--create", *options, **expected)

    def fails(kind, *wordings, **more):
        return walk.topic_error(kind, wordings, **more)

    create("create, with a configuration", topic, "--partitions", "3", "--replication-factor", "1", "--config",
           "retention.ms=3600000", out=[f"Created topic {topic}."])
    create("a topic that exists", topic, *one,
           **fails(errors + "TopicExistsException", f"Topic '{topic}' already exists."))
    walk.step("describe a missing topic", "kafka-topics", *zookeeper, "--topic", "nope", "--describe",
              **fails("java.lang.IllegalArgumentException", "Topic 'nope' does not exist as expected", trace=True))
    create("more replicas than brokers", walk.name("rf2"), "--partitions", "1", "--replication-factor", "2",
           **fails(errors + "InvalidReplicationFactorException",
                   "Replication factor: 2 larger than available brokers: 1."))
    for number in ("-1", "0"):
        create(f"{number} partitions", walk.name("few"), "--partitions", number, "--replication-factor", "1",
               **fails(errors + "InvalidPartitionsException", "Number of partitions must be larger than 0."))
    create("no replicas", walk.name("rf0"), "--partitions", "1", "--replication-factor", "0",
           **fails(errors + "InvalidReplicationFactorException", "Replication factor must be larger than 0."))
    create("a name with a space", "bad name", *one,
           **fails(errors + "InvalidTopicException", "Topic name \"bad name\" is illegal, it contains a character "
                   "other than ASCII alphanumerics, '.', '_' and '-'"))
    create("a name with an underscore", walk.name("under_score"), *one,
           out=[COLLIDES, f"Created topic {walk.name('under_score')}."])
    create("a name that collides with it", walk.name("under.score"), *one,
           **fails(errors + "InvalidTopicException", f"Topic '{walk.name('under.score')}' collides with existing "
                   f"topics: {walk.name('under_score')}", out=[COLLIDES]))
    walk.step("fewer partitions", "kafka-topics", *zookeeper, "--topic", topic, "--alter", "--partitions", "2",
              **fails(errors + "InvalidPartitionsException", "The number of partitions for a topic can only be "
                      f"increased. Topic {topic} currently has 3 partitions, 2 would not be an increase.",
                      out=[PARTITION_WARNING]))
    walk.step("delete a missing topic", "kafka-topics", *zookeeper, "--topic", "nope", "--delete",
              **fails("java.lang.IllegalArgumentException", "Topic 'nope' does not exist as expected", trace=True))
    with walk.check("only the good ones were created"):
        listed = walk.listed_topics(zookeeper)
        require(listed == ["there", "under_score"], f"the list has {listed}")
