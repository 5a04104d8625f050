#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Histories of concurrent clients under kill -9 of our server, checked for linearizability: linearizability.py COORDINATION_TOOL

Clients write, compare-and-set, read, create and delete a few znodes while the server is killed and started again; each call is
kept with the time it began, the time it was answered, and the answer. A call whose connection broke may have happened or not, but
not after that: the server that had it was dead. Every znode's history is then searched for an order in which each answer is right (Wing and Gong's
search with the memory of Lowe): versions make the search short, as a successful write names its place.

LINEARIZABILITY_SECONDS (6 by default) says how long; LINEARIZABILITY_SEED which way.
"""
import os, random, sys, threading, time

sys.dont_write_bytecode = True
import peers
from peers import Ours, check, step
from raw_client import CREATE, DELETE, GET_DATA, SET_DATA, RawClient, Closed, create, flag, i32, text

SECONDS = float(os.environ.get("LINEARIZABILITY_SECONDS", "6"))
SEED = int(os.environ.get("LINEARIZABILITY_SEED", "0")) or random.randrange(1 << 30)
CLIENTS, NODES = 6, 3
INFINITE = float("inf")
ABSENT = None


class Call:
    """One call on one znode. `answer` is None where nobody knows whether it happened."""

    def __init__(self, kind, *arguments):
        self.kind, self.arguments = kind, arguments
        self.began, self.ended, self.answer = time.monotonic(), INFINITE, None

    def __repr__(self):
        return "%s%s -> %s [%.4f, %.4f]" % (self.kind, self.arguments, self.answer, self.began, self.ended)


def apply(state, call):
    """The states and answers that ZooKeeper allows: (state after, answer). A state is ABSENT or (value, version)."""
    if call.kind == "read":
        return state, ("no node",) if state is ABSENT else ("ok",) + state
    if call.kind == "create":
        return (state, ("exists",)) if state is not ABSENT else ((call.arguments[0], 0), ("ok",))
    if state is ABSENT:
        return state, ("no node",)
    expected = call.arguments[-1]
    if expected not in (-1, state[1]):
        return state, ("version",)
    if call.kind == "delete":
        return ABSENT, ("ok",)
    return (call.arguments[0], state[1] + 1), ("ok", state[1] + 1)


def linearizable(history, start=ABSENT):
    """None where there is an order; otherwise the calls that found no place."""
    calls = sorted((call for call in history if not (call.answer is None and call.kind == "read")), key=lambda call: call.began)
    # What must be placed: the answered. What may be: the others. A set of placed calls is its bits.
    answered = sum(1 << number for number, call in enumerate(calls) if call.answer is not None)
    first = 0  # all calls before this one are placed or past, in whatever is still on the stack
    seen, stack, furthest = set(), [(0, start, -INFINITE, first)], 0
    while stack:
        placed, state, latest, first = stack.pop()
        if placed & answered == answered:
            return None
        if (placed, state) in seen:
            continue
        seen.add((placed, state))
        furthest = max(furthest, placed, key=lambda bits: (bits & answered).bit_count())
        while placed >> first & 1 or (calls[first].answer is None and calls[first].ended < latest):
            first += 1
        # Nothing that began after the first answer among the rest can come before it.
        bound, maybe, sure = INFINITE, [], []
        for number in range(first, len(calls)):
            call = calls[number]
            if call.began > bound:
                break
            if placed >> number & 1 or (call.answer is None and call.ended < latest):
                continue
            if call.answer is not None:
                bound = min(bound, call.ended)
            after, answer = apply(state, call)
            step_to = (placed | 1 << number, after, max(latest, call.began), first)
            if call.answer is None and after != state:
                maybe.append(step_to)
            elif call.answer is not None and answer == call.answer:
                sure.append(step_to)
        # Those that were answered are tried first, in the order they began.
        stack += maybe + sure[::-1]
    return [call for number, call in enumerate(calls) if not furthest >> number & 1][:12]


class Worker(threading.Thread):
    def __init__(self, server, seed, histories):
        super().__init__(daemon=True)
        self.server, self.random, self.histories = server, random.Random(seed), histories
        self.stopping, self.versions, self.broken = False, {}, 0

    def run(self):
        while not self.stopping:
            try:
                client = RawClient(self.server.port)
                while not self.stopping:
                    self.one(client)
                    time.sleep(self.random.random() * 0.004)
                client.close()
            except (Closed, OSError):
                self.broken += 1
                time.sleep(0.01)

    def one(self, client):
        node = "/n%d" % self.random.randrange(NODES)
        kind = self.random.choices(["read", "set", "create", "delete"], [5, 5, 2, 1])[0]
        version = self.versions.get(node, 0) if self.random.random() < 0.5 else -1
        value = "%016x" % self.random.getrandbits(64)
        arguments = {"read": (), "set": (value, version), "create": (value,), "delete": (version,)}[kind]
        call = Call(kind, *arguments)
        self.histories[node].append(call)
        operation, body = {"read": (GET_DATA, text(node) + flag(False)), "create": (CREATE, create(node, value)),
                           "set": (SET_DATA, text(node) + text(value) + i32(version)),
                           "delete": (DELETE, text(node) + i32(version))}[kind]
        try:
            answer = self.meaning(kind, client.call(operation, body))
        finally:
            call.ended = time.monotonic()
        call.answer = answer
        if answer[0] == "ok" and kind in ("read", "set"):
            self.versions[node] = answer[-1]

    @staticmethod
    def meaning(kind, reply):
        error = reply[0]
        if error != "ok":
            return (error,)
        if kind == "read":
            return ("ok", reply[2].decode(), reply[3]["version"])
        return ("ok", reply[2]["version"]) if kind == "set" else ("ok",)


def record():
    """{node: calls}, made while the server is killed about once a second."""
    server = Ours(os.path.join(peers.work, "killed"), preAllocSize="64")
    histories = {"/n%d" % number: [] for number in range(NODES)}
    workers = [Worker(server, SEED + number, histories) for number in range(CLIENTS)]
    for worker in workers:
        worker.start()
    chance, kills, ends = random.Random(SEED), 0, time.monotonic() + SECONDS
    while time.monotonic() < ends:
        time.sleep(0.3 + chance.random())
        server.kill()
        kills += 1
        again = Ours(server.directory, server.port)
        server.process = again.process
    for worker in workers:
        worker.stopping = True
    for worker in workers:
        worker.join(15)
    reader = RawClient(server.port)
    for node, history in histories.items():
        call = Call("read")
        call.answer = Worker.meaning("read", reader.call(GET_DATA, text(node) + flag(False)))
        call.ended = time.monotonic()
        history.append(call)
    reader.close()
    server.kill()
    total = sum(map(len, histories.values()))
    unknown = sum(call.answer is None for history in histories.values() for call in history)
    print("  seed %d: %d calls, %d of them cut off by %d kills" % (SEED, total, unknown, kills))
    check(kills >= 3 and total > 300 * kills and unknown > 0, "too little happened")
    return histories


def judge(histories):
    for node, history in histories.items():
        problem = linearizable(history)
        check(problem is None, "%s: seed %d: no order of the calls explains the answers from here on:\n  %s" % (
            node, SEED, "\n  ".join(map(str, problem or []))))


def histories_that_are_wrong():
    """The checker itself: what no register does is found."""
    def made(*rows):
        calls = []
        for kind, arguments, answer, began, ended in rows:
            call = Call(kind, *arguments)
            call.began, call.ended, call.answer = began, ended, answer
            calls.append(call)
        return calls
    create = ("create", ("a",), ("ok",), 0, 1)
    check(linearizable(made(create, ("read", (), ("ok", "a", 0), 2, 3))) is None, "a read of what was written")
    check(linearizable(made(create, ("read", (), ("no node",), 2, 3))), "a read that has forgotten a write is found")
    check(linearizable(made(create, ("set", ("b", -1), None, 2, 9), ("read", (), ("ok", "b", 1), 3, 4),
                            ("read", (), ("ok", "a", 0), 5, 6))), "a write seen and then taken back is found")
    check(linearizable(made(create, ("set", ("b", 0), ("ok", 1), 2, 5), ("set", ("c", 0), ("ok", 1), 3, 6))),
          "two that both won the same comparison are found")
    check(linearizable(made(create, ("set", ("b", 0), None, 2, 3), ("read", (), ("ok", "a", 0), 4, 5))) is None,
          "a write that was cut off need not have happened")
    check(linearizable(made(create, ("set", ("b", 0), None, 2, 3), ("read", (), ("ok", "a", 0), 4, 5), ("read", (), ("ok", "b", 1), 6, 7))),
          "a write that happens after its server has died is found")


def main():
    peers.use(sys.argv[1])
    try:
        step("the checker finds histories that are wrong", histories_that_are_wrong)
        histories = []
        step("clients under kill -9", lambda: histories.append(record()))
        step("every history is linearizable", lambda: judge(histories[0]))
    finally:
        peers.clean_up()


main()
