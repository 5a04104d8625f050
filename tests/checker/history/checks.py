# SPDX-License-Identifier: Apache-2.0
"""The checker: one pass over a history, then a look at what is left. Linear in the number of operations and records."""
from .keys import ACKED, ATTEMPTED, COMMITTED_SEEN, FAILED, FINAL, IN_TRANSACTION, SEEN, Partition
from .offsets import Groups, Marks
from .record import lines
from .transactions import Transactions

# What each word means, as reported. All of it may never happen (nothing else is reported).
ANOMALIES = {
    "lost-write": "an acknowledged record is gone, though what lies behind it was read",
    "unseen": "an acknowledged record was never read, to the end",
    "vanished": "a record that was read once, and never acknowledged, is gone",
    "inconsistent-offsets": "one offset held two values",
    "duplicate": "one value of an idempotent producer at two offsets",
    "phantom": "a value that nobody sent",
    "G1a": "a value was read whose write definitely failed, or was aborted",
    "precommitted-read": "a transaction read at read_committed what it had not committed yet",
    "G1c": "transactions read from each other in a circle",
    "torn-transaction": "of a committed transaction a part was read, and another was not",
    "int-nonmonotonic-poll": "one poll went back",
    "int-poll-skip": "one poll left offsets out",
    "nonmonotonic-poll": "a consumer went back between two polls",
    "poll-skip": "a consumer left offsets out between two polls",
    "nonmonotonic-send": "a later send of the same producer got a lower offset",
    "realtime-send": "a send that began after another was acknowledged got a lower offset",
    "above-high-watermark": "a record was read at or behind the high watermark told with it",
    "above-stable-offset": "a record was read at read_committed at or behind the last stable offset told with it",
    "stable-above-high": "the last stable offset lies behind the high watermark",
    "high-watermark-back": "the high watermark went back, or lies below what was acknowledged to all replicas",
    "start-back": "the log's start went back",
    "start-jumped": "the log's start is higher than anybody asked for",
    "commit-back": "a group's committed offset went back",
    "commit-lost": "a group's committed offset is gone",
    "commit-phantom": "a group's committed offset was never asked for",
}
_SHOWN = 20  # of each anomaly


