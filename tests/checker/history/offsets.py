# SPDX-License-Identifier: Apache-2.0
"""Offsets that only go one way: high watermarks, starts of logs, what groups have committed."""


class Marks:
    """The watermarks of all partitions. What an operation may see at least is what was known when it was invoked."""

    def __init__(self, report, retention):
        self._report, self._retention = report, retention
        self._acked = {}  # key: behind the last offset acknowledged
        self._high = {}  # key: the highest watermark told, or acknowledged by all replicas
        self._start = {}  # key: the highest start that was acknowledged
        self._highest_start = {}
        self._start_asked = {}

    def acked(self, key):
        return self._acked.get(key, 0)

    def start(self, key):
        """The highest anybody was told."""
        return self._highest_start.get(key, 0)

    def note_acked(self, key, end, by_all):
        self._acked[key] = max(self._acked.get(key, 0), end)
        if by_all:
            self._high[key] = max(self._high.get(key, 0), end)

    def may_start_at(self, key, offset):
        self._start_asked[key] = max(self._start_asked.get(key, 0), offset)

    def floors(self, key):
        return self._high.get(key, 0), self._start.get(key, 0)

    def started(self, key, offset):
        """A deletion was acknowledged: from now on the start is not lower. (One that was only seen may be forgotten by a kill.)"""
        self._told(key, offset)
        self._start[key] = max(self._start.get(key, 0), offset)

    def _told(self, key, offset):
        if offset > self._start_asked.get(key, 0) and not self._retention:
            self._report("start-jumped", f"{key}: {offset}, {self._start_asked.get(key, 0)} was asked for")
        self._highest_start[key] = max(self._highest_start.get(key, 0), offset)

    def _check_high(self, asked, high):
        floor = asked["floors"][0]
        if high < floor:
            self._report("high-watermark-back", f"{asked['key']}: {high} after {floor}")
        self._high[asked["key"]] = max(self._high.get(asked["key"], 0), high)

    def _check_start(self, asked, start):
        if start < asked["floors"][1]:
            self._report("start-back", f"{asked['key']}: {start} after {asked['floors'][1]}")
        self._told(asked["key"], start)

    def polled(self, asked, line, end):
        """`end`: behind the last record, None where there was none."""
        high, stable, start, key = line.get("high"), line.get("stable"), line.get("start"), asked["key"]
        if high is not None:
            self._check_high(asked, high)
            if end is not None and end > high:
                self._report("above-high-watermark", f"{key}: offset {end - 1}, the high watermark is {high}")
        if stable is not None and stable >= 0:
            if high is not None and stable > high:
                self._report("stable-above-high", f"{key}: {stable}, the high watermark is {high}")
            if asked.get("committed") and end is not None and end > stable:
                self._report("above-stable-offset", f"{key}: offset {end - 1}, the last stable offset is {stable}")
        if start is not None and start >= 0:
            self._check_start(asked, start)

    def listed(self, asked, offset):
        if asked["which"] == "latest":
            self._check_high(asked, offset)
        elif asked["which"] == "earliest":
            self._check_start(asked, offset)


class Groups:
    """Committed offsets. For each group and partition commits go up, and one is complete before the next: then an answer lies
    between the last acknowledged before the question and the last one tried."""

    def __init__(self, report):
        self._report = report
        self._acked, self._tried = {}, {}

    def committing(self, line):
        self._tried[line["key"]] = max(self._tried.get(line["key"], -1), line["offset"])

    def committed(self, asked):
        self._acked[asked["key"]] = max(self._acked.get(asked["key"], -1), asked["offset"])

    def asking(self, line):
        line["floor"] = self._acked.get(line["key"], -1)

    def answered(self, asked, offset):
        key, floor = asked["key"], asked["floor"]
        if offset < 0 <= floor:
            self._report("commit-lost", f"{key}: none, {floor} was committed")
        elif offset < floor:
            self._report("commit-back", f"{key}: {offset} after {floor}")
        elif offset > self._tried.get(key, -1):
            self._report("commit-phantom", f"{key}: {offset}, {self._tried.get(key, -1)} was the last that was tried")
        # What one has seen, the next must not miss.
        self._acked[key] = max(self._acked.get(key, -1), offset)
