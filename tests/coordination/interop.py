#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Meets real peers: interop.py COORDINATION_TOOL

1. The same calls through kazoo to our server and to Debian's ZooKeeper: the same answers, stats and errors.
2. A directory written by one is opened by the other, both ways, also after kill -9.
3. Apache's C client (our ZooKeeperClient) against both.
4. Sessions over a restart of the server, expiry, watches.
Exit 77: something it needs is not installed.
"""
import logging, os, random, signal, socket, subprocess, sys, threading, time

sys.dont_write_bytecode = True
import peers
from peers import Ours, Theirs, check, step, wait_for

try:
    import kazoo.client
    import kazoo.exceptions
    import kazoo.retry
    import kazoo.security
    peers.skip_where_missing()
except ImportError:
    peers.skip_where_missing("python3-kazoo")

TOOL = sys.argv[1]
logging.disable(logging.CRITICAL)  # kazoo's, on connections that we break on purpose
peers.use(TOOL)
work, running = peers.work, peers.running


def connect(server, **more):
    # At an even pace: kazoo's own, which doubles, lets a session expire where a server takes some seconds to come up.
    again = kazoo.retry.KazooRetry(max_tries=-1, delay=0.1, backoff=1, max_jitter=0.1, max_delay=0.3)
    client = kazoo.client.KazooClient("127.0.0.1:%d%s" % (server.port, more.pop("chroot", "")), timeout=10,
                                      connection_retry=again, **more)
    client.start(timeout=60)
    return client


def close(client):
    client.stop()
    client.close()


def stat_of(stat, with_times):
    if stat is None:
        return None
    fields = dict(czxid=stat.czxid, mzxid=stat.mzxid, version=stat.version, cversion=stat.cversion, aversion=stat.aversion,
                  length=stat.dataLength, children=stat.numChildren, pzxid=stat.pzxid, ephemeral=stat.ephemeralOwner != 0)
    if with_times:
        fields.update(ctime=stat.ctime, mtime=stat.mtime, owner=stat.ephemeralOwner)
    return tuple(sorted(fields.items()))


def tree_of(client, path="/", with_times=True):
    data, stat = client.get(path)
    acl, _ = client.get_acls(path)
    found = {path: (data, stat_of(stat, with_times), tuple(acl))}
    for child in sorted(client.get_children(path)):
        found.update(tree_of(client, path.rstrip("/") + "/" + child, with_times))
    return found


def same_trees(one, other, what):
    for path in sorted(set(one) | set(other)):
        check(one.get(path) == other.get(path), "%s: %s is %s here and %s there" % (what, path, one.get(path), other.get(path)))


def plain(value):
    if isinstance(value, kazoo.protocol.states.ZnodeStat):
        return stat_of(value, False)
    if isinstance(value, Exception):
        return type(value).__name__
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value


class Script:
    """The same pseudo-random calls for everyone who runs it with the same seed."""

    def __init__(self, seed, steps):
        self.random, self.steps = random.Random(seed), steps

    def path(self):
        names = ["a", "b", "c", "\u00e4", "x.y"]
        return "/" + "/".join(self.random.choice(names) for _ in range(self.random.randint(1, 3)))

    def acl(self):
        return self.random.choice([None, None, None, [kazoo.security.make_digest_acl("u", "p", all=True)],
                                   [kazoo.security.make_acl("world", "anyone", read=True, create=True)],
                                   kazoo.security.CREATOR_ALL_ACL, [kazoo.security.make_acl("ip", "127.0.0.1/8", all=True)],
                                   [kazoo.security.make_acl("ip", "10.0.0.0/8", all=True)],
                                   [kazoo.security.make_acl("bogus", "x", all=True)]])

    def call(self, client):
        r, path = self.random, self.path()
        kind = r.choice(["create"] * 5 + ["create2", "delete", "delete", "set", "set", "get", "children", "exists", "acl", "set_acl", "multi", "sync"])
        version = r.choice([-1, -1, -1, 0, 1])
        data = b"x" * r.randint(0, 40)
        acl, ephemeral, sequence = self.acl(), r.random() < 0.2, r.random() < 0.3
        steps = [(r.choice(["create", "delete", "set", "check"]), self.path(), r.choice([-1, 0, 1])) for _ in range(r.randint(1, 4))]
        if kind == "create":
            return client.create(path, data, acl, ephemeral, sequence)
        if kind == "create2":
            return client.create(path, data, acl, ephemeral, sequence, include_data=True)
        if kind == "delete":
            return client.delete(path, version)
        if kind == "set":
            return client.set(path, data, version)
        if kind == "get":
            return client.get(path)
        if kind == "children":
            names, stat = client.get_children(path, include_data=True)
            return sorted(names), stat
        if kind == "exists":
            return client.exists(path)
        if kind == "acl":
            return client.get_acls(path)
        if kind == "set_acl":
            return client.set_acls(path, acl or kazoo.security.OPEN_ACL_UNSAFE, version)
        if kind == "sync":
            return client.sync(path)
        transaction = client.transaction()
        for step, where, expected in steps:
            if step == "create":
                transaction.create(where, data, sequence=sequence, ephemeral=ephemeral)
            elif step == "delete":
                transaction.delete(where, expected)
            elif step == "set":
                transaction.set_data(where, data, expected)
            else:
                transaction.check(where, expected)
        return transaction.commit()

    def run(self, client):
        answers = []
        for _ in range(self.steps):
            try:
                answers.append(plain(self.call(client)))
            except Exception as problem:
                answers.append(plain(problem))
        return answers


def same_answers(ours, theirs):
    clients = [connect(server) for server in (ours, theirs)]
    for round_number, auth in enumerate([False, True]):
        if auth:
            for client in clients:
                client.add_auth("digest", "u:p")
        seed = int(os.environ.get("INTEROP_SEED", "20261122")) + round_number
        got, expected = [Script(seed, 700).run(client) for client in clients]
        for number, (one, other) in enumerate(zip(got, expected)):
            check(one == other, "call %d of seed %d: ours %s, ZooKeeper %s" % (number, seed, one, other))
        print("  %d calls, %d kinds of answers" % (len(got), len(set(map(str, got)))))
    same_trees(*[tree_of_all(client) for client in clients], "after the same calls")
    for client in clients:
        close(client)


def tree_of_all(client, with_times=False):
    found = {}

    def visit(path):
        try:
            data, stat = client.get(path)
            acl, _ = client.get_acls(path)
            found[path] = (data, stat_of(stat, with_times), tuple(acl))
            children = client.get_children(path)
        except kazoo.exceptions.NoAuthError:
            found.setdefault(path, "no auth")
            return
        for child in sorted(children):
            visit(path.rstrip("/") + "/" + child)

    visit("/")
    return found


def fill(client, prefix, count):
    client.ensure_path(prefix + "/deep/er")
    for i in range(count):
        client.create("%s/n-" % prefix, b"v%d" % i, sequence=True)
        if i % 7 == 0:
            client.set("%s/deep/er" % prefix, b"%d" % i)
        if i % 11 == 0:
            client.delete("%s/n-%010d" % (prefix, i + 1))
    client.create(prefix + "/null", None)
    client.create(prefix + "/acl", b"", acl=[kazoo.security.make_digest_acl("u", "p", all=True),
                                             kazoo.security.make_acl("world", "anyone", read=True)])
    transaction = client.transaction()
    transaction.create(prefix + "/multi", b"1")
    transaction.set_data(prefix + "/multi", b"2")
    transaction.commit()


def hand_over(first, second, **settings):
    """A directory goes from one server to the other and back, each killed with -9; ephemerals of a living session stay."""
    directory = os.path.join(work, "handover-%s%d" % (first.__name__, len(settings)))
    server = first(directory, **settings)
    port = server.port
    seen = set()

    def compressed():
        return {name for name in os.listdir(directory + "/version-2") if name.endswith(".gz")}

    client = connect(server)
    holder = connect(server)
    holder.create("/held", b"", ephemeral=True)
    for turn, following in enumerate([second, first, second]):
        fill(client, "/turn%d" % turn, 120 if turn else 400)
        if settings and turn < 2:
            wait_for(lambda: compressed() - seen, "a compressed snapshot of " + server.name)
            seen |= compressed()
        before = tree_of(client)
        server.kill()
        server = following(directory, port, **settings)
        wait_for(lambda: client.connected and holder.connected, "the sessions on " + server.name)
        check(holder.exists("/held"), "the ephemeral of a living session is gone after the hand-over to " + server.name)
        same_trees(before, tree_of(client), "handed over to " + server.name)
        check(client.create("/turn%d/n-" % turn, b"", sequence=True), "cannot go on")
        print("  %s reads %d nodes" % (server.name, len(before)))
    close(holder)
    wait_for(lambda: client.exists("/held") is None, "the end of the ephemeral")
    close(client)
    server.kill()


def c_client(server):
    result = subprocess.run([TOOL, "client", "127.0.0.1:%d" % server.port], capture_output=True, text=True, timeout=60)
    check(result.returncode == 0, "the C client on %s: %s%s" % (server.name, result.stdout, result.stderr))


class Held:
    def __init__(self, server, path):
        self.lines = []
        self.process = subprocess.Popen([TOOL, "hold", "127.0.0.1:%d" % server.port, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        running.append(self.process)
        threading.Thread(target=lambda: [self.lines.append(line.strip()) for line in self.process.stdout], daemon=True).start()

    def expect(self, line, seconds=30):
        wait_for(lambda: line in self.lines, "'%s' (have %s)" % (line, self.lines), seconds)
        del self.lines[: self.lines.index(line) + 1]


def c_client_over_trouble(kind):
    directory = os.path.join(work, "trouble-%s" % kind.__name__)
    server = kind(directory)
    held = Held(server, "/held")
    held.expect("connected")
    held.expect("created ok")
    held.expect("watching")
    port = server.port
    server.kill()
    held.expect("disconnected")
    server = kind(directory, port)
    held.expect("connected")
    client = connect(server)
    check(client.exists("/held"), "the session was not taken up again")
    client.create("/held-watched", b"")
    held.expect("event /held-watched")
    # Stopped for longer than its time-out: the session is over, and a new one is opened.
    os.kill(held.process.pid, signal.SIGSTOP)
    wait_for(lambda: client.exists("/held") is None, "the session's end", 40)
    os.kill(held.process.pid, signal.SIGCONT)
    held.expect("expired")
    held.expect("connected")
    held.expect("created ok")
    held.process.kill()
    close(client)
    server.kill()


def watches_and_expiry():
    server = Ours(os.path.join(work, "watches"))
    client, other = connect(server), connect(server)
    seen = []
    client.ensure_path("/w")
    client.get("/w", watch=lambda event: seen.append(("data", event.type, event.path)))
    client.get_children("/w", watch=lambda event: seen.append(("children", event.type, event.path)))
    client.exists("/w/new", watch=lambda event: seen.append(("exists", event.type, event.path)))
    other.create("/w/new", b"")
    other.set("/w", b"x")
    wait_for(lambda: len(seen) == 3, "three events")
    check(sorted(seen) == [("children", "CHILD", "/w"), ("data", "CHANGED", "/w"), ("exists", "CREATED", "/w/new")], str(seen))
    # A lock between two clients: ephemerals, sequence numbers and watches together.
    one, two = client.Lock("/lock", "one"), other.Lock("/lock", "two")
    check(one.acquire(timeout=10), "lock")
    check(not two.acquire(blocking=False), "both have the lock")
    one.release()
    check(two.acquire(timeout=10), "the lock was not handed on")
    two.release()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"mntr")
        text = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    check("zk_server_state\tstandalone" in text, text)
    close(client)
    close(other)
    server.kill()


def main():
    theirs, ours = Theirs(os.path.join(work, "theirs")), Ours(os.path.join(work, "ours"))
    step("the same calls get the same answers", same_answers, ours, theirs)
    step("the C client on our server", c_client, ours)
    step("the C client on Debian's server", c_client, theirs)
    theirs.kill()
    ours.kill()
    step("watches and locks through kazoo", watches_and_expiry)
    step("our directory goes to ZooKeeper and back", hand_over, Ours, Theirs)
    step("ZooKeeper's directory comes to us and goes back", hand_over, Theirs, Ours)
    step("ours goes to ZooKeeper and back with compressed snapshots",
         lambda: hand_over(Ours, Theirs, **{"snapshot.compression.method": "gz"}))
    step("the C client over a restart and an expired session, on our server", c_client_over_trouble, Ours)
    step("the same on Debian's server", c_client_over_trouble, Theirs)


try:
    main()
    print("all good")
finally:
    peers.clean_up()
