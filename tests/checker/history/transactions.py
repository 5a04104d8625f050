# SPDX-License-Identifier: Apache-2.0
"""Transactions in a history: aborted data, circles of reads, parts that miss. Operations with `txn` belong to one; `end` says
how it ended, and one without an answer may have ended either way."""
import bisect

from .keys import COMMITTED_SEEN, text_of, value_of


class _Transaction:
    __slots__ = ("sent", "acked", "reads", "outcome")

    def __init__(self):
        self.sent = []  # (key, producer, first, count)
        self.acked = []
        self.reads = set()  # ids of transactions whose values it polled
        self.outcome = "unknown"


class Transactions:
    def __init__(self, report):
        self._report = report
        self._by_id = {}
        self._writer = {}  # (key, producer): [(first, count, id)], ascending by first

    def _of(self, identity):
        found = self._by_id.get(identity)
        if found is None:
            found = self._by_id[identity] = _Transaction()
        return found

    def sent(self, line):
        identity = line.get("txn")
        if identity is None:
            return
        producer, first, count = line["value"]
        self._of(identity).sent.append((line["key"], producer, first, count))
        self._writer.setdefault((line["key"], producer), []).append((first, count, identity))

    def sent_result(self, asked, result):
        if result == "ok" and asked.get("txn") is not None:
            self._of(asked["txn"]).acked.append((asked["key"], *asked["value"]))

    def polled(self, asked, key, producer, first, count):
        """A run of values that one producer wrote."""
        identity = asked.get("txn")
        if identity is None:
            return
        written = self._writer.get((key, producer), [])
        for begin, size, writer in written[max(0, bisect.bisect_right(written, (first, 1 << 62)) - 1):]:
            if begin >= first + count:
                break
            if first < begin + size:
                if writer == identity and asked.get("committed"):
                    self._report("precommitted-read", f"{key}: {identity} read its own {text_of(value_of(producer, first))}")
                elif writer != identity:
                    self._of(identity).reads.add(writer)

    def ended(self, asked, result):
        transaction = self._of(asked["key"])
        if result == "ok":
            transaction.outcome = "committed" if asked["commit"] else "aborted"
        elif result == "fail" or not asked["commit"]:
            transaction.outcome = "aborted" if not asked["commit"] else "unknown"

    def finish(self, partitions):
        for identity, transaction in self._by_id.items():
            if transaction.outcome == "aborted":
                self._none_seen(identity, transaction, partitions)
            elif transaction.outcome == "committed":
                self._all_or_nothing(identity, transaction, partitions)
        for circle in _circles({identity: one.reads for identity, one in self._by_id.items()}):
            self._report("G1c", " -> ".join(str(one) for one in circle))

    def _none_seen(self, identity, transaction, partitions):
        for key, producer, first, count in transaction.sent:
            flags = partitions[key].values(producer).flags
            for counter in range(first, first + count):
                if flags[counter] & COMMITTED_SEEN:
                    self._report("G1a", f"{key}: {producer}:{counter} of {identity}, which was aborted, was read")

    def _all_or_nothing(self, identity, transaction, partitions):
        """What is committed is read as a whole; below the log's start it may be gone."""
        seen, missing = 0, []
        for key, producer, first, count in transaction.acked:
            values, partition = partitions[key].values(producer), partitions[key]
            for counter in range(first, first + count):
                if values.flags[counter] & COMMITTED_SEEN:
                    seen += 1
                elif partition.start_allowed <= values.offset(counter) < (partition.final_committed_end or 0):
                    missing.append(f"{key} {producer}:{counter}")
        if seen and missing:
            self._report("torn-transaction", f"{identity}: {missing[0]} misses, and {len(missing) - 1} more; {seen} were read")


def _circles(edges):
    """The strongly connected components of more than one node (Tarjan), without recursion."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(edges[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, children = work[-1]
            for child in children:
                if child not in index:
                    index[child] = low[child] = len(index)
                    stack.append(child)
                    on_stack.add(child)
                    work.append((child, iter(edges.get(child, ()))))
                    break
                if child in on_stack:
                    low[node] = min(low[node], index[child])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = []
                    while not component or component[-1] != node:
                        component.append(stack.pop())
                        on_stack.discard(component[-1])
                    if len(component) > 1:
                        found.append(component[::-1])
    return found
