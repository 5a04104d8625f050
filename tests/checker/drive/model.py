# SPDX-License-Identifier: Apache-2.0
"""A broker as a few lists in memory: what every answer has to be, exactly, when one client asks and nobody else."""

OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE, OUT_OF_ORDER_SEQUENCE, INVALID_PRODUCER_EPOCH = 1, 2, 45, 47
_REMEMBERED = 5  # batches of a producer


class Producer:
    """What a partition knows of one."""

    def __init__(self, epoch):
        self.epoch = epoch
        self.batches = []  # (first sequence, last sequence, base offset), the latest last
        self.certain = 0  # how many of the latest are known for sure: a snapshot holds one alone


class Partition:
    def __init__(self):
        self.start = 0
        self.records = []  # (timestamp, value); the place is the offset, deleted ones stay
        self.producers = {}

    @property
    def end(self):
        return len(self.records)

    def append(self, records, identity=None):
        """(error, base offset) for a batch; `identity`: (producer, epoch, first sequence)."""
        base = self.end
        if identity is not None:
            producer, epoch, sequence = identity
            known = self.producers.get(producer)
            last = sequence + len(records) - 1
            if known is not None and epoch < known.epoch:
                return INVALID_PRODUCER_EPOCH, -1
            if known is not None and epoch == known.epoch:
                for batch in known.batches:
                    if batch[:2] == (sequence, last):
                        return 0, batch[2]
                if sequence != known.batches[-1][1] + 1:
                    return OUT_OF_ORDER_SEQUENCE, -1
            elif known is not None and sequence != 0:
                return OUT_OF_ORDER_SEQUENCE, -1
            if known is None or epoch > known.epoch:
                known = self.producers[producer] = Producer(epoch)
            known.batches = (known.batches + [(sequence, last, base)])[-_REMEMBERED:]
            known.certain += 1
        self.records += records
        return 0, base

    def may_have_forgotten(self, identity):
        """Whether the batch was sent before the last restart, and is not the producer's latest."""
        known = self.producers.get(identity[0]) if identity else None
        return known is not None and any(batch[0] == identity[2] for batch in known.batches[:-known.certain or None])

    def restarted(self):
        """Producers whose records were all deleted may be forgotten with them; those are returned, and never written to again."""
        for producer in self.producers.values():
            producer.certain = 1
        gone = [one for one, producer in self.producers.items() if producer.batches[-1][2] < self.start]
        for one in gone:
            del self.producers[one]
        return set(gone)

    def delete(self, offset):
        """(error, low watermark)."""
        if offset == -1:
            offset = self.end
        if not 0 <= offset <= self.end:
            return OFFSET_OUT_OF_RANGE, -1
        self.start = max(self.start, offset)
        return 0, self.start

    def readable(self, offset):
        return self.start <= offset <= self.end

    def at_or_after(self, timestamp):
        """(timestamp, offset) of the first record so late; (-1, -1) for none."""
        for offset in range(self.start, self.end):
            if self.records[offset][0] >= timestamp:
                return self.records[offset][0], offset
        return -1, -1
