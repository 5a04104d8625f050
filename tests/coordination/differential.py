#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same frames to our server and to Debian's ZooKeeper, and the same to be seen: differential.py COORDINATION_TOOL

Results, stats, error codes, zxids and the order of events are compared. What depends on the clock (times) or on a
hash table's order (children of one node, the ephemerals of one session) is not. INTEROP_SEED chooses other scripts, INTEROP_STEPS longer ones.
Exit 77: something it needs is not installed.
"""
import os, random, re, sys, threading

sys.dont_write_bytecode = True
import peers
import raw_client as raw
from peers import Ours, Theirs, check, step, wait_for
from raw_client import RawClient, text, i32, i64

peers.skip_where_missing()
peers.use(sys.argv[1])
STEPS = int(os.environ.get("INTEROP_STEPS", "1000"))
SEED = int(os.environ.get("INTEROP_SEED", "20261122"))
SUPER = "super:secret"
EVERYTHING = dict(extendedTypesEnabled="true", enforceQuota="true", DigestAuthenticationProvider__superDigest=raw.digest(SUPER))


def both(name, **settings):
    return [kind(os.path.join(peers.work, "%s-%s" % (name, kind.__name__)), **settings) for kind in (Ours, Theirs)]


def stop(servers):
    for server in servers:
        server.kill()


def same(ours, theirs, what):
    check(ours == theirs, "%s:\n  ours      %s\n  ZooKeeper %s" % (what, ours, theirs))


def plain(value, sessions):
    """Without times; sessions by the number of the client."""
    if isinstance(value, dict):
        stat = {key: part for key, part in value.items() if key not in ("ctime", "mtime")}
        stat["owner"] = sessions.get(stat["owner"], stat["owner"])
        return tuple(sorted(stat.items(), key=lambda pair: pair[0]))
    if isinstance(value, (list, tuple)):
        return tuple(plain(part, sessions) for part in value)
    return value


class Side:
    """One server and its clients, to which a script happens."""

    def __init__(self, server, count):
        self.server = server
        self.clients = [RawClient(server.port) for _ in range(count)]
        self.sessions = {client.session: "session %d" % number for number, client in enumerate(self.clients)}

    def call(self, number, kind, body, xid=None):
        try:
            return plain(self.clients[number].call(kind, body, xid), self.sessions)
        except raw.Closed:
            check(False, "%s closed the connection of client %d at operation %d, %s" % (self.server.name, number, kind, body))

    def events(self):
        try:
            return tuple(tuple(client.take_events()) for client in self.clients)
        except raw.Closed:
            check(False, "%s closed a connection" % self.server.name)

    def close(self):
        for client in self.clients:
            client.close()


class Script:
    """Pseudo-random requests, the same for the same seed."""
    NAMES = ["a", "b", "c", "\u00e4", "x.y"]
    BAD = ["", "a", "/a/", "//", "/a//b", "/./a", "/a/..", "/a\0b", "/a\u0001", "/\ufff0", "/zookeeper", "/zookeeper/config",
           "/zookeeper/quota", "/zookeeper/none", "/"]
    ACLS = [raw.OPEN] * 8 + [[(31, "digest", raw.digest("u:p"))], [(5, "world", "anyone")], [(31, "auth", "")],
                             [(31, "ip", "127.0.0.1/8")], [(31, "ip", "10.0.0.0/8")], [(31, "bogus", "x")], [],
                             [(0, "world", "anyone")], [(31, "world", "nobody")], [(31, "digest", "nocolon")], None,
                             [(31, "ip", "300.1.1.1")], [(1, "world", "anyone"), (31, "digest", raw.digest("u:p"))],
                             [(31, "world", "anyone"), (31, "world", "anyone")], [(31, "sasl", "who")], [(31, "x509", "CN=x")]]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def path(self):
        r = self.random
        if r.random() < 0.06:
            return r.choice(self.BAD)
        return "/" + "/".join(r.choice(self.NAMES) for _ in range(r.randint(1, 3)))

    def data(self):
        return self.random.choice([None, b"", b"x" * self.random.randint(1, 40)])

    def version(self):
        return self.random.choice([-1, -1, -1, 0, 1, -2, 5])

    def create_part(self):
        r = self.random
        kind = r.choice([raw.CREATE] * 6 + [raw.CREATE2] * 2 + [raw.CREATE_CONTAINER, raw.CREATE_TTL])
        acl = r.choice(self.ACLS)
        if kind == raw.CREATE_TTL:
            # A mode without a time to live, and none given, crashes ZooKeeper.
            mode, ttl = r.choice([(5, 3600000), (6, 7200000), (5, 0), (5, -1), (6, 1 << 40), (0, 5), (4, 5), (5, (1 << 40) - 1)])
            return kind, raw.create(self.path(), self.data(), acl, mode, ttl)
        modes = [4] if kind == raw.CREATE_CONTAINER else [0] * 8 + [1, 1, 2, 2, 3, 4, 5, 7, -1]
        return kind, raw.create(self.path(), self.data(), acl, r.choice(modes))

    def write(self):
        r = self.random
        choice = r.random()
        if choice < 0.5:
            return self.create_part()
        if choice < 0.7:
            return raw.DELETE, text(self.path()) + i32(self.version())
        return raw.SET_DATA, text(self.path()) + text(self.data()) + i32(self.version())

    def write_in_multi(self):
        # ZooKeeper has no answer to a check that stands alone.
        if self.random.random() < 0.15:
            return raw.CHECK, text(self.path()) + i32(self.version())
        return self.write()

    def read(self):
        r = self.random
        watch = raw.flag(r.random() < 0.5)
        kind = r.choice([raw.EXISTS, raw.GET_DATA, raw.GET_DATA, raw.GET_CHILDREN, raw.GET_CHILDREN2, raw.GET_ACL, raw.SYNC,
                         raw.GET_ALL_CHILDREN_NUMBER, raw.GET_EPHEMERALS, raw.WHO_AM_I, raw.MULTI_READ])
        if kind in (raw.EXISTS, raw.GET_DATA, raw.GET_CHILDREN, raw.GET_CHILDREN2):
            return kind, text(self.path()) + watch
        if kind == raw.MULTI_READ:
            parts = [(r.choice([raw.GET_DATA, raw.GET_CHILDREN]), text(self.path()) + watch) for _ in range(r.randint(1, 4))]
            return kind, raw.multi(parts)
        if kind == raw.WHO_AM_I:
            return kind, b""
        return kind, text(self.path())

    def watch(self):
        r = self.random
        kind = r.choice([raw.ADD_WATCH, raw.ADD_WATCH, raw.REMOVE_WATCHES, raw.SET_WATCHES, raw.SET_WATCHES2])
        if kind == raw.ADD_WATCH:
            return kind, text(self.path()) + i32(r.choice([0, 1]))
        if kind == raw.REMOVE_WATCHES:
            return kind, text(self.path()) + i32(r.choice([1, 2, 3]))
        paths = [[self.path() for _ in range(r.randint(0, 2))] for _ in range(5)]
        zxid = r.choice([0, 5, 50, 1 << 40])
        return kind, raw.set_watches(zxid, *(paths if kind == raw.SET_WATCHES2 else paths[:3]))

    def next(self):
        """(opcode, body)"""
        r = self.random
        choice = r.random()
        if choice < 0.45:
            return self.write()
        if choice < 0.52:
            return raw.SET_ACL, text(self.path()) + raw.acls(r.choice(self.ACLS)) + i32(self.version())
        if choice < 0.62:
            return raw.MULTI, raw.multi([self.write_in_multi() for _ in range(r.randint(0, 5))])
        if choice < 0.87:
            return self.read()
        return self.watch()


def tree_of(client, sessions, path="/"):
    """Everything that a super user sees."""
    found = {path: plain(client.call(raw.GET_DATA, text(path) + raw.flag(False))[2:] + client.call(raw.GET_ACL, text(path))[2:], sessions)}
    for child in client.call(raw.GET_CHILDREN, text(path) + raw.flag(False))[2]:
        found.update(tree_of(client, sessions, path.rstrip("/") + "/" + child.decode()))
    return found


def same_trees(sides, what, without=()):
    trees = []
    for side in sides:
        client = RawClient(side.server.port)
        client.authenticate("digest", SUPER)
        tree = tree_of(client, side.sessions)
        if without:
            tree = {path: strip(values, without) for path, values in tree.items()}
        trees.append(tree)
        client.close()
    for path in sorted(set(trees[0]) | set(trees[1])):
        same(trees[0].get(path), trees[1].get(path), "%s, %s" % (what, path))
    return len(trees[0])


def strip(value, names):
    if isinstance(value, tuple):
        return tuple(strip(part, names) for part in value if not (isinstance(part, tuple) and len(part) == 2 and part[0] in names))
    return value


def one_after_another(servers):
    """Three clients take turns; who watches is told the same in the same order."""
    sides = [Side(server, 3) for server in servers]
    for side in sides:
        side.clients[1].authenticate("digest", "u:p")
        side.clients[2].authenticate("digest", SUPER)
    script, answers, told = Script(SEED), {}, 0
    for number in range(STEPS):
        kind, body = script.next()
        who = script.random.choice([0, 0, 1, 1, 2])
        xid = -8 if kind in (raw.SET_WATCHES, raw.SET_WATCHES2) else None
        ours, theirs = [side.call(who, kind, body, xid) for side in sides]
        what = "step %d of seed %d, client %d, operation %d, %s" % (number, SEED, who, kind, body)
        same(ours, theirs, what)
        events = [side.events() for side in sides]
        same(events[0], events[1], "events after " + what)
        answers[(kind, ours[0])] = answers.get((kind, ours[0]), 0) + 1
        told += sum(map(len, events[0]))
    nodes = same_trees(sides, "the trees after seed %d" % SEED)
    for side in sides:
        side.close()
    print("  %d requests, %d kinds of answers, %d events, %d nodes" % (STEPS, len(answers), told, nodes))


def all_at_once(servers):
    """Six clients, each in a place of its own, send without waiting; times and zxids depend on who was first."""
    zxids = ("czxid", "mzxid", "pzxid")
    sides, answers = [Side(server, 6) for server in servers], []
    for side in sides:
        for number, client in enumerate(side.clients):
            client.call(raw.CREATE, raw.create("/all%d" % number))
        results = [None] * len(side.clients)

        def play(side, number):
            client, script = side.clients[number], Script(SEED + number)
            script.path = lambda: "/all%d/" % number + "/".join(script.random.choice("abc") for _ in range(script.random.randint(1, 2)))
            sent, seen = 0, []
            while len(seen) < 300:
                while sent < 300 and sent - len(seen) < 50:
                    kind, body = script.next()
                    # ZooKeeper looks at the old list until a setACL that is on its way is applied.
                    if kind == raw.SET_ACL:
                        kind, body = raw.SYNC, text("/")
                    client.send(kind, body, -8 if kind in (raw.SET_WATCHES, raw.SET_WATCHES2) else None)
                    sent += 1
                answer = client.receive()
                # Events come in front of the answer to the write that caused them.
                seen.append((strip(plain((answer[0],) + answer[2:], side.sessions), zxids), tuple(client.events)))
                client.events = []
            results[number] = seen

        threads = [threading.Thread(target=play, args=(side, number)) for number in range(len(side.clients))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answers.append(results)
    for number, (ours, theirs) in enumerate(zip(*answers)):
        check(ours is not None and theirs is not None, "client %d did not finish" % number)
        for at, pair in enumerate(zip(ours, theirs)):
            same(pair[0], pair[1], "request %d of client %d, seed %d" % (at, number, SEED + number))
    for side in sides:
        side.close()
    print("  6 clients, 300 requests each, up to 50 on their way")


def contended(servers):
    """Eight clients fight for one counter and one queue: nothing is lost, and no number given twice."""
    for server in servers:
        first = RawClient(server.port)
        first.call(raw.CREATE, raw.create("/counter", b"0"))
        first.call(raw.CREATE, raw.create("/queue"))
        names, lock = [], threading.Lock()

        def fight():
            client = RawClient(server.port)
            for _ in range(25):
                while True:
                    answer = client.call(raw.GET_DATA, text("/counter") + raw.flag(False))
                    body = text("/counter") + text(b"%d" % (int(answer[2]) + 1)) + i32(answer[3]["version"])
                    if client.call(raw.SET_DATA, body)[0] == "ok":
                        break
                name = client.call(raw.CREATE, raw.create("/queue/n-", b"", raw.OPEN, 2))[2]
                with lock:
                    names.append(name)
            client.close()

        threads = [threading.Thread(target=fight) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answer = first.call(raw.GET_DATA, text("/counter") + raw.flag(False))
        same((answer[2], answer[3]["version"]), (b"200", 200), "the counter of " + server.name)
        same(sorted(names), [b"/queue/n-%010d" % number for number in range(200)], "the queue of " + server.name)
        first.close()


def quotas(servers):
    sides = [Side(server, 1) for server in servers]

    def call(kind, body):
        ours, theirs = [side.call(0, kind, body) for side in sides]
        same(ours, theirs, "operation %d, %s" % (kind, body))
        return ours[0]

    def account():
        for which in ("zookeeper_stats", "zookeeper_limits"):
            call(raw.GET_DATA, text("/zookeeper/quota/q/" + which) + raw.flag(False))

    call(raw.CREATE, raw.create("/q", b"12345"))
    call(raw.CREATE, raw.create("/q/old", b"123"))
    call(raw.CREATE, raw.create("/zookeeper/quota/q"))
    call(raw.CREATE, raw.create("/zookeeper/quota/q/zookeeper_limits", b"count=3,bytes=-1=;byteHardLimit=20;countHardLimit=5"))
    call(raw.CREATE, raw.create("/zookeeper/quota/q/zookeeper_stats", b"count=0,bytes=0"))
    account()
    for number in range(5):
        call(raw.CREATE, raw.create("/q/n%d" % number, b"x"))
        account()
    same(call(raw.CREATE, raw.create("/q/more", b"")), "quota", "beyond the count")
    same(call(raw.SET_DATA, text("/q/n0") + text(b"x" * 30) + i32(-1)), "quota", "beyond the bytes")
    call(raw.SET_DATA, text("/q/n0") + text(b"xxx") + i32(-1))
    account()
    call(raw.MULTI, raw.multi([(raw.DELETE, text("/q/n1") + i32(-1)), (raw.CREATE, raw.create("/q/in-multi", b"zz"))]))
    account()
    call(raw.DELETE, text("/q/old") + i32(-1))
    call(raw.CREATE, raw.create("/q/deep", b"1"))
    call(raw.CREATE, raw.create("/q/deep/er", b"1"))
    account()
    call(raw.CREATE, raw.create("/quick", b"is not below /q"))
    call(raw.DELETE, text("/zookeeper/quota/q/zookeeper_limits") + i32(-1))
    call(raw.CREATE, raw.create("/q/free", b"x" * 100))
    account()
    for side in sides:
        side.close()


def clean_up_of_nodes():
    """Containers go when their last child has gone, nodes with a time to live when nobody wrote them for so long."""
    servers = both("cleanup", znode__container__checkIntervalMs=200, **EVERYTHING)
    seen = []
    for server in servers:
        client = RawClient(server.port)
        for path in ("/used", "/unused"):
            same(client.call(raw.CREATE_CONTAINER, raw.create(path, b"", raw.OPEN, 4))[0], "ok", path)
        client.call(raw.CREATE_TTL, raw.create("/short", b"", raw.OPEN, 5, 300))
        client.call(raw.CREATE_TTL, raw.create("/kept", b"", raw.OPEN, 5, 300))
        client.call(raw.CREATE, raw.create("/kept/child"))
        client.call(raw.CREATE_TTL, raw.create("/long", b"", raw.OPEN, 5, 3600000))
        client.call(raw.CREATE, raw.create("/used/child"))
        client.call(raw.EXISTS, text("/short") + raw.flag(True))
        client.call(raw.EXISTS, text("/used") + raw.flag(True))
        client.call(raw.DELETE, text("/used/child") + i32(-1))

        def left():
            return client.call(raw.GET_CHILDREN, text("/") + raw.flag(False))[2]

        wait_for(lambda: not {b"short", b"used"} & set(left()), "the nodes to go on " + server.name)
        owners = {path: client.call(raw.EXISTS, text(path) + raw.flag(False))[2]["owner"] for path in ("/unused", "/kept", "/long")}
        seen.append((left(), sorted(client.events), owners))
        client.close()
    same(seen[0], seen[1], "what is left")
    stop(servers)


def sessions():
    """Passwords, moves, what a reconnected client is told, expiry, over kill -9."""
    answers = {}

    def play(server):
        seen = []
        kind, directory, port = type(server), server.directory, server.port
        client, other = RawClient(port, 10000), RawClient(port, 10000)
        client.call(raw.CREATE, raw.create("/e", b"", raw.OPEN, 1))
        other.call(raw.CREATE, raw.create("/d", b"1"))
        other.call(raw.CREATE, raw.create("/p"))
        client.call(raw.GET_DATA, text("/d") + raw.flag(True))
        zxid = client.call(raw.SYNC, text("/"))[1]
        thief = RawClient(port, 10000, client.session, b"x" * 16)
        seen.append(("a wrong password", thief.session, thief.timeout, raw.ended(thief)))
        nobody = RawClient(port, 10000, 12345, bytes(16))
        seen.append(("no such session", nobody.session, nobody.timeout, raw.ended(nobody)))
        moved = RawClient(port, 4000, client.session, client.password)
        seen.append(("moved", moved.session == client.session, moved.timeout, raw.ended(client)))
        ahead = RawClient(port, hello=False)
        ahead.frame(i32(0) + i64(zxid + 1000) + i32(10000) + i64(0) + text(bytes(16)) + raw.flag(False))
        seen.append(("has seen the future", raw.ended(ahead)))
        seen.append(("bounds", RawClient(port, 1).timeout, RawClient(port, 1000000).timeout))
        moved.drop()
        other.call(raw.SET_DATA, text("/d") + text(b"2") + i32(-1))
        other.call(raw.CREATE, raw.create("/p/c"))
        server.kill()
        server = kind(directory, port, **EVERYTHING)
        again = RawClient(port, 10000, moved.session, moved.password, zxid)
        seen.append(("after kill -9", again.session == client.session))
        body = raw.set_watches(zxid, ["/d", "/gone", "/e"], ["/p", "/none"], ["/p", "/d"])
        seen.append(again.call(raw.SET_WATCHES, body, -8)[0])
        seen.append(tuple(again.events))
        watcher = RawClient(port, 10000)
        seen.append(plain(watcher.call(raw.EXISTS, text("/e") + raw.flag(True))[2], {client.session: "its owner"}))
        again.drop()
        wait_for(lambda: (watcher.call(raw.PING, b"", -2), watcher.events)[1], "the end of the ephemeral")
        seen.append(tuple(watcher.events))
        late = RawClient(port, 10000, client.session, client.password)
        seen.append(("expired", late.session, raw.ended(late)))
        server.kill()
        answers[server.name] = seen

    # At once: it is the time-outs that take time.
    threads = [threading.Thread(target=play, args=(server,)) for server in both("sessions", **EVERYTHING)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(len(answers) == 2, "a server did not get through")
    for ours, theirs in zip(answers["ours"], answers["ZooKeeper"]):
        same(ours, theirs, "sessions")


def bad_input(servers):
    """Each ends its own connection or is answered by ZooKeeper's error; who stands beside notices nothing."""
    def outcome(server, frames, hello=True, then_alive=True):
        client = RawClient(server.port, hello=hello)
        try:
            for frame in frames:
                client.socket.sendall(frame)
        except OSError:
            pass
        client.socket.settimeout(raw.DEADLINE)
        seen = []
        try:
            if hello and then_alive:
                client.frame(i32(77) + i32(raw.SYNC) + text("/"))
            while True:
                reply = raw.Decoder(client.read())
                seen.append((reply.number("i"), raw.ERRORS.get((reply.number("q"), reply.number("i"))[1])))
                if seen[-1][0] == 77:
                    break
        except raw.Closed:
            seen.append("closed")
        client.drop()
        return seen

    def request(kind, body, xid=1):
        body = i32(xid) + i32(kind) + body
        return i32(len(body)) + body

    cases = {
        "a negative length": [i32(-5)],
        "a length over jute.maxbuffer": [i32(0x100000)],
        "the longest length": [i32(0x7fffffff)],
        "an unknown operation": [request(99, b"")],
        "no body": [request(raw.CREATE, b"")],
        "a short path": [request(raw.GET_DATA, i32(100) + b"/")],
        "a negative path length": [request(raw.GET_DATA, i32(-7) + raw.flag(False))],
        "an ACL of two thousand million": [request(raw.CREATE, text("/x") + text(b"") + i32(0x7fffffff))],
        "a multi without end": [request(raw.MULTI, i32(1) + raw.flag(False) + i32(-1) + raw.create("/m"))],
        "a multi of reads": [request(raw.MULTI, raw.multi([(raw.GET_DATA, text("/") + raw.flag(False))]))],
        "a multi of unknown steps": [request(raw.MULTI, raw.multi([(77, b"")]))],
        "a multiRead of writes": [request(raw.MULTI_READ, raw.multi([(raw.CREATE, raw.create("/m"))]))],
        "bytes behind a request": [request(raw.EXISTS, text("/") + raw.flag(False) + b"more")],
        "an unknown watch mode": [request(raw.ADD_WATCH, text("/") + i32(9))],
        "an unknown kind of watch": [request(raw.REMOVE_WATCHES, text("/") + i32(9))],
        "an auth scheme that is not there": [request(raw.AUTH, i32(0) + text("nope") + text("x"), -4)],
        "an empty auth": [request(raw.AUTH, i32(0) + text("digest") + text(""), -4)],
        "reconfig": [request(raw.RECONFIG, text("") + text("") + text("") + i64(-1))],
    }
    bystanders = [RawClient(server.port) for server in servers]
    for name, frames in cases.items():
        # ZooKeeper may read one request more before it closes after an unknown operation: a matter of its threads.
        then_alive = name != "an unknown operation"
        same(*[outcome(server, frames, True, then_alive) for server in servers], name)
    for name, first in {"HTTP": b"GET / HTTP/1.1\r\n\r\n", "TLS": b"\x16\x03\x01\x02\x00\x01\x00", "an empty frame": i32(0),
                        "a short hello": i32(4) + i32(0)}.items():
        same(outcome(servers[0], [first], False), outcome(servers[1], [first], False), name)
    big = raw.create("/big", b"x" * (0xfffff - 100))
    for server, bystander in zip(servers, bystanders):
        client = RawClient(server.port)
        same(client.call(raw.CREATE, big)[0], "ok", "the largest node on " + server.name)
        same(len(client.call(raw.GET_DATA, text("/big") + raw.flag(False))[2]), 0xfffff - 100, "read from " + server.name)
        same(client.call(raw.DELETE, text("/big") + i32(-1))[0], "ok", "deleted on " + server.name)
        same(bystander.call(raw.EXISTS, text("/") + raw.flag(False))[0], "ok", "the bystander of " + server.name)
        bystander.close()
        client.close()


