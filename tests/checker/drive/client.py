# SPDX-License-Identifier: Apache-2.0
"""One connection that says exactly what it is told to, and batches of values built for speed."""
import struct
import time

from crc32c import crc32c

from compat.lib import protocol as p
from compat.lib.wire import frame
from disk.batches import Damage, batches, records
from history.record import VALUE

_TAIL = struct.Struct(">hiqqqhii")
DELETE_RECORDS, INIT_PRODUCER_ID = 21, 22
EARLIEST, LATEST, LARGEST_TIME = -2, -1, -3


# What stands before the value of the record with each offset delta, at time delta 0.
_HEADS = []
for _delta in range(512):
    _body = b"\0\0" + p.zigzag(_delta) + p.zigzag(-1) + p.zigzag(VALUE.size)
    _HEADS.append(p.zigzag(len(_body) + VALUE.size + 1) + _body)


def batch_of(payload, count, now_ms, latest_ms=None, producer=-1, epoch=-1, sequence=-1):
    tail = _TAIL.pack(0, count - 1, now_ms, now_ms if latest_ms is None else latest_ms, producer, epoch, sequence, count) + payload
    return struct.pack(">qiibI", 0, len(tail) + 9, -1, 2, crc32c(tail)) + tail


def values_batch(run, writer, key, first, count, **identity):
    """A batch of the values [first, first + count) of a writer."""
    pack, heads = VALUE.pack, _HEADS
    payload = b"".join([heads[index] + pack(run, writer, key, first + index) + b"\0" for index in range(count)])
    return batch_of(payload, count, int(time.time() * 1000), **identity)


def content_records(content, offset):
    """[(offset, timestamp, key, value)] from `offset` on of what a fetch brought; its last batch may be cut short."""
    found = []
    try:
        for batch in batches(content):
            if batch.last >= offset and not batch.control:
                found += [record for record in records(batch) if record[0] >= offset]
    except Damage as damage:
        if not found and len(content) > 61 and "are left" not in str(damage):
            raise
    return found


def runs_of(found):
    """[[offset, writer, first counter, count]] of values of ours, and the partition's number in each."""
    runs, unpack = [], VALUE.unpack
    for offset, _, _, value in found:
        _, writer, key, counter = unpack(value)
        if runs:
            last = runs[-1]
            if last[0] + last[3] == offset and last[1] == writer and last[2] + last[3] == counter:
                last[3] += 1
                continue
        runs.append([offset, writer, counter, 1])
    return runs


class Closed(OSError):
    """The broker has closed the connection, or never answered."""


class Fetched:
    __slots__ = ("error", "high", "stable", "start", "aborted", "content")


class Line(p.Client):
    """A connection; every failure of it is an OSError."""

    def post(self, key, version, body):
        """Sends, and does not wait."""
        self.correlation += 1
        self.connection.sendall(frame(p.header(key, version, self.correlation, "checker", False) + body))
        return self.correlation

    def take(self, correlation):
        """The answer to what post() sent; answers come in the order of the requests."""
        length = struct.unpack(">i", self._exactly(4))[0]
        reader = p.Reader(self._exactly(length))
        if reader.i32() != correlation:
            raise Closed("an answer to another request")
        return reader

    def _exactly(self, count):
        parts = []
        while count:
            part = self.connection.recv(min(count, 1 << 20))
            if not part:
                raise Closed("closed")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _one(self, key, version, body):
        return self.take(self.post(key, version, body))

    def post_produce(self, topic, partition, batch, acks):
        return self.post(p.PRODUCE, 7, p.produce_body(7, [(topic, [(partition, batch)])], acks))

    def take_produce(self, correlation):
        """(error, base offset)."""
        return p.produce_answer(self.take(correlation), 7)[0]

    def produced(self, topic, partition, batch, acks=-1):
        return self.take_produce(self.post_produce(topic, partition, batch, acks))

    def fetched(self, topic, partition, offset, committed=False, max_bytes=1 << 18, wait_ms=0):
        body = p.fetch_body(11, [(topic, [{"partition": partition, "offset": offset, "max_bytes": max_bytes}])], wait_ms=wait_ms,
                            isolation=int(committed))
        reader = self._one(p.FETCH, 11, body)
        reader.i32()
        found = Fetched()
        found.error = reader.i16()
        reader.i32()
        if found.error == 0:
            assert reader.i32() == 1 and reader.text() == topic and reader.i32() == 1 and reader.i32() == partition
            found.error, found.high, found.stable, found.start = reader.i16(), reader.i64(), reader.i64(), reader.i64()
            found.aborted = reader.array(lambda: (reader.i64(), reader.i64()))
            reader.i32()
            found.content = reader.data() or b""
        return found

    def listed(self, topic, partition, timestamp, committed=False):
        """(error, timestamp, offset)."""
        body = p.i32(-1) + p.i8(int(committed)) + p.array([p.text(topic) + p.array([p.i32(partition) + p.i32(-1) + p.i64(timestamp)])])
        reader = self._one(p.LIST_OFFSETS, 5, body)
        reader.i32(), reader.i32(), reader.text(), reader.i32(), reader.i32()
        return reader.i16(), reader.i64(), reader.i64()

    def deleted(self, topic, partition, offset):
        """(error, low watermark)."""
        body = p.array([p.text(topic) + p.array([p.i32(partition) + p.i64(offset)])]) + p.i32(10000)
        reader = self._one(DELETE_RECORDS, 1, body)
        reader.i32(), reader.i32(), reader.text(), reader.i32(), reader.i32()
        low = reader.i64()
        return reader.i16(), low

    def commit(self, group, topic, partition, offset):
        body = p.text(group) + p.i32(-1) + p.text("") + p.array(
            [p.text(topic) + p.array([p.i32(partition) + p.i64(offset) + p.i32(-1) + p.text("")])])
        reader = self._one(p.OFFSET_COMMIT, 6, body)
        reader.i32(), reader.i32(), reader.text(), reader.i32(), reader.i32()
        return reader.i16()

    def committed(self, group, topic, partition):
        """(error, offset)."""
        reader = self._one(p.OFFSET_FETCH, 5, p.text(group) + p.array([p.text(topic) + p.array([p.i32(partition)])]))
        reader.i32()
        if reader.i32() == 0:  # while the group is loaded, its error stands alone
            return reader.i16(), -1
        reader.text(), reader.i32(), reader.i32()
        offset = reader.i64()
        reader.i32(), reader.text()
        error = reader.i16()
        return error or reader.i16(), offset

    def coordinator(self, group):
        """The error of FindCoordinator, which makes the offsets topic."""
        reader = self._one(p.FIND_COORDINATOR, 1, p.text(group) + p.i8(0))
        reader.i32()
        return reader.i16()

    def producer_id(self):
        """(error, id, epoch)."""
        reader = self._one(INIT_PRODUCER_ID, 1, p.text(None) + p.i32(60000))
        reader.i32()
        return reader.i16(), reader.i64(), reader.i16()


def patiently(address, ask, seconds=60, accept=(0,)):
    """What `ask(line)` answers, over new connections until its error (itself, or the first of a tuple) is accepted."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with Line(address, timeout=20) as line:
                while time.monotonic() < deadline:
                    answer = ask(line)
                    if (answer[0] if isinstance(answer, tuple) else answer) in accept:
                        return answer
                    time.sleep(0.05)
        except OSError:
            pass
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{address} does not answer well within {seconds} s")
        time.sleep(0.05)
