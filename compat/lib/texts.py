# SPDX-License-Identifier: Apache-2.0
"""What the stock tools print, by release of the tool and by release of the broker whose answers they show."""
from .checks import Any, Block, Maybe

COLLIDES = ("WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could "
            "collide. To avoid issues it is best to use either, but not both.")
PARTITION_WARNING = ("WARNING: If partitions are increased for a topic that has a key, the partition logic or "
                     "ordering of the messages will be affected")
_HINT = ("The consumer rebalance protocol (KIP-848) is production-ready! Set group.protocol=consumer to try it out. "
         "See <any>")

# Broker texts: what names the mistake -> {release of the broker: text}. {t} is the topic, {o} another, {n}, {m} numbers.
_BROKER = {
    "collides": {"2.8": "Topic '{t}' collides with existing topics: {o}",
                 "4.3": "Topic '{t}' collides with existing topic: {o}"},
    "exists": {"2.8": "Topic '{t}' already exists.", "4.3": "Topic '{t}' already exists."},
    "fewer partitions": {"2.8": "Topic currently has {n} partitions, which is higher than the requested {m}.",
                         "4.3": "The topic {t} currently has {n} partition(s); {m} would not be an increase."},
    "same partitions": {"2.8": "Topic already has {n} partitions.", "4.3": "Topic already has {n} partition(s)."},
    "replication factor": {
        "2.8": "Replication factor: {m} larger than available brokers: 1.",
        "4.3": "Unable to replicate the partition {m} time(s): The target replication factor of {m} cannot be reached "
               "because only 1 broker(s) are registered<any>."},
    "bad character": {
        "2.8": "Topic name \"{t}\" is illegal, it contains a character other than ASCII alphanumerics, '.', '_' and '-'",
        "4.3": "Topic name is invalid: '{t}' contains one or more characters other than ASCII alphanumerics, '.', '_' "
               "and '-'"},
    "dots": {"2.8": "Topic name cannot be \".\" or \"..\"", "4.3": "Topic name is invalid: '{t}' is not allowed"},
    "too long": {"2.8": "Topic name is illegal, it can't be longer than 249 characters, topic name: {t}",
                 "4.3": "Topic name is invalid: the length of '{t}' is longer than the max allowed length 249"},
}


class Texts:
    """Texts for one release of the tools and the emulated releases of the broker ("2.8", "4.3" or both)."""

    def __init__(self, tools, emulates):
        self.major = int(tools.split(".")[0])
        self.emulates = emulates

    def broker(self, what, **values):
        """The accepted wordings of a broker's error."""
        return [_BROKER[what][release].format(**values) for release in self.emulates]

    def topic_logger(self):
        return "kafka.admin.TopicCommand$" if self.major < 3 else "org.apache.kafka.tools.TopicCommand"

    def topic_error(self, kind, wordings, trace=False, out=()):
        err = [Any(*[f"[<time>] ERROR {kind}: {wording}" for wording in wordings])]
        if trace:
            err.append(Block("\tat <any>"))
        err.append(f" ({self.topic_logger()})")
        lines = list(out) + [Any(*[f"Error while executing topic command : {wording}" for wording in wordings])]
        return {"out": lines, "err": err, "code": 1}

    def describe(self, topic, partitions, through_broker=True, configs=""):
        shown = []
        for release in self.emulates:
            # 4.x sets min.insync.replicas on every topic; log.segment.bytes in a server.properties shows up as well.
            for segment in ("", "segment.bytes=<n>"):
                parts = ["min.insync.replicas=1"] if release == "4.3" and through_broker else []
                shown.append(",".join(part for part in parts + [configs, segment] if part))
        head = f"Topic: {topic}\tTopicId: <id>\tPartitionCount: {partitions}\tReplicationFactor: 1\tConfigs: "
        rows = [Any(*[head + text for text in dict.fromkeys(shown)])]
        for number in range(partitions):
            row = f"\tTopic: {topic}\tPartition: {number}\tLeader: <n>\tReplicas: <n>\tIsr: <n>"
            if self.major < 3:
                rows.append(row)
            else:  # N/A: the broker has no DescribeTopicPartitions
                rows.append(Any(row + "\tElr: \tLastKnownElr: ", row + "\tElr: N/A\tLastKnownElr: N/A"))
        return rows

    def missing_topic_warning(self, topic, client, many=True):
        """The warnings of a client whose topic is being created: none, one, or (many) several."""
        lead = ("Error while fetching metadata" if self.major < 3
                else "The metadata response from the cluster reported a recoverable issue")
        codes = {"2.8": "LEADER_NOT_AVAILABLE", "4.3": "UNKNOWN_TOPIC_OR_PARTITION"}
        lines = [f"[<time>] WARN [{client}] {lead} with correlation id <n> : {{{topic}={codes[release]}}} "
                 "(org.apache.kafka.clients.NetworkClient)" for release in self.emulates]
        if client.startswith("Consumer"):  # the group's leader may assign before the topic has its partitions
            lines.append(f"[<time>] WARN [{client}] The following subscribed topics are not assigned to any members: "
                         f"[{topic}]  (<any>)")
        return [Block(*lines) if many else Maybe(*lines)]

    def consumer_hint(self, arguments=()):
        return [] if self.major < 4 or "--partition" in arguments else [Maybe(_HINT)]

    def consumer_timeout(self):
        if self.major < 3:
            return ["[<time>] ERROR Error processing message, terminating consumer process:  "
                    "(kafka.tools.ConsoleConsumer$)", "org.apache.kafka.common.errors.TimeoutException"]
        return ["[<time>] ERROR Error processing message, terminating consumer process:  "
                "(org.apache.kafka.tools.consumer.ConsoleConsumer)",
                Any("org.apache.kafka.common.errors.TimeoutException: null",
                    "org.apache.kafka.common.errors.TimeoutException")]

    def missing_topic(self, topic):
        """kafka-topics about a topic that is not there, as the tool itself words it."""
        return f"Topic 'Optional[{topic}]' does not exist as expected" if self.major == 3 else \
            f"Topic '{topic}' does not exist as expected"

    def reader_property(self):
        return "--property" if self.major < 4 else "--reader-property"

    def formatter_property(self):
        return "--property" if self.major < 4 else "--formatter-property"
