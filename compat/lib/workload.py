# SPDX-License-Identifier: Apache-2.0
"""Java clients of one release in one JVM (java/Workload.java), and a ledger of what they wrote and may read back."""
import collections
import os
import time

from . import kafka
from .checks import Failed, require
from .processes import Process, Timeout

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "java", "Workload.java")

Record = collections.namedtuple("Record", "topic partition offset timestamp key value")


def _record(words):
    return Record(words[1], int(words[2]), int(words[3]), int(words[4]), words[5], words[6])


class Workload:
    """`with Workload("2.8.0", "127.0.0.1:9092") as java: java("read", "topic", "read_committed")`"""

    def __init__(self, version, bootstrap):
        base = kafka.home(version)
        self._process = Process(
            ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-Xlog:disable",
             f"-Dlog4j.configuration=file:{base}/config/tools.properties",
             f"-Dlog4j2.configurationFile=file:{base}/config/tools.xml", "-cp", f"{base}/libs/*", SOURCE, bootstrap])
        self._seen = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill9()

    def __call__(self, *words, seconds=90):
        """The lines that a command answers with; Failed where it says so."""
        self._process.send(" ".join(str(word) for word in words) + "\n")
        deadline = time.monotonic() + seconds
        first = self._seen
        while True:
            lines = self._process.out
            while self._seen < len(lines):
                line = lines[self._seen]
                self._seen += 1
                if line == "done":
                    return lines[first:self._seen - 1]
                if line.startswith("failed "):
                    raise Failed(f"{' '.join(str(word) for word in words)}: {line[7:]}")
            if time.monotonic() > deadline or not self._process.running():
                raise Timeout(f"no answer to {words}\n{self._process.tail()}")
            time.sleep(0.01)

    def records(self, *words):
        return [_record(line.split(" ", 6)) for line in self(*words)]


class Ledger:
    """What was written, by topic. `aborted` and `open` transactions' records are not for read_committed."""

    def __init__(self, java, without_times=()):
        self.java = java
        self.without_times = without_times  # topics where a record may have lost its timestamp (message format 0)
        self.written = collections.defaultdict(dict)
        self.aborted = set()
        self.consumed = collections.defaultdict(list)

    def produce(self, producer, topic, count, aborted=False):
        records = self.java.records("produce", producer, topic, count)
        self._note(records, aborted)
        return records

    def tombstone(self, producer, topic, key):
        self._note(self.java.records("tombstone", producer, topic, key), False)

    def _note(self, records, aborted):
        for record in records:
            place = (record.partition, record.offset)
            require(place not in self.written[record.topic], f"{record.topic} {place} was given out twice")
            self.written[record.topic][place] = record
            if aborted:
                self.aborted.add((record.topic, *place))

    def forget_below(self, topic, partition, offset):
        """After DeleteRecords."""
        for place in [place for place in self.written[topic] if place[0] == partition and place[1] < offset]:
            del self.written[topic][place]

    def check_all(self, topic):
        """Everything is read back uncommitted, and all but what was aborted committed: as it was written, in order."""
        expected = self.written[topic]
        self._same(topic, expected, self.java.records("read", topic, "read_uncommitted"), "read_uncommitted")
        committed = {place: record for place, record in expected.items() if (topic, *place) not in self.aborted}
        self._same(topic, committed, self.java.records("read", topic, "read_committed"), "read_committed")

    def check_up_to(self, topic, end):
        """read_committed stops before `end` in a topic of one partition: a transaction is open there."""
        expected = {place: record for place, record in self.written[topic].items()
                    if place[1] < end and (topic, *place) not in self.aborted}
        self._same(topic, expected, self.java.records("read", topic, "read_committed"), "read_committed")

    def check_compacted(self, topic):
        """The last record of every key is there, and nothing that was never written."""
        read = {(record.partition, record.offset): record
                for record in self.java.records("read", topic, "read_uncommitted")}
        for place, record in read.items():
            require(self.written[topic].get(place) == record, f"{topic}: {record} was never written")
        last = {}
        for place in sorted(self.written[topic]):
            last[self.written[topic][place].key] = self.written[topic][place]
        for record in last.values():
            require(read.get((record.partition, record.offset)) == record or record.value == "null",
                    f"{topic}: the last of its key is lost: {record}")
        return len(read)

    def consume(self, group, topic, count, *settings):
        """The group goes on where it was: nothing twice, nothing left out within a partition."""
        records = self.java.records("consume", group, topic, count, *settings)
        before = self.consumed[group, topic]
        for record in records:
            require(self.written[topic].get((record.partition, record.offset)) == record, f"not what was written: {record}")
            last = max((one.offset for one in before if one.partition == record.partition), default=-1)
            due = [place[1] for place in sorted(self.written[topic]) if place[0] == record.partition and place[1] > last]
            require(record.offset == due[0], f"{group} read offset {record.offset} of partition {record.partition}, "
                    f"{due[0]} was due")
            before.append(record)

    def _same(self, topic, expected, records, how):
        read = {}
        for record in records:
            place = (record.partition, record.offset)
            require(place not in read, f"{topic}, {how}: {place} came twice")
            if topic in self.without_times and record.timestamp == -1 and place in expected:
                record = record._replace(timestamp=expected[place].timestamp)
            require(expected.get(place) == record, f"{topic}, {how}: read {record}, expected {expected.get(place)}")
            read[place] = record
        lost = sorted(set(expected) - set(read))
        require(not lost, f"{topic}, {how}: {len(lost)} of {len(expected)} are not there, first {lost[:3]}")
        for partition in {place[0] for place in read}:
            offsets = [record.offset for record in records if record.partition == partition]
            require(offsets == sorted(offsets), f"{topic}, {how}: partition {partition} is not in order")
