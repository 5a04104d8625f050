# SPDX-License-Identifier: Apache-2.0
"""The audit of one partition's directory: every batch is read once, and everything else is held against what was read."""
import os
import re

from . import states
from .batches import ABORT, COMMIT, Damage, batches, marker, records
from .segment import SegmentAudit, mapped

_NAME = re.compile(r"(\d{20})\.(log|index|timeindex|txnindex|snapshot)$")
_LEFT_OVER = re.compile(r"\.(deleted|cleaned|swap|tmp|cut)$")
_KNOWN = ("leader-epoch-checkpoint", "partition.metadata")
INTERNAL = ("__consumer_offsets", "__transaction_state", "__cluster_metadata", "__share_group_state")
# How long a producer that is silent is remembered (producer.id.expiration.ms; transactional.id.expiration.ms in 2.8).
_REMEMBERED_MS = 24 * 3600 * 1000


class Rules:
    """What may be asked of a directory. `clean`: its broker stopped in good order. `compacted`: records may miss. `strict`: it
    is Ottla's own, whose index entries are exact. `visit(partition name, records)`: sees every batch's records."""

    def __init__(self, clean=True, compacted=False, strict=False, visit=None):
        self.clean, self.compacted, self.strict, self.visit = clean, compacted, strict, visit


