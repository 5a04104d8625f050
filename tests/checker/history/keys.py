# SPDX-License-Identifier: Apache-2.0
"""One partition as a history shows it: which value stands at which offset, and what became of each value. Everything is kept
in flat arrays, and runs of values are handled as slices, so that a history of millions of records is checked in seconds."""
import array

_NOTHING = array.array("q", [-1])
ATTEMPTED, ACKED, FAILED, SEEN, FINAL, COMMITTED_SEEN, IN_TRANSACTION = 1, 2, 4, 8, 16, 32, 64
_PRODUCER_SHIFT = 40


def value_of(producer, counter):
    return producer << _PRODUCER_SHIFT | counter


def text_of(value):
    return f"{value >> _PRODUCER_SHIFT}:{value & (1 << _PRODUCER_SHIFT) - 1}"


def _room(content, size, filler):
    if len(content) < size:
        content.extend(filler * (max(size, len(content) * 3 // 2) - len(content)))


class Values:
    """Of one producer in one partition: by counter, flags and the offset."""

    def __init__(self):
        self.flags = bytearray()
        self.offsets = array.array("q")
        self.idempotent = True

    def offset(self, counter):
        """-1 where it is not known."""
        return self.offsets[counter] if counter < len(self.offsets) else -1

    def mark(self, first, count, flag):
        _room(self.flags, first + count, b"\0")
        flags = self.flags
        if flags[first:first + count] == bytes(count):
            flags[first:first + count] = bytes([flag]) * count
            return
        for counter in range(first, first + count):
            flags[counter] |= flag


class Partition:
    """`report(anomaly, text)` is told what may not be."""

    def __init__(self, name, report):
        self.name = name
        self._report = report
        self.at = array.array("q")  # offset: value, -1 for none known
        self.producers = {}
        self.end = 0  # behind the highest offset known
        self.final_end = self.final_committed_end = None  # behind what final polls saw, at either isolation
        self.start_allowed = 0  # the highest that anybody asked the log's start to be raised to
        self.duplicates_allowed = 0

    def report(self, anomaly, text):
        self._report(anomaly, f"{self.name}: {text}")

    def values(self, producer):
        found = self.producers.get(producer)
        if found is None:
            found = self.producers[producer] = Values()
        return found

    def place(self, offset, producer, first, count):
        """`count` values from counter `first` on stand at `offset` and behind."""
        end, value = offset + count, value_of(producer, first)
        _room(self.at, end, _NOTHING)
        wanted = array.array("q", range(value, value + count))
        there = self.at[offset:end]
        if there == wanted:
            return
        self.end = max(self.end, end)
        values = self.values(producer)
        _room(values.offsets, first + count, _NOTHING)
        nothing = _NOTHING * count
        if there == nothing and values.offsets[first:first + count] == nothing:
            self.at[offset:end] = wanted
            values.offsets[first:first + count] = array.array("q", range(offset, end))
            return
        for index in range(count):
            self._place_one(offset + index, wanted[index], values, first + index)

    def _place_one(self, offset, value, values, counter):
        there = self.at[offset]
        if there not in (-1, value):
            self.report("inconsistent-offsets", f"offset {offset} holds {text_of(there)} and {text_of(value)}")
        before = values.offsets[counter]
        if before not in (-1, offset):
            if values.idempotent:
                self.report("duplicate", f"{text_of(value)} stands at {before} and {offset}")
            else:
                self.duplicates_allowed += 1
        self.at[offset] = value
        if before == -1:
            values.offsets[counter] = offset

    def covered(self, end, committed):
        """A final poll came to `end`; such polls begin at the log's start and come in order."""
        self.final_end = max(self.final_end or 0, end)
        if committed:
            self.final_committed_end = max(self.final_committed_end or 0, end)

    def finish(self):
        """What became of all values, once everything is known. Counts: (acked, failed, unknown, lost)."""
        acked = failed = unknown = lost = 0
        for producer, values in self.producers.items():
            for counter, flags in enumerate(values.flags):
                if not flags:
                    continue
                value = value_of(producer, counter)
                if not flags & ATTEMPTED:
                    self.report("phantom", f"{text_of(value)} was read, and nobody sent it")
                elif flags & FAILED and flags & SEEN:
                    self.report("G1a", f"{text_of(value)} was refused, and read")
                acked += bool(flags & ACKED)
                failed += bool(flags & FAILED)
                unknown += not flags & (ACKED | FAILED)
                if flags & (ACKED | SEEN) and not flags & FINAL:
                    lost += self._missing(value, values.offset(counter), flags)
                elif flags & (ACKED | IN_TRANSACTION | COMMITTED_SEEN) == ACKED and \
                        self.start_allowed <= values.offset(counter) < (self.final_committed_end or 0):
                    self.report("lost-write", f"{text_of(value)} is not shown at read_committed")
                    lost += 1
        return acked, failed, unknown, lost

    def _missing(self, value, offset, flags):
        """A value that was promised or read once, and that no final poll saw."""
        if offset < self.start_allowed:
            return 0
        if self.final_end is not None and offset < self.final_end:
            self.report("lost-write" if flags & ACKED else "vanished", f"{text_of(value)} at offset {offset} is gone")
        elif flags & ACKED:
            self.report("unseen", f"{text_of(value)} at offset {offset} was never read")
        return bool(flags & ACKED)
