# SPDX-License-Identifier: Apache-2.0
"""The end of a run: everything is read from the start by fresh clients, and compared with what stands on the disk."""
import array

from compat.lib.checks import require
from history.keys import value_of
from history.record import VALUE

from .client import EARLIEST, LATEST, content_records, patiently, runs_of


def read_all(world, known_ends):
    """Final polls of every partition at both isolations, up to its end and to the highest offset known."""
    for index, (topic, partition) in enumerate(world.partitions):
        for committed in (False, True):
            patiently(world.address, lambda line, at=index, isolated=committed: _read(
                world, line, at, isolated, known_ends.get(world.key(at), 0)), 200)


def _read(world, line, index, committed, known_end):
    topic, partition = world.partitions[index]
    error, _, offset = line.listed(topic, partition, EARLIEST)
    error, _, end = (error, 0, 0) if error else line.listed(topic, partition, LATEST, committed)
    if error:
        return error
    while offset < max(end, known_end):
        number = world.recorder.invoke("drain", "poll", world.key(index), offset=offset, committed=committed, final=True)
        found = line.fetched(topic, partition, offset, committed, 1 << 20, 100)
        if found.error:
            world.recorder.complete(number, "drain", "fail", found.error)
            return found.error
        fresh = content_records(found.content, offset)
        world.recorder.complete(number, "drain", "ok", runs=runs_of(fresh), high=found.high, stable=found.stable, start=found.start)
        if not fresh:
            return 0  # the checker says what that leaves unread
        offset = fresh[-1][0] + 1
    return 0


class OnDisk:
    """A visitor for the auditor: the values that stand on the disk."""

    def __init__(self):
        self.at = {}  # partition: {offset: value}, as flat as it can be

    def __call__(self, name, found):
        values = self.at.setdefault(name, (array.array("q"), array.array("q")))
        for offset, _, _, value in found:
            if value is not None and len(value) == VALUE.size:
                _, writer, _, counter = VALUE.unpack(value)
                values[0].append(offset)
                values[1].append(value_of(writer, counter))

    def compare(self, partitions):
        """`partitions`: the checker's. Problems, where the disk holds another value than was told or read, or none."""
        for name, partition in partitions.items():
            offsets, values = self.at.get(name, ((), ()))
            there = dict(zip(offsets, values))
            for offset in range(partition.start_allowed, partition.end):
                if partition.at[offset] not in (-1, there.get(offset)):
                    yield f"{name}: the disk has {there.get(offset)} at offset {offset}, {partition.at[offset]} was told"
                    break


def stop(server):
    code = server.terminate(60)
    require(code == 0, f"the broker ended with {code}:\n{server.tail(30)}")