class Checker:
    """`sparse(key)`: whether offsets of a partition may miss (compaction, markers). `retention`: logs may begin later."""

    def __init__(self, sparse=lambda key: False, retention=False):
        self.sparse, self.retention = sparse, retention
        self.found = {}  # anomaly: texts, the first of them
        self.counts = {}  # anomaly: how many
        self.partitions = {}
        self.groups = Groups(self.report)
        self.marks = Marks(self.report, retention)
        self.transactions = Transactions(self.report)
        self.acks = []  # (time, records)
        self.faults = []  # [name, from, to, serving, proof]
        self._open = {}  # number: the line that invoked it
        self._last_send = {}  # (process, key): the offset behind the last acknowledged send, and its counter
        self._position = {}  # (process, key): where the consumer stands
        self.totals = {"acked": 0, "failed": 0, "unknown": 0, "lost": 0, "duplicates": 0}

    def report(self, anomaly, text):
        assert anomaly in ANOMALIES
        self.counts[anomaly] = self.counts.get(anomaly, 0) + 1
        if self.counts[anomaly] <= _SHOWN:
            self.found.setdefault(anomaly, []).append(text)

    def partition(self, key):
        found = self.partitions.get(key)
        if found is None:
            found = self.partitions[key] = Partition(key, self.report)
        return found

    def check(self, history):
        """`history`: dicts, as record.lines() gives them."""
        for line in history:
            if "op" in line:
                self._open[line["n"]] = line
                invoked = getattr(self, "_invoked_" + line["op"], None)
                if invoked:
                    invoked(line)
            else:
                asked = self._open.pop(line["n"])
                getattr(self, "_completed_" + asked["op"])(asked, line)
        for line in self._open.values():
            if line["op"] == "fault":
                self.faults.append([line["key"], line["t"], None, line.get("serving", False), None])
        self._finish()
        return self

    # send

    def _invoked_send(self, line):
        producer, first, count = line["value"]
        values = self.partition(line["key"]).values(producer)
        values.idempotent = line.get("idempotent", True)
        values.mark(first, count, ATTEMPTED if line.get("txn") is None else ATTEMPTED | IN_TRANSACTION)
        line["floor"] = self.marks.acked(line["key"])
        self.transactions.sent(line)

    def _completed_send(self, asked, line):
        producer, first, count = asked["value"]
        key, partition = asked["key"], self.partition(asked["key"])
        self.transactions.sent_result(asked, line["result"])
        if line["result"] == "fail":
            partition.values(producer).mark(first, count, FAILED)
        if line["result"] != "ok":
            return
        self.acks.append((line["t"], count))
        partition.values(producer).mark(first, count, ACKED)
        offset = line.get("offset", -1)
        if offset < 0:
            return  # acks=0, or a duplicate so old that nobody knows its offset
        if offset < asked["floor"]:
            self.report("realtime-send", f"{key}: {producer}:{first} got {offset}, {asked['floor'] - 1} was acknowledged before")
        partition.place(offset, producer, first, count)
        before = self._last_send.get((producer, key))
        if before and before[1] < first and offset < before[0]:
            self.report("nonmonotonic-send", f"{key}: {producer}:{first} got {offset}, the send before it ended at {before[0] - 1}")
        if not before or before[1] < first:
            self._last_send[producer, key] = offset + count, first
        self.marks.note_acked(key, offset + count, asked.get("acks", -1) == -1)

    # poll

    def _invoked_poll(self, line):
        line["floors"] = self.marks.floors(line["key"])

    def _completed_poll(self, asked, line):
        if line["result"] != "ok":
            return
        key, partition = asked["key"], self.partition(asked["key"])
        sparse = self.sparse(key)
        flags = SEEN | (FINAL if asked.get("final") else 0) | (COMMITTED_SEEN if asked.get("committed") else 0)
        begin = asked.get("offset")
        place = self._position.get((asked["process"], key))
        if place is not None and not asked.get("seek") and begin is None:
            begin = place
        at = begin
        for index, (offset, producer, first, count) in enumerate(line["runs"]):
            if at is not None and offset != at:
                self._step(key, at, offset, index > 0, sparse)
            partition.place(offset, producer, first, count)
            partition.values(producer).mark(first, count, flags)
            self.transactions.polled(asked, key, producer, first, count)
            at = offset + count
        if at is not None:
            self._position[asked["process"], key] = at
            if asked.get("final") and begin is not None:
                partition.covered(at, asked.get("committed", False))
        self.marks.polled(asked, line, at if line["runs"] else None)

    def _step(self, key, expected, offset, inside, sparse):
        kind = "int-" if inside else ""
        if offset < expected:
            self.report(f"{kind}nonmonotonic-poll", f"{key}: offset {offset} where {expected} was next")
        elif not sparse:
            self.report(f"{kind}poll-skip", f"{key}: offset {offset} where {expected} was next")

    # the rest

    def _invoked_delete(self, line):
        partition = self.partition(line["key"])
        partition.start_allowed = max(partition.start_allowed, line["offset"])
        self.marks.may_start_at(line["key"], line["offset"])

    def _completed_delete(self, asked, line):
        if line["result"] == "ok":
            self.marks.started(asked["key"], line["start"])

    def _invoked_list(self, line):
        line["floors"] = self.marks.floors(line["key"])

    def _completed_list(self, asked, line):
        if line["result"] == "ok":
            self.marks.listed(asked, line["offset"])

    def _invoked_commit(self, line):
        self.groups.committing(line)

    def _completed_commit(self, asked, line):
        if line["result"] == "ok":
            self.groups.committed(asked)

    def _invoked_committed(self, line):
        self.groups.asking(line)

    def _completed_committed(self, asked, line):
        if line["result"] == "ok":
            self.groups.answered(asked, line["offset"])

    def _completed_end(self, asked, line):
        self.transactions.ended(asked, line["result"])

    def _completed_fault(self, asked, line):
        self.faults.append([asked["key"], asked["t"], line["t"], asked.get("serving", False), line.get("proof")])

    def _finish(self):
        if self.retention:
            for key, partition in self.partitions.items():
                partition.start_allowed = max(partition.start_allowed, self.marks.start(key))
        for partition in self.partitions.values():
            counts = partition.finish()
            for name, count in zip(("acked", "failed", "unknown", "lost"), counts):
                self.totals[name] += count
            self.totals["duplicates"] += partition.duplicates_allowed
        self.transactions.finish(self.partitions)
        self.totals["duplicates"] += self.counts.get("duplicate", 0)


def check_file(path, **options):
    return Checker(**options).check(lines(path))
