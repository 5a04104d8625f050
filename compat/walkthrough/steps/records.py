# SPDX-License-Identifier: Apache-2.0
"""Records: keys, compression, auto-created topics, single partitions and offsets."""
from compat.lib.checks import Block, require

from .walk import Walk

CODECS = ("gzip", "snappy", "lz4", "zstd")


def records(walk: Walk):
    broker = walk.at_broker()
    topic, made = walk.name("keyed"), walk.name("made")
    reader, formatter = walk.texts.reader_property(), walk.texts.formatter_property()
    walk.step("create", "kafka-topics", *broker, "--create", "--topic", topic, "--partitions", "3",
              out=[f"Created topic {topic}."])
    keyed = (reader, "parse.key=true", reader, "key.separator=:")
    walk.produce("produce with keys", topic, ["k1:v1", "k2:v2", "k1:v3"], *keyed)
    walk.step("a line without a key", "kafka-console-producer", *broker, "--topic", topic, *keyed, stdin="nokey\n",
              code=1, err=["org.apache.kafka.common.KafkaException: " + (
                  "No key found on line 1: nokey" if walk.texts.major < 3 else
                  "No key separator found on line number 1: 'nokey'"), Block("\tat <any>")])
    for codec in CODECS:
        walk.produce(f"produce with {codec}", topic, [f"{codec} 1", f"{codec} 2"], "--compression-codec", codec)
    shown = ["k1\tv1", "k1\tv3", "k2\tv2"] + [f"null\t{codec} {number}" for codec in CODECS for number in (1, 2)]
    result = walk.consume("consume everything with keys", topic, shown, "--from-beginning", formatter,
                          "print.key=true", ordered=False)
    with walk.check("the records of a key are in order"):
        require(result is not None, "nothing was consumed")
        require([line for line in result.out if line.startswith("k1")] == ["k1\tv1", "k1\tv3"], "k1 is out of order")
    walk.produce("produce to a topic that is not there", made, ["m1", "m2", "m3"],
                 err=walk.texts.missing_topic_warning(made, "Producer clientId=console-producer"))
    walk.consume("consume one partition from an offset", made, ["Partition:0\tOffset:1\tm2", "Partition:0\tOffset:2\tm3"],
                 "--partition", "0", "--offset", "1", formatter, "print.offset=true", formatter,
                 "print.partition=true")
    _offsets(walk, made)
    walk.step("a consumer of a topic that is not there creates it and times out", "kafka-console-consumer", *broker,
              "--topic", walk.name("nope"), "--timeout-ms", "2500",
              err=walk.texts.consumer_hint() + walk.texts.missing_topic_warning(
                  walk.name("nope"), "Consumer <any>") + walk.texts.consumer_timeout() +
              ["Processed a total of 0 messages"])
    with walk.check("that topic is listed now"):
        require("nope" in walk.listed_topics(broker), "it is not")


def _offsets(walk, topic):
    where = ("--broker-list", walk.bootstrap) if walk.texts.major < 3 else walk.at_broker()
    walk.step("get-offsets: the end", "kafka-get-offsets", *where, "--topic", topic, out=[f"{topic}:0:3"])
    walk.step("delete records before an offset", "kafka-delete-records", *walk.at_broker(), "--offset-json-file",
              "/dev/stdin", stdin=f'{{"version":1,"partitions":[{{"topic":"{topic}","partition":0,"offset":2}}]}}',
              out=["Executing records delete operation", "Records delete operation completed:",
                   f"partition: {topic}-0\tlow_watermark: 2"])
    walk.step("get-offsets: the beginning has moved", "kafka-get-offsets", *where, "--topic", topic, "--time", "-2",
              out=[f"{topic}:0:2"])
    if walk.texts.major < 3:
        err = [f"Topic {walk.name('none')} does not exist"]
    else:
        err = ["Error occurred: Could not match any topic-partitions with the specified filters"]
    walk.step("get-offsets of a missing topic", "kafka-get-offsets", *where, "--topic", walk.name("none"), err=err,
              code=1)
