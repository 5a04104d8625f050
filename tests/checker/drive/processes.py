# SPDX-License-Identifier: Apache-2.0
"""The processes of a run: each is a thread with a seeded choice of what to do, and every operation goes into the history."""
import random
import threading
import time

from confluent_kafka import Producer as Librdkafka

from history.outcome import outcome
from history.record import VALUE

from .client import EARLIEST, LATEST, Line, content_records, runs_of, values_batch


OUT_OF_ORDER = 45


class World:
    """What all processes share. `partitions`: [(topic, partition)]; a partition's number in values is its place there."""

    def __init__(self, address, recorder, partitions, seed):
        self.address, self.recorder, self.partitions, self.seed = address, recorder, partitions, seed
        self.ended = threading.Event()
        self.acked = 0  # records, roughly: threads add to it without a lock
        self.problems = []
        self._writers = 0
        self._lock = threading.Lock()

    def writer(self):
        with self._lock:
            self._writers += 1
            return self._writers

    def key(self, index):
        return f"{self.partitions[index][0]}-{self.partitions[index][1]}"


class Process(threading.Thread):
    """Does step() over and over on a connection, a new one after each failure, until the world has ended."""

    def __init__(self, world, name):
        super().__init__(daemon=True, name=name)
        self.world, self.recorder = world, world.recorder
        self.random = random.Random(f"{world.seed} {name}")

    def run(self):
        try:
            while not self.world.ended.is_set():
                try:
                    with Line(self.world.address, timeout=15) as line:
                        self.connected(line)
                        while not self.world.ended.is_set():
                            self.step(line)
                except OSError:
                    time.sleep(0.02)
            self.last()
        except Exception as error:  # a bug of ours or of the broker's: the run fails with it
            self.world.problems.append(f"process {self.name}: {error!r}")

    def connected(self, line):
        """A new connection."""

    def step(self, line):
        raise NotImplementedError

    def last(self):
        """The world has ended."""

    def asked(self, op, key, ask, judge, **details):
        """One operation: ask() on the connection, judge(answer) gives (result, error, what was answered)."""
        number = self.recorder.invoke(self.name, op, key, **details)
        try:
            answer = ask()
        except OSError as failure:
            self.recorder.complete(number, self.name, "info", type(failure).__name__)
            raise
        result, error, answered = judge(answer)
        self.recorder.complete(number, self.name, result, error, **answered)
        return answer


class _Send:
    """A batch on its way."""

    __slots__ = ("number", "index", "batch", "acks", "count", "tried")


class Producer(Process):
    """Idempotent with several batches on the way, which it sends again until they are answered; or not idempotent,
    without a second try. Now and then it sends a batch that must be refused."""

    def __init__(self, world, name, idempotent, most=60):
        super().__init__(world, name)
        self.idempotent, self.most = idempotent, most
        self.writer = world.writer()
        self.identity = None
        self.next = {}  # partition's number: counter
        self.began = {}  # partition's number: the counter that has sequence 0
        self.waiting = []
        self.forgotten = 0

    def connected(self, line):
        for send in self.waiting:
            send.tried = True
        self._exchange(line, self.waiting)

    def _identify(self, line):
        error, producer, epoch = line.producer_id()
        if error:
            raise OSError(f"InitProducerId: {error}")
        self.identity, self.began = (producer, epoch), dict(self.next)

    def step(self, line):
        if self.idempotent and self.identity is None:
            self._identify(line)
        for _ in range(self.random.randint(1, 5) if self.idempotent else 1):
            self.waiting.append(self._new())
        self._exchange(line, list(self.waiting))

    def _new(self):
        send = _Send()
        send.index = self.random.randrange(len(self.world.partitions))
        send.count, send.tried = self.random.randint(1, self.most), False
        send.acks = -1 if self.idempotent else self.random.choice((-1, 1))
        counter = self.next.get(send.index, 0)
        self.next[send.index] = counter + send.count
        identity = {}
        if self.idempotent:
            identity = {"producer": self.identity[0], "epoch": self.identity[1], "sequence": counter - self.began.get(send.index, 0)}
        send.batch = values_batch(self.world.seed & 0xFFFFFFFF, self.writer, send.index, counter, send.count, **identity)
        if not self.idempotent and self.random.random() < 0.01:
            send.batch = send.batch[:-2] + bytes([send.batch[-2] ^ 1]) + send.batch[-1:]  # its checksum is wrong
        send.number = self.recorder.invoke(self.name, "send", self.world.key(send.index), value=[self.writer, counter, send.count],
                                           acks=send.acks, idempotent=self.idempotent)
        return send

    def _exchange(self, line, sends):
        """Sends all, then takes the answers in order. What is left unanswered by a broken connection stays in `waiting`."""
        try:
            posted = [(send, line.post_produce(*self.world.partitions[send.index], send.batch, send.acks)) for send in list(sends)]
            for send, correlation in posted:
                error, offset = line.take_produce(correlation)
                self.waiting.remove(send)
                self._answered(send, error, offset)
        except OSError:
            if not self.idempotent:
                for send in self.waiting:
                    self.recorder.complete(send.number, self.name, "info", "disconnected")
                self.waiting = []
            raise

    def _answered(self, send, error, offset):
        result = outcome(error, self.idempotent, send.tried)
        if result == "ok":
            self.world.acked += send.count
            self.recorder.complete(send.number, self.name, "ok", offset=offset)
            return
        self.recorder.complete(send.number, self.name, result, error)
        if error == OUT_OF_ORDER and send.tried:
            # A snapshot holds a producer's last batch alone, in Kafka too: those before it may not be known again after a restart.
            self.forgotten, self.identity = self.forgotten + 1, None
        elif self.idempotent:
            raise RuntimeError(f"a batch of an idempotent producer was answered with {error}")


