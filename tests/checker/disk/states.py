# SPDX-License-Identifier: Apache-2.0
"""The small files: producer snapshots, checkpoints, meta.properties, partition.metadata; and what the batches say should
stand in the first of them."""
import base64
import struct

from crc32c import crc32c

_PRODUCER = struct.Struct(">qhiqiqiq")


class BadFile(Exception):
    """Not what its name promises."""


class Producer:
    """What a snapshot holds of one producer."""

    FIELDS = ("epoch", "last_sequence", "last_offset", "offset_delta", "timestamp", "coordinator_epoch", "open_from")
    __slots__ = FIELDS

    def __init__(self, *values):
        self.epoch, self.last_sequence, self.last_offset, self.offset_delta, self.timestamp, self.coordinator_epoch, \
            self.open_from = values or (-1, -1, -1, 0, -1, -1, -1)

    def forget_batches(self):
        self.last_sequence, self.last_offset, self.offset_delta = -1, -1, 0

    def differences(self, other):
        return [f"{name} {getattr(self, name)}, not {getattr(other, name)}" for name in self.FIELDS
                if getattr(self, name) != getattr(other, name)]


def snapshot(path):
    """{producer id: Producer}."""
    with open(path, "rb") as source:
        content = source.read()
    if len(content) < 10:
        raise BadFile(f"{len(content)} bytes")
    version, crc, count = struct.unpack_from(">hIi", content)
    if version != 1:
        raise BadFile(f"version {version}")
    if crc32c(content[6:]) != crc:
        raise BadFile("the checksum is wrong")
    if count < 0 or len(content) != 10 + count * _PRODUCER.size:
        raise BadFile(f"{count} producers in {len(content)} bytes")
    found = {}
    for entry in _PRODUCER.iter_unpack(content[10:]):
        if entry[0] in found:
            raise BadFile(f"producer {entry[0]} twice")
        found[entry[0]] = Producer(*entry[1:])
    return found


def sequence_after(sequence, count):
    """Sequences wrap from 2^31-1 to 0."""
    return (sequence + count) & 0x7FFFFFFF


class Replay:
    """The producers of a log by its batches, one after the other."""

    def __init__(self):
        self.producers = {}
        self.open_transactions = {}  # producer id: first offset
        self.aborted = []  # of the batch that was replayed last: as in a .txnindex

    def gap(self, batch):
        """What is wrong with the sequence of a batch; empty where it follows on."""
        known = self.producers.get(batch.producer)
        if known is None or batch.sequence < 0 or known.epoch != batch.producer_epoch or known.last_sequence < 0:
            return ""
        expected = sequence_after(known.last_sequence, 1)
        return "" if batch.sequence == expected else f"sequence {batch.sequence} where {expected} was due"

    def data(self, batch):
        producer = self.producers.setdefault(batch.producer, Producer())
        producer.epoch = batch.producer_epoch
        producer.last_sequence = sequence_after(batch.sequence, batch.last - batch.base)
        producer.last_offset, producer.offset_delta = batch.last, batch.last - batch.base
        producer.timestamp = batch.max_timestamp
        if batch.transactional and producer.open_from < 0:
            producer.open_from = self.open_transactions[batch.producer] = batch.base

    def end(self, batch, committed, coordinator_epoch, timestamp):
        """A marker. What it aborts goes to `aborted`."""
        producer = self.producers.setdefault(batch.producer, Producer())
        if producer.epoch != batch.producer_epoch:
            producer.forget_batches()
        producer.epoch, producer.coordinator_epoch, producer.timestamp = batch.producer_epoch, coordinator_epoch, timestamp
        first = self.open_transactions.pop(batch.producer, None)
        producer.open_from = -1
        self.aborted = []
        if first is not None and not committed:
            stable = min(self.open_transactions.values(), default=batch.last + 1)
            self.aborted = [(batch.producer, first, batch.last, stable)]


def _checkpoint_lines(path):
    with open(path, encoding="utf-8") as source:
        lines = source.read().split("\n")
    if lines == [""]:
        return []
    if lines[-1] != "":
        raise BadFile("the last line has no end")
    if lines[0] != "0":
        raise BadFile(f"version {lines[0]!r}")
    if len(lines) < 3 or not lines[1].isdigit() or int(lines[1]) != len(lines) - 3:
        raise BadFile(f"{len(lines) - 3} entries, {lines[1] if len(lines) > 1 else 'none'} are promised")
    return [line.split() for line in lines[2:-1]]


def _number(text):
    try:
        return int(text)
    except ValueError:
        raise BadFile(f"{text!r} is no number") from None


def offset_checkpoint(path):
    """{(topic, partition): offset}."""
    found = {}
    for line in _checkpoint_lines(path):
        if len(line) != 3:
            raise BadFile(f"a line of {len(line)} words")
        name = line[0], _number(line[1])
        if name in found or _number(line[2]) < 0:
            raise BadFile(f"{line[0]}-{line[1]} twice, or an offset below 0")
        found[name] = _number(line[2])
    return found


def epoch_checkpoint(path):
    """[(epoch, first offset)], both ascending."""
    found = []
    for line in _checkpoint_lines(path):
        if len(line) != 2:
            raise BadFile(f"a line of {len(line)} words")
        entry = _number(line[0]), _number(line[1])
        if found and not (entry[0] > found[-1][0] and entry[1] >= found[-1][1]):
            raise BadFile(f"{entry} after {found[-1]}")
        found.append(entry)
    return found


def properties(path):
    found = {}
    with open(path, encoding="utf-8") as source:
        for line in source.read().split("\n"):
            if line and not line.startswith("#"):
                name, _, value = line.partition("=")
                found[name.strip()] = value.strip()
    return found


def topic_id(path):
    """Sixteen bytes, of partition.metadata."""
    with open(path, encoding="utf-8") as source:
        lines = source.read().rstrip("\n").split("\n")
    found = dict(line.split(": ", 1) for line in lines if ": " in line)
    if found.get("version") != "0" or len(found.get("topic_id", "")) != 22:
        raise BadFile(f"{lines}")
    identity = base64.urlsafe_b64decode(found["topic_id"] + "==")
    if not any(identity):
        raise BadFile("the id is zero")
    return identity
