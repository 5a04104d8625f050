# SPDX-License-Identifier: Apache-2.0
"""A history as a file that is only appended to: a line of JSON when an operation is invoked, another when it is complete.

Every line has `t` (monotonic seconds), `n` (the number of the operation, the same in both lines) and `process`. The first line
has `op`, `key` and what was asked, the second `result` ("ok"; "fail": it has certainly not happened; "info": nobody knows),
`error` and what was answered. An operation without a second line is info.

| op | key | asked | answered |
|---|---|---|---|
| send | topic-partition | `value`: [producer, first counter, count]; `acks`; `idempotent`; `txn` | `offset` of the first |
| poll | topic-partition | `offset`; `committed`: read_committed; `seek`: not where the last poll ended; `final`; `txn` | `runs`: [[offset, producer, first counter, count]], `high`, `stable`, `start` |
| commit | group/topic-partition | `offset` | |
| committed | group/topic-partition | | `offset`, -1 for none |
| delete | topic-partition | `offset` | `start` |
| list | topic-partition | `which`: earliest or latest | `offset` |
| end | the transaction's id | `commit` | |
| fault | its name | `serving`: acknowledgements go on meanwhile | `proof` |

A value is one record; in the broker it is 16 bytes: run (4), producer (2), key (2), counter (8). Counters of a producer are
dense for each key, and no value is sent twice (a client's own retries are one send).
"""
import json
import struct
import threading
import time

VALUE = struct.Struct(">IHHQ")


class Recorder:
    """Writes a history from any thread. The order of the lines is the order of their times."""

    def __init__(self, path):
        self._file = open(path, "w", encoding="ascii", buffering=1 << 16)
        self._lock = threading.Lock()
        self._number = 0
        self.path = path

    def _line(self, fields):
        self._file.write(json.dumps(fields, separators=(",", ":")) + "\n")

    def invoke(self, process, op, key, **asked):
        """The operation's number."""
        with self._lock:
            self._number += 1
            self._line(dict(t=time.monotonic(), n=self._number, process=process, op=op, key=key, **asked))
            return self._number

    def complete(self, number, process, result, error=None, **answered):
        fields = dict(n=number, process=process, result=result, **answered)
        if error is not None:
            fields["error"] = error
        with self._lock:
            self._line(dict(t=time.monotonic(), **fields))

    def flush(self):
        with self._lock:
            self._file.flush()

    def close(self):
        with self._lock:
            self._file.close()


def lines(path):
    """The lines of a history; one that a crash has cut off at the end is left out."""
    with open(path, encoding="ascii") as source:
        for line in source:
            if line.endswith("\n"):
                yield json.loads(line)