def words():
    """The four-letter words: the same lines but for figures; of the monitored figures, no name that ZooKeeper lacks."""
    servers = both("words")
    clients = [RawClient(server.port) for server in servers]
    for client in clients:
        client.call(raw.CREATE, raw.create("/e", b"", raw.OPEN, 1))
        client.call(raw.GET_DATA, text("/") + raw.flag(True))

    def shape(server, command):
        answer = raw.word(server.port, command)
        answer = re.sub(r"version: .*", "version", answer).replace(server.directory, "DIR")
        answer = re.sub(r"(0x)?[0-9a-f]*[0-9][0-9a-f]*(\.[0-9E-]+)?", "N", answer)
        # In how many sets sessions and connections expire depends on the moment.
        return sorted(set(re.sub(r"[MTWFS][a-z]+ [A-Z][a-z]+ N", "DAY", answer).splitlines()))

    for command in ("ruok", "srvr", "isro", "wchs", "wchc", "wchp", "crst", "srst", "dirs", "gtmk", "stat", "cons", "dump"):
        same(shape(servers[0], command), shape(servers[1], command), command)
    conf, names = [], []
    for server in servers:
        conf.append([line.split("=")[0] for line in raw.word(server.port, "conf").splitlines()])
        names.append({line.split("\t")[0] for line in raw.word(server.port, "mntr").splitlines()})
    same(conf[0], conf[1], "conf")
    check(names[0] <= names[1], "figures that ZooKeeper does not have: %s" % sorted(names[0] - names[1]))
    for client in clients:
        client.close()
    stop(servers)


def main():
    servers = both("main", znode__container__checkIntervalMs=3600000, **EVERYTHING)
    step("quotas", quotas, servers)
    step("requests one after another", one_after_another, servers)
    step("requests all at once", all_at_once, servers)
    step("a contended counter and queue", contended, servers)
    step("bad input", bad_input, servers)
    stop(servers)
    step("containers and times to live", clean_up_of_nodes)
    step("sessions", sessions)
    step("four-letter words", words)


try:
    main()
    print("all good")
finally:
    peers.clean_up()