class LibrdkafkaProducer(threading.Thread):
    """The C client, idempotent, one operation per record."""

    def __init__(self, world, name):
        super().__init__(daemon=True, name=name)
        self.world, self.random, self.writer = world, random.Random(f"{world.seed} {name}"), world.writer()

    def run(self):
        producer = Librdkafka({"bootstrap.servers": self.world.address, "enable.idempotence": True, "linger.ms": 5,
                               "reconnect.backoff.max.ms": 200, "message.timeout.ms": 120000, "log_level": 0})
        counters = {}
        while not self.world.ended.is_set():
            for _ in range(20):
                index = self.random.randrange(len(self.world.partitions))
                counter = counters[index] = counters.get(index, -1) + 1
                self._send(producer, index, counter)
            producer.poll(0.02)
        producer.flush(120)

    def _send(self, producer, index, counter):
        topic, partition = self.world.partitions[index]
        number = self.world.recorder.invoke(self.name, "send", self.world.key(index), value=[self.writer, counter, 1])

        def delivered(error, message):
            if error is None:
                self.world.acked += 1
                self.world.recorder.complete(number, self.name, "ok", offset=message.offset())
            else:
                self.world.recorder.complete(number, self.name, "info", error.name())
        value = VALUE.pack(self.world.seed & 0xFFFFFFFF, self.writer, index, counter)
        while True:
            try:
                producer.produce(topic, value, partition=partition, on_delivery=delivered)
                return
            except BufferError:
                producer.poll(0.1)


class Consumer(Process):
    """Reads a partition on from where it stands, changes to another now and then, and seeks."""

    def __init__(self, world, name):
        super().__init__(world, name)
        self.index, self.position = 0, None

    def step(self, line):
        if self.position is None or self.random.random() < 0.05:
            self._choose(line)
        topic, partition = self.world.partitions[self.index]
        committed, size = self.random.random() < 0.5, self.random.choice((200, 4096, 1 << 18))
        asked, fresh = self.position, []

        def judge(found):
            if found.error:
                return "fail", found.error, {}
            fresh.extend(content_records(found.content, asked))
            return "ok", None, {"runs": runs_of(fresh), "high": found.high, "stable": found.stable, "start": found.start}
        found = self.asked("poll", self.world.key(self.index), lambda: line.fetched(topic, partition, asked, committed, size, 50),
                           judge, offset=asked, committed=committed)
        if found.error:
            self.position = None
        elif fresh:
            self.position = fresh[-1][0] + 1

    def _choose(self, line):
        self.index = self.random.randrange(len(self.world.partitions))
        answers = {}
        for which, time_ in (("earliest", EARLIEST), ("latest", LATEST)):
            answers[which] = self.asked("list", self.world.key(self.index), lambda at=time_: line.listed(
                *self.world.partitions[self.index], at),
                lambda answer: ("ok" if answer[0] == 0 else "fail", answer[0] or None, {"offset": answer[2]}), which=which)
        if any(answer[0] for answer in answers.values()):
            raise OSError("not led")
        self.position = self.random.choice((answers["earliest"][2], self.random.randint(answers["earliest"][2], answers["latest"][2])))

class Committer(Process):
    """A group of its own: commits ever higher offsets, and asks for them."""

    def __init__(self, world, name):
        super().__init__(world, name)
        self.offsets = {}

    def connected(self, line):
        while line.coordinator(self.name) and not self.world.ended.is_set():
            time.sleep(0.02)

    def step(self, line):
        index = self.random.randrange(len(self.world.partitions))
        topic, partition = self.world.partitions[index]
        key = f"{self.name}/{self.world.key(index)}"
        if self.random.random() < 0.6:
            offset = self.offsets[index] = self.offsets.get(index, 0) + self.random.randint(1, 50)
            error = self.asked("commit", key, lambda: line.commit(self.name, topic, partition, offset),
                               lambda error: ("info" if error else "ok", error or None, {}), offset=offset)
        else:
            error, _ = self.asked("committed", key, lambda: line.committed(self.name, topic, partition),
                                  lambda answer: ("fail" if answer[0] else "ok", answer[0] or None, {"offset": answer[1]}))
        if error:
            time.sleep(0.02)


class Deleter(Process):
    """Raises the starts of logs now and then."""

    def step(self, line):
        if self.world.ended.wait(self.random.uniform(0.1, 0.6)):
            return
        index = self.random.randrange(len(self.world.partitions))
        topic, partition = self.world.partitions[index]
        (_, _, start), (error, _, end) = line.listed(topic, partition, EARLIEST), line.listed(topic, partition, LATEST)
        if error or end <= start:
            return
        offset = start + self.random.randint(1, max(1, (end - start) // 3))
        self.asked("delete", self.world.key(index), lambda: line.deleted(topic, partition, offset),
                   lambda answer: ("info" if answer[0] else "ok", answer[0] or None, {"start": answer[1]}), offset=offset)