class PartitionAudit:
    """After run(): `problems`, `notes`, and what was counted."""

    def __init__(self, path, rules, log_start=None, cleaned_up_to=None):
        self.path, self.rules = path, rules
        self.name = os.path.basename(path)
        self.topic = self.name.rpartition("-")[0]
        self.problems, self.notes = [], []
        self.segments = self.batches = self.records = self.bytes = self.entries = self.snapshots = self.lookups = 0
        self.first = self.end = 0
        self.topic_id = None
        self._given_start, self._cleaned = log_start, cleaned_up_to
        self._replay = states.Replay()
        self._snapshots = {}  # offset: name, of those not yet compared
        self._epochs = []  # (epoch, first offset) by the batches
        self._cleaned_keys = set()

    @property
    def log_start(self):
        return max(self.first, self._given_start or 0)

    def problem(self, where, what):
        self.problems.append(f"{self.name}/{where}: {what}" if where else f"{self.name}: {what}")

    def run(self):
        names = self._names()
        bases = sorted(int(found[1]) for found in map(_NAME.match, names) if found and found[2] == "log")
        self._look_at_others(names, set(bases))
        if not bases:
            self.problem("", "no segment")
            return self
        self._snapshots = {int(found[1]): found[0] for found in map(_NAME.match, names) if found and found[2] == "snapshot"}
        self.first = self.end = bases[0]
        for base in bases:
            if base < self.end:
                self.problem(f"{base:020}.log", f"begins below {self.end}, where the segment before it ends")
            elif base > self.end and not self.rules.compacted:
                self.problem(f"{base:020}.log", f"a hole: the segment before it ends at {self.end}")
            self._segment(base, names, base == bases[-1])
        self._compare_snapshots(self.end, True)
        for offset, name in sorted(self._snapshots.items()):
            self.problem(name, f"the log ends at {self.end}")
        if self.log_start > self.end:
            self.problem("", f"the log's start {self.log_start} lies behind its end {self.end}")
        self._compare_epochs()
        return self

    def _names(self):
        return sorted(os.listdir(self.path))

    def _look_at_others(self, names, bases):
        for name in names:
            known = _NAME.match(name)
            if known and known[2] not in ("log", "snapshot") and int(known[1]) not in bases:
                self.problem(name, "there is no segment of that name")
            elif not known and _LEFT_OVER.search(name):
                # Files that wait to be unlinked, what a recovery has cut. Kafka may also stop in the middle of a swap.
                if self.rules.strict and self.rules.clean and name.endswith((".swap", ".cleaned")):
                    self.problem(name, "left over")
                self.notes.append(f"{self.name}/{name}")
            elif not known and name not in _KNOWN and not name.endswith(".checkpoint"):
                self.notes.append(f"{self.name}/{name}")
        if "partition.metadata" in names:
            try:
                self.topic_id = states.topic_id(os.path.join(self.path, "partition.metadata"))
            except (states.BadFile, ValueError) as error:
                self.problem("partition.metadata", error)

    def _segment(self, base, names, last):
        self.segments += 1
        segment = SegmentAudit(self, base, last, names)
        content = mapped(os.path.join(self.path, f"{base:020}.log"))
        end = 0
        try:
            for batch in batches(content):
                self._compare_snapshots(batch.base)
                found = records(batch)
                self._batch(segment, batch, found)
                segment.take(batch, found)
                end = batch.end
        except Damage as damage:
            self._tail(segment, content, end, last, damage)
        self.bytes += len(content)
        segment.finish(content)

    def _tail(self, segment, content, end, last, damage):
        """Behind the last whole batch. A kill may tear the last write of the last segment."""
        if last and not self.rules.clean:
            self.notes.append(f"{self.name}/{segment.name}.log: {len(content) - end} bytes behind offset {self.end}: {damage}")
        else:
            self.problem(f"{segment.name}.log", f"{damage}; the batch before it ends with offset {self.end - 1}")

    def _batch(self, segment, batch, found):
        self.batches += 1
        self.records += len(found)
        where = f"{segment.name}.log"
        if batch.base < self.end:
            self.problem(where, f"offset {batch.base} comes after {self.end - 1}")
        elif batch.base > self.end and not self.rules.compacted:
            self.problem(where, f"a hole: offset {batch.base} comes after {self.end - 1}")
        if not self.rules.compacted and len(found) != batch.last - batch.base + 1:
            self.problem(where, f"{len(found)} records in the batch of offsets {batch.base} to {batch.last}")
        if batch.magic == 2 and found and not batch.log_append_time:
            latest = max(record[1] for record in found)
            if latest != batch.max_timestamp and not self.rules.compacted:
                self.problem(where, f"the batch at offset {batch.base} promises time {batch.max_timestamp}, it has {latest}")
        self.end = max(self.end, batch.last + 1)
        self._epoch_of(where, batch)
        self._producer_of(segment, where, batch, found)
        if self._cleaned and not batch.control:
            self._unique_keys(where, found)
        if self.rules.visit and not batch.control:
            self.rules.visit(self.name, found)

    def _unique_keys(self, where, found):
        for offset, _, key, _ in found:
            if offset < self._cleaned and key is not None:
                if key in self._cleaned_keys:
                    self.problem(where, f"offset {offset} has a key again below {self._cleaned}, up to where it was cleaned")
                self._cleaned_keys.add(key)

    def _epoch_of(self, where, batch):
        if batch.leader_epoch < 0:
            return
        if self._epochs and batch.leader_epoch < self._epochs[-1][0]:
            self.problem(where, f"leader epoch {batch.leader_epoch} at offset {batch.base} after {self._epochs[-1][0]}")
        elif not self._epochs or batch.leader_epoch > self._epochs[-1][0]:
            self._epochs.append((batch.leader_epoch, batch.base, batch.last))
        else:
            self._epochs[-1] = (batch.leader_epoch, self._epochs[-1][1], batch.last)

    def _producer_of(self, segment, where, batch, found):
        if batch.producer < 0:
            return
        if not batch.control:
            # Coordinators begin with sequence 0 each time; a compacted log has gaps.
            gap = "" if self.rules.compacted or self.topic in INTERNAL else self._replay.gap(batch)
            if gap:
                self.problem(where, f"producer {batch.producer} at offset {batch.base}: {gap}")
            self._replay.data(batch)
            return
        ended = marker(batch, found)
        if ended is not None and ended[0] in (ABORT, COMMIT):
            self._replay.end(batch, ended[0] == COMMIT, ended[1], found[0][1])
            segment.aborted += self._replay.aborted

    def _compare_snapshots(self, offset, all_seen=False):
        """Those that were taken where the log ended at or before `offset`: the replay has come there."""
        while self._snapshots and min(self._snapshots) <= offset:
            at = min(self._snapshots)
            name = self._snapshots.pop(at)
            try:
                stored = states.snapshot(os.path.join(self.path, name))
            except states.BadFile as error:
                self.problem(name, error)
                continue
            # Of a segment that is gone, or of batches that compaction has taken out: nothing to compare with.
            if at >= self.first and (all_seen or not self.rules.compacted):
                self.snapshots += 1
                self._compare_snapshot(name, stored, os.stat(os.path.join(self.path, name)).st_mtime * 1000)

    def _compare_snapshot(self, name, stored, written_ms):
        for producer, state in self._replay.producers.items():
            if producer not in stored:
                if written_ms - state.timestamp < _REMEMBERED_MS or state.open_from >= 0:
                    self.problem(name, f"producer {producer} misses")
                continue
            known = stored[producer]
            if self.first > 0:  # what the log does not hold any more cannot be compared
                if state.coordinator_epoch < 0:
                    state.coordinator_epoch = known.coordinator_epoch
                if 0 <= known.open_from < self.first:
                    state.open_from = known.open_from
                if state.last_offset < 0:
                    known.forget_batches()
            if self.rules.compacted:  # the latest record of the batch may be gone, and its time with it
                state.timestamp = known.timestamp
            different = known.differences(state)
            if different:
                self.problem(name, f"producer {producer}: {', '.join(different)}")
        for producer, known in stored.items():
            if producer not in self._replay.producers and known.last_offset >= self.first:
                self.problem(name, f"producer {producer} has written nothing")

    def _compare_epochs(self):
        path = os.path.join(self.path, "leader-epoch-checkpoint")
        try:
            stored = states.epoch_checkpoint(path) if os.path.exists(path) else []
        except states.BadFile as error:
            self.problem("leader-epoch-checkpoint", error)
            return
        starts = dict(stored)
        if stored and stored[-1][1] > self.end:
            self.problem("leader-epoch-checkpoint", f"{stored[-1]}, the log ends at {self.end}")
        for index, (epoch, first, last) in enumerate(self._epochs):
            # The start of the log may cut an epoch in two; after a kill the checkpoint of starts may be the older file.
            if last < self.log_start or (not self.rules.clean and index < len(self._epochs) - 1):
                continue
            if epoch not in starts:
                self.problem("leader-epoch-checkpoint", f"epoch {epoch}, which begins at {first}, misses")
            elif starts[epoch] > max(first, self.log_start) and self.rules.clean:
                if epoch == stored[0][0] and not self.rules.strict:
                    # Kafka's: the log's start was raised, and a kill came before its checkpoint: the older one counts again.
                    self.notes.append(f"{self.name}: epoch {epoch} begins at {first}, not {starts[epoch]}")
                    continue
                self.problem("leader-epoch-checkpoint", f"epoch {epoch} begins at {first}, not {starts[epoch]}")
        for index, (epoch, start) in enumerate(stored[1:], 1):
            before = [seen for seen in self._epochs if seen[0] < epoch and seen[2] >= start]
            if before:
                self.problem("leader-epoch-checkpoint", f"epoch {epoch} begins at {start}, offset {before[0][2]} is of {before[0][0]}")
