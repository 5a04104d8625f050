# SPDX-License-Identifier: Apache-2.0
"""Has a real Kafka fill its directories with one of everything: formats, codecs, transactions, compaction, groups."""
import json
import os
import random
import signal
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from compat.lib import processes

COMPACTED = "compact*"
CODECS = ("gzip", "snappy", "lz4", "zstd")


class Writer:
    def __init__(self, bootstrap, segment_bytes):
        self.bootstrap = bootstrap
        self.segment_bytes = segment_bytes
        self.random = random.Random(5)
        self.open = None  # the producer of a transaction that is never ended

    def topics(self):
        small = {"segment.bytes": str(self.segment_bytes), "index.interval.bytes": "1024"}
        wanted = dict.fromkeys(("plain", "idempotent", "transactions", *CODECS), small)
        wanted["stamped"] = dict(small, **{"message.timestamp.type": "LogAppendTime"})
        wanted["compacted"] = dict(small, **{"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "1000"})
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        made = admin.create_topics([NewTopic(name, 2, 1, config=config) for name, config in wanted.items()])
        for future in made.values():
            future.result(60)

    def producer(self, **more):
        settings = {"bootstrap.servers": self.bootstrap, "linger.ms": 2, "batch.num.messages": 40}
        return Producer(dict(settings, **{name.replace("_", "."): value for name, value in more.items()}))

    def fill(self, topic, key=None, **more):
        """Three segments or so; times go up and down."""
        producer, written = self.producer(**more), 0
        now = int(time.time() * 1000) - 1000000
        while written < 4 * self.segment_bytes:
            size = self.random.randint(0, max(25, self.segment_bytes // 20000)) * 8
            value = os.urandom(8) * (size // 8)
            headers = {"h": b"x"} if self.random.random() < 0.1 else None
            while True:
                try:
                    producer.produce(topic, value, key and b"key %d" % self.random.randrange(300), self.random.randint(0, 1),
                                     timestamp=now + self.random.randint(-5000, 5000), headers=headers)
                    break
                except BufferError:
                    producer.poll(0.1)
            now += 10
            written += size + 10
        producer.flush(60)

    def transactions(self):
        """Committed and aborted ones of three producers, one after the other and across each other."""
        producers = [self.producer(transactional_id=f"t{number}", transaction_timeout_ms=60000) for number in range(3)]
        for producer in producers:
            producer.init_transactions(60)
        for _ in range(25):
            chosen = self.random.sample(producers, 2)
            for producer in chosen:
                producer.begin_transaction()
            for _ in range(self.random.randint(2, 20)):
                self.random.choice(chosen).produce("transactions", os.urandom(60), partition=self.random.randint(0, 1))
            for producer in chosen:
                # One that has sent nothing has no transaction to end.
                producer.produce("transactions", b"last", partition=0)
                producer.flush(30)
                producer.abort_transaction(30) if self.random.random() < 0.5 else producer.commit_transaction(30)
        self.open = producers[0]
        self.open.begin_transaction()
        self.open.produce("transactions", b"open", partition=0)
        self.open.flush(30)

    def commits(self):
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "group"})
        for offset in range(50):
            processes.wait_until(lambda: self._commit(consumer, offset), 30, "a commit")
        consumer.close()

    def _commit(self, consumer, offset):
        try:
            return consumer.commit(offsets=[TopicPartition("plain", offset % 2, offset)], asynchronous=False)
        except KafkaException:
            return None

    def everything(self):
        self.topics()
        self.fill("plain")
        for codec in CODECS:
            self.fill(codec, compression_type=codec)
        self.fill("stamped")
        for idempotent in (False, True):
            self.fill("idempotent", enable_idempotence=True)
            self.fill("compacted", key=True, enable_idempotence=idempotent)
        self.transactions()
        self.commits()


def delete_records(tools, bootstrap, directory):
    """So that a log begins in the middle of a segment, and at one that is not the first."""
    path = os.path.join(directory, "delete.json")
    with open(path, "w", encoding="ascii") as target:
        json.dump({"version": 1, "partitions": [{"topic": "plain", "partition": 0, "offset": 700},
                                                {"topic": "idempotent", "partition": 1, "offset": 50}]}, target)
    return tools.run("kafka-delete-records", "--bootstrap-server", bootstrap, "--offset-json-file", path)


def ended(pid):
    """Whether a child has ended (it may still wait to be reaped)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as source:
            return source.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def stop(pid, seconds=60):
    """SIGTERM to the process group's only JVM, and its end."""
    os.kill(pid, signal.SIGTERM)
    processes.wait_until(lambda: ended(pid), seconds, "the end of Kafka")
