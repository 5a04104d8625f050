# SPDX-License-Identifier: Apache-2.0
"""ZooKeeper's wire without a client library: frames that the caller makes, replies decoded to plain values.

Everything is blocking with a deadline. A client keeps what it was told in order, events and replies, so that two
servers can be compared.
"""
import hashlib, base64, socket, struct, time

DEADLINE = 60
(CREATE, DELETE, EXISTS, GET_DATA, SET_DATA, GET_ACL, SET_ACL, GET_CHILDREN, SYNC) = range(1, 10)
PING, GET_CHILDREN2, CHECK, MULTI, CREATE2, RECONFIG, CHECK_WATCHES, REMOVE_WATCHES = 11, 12, 13, 14, 15, 16, 17, 18
CREATE_CONTAINER, CREATE_TTL, MULTI_READ = 19, 21, 22
AUTH, SET_WATCHES, SASL, GET_EPHEMERALS, GET_ALL_CHILDREN_NUMBER, SET_WATCHES2, ADD_WATCH, WHO_AM_I = 100, 101, 102, 103, 104, 105, 106, 107
CLOSE, ERROR = -11, -1
OPEN = [(31, "world", "anyone")]
ERRORS = {0: "ok", -3: "data", -5: "marshalling", -6: "unimplemented", -8: "arguments", -101: "no node", -102: "no auth",
          -103: "version", -108: "ephemeral parent", -110: "exists", -111: "not empty", -112: "expired", -114: "acl",
          -115: "auth failed", -2: "inconsistency", -121: "no watcher", -123: "reconfig disabled", -125: "quota"}


def i32(value):
    return struct.pack(">i", value)


def i64(value):
    return struct.pack(">q", value)


def flag(value):
    return b"\1" if value else b"\0"


def text(value):
    if value is None:
        return i32(-1)
    value = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    return i32(len(value)) + value


def texts(values):
    return i32(len(values)) + b"".join(map(text, values))


def acls(values):
    if values is None:
        return i32(-1)
    return i32(len(values)) + b"".join(i32(perms) + text(scheme) + text(who) for perms, scheme, who in values)


def digest(user_and_password):
    user = user_and_password.split(":")[0]
    return user + ":" + base64.b64encode(hashlib.sha1(user_and_password.encode()).digest()).decode()


def create(path, data=b"", acl=OPEN, flags=0, ttl=None):
    return text(path) + text(data) + acls(acl) + i32(flags) + (b"" if ttl is None else i64(ttl))


def multi(steps):
    """steps: [(opcode, body)]"""
    return b"".join(i32(op) + flag(False) + i32(-1) + body for op, body in steps) + i32(-1) + flag(True) + i32(-1)


def set_watches(zxid, data=(), exist=(), child=(), persistent=None, recursive=()):
    body = i64(zxid) + texts(data) + texts(exist) + texts(child)
    return body if persistent is None else body + texts(persistent) + texts(recursive)


class Decoder:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def number(self, kind):
        value = struct.unpack_from(">" + kind, self.data, self.at)[0]
        self.at += struct.calcsize(kind)
        return value

    def text(self):
        length = self.number("i")
        if length < 0:
            return None
        self.at += length
        return self.data[self.at - length:self.at]

    def texts(self):
        return [self.text() for _ in range(self.number("i"))]

    def stat(self):
        names = ["czxid", "mzxid", "ctime", "mtime", "version", "cversion", "aversion", "owner", "length", "children", "pzxid"]
        return dict(zip(names, [self.number(kind) for kind in "qqqqiiiqiiq"]))

    def acls(self):
        return [(self.number("i"), self.text(), self.text()) for _ in range(self.number("i"))]

    def multi(self):
        results = []
        while True:
            kind, done, error = self.number("i"), self.number("?"), self.number("i")
            if done:
                return results
            if kind == ERROR:
                results.append(("error", ERRORS.get(self.number("i"), error)))
            else:
                results.append((kind, error) + tuple(self.result(kind)))

    def result(self, kind):
        if kind in (CREATE, SYNC):
            return [self.text()]
        if kind in (CREATE2, CREATE_CONTAINER, CREATE_TTL):
            return [self.text(), self.stat()]
        if kind in (EXISTS, SET_DATA, SET_ACL):
            return [self.stat()]
        if kind == GET_DATA:
            return [self.text(), self.stat()]
        if kind == GET_ACL:
            return [self.acls(), self.stat()]
        if kind in (GET_CHILDREN, GET_EPHEMERALS):
            return [sorted(self.texts())]
        if kind == GET_CHILDREN2:
            return [sorted(self.texts()), self.stat()]
        if kind in (MULTI, MULTI_READ):
            return [self.multi()]
        if kind in (GET_ALL_CHILDREN_NUMBER, ADD_WATCH):
            return [self.number("i")]
        if kind == WHO_AM_I:
            return [sorted((self.text(), self.text()) for _ in range(self.number("i")))]
        return []


class Closed(Exception):
    pass


class RawClient:
    def __init__(self, port, timeout_ms=10000, session=0, password=bytes(16), zxid=0, hello=True):
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.xid, self.session, self.pending, self.events = 0, 0, {}, []
        if hello:
            self.frame(i32(0) + i64(zxid) + i32(timeout_ms) + i64(session) + text(password) + flag(False))
            reply = Decoder(self.read())
            reply.number("i")
            self.timeout, self.session, self.password = reply.number("i"), reply.number("q"), reply.text()

    def frame(self, body):
        try:
            self.socket.sendall(i32(len(body)) + body)
        except OSError:
            raise Closed()

    def exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionError:
                more = b""
            if not more:
                raise Closed()
            data += more
        return data

    def read(self):
        return self.exactly(struct.unpack(">i", self.exactly(4))[0])

    def send(self, kind, body=b"", xid=None):
        """Without waiting; receive() gives the replies in order."""
        if xid is None:
            self.xid += 1
            xid = self.xid
        self.pending.setdefault(xid, []).append(kind)
        self.frame(i32(xid) + i32(kind) + body)

    def receive(self):
        """The next reply: (error, header zxid, *values). Events before it are in self.events."""
        while True:
            reply = Decoder(self.read())
            xid, zxid, error = reply.number("i"), reply.number("q"), reply.number("i")
            if xid == -1:
                self.events.append((reply.number("i"), reply.number("i"), reply.text()))
                continue
            kind = self.pending[xid].pop(0)
            return (ERRORS.get(error, error), zxid) + tuple(reply.result(kind) if error == 0 else [])

    def call(self, kind, body=b"", xid=None):
        self.send(kind, body, xid)
        return self.receive()

    def take_events(self):
        """Those of everything that was committed before this call, by whomever."""
        self.call(SYNC, text("/"))
        taken, self.events = self.events, []
        return taken

    def authenticate(self, scheme, what):
        return self.call(AUTH, i32(0) + text(scheme) + text(what), -4)

    def close(self):
        """Ends the session."""
        self.call(CLOSE)
        self.drop()

    def drop(self):
        """Leaves without a word."""
        self.socket.close()


def ended(client):
    """Whether the server closes the connection, whatever it says before."""
    end = time.monotonic() + DEADLINE
    try:
        while time.monotonic() < end:
            client.read()
    except Closed:
        return True
    return False


def word(port, command, argument=b""):
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as connection:
        connection.sendall(command.encode() + argument)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
