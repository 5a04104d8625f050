# SPDX-License-Identifier: Apache-2.0
"""The audit of one segment: its indexes against its batches, and lookups by time against a plain search."""
import array
import bisect
import mmap
import os

from . import indexes
from .batches import batches, records

_SEARCHES = 60  # of different times, in a segment


def mapped(path):
    """The content of a file, also of an empty one; it goes with its last reader."""
    with open(path, "rb") as source:
        if os.fstat(source.fileno()).st_size == 0:
            return memoryview(b"")
        return memoryview(mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ))


class SegmentAudit:
    """take() sees each batch, finish() compares. Problems go to the partition's audit."""

    def __init__(self, owner, base, last, names):
        self.owner, self.base, self.last = owner, base, last
        self.name = f"{base:020}"
        self.aborted = []  # by the markers
        self._files = {kind for kind in ("index", "timeindex", "txnindex") if f"{self.name}.{kind}" in names}
        self._positions, self._bases, self._lasts = array.array("q"), array.array("q"), array.array("q")
        self._latest = array.array("q")  # the largest time of each batch's records
        self._promised = array.array("q")  # the one in its header
        # The records with a time that none before them reached: the only ones that a search by time can end at.
        self._steps, self._step_offsets = array.array("q"), array.array("q")

    def take(self, batch, found):
        self._positions.append(batch.position)
        self._bases.append(batch.base)
        self._lasts.append(batch.last)
        self._promised.append(batch.max_timestamp)
        latest = -1
        for offset, timestamp, _, _ in found:
            if timestamp > latest:
                latest = timestamp
                if not self._steps or timestamp > self._steps[-1]:
                    self._steps.append(timestamp)
                    self._step_offsets.append(offset)
        self._latest.append(latest)

    def problem(self, kind, what):
        self.owner.problem(f"{self.name}.{kind}", what)

    def _read(self, kind, read, *more):
        """The entries; None where they cannot be judged: the file misses, or is bad (which is reported)."""
        if kind not in self._files:
            # The one that is written to gets them when it ends.
            if not (self.last and not self.owner.rules.clean) and kind != "txnindex" and self._positions:
                self.problem(kind, "misses")
            return None
        try:
            return read(os.path.join(self.owner.path, f"{self.name}.{kind}"), *more)
        except indexes.BadIndex as error:
            if not (self.last and not self.owner.rules.clean):
                self.problem(kind, error)
            return None

    def finish(self, content):
        preallocated = self.last and not self.owner.rules.clean
        offsets = self._read("index", indexes.offset_index, preallocated)
        times = self._read("timeindex", indexes.time_index, preallocated)
        if offsets is not None:
            self._check_offsets(offsets)
        if times is not None:
            self._check_times(times)
        if offsets is not None and times is not None:
            self._search(content, offsets, times)
        self._check_aborted()

    def _check_offsets(self, entries):
        self.owner.entries += len(entries)
        strict, before = self.owner.rules.strict, (-1, -1)
        for entry in entries:
            relative, position = entry
            if relative <= before[0] or position <= before[1]:
                self.problem("index", f"entry {entry} after {before}")
            before = entry
            at = bisect.bisect_left(self._positions, position)
            if at == len(self._positions) or self._positions[at] != position:
                self.problem("index", f"entry {entry}: no batch begins at byte {position}")
            elif self._bases[at] > self.base + relative or self.base + relative > self._lasts[-1]:
                self.problem("index", f"entry {entry}: offset {self.base + relative} lies before the batch there, or behind the log")
            elif strict and self._lasts[at] != self.base + relative:
                self.problem("index", f"entry {entry}: the batch there ends with offset {self._lasts[at]}")

    def _check_times(self, entries):
        self.owner.entries += len(entries)
        before = (-2, -1)
        largest = array.array("q", [-1])  # of the records of all batches before
        for latest in self._latest:
            largest.append(max(largest[-1], latest))
        for entry in entries:
            timestamp, relative = entry
            if timestamp <= before[0] or relative < before[1]:
                self.problem("timeindex", f"entry {entry} after {before}")
            before = entry
            at = bisect.bisect_left(self._lasts, self.base + relative)
            if at == len(self._lasts) or (self._bases[at] > self.base + relative and not self.owner.rules.compacted):
                self.problem("timeindex", f"entry {entry}: there is no offset {self.base + relative}")
            elif timestamp not in (self._latest[at], self._promised[at]):
                self.problem("timeindex", f"entry {entry}: the batch of that offset has {self._latest[at]}")
            elif largest[at] >= timestamp:
                self.problem("timeindex", f"entry {entry}: a batch before it has {largest[at]}")
        # When a segment ends its largest time becomes an entry.
        ended = not self.last or self.owner.rules.clean
        if ended and self._steps and self._steps[-1] >= 0 and before[0] not in (self._steps[-1], max(self._promised)):
            self.problem("timeindex", f"the last entry is {before}, the largest time {self._steps[-1]}")

    def _search(self, content, offsets, times):
        """The answer by the indexes must be that of a plain search, for times that occur and those beside them."""
        step = max(1, len(self._steps) // _SEARCHES)
        for wanted in {time + beside for time in self._steps[::step] for beside in (0, 1)}:
            at = bisect.bisect_left(self._steps, wanted)
            expected = self._step_offsets[at] if at < len(self._steps) else None
            start = indexes.position_of(offsets, indexes.offset_before(times, wanted))
            if self._by_index(content, start, wanted) != expected:
                self.problem("timeindex", f"a search for time {wanted} does not find offset {expected}")
            self.owner.lookups += 1

    def _by_index(self, content, start, wanted):
        first = bisect.bisect_left(self._positions, start)
        for at in range(first, len(self._positions)):
            if self._latest[at] >= wanted:
                batch = next(batches(content, self._positions[at]))
                return next(offset for offset, time, _, _ in records(batch) if time >= wanted)
        return None

    def _check_aborted(self):
        stored = self._read("txnindex", indexes.aborted_index)
        stored = [] if stored is None else stored
        self.owner.entries += len(stored)
        if self.last and not self.owner.rules.clean:
            return  # a kill may come between the marker and the entry
        first = self.owner.first
        for entry in stored:
            producer, begin, end, _ = entry
            at = bisect.bisect_left(self._lasts, end)
            if begin > end or ((at == len(self._lasts) or self._lasts[at] != end) and not self.owner.rules.compacted):
                self.problem("txnindex", f"entry {entry}: there is no such marker")
            elif first == 0 and not self.owner.rules.compacted and entry not in self.aborted:
                self.problem("txnindex", f"entry {entry}: the batches say {self.aborted}")
            elif begin >= first and not any(one[:1] + one[2:3] == (producer, end) for one in self.aborted) and \
                    not self.owner.rules.compacted:
                self.problem("txnindex", f"entry {entry}: nothing was aborted there")
        for one in self.aborted:
            if not any(entry[0] == one[0] and entry[2] == one[2] for entry in stored):
                self.problem("txnindex", f"the transaction of producer {one[0]}, offsets {one[1]} to {one[2]}, misses")
