# SPDX-License-Identifier: Apache-2.0
"""Producers that remember what was acknowledged, and a reader that says what of it is there: for rows A and B of the faults.

Every value is unique. A record is acknowledged where an answer without an error gave its offset; everything else that
was sent is unknown, and may be there or not.
"""
import os
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
from compat.lib import kafka, ottla, processes  # noqa: E402,F401
from compat.lib import protocol as p  # noqa: E402
from compat.lib.checks import require  # noqa: E402

SKIPPED = 77


def skip(reason):
    """Ends the program; ctest counts it as skipped (SKIP_RETURN_CODE)."""
    print(f"skipped: {reason}", flush=True)
    sys.exit(SKIPPED)


def records_of(content):
    """[(offset, value)] of uncompressed batches of format 2; what is cut short at the end is left out."""
    found = []
    at = 0
    while at + 61 <= len(content):
        base, length = struct.unpack_from(">qi", content, at)
        end = at + 12 + length
        if end > len(content):
            break
        count = struct.unpack_from(">i", content, at + 57)[0]
        reader = p.Reader(content[at + 61:end])
        for _ in range(count):
            size = zigzag(reader)
            record = p.Reader(reader.take(size))
            record.i8()
            zigzag(record)
            delta = zigzag(record)
            key = zigzag(record)
            if key >= 0:
                record.take(key)
            found.append((base + delta, bytes(record.take(zigzag(record)))))
        at = end
    return found


def zigzag(reader):
    value = reader.varint()
    return (value >> 1) ^ -(value & 1)


def read_partition(client, topic, partition, deadline):
    """[(offset, value)] from the start of a partition up to its end."""
    error, end = client.end_offset(topic, partition)
    require(error == 0, f"ListOffsets of {topic}-{partition}: error {error}")
    found, offset = [], 0
    while offset < end:
        require(time.monotonic() < deadline, f"{topic}-{partition} could not be read up to {end} in time: at {offset}")
        error, _, content = client.fetch(topic, offset, partition=partition, partition_max_bytes=1 << 20)
        require(error == 0, f"Fetch of {topic}-{partition} at {offset}: error {error}")
        fresh = [one for one in records_of(content) if one[0] >= offset]
        require(fresh, f"Fetch of {topic}-{partition} at {offset} brings nothing, and the end is {end}")
        found += fresh
        offset = fresh[-1][0] + 1
    return found


class Producer(threading.Thread):
    """Produces to its own partitions in turn until stopped, over new connections where one breaks."""

    timeout = 30  # seconds for an answer

    def __init__(self, address, name, partitions, per_batch=3, version=7, acks=-1, size=40):
        super().__init__(daemon=True)
        self.address = address
        self.name = name
        self.partitions = partitions  # [(topic, partition)]
        self.per_batch = per_batch
        self.version = version
        self.acks = acks
        self.size = size
        self.acknowledged = {one: {} for one in partitions}  # {offset: value}
        self.errors = {}  # how often each code came
        self.slowest = 0.0
        self.sent = 0
        self._ended = threading.Event()

    def run(self):
        while not self._ended.is_set():
            try:
                with p.Client(self.address, timeout=self.timeout) as client:
                    while not self._ended.is_set():
                        self._one(client)
            except (OSError, AssertionError):
                time.sleep(0.01)

    def _one(self, client):
        topic, partition = self.partitions[self.sent % len(self.partitions)]
        values = [f"{self.name}:{self.sent}:{n}:".encode().ljust(self.size, b".") for n in range(self.per_batch)]
        self.sent += 1
        content = p.batch([p.record(value, offset_delta=n) for n, value in enumerate(values)])
        begin = time.monotonic()
        answer = client.produce(topic, content, self.version, self.acks, partition=partition)
        if answer is None:
            raise OSError("closed")
        self.slowest = max(self.slowest, time.monotonic() - begin)
        error, offset = answer
        if error == 0:
            for n, value in enumerate(values):
                self.acknowledged[topic, partition][offset + n] = value
        else:
            self.errors[error] = self.errors.get(error, 0) + 1
            time.sleep(0.005)

    def count(self):
        return sum(len(offsets) for offsets in self.acknowledged.values())

    def stop(self):
        self._ended.set()


class Workload:
    """Producers on all partitions of `topics`, {name: partitions}."""

    def __init__(self, address, topics, threads=4, tag="", **more):
        partitions = [(topic, index) for topic, count in topics.items() for index in range(count)]
        self.producers = [Producer(address, f"{tag}{number}", partitions[number::threads], **more)
                          for number in range(min(threads, len(partitions)))]

    def start(self):
        for producer in self.producers:
            producer.start()
        return self

    def count(self):
        return sum(producer.count() for producer in self.producers)

    def errors(self):
        found = {}
        for producer in self.producers:
            for code, count in producer.errors.items():
                found[code] = found.get(code, 0) + count
        return found

    def wait(self, count, seconds=60):
        wanted = self.count() + count
        processes.wait_until(lambda: self.count() >= wanted, seconds, f"{count} more records acknowledged", every=0.02)
        return self

    def stop(self):
        for producer in self.producers:
            producer.stop()
        for producer in self.producers:
            producer.join(60)
        return self

    def acknowledged(self):
        found = {}
        for producer in self.producers:
            for partition, offsets in producer.acknowledged.items():
                found.setdefault(partition, {}).update(offsets)
        return found


class Promises:
    """What was acknowledged so far over all workloads; verify() looks for it in the logs."""

    def __init__(self):
        self.offsets = {}

    def add(self, workload):
        for partition, offsets in workload.acknowledged().items():
            self.offsets.setdefault(partition, {}).update(offsets)

    def count(self):
        return sum(len(offsets) for offsets in self.offsets.values())

    def verify(self, address, suffix_may_be_lost=False, seconds=120):
        """How many of them are gone. Offsets must be dense, values unique and at their offsets.

        Where a suffix may be lost, what is lost is forgotten: its offsets are given out anew."""
        deadline = time.monotonic() + seconds
        lost = 0
        with p.Client(address, timeout=30) as client:
            for (topic, partition), promised in sorted(self.offsets.items()):
                found = read_partition(client, topic, partition, deadline)
                name = f"{topic}-{partition}"
                offsets = [offset for offset, _ in found]
                require(offsets == list(range(len(offsets))), f"{name}: the offsets have a hole or come twice")
                require(len({value for _, value in found}) == len(found), f"{name}: a value is there twice")
                wrong = [offset for offset, value in promised.items()
                         if offset < len(found) and found[offset][1] != value]
                require(not wrong, f"{name}: other values than acknowledged at offsets {sorted(wrong)[:5]}")
                gone = [offset for offset in promised if offset >= len(found)]
                lost += len(gone)
                require(suffix_may_be_lost or not gone, f"{name}: {len(gone)} acknowledged records are lost, from offset "
                        f"{min(gone, default=0)} on; the log ends at {len(found)}")
                for offset in gone:
                    del promised[offset]
        return lost


def create_topics(address, topics, configs=()):
    with p.Client(address, timeout=30) as client:
        for topic, count in topics.items():
            error = client.create_topic(topic, count, configs)
            require(error == 0, f"CreateTopics of {topic}: error {error}")
            wait_led(client, topic, count)


def wait_led(client, topic, count, seconds=30):
    """Until every partition answers for itself."""
    for partition in range(count):
        processes.wait_until(lambda index=partition: client.end_offset(topic, index)[0] == 0, seconds,
                             f"the leader of {topic}-{partition}", every=0.02)
