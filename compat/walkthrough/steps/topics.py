# SPDX-License-Identifier: Apache-2.0
"""Topics through the broker: create, list, describe, alter, delete, and the mistakes."""
from compat.lib.checks import require
from compat.lib.texts import COLLIDES

from .walk import Walk


def topics(walk: Walk):
    broker = walk.at_broker()
    topic, plain = walk.name("a"), walk.name("b")
    walk.step("create", "kafka-topics", *broker, "--create", "--topic", topic, "--partitions", "2",
              "--replication-factor", "1", "--config", "retention.ms=3600000", out=[f"Created topic {topic}."])
    walk.step("create with the broker's defaults", "kafka-topics", *broker, "--create", "--topic", plain,
              out=[f"Created topic {plain}."])
    with walk.check("list"):
        require(walk.listed_topics(broker) == ["a", "b"], "the list is not a, b")
    walk.step("describe", "kafka-topics", *broker, "--describe", "--topic", topic,
              out=walk.describes(topic, 2, configs="retention.ms=3600000"))
    walk.step("describe one that has no configuration", "kafka-topics", *broker, "--describe", "--topic", plain,
              out=walk.describes(plain, 1))
    walk.step("create again, if not there", "kafka-topics", *broker, "--create", "--if-not-exists", "--topic", topic)
    walk.step("more partitions", "kafka-topics", *broker, "--alter", "--topic", plain, "--partitions", "4")
    walk.step("describe them", "kafka-topics", *broker, "--describe", "--topic", plain,
              out=walk.describes(plain, 4))
    walk.produce("records in the topic to delete", topic, ["one", "two"])
    walk.step("delete", "kafka-topics", *broker, "--delete", "--topic", topic)
    with walk.check("it is off the list"):
        walk.wait_gone(broker, "a")
    walk.step("create it again", "kafka-topics", *broker, "--create", "--topic", topic, "--partitions", "1",
              out=[f"Created topic {topic}."])
    walk.step("it is empty", "kafka-get-offsets", *_offsets_at(walk), "--topic", topic, out=[f"{topic}:0:0"])
    walk.step("delete a missing one, if there", "kafka-topics", *broker, "--delete", "--if-exists", "--topic",
              walk.name("nope"))


def _offsets_at(walk):
    return ("--broker-list", walk.bootstrap) if walk.texts.major < 3 else walk.at_broker()


def mistakes(walk: Walk):
    errors = "org.apache.kafka.common.errors."
    topic, missing, long_name = walk.name("there"), walk.name("nope"), "a" * 250

    def command(title, *options, **expected):
        walk.step(title, "kafka-topics", *walk.at_broker(), *options, **expected)

    def refused(kind, what, out=(), **values):
        return walk.topic_error(errors + kind, walk.texts.broker(what, **values), out=out)

    def by_tool(wording):
        return walk.topic_error("java.lang.IllegalArgumentException", [wording], trace=True)

    command("create", "--create", "--topic", topic, "--partitions", "3", out=[f"Created topic {topic}."])
    command("a topic that exists", "--create", "--topic", topic,
            **refused("TopicExistsException", "exists", t=topic))
    command("describe a missing topic", "--describe", "--topic", missing,
            **by_tool(walk.texts.missing_topic(missing)))
    command("delete a missing topic", "--delete", "--topic", missing,
            **by_tool(walk.texts.missing_topic(missing)))
    command("more replicas than brokers", "--create", "--topic", missing, "--partitions", "1",
            "--replication-factor", "2", **refused("InvalidReplicationFactorException", "replication factor", m=2))
    command("negative partitions", "--create", "--topic", missing, "--partitions", "-1",
            **by_tool("The partitions must be greater than 0"))
    command("no partitions", "--create", "--topic", missing, "--partitions", "0",
            **by_tool("The partitions must be greater than 0"))
    command("fewer partitions", "--alter", "--topic", topic, "--partitions", "2",
            **refused("InvalidPartitionsException", "fewer partitions", t=topic, n=3, m=2))
    command("as many partitions as there are", "--alter", "--topic", topic, "--partitions", "3",
            **refused("InvalidPartitionsException", "same partitions", n=3))
    command("a name with a space", "--create", "--topic", "bad name",
            **refused("InvalidTopicException", "bad character", t="bad name"))
    command("two dots as a name", "--create", "--topic", "..",
            **refused("InvalidTopicException", "dots", t="..", out=[COLLIDES]))
    command("250 characters as a name", "--create", "--topic", long_name,
            **refused("InvalidTopicException", "too long", t=long_name))
    command("a name with an underscore", "--create", "--topic", walk.name("under_score"),
            out=[COLLIDES, f"Created topic {walk.name('under_score')}."])
    command("a name that collides with it", "--create", "--topic", walk.name("under.score"),
            **refused("InvalidTopicException", "collides", t=walk.name("under.score"), o=walk.name("under_score"),
                      out=[COLLIDES]))
    with walk.check("only the good ones were created"):
        listed = walk.listed_topics(walk.at_broker())
        require(listed == ["there", "under_score"], f"the list has {listed}")
