# SPDX-License-Identifier: Apache-2.0
"""A minimal ZooKeeper client: one session, one request at a time. Enough to write znodes and read them back.

The wire format is ZooKeeper's (zookeeper.jute at branch-3.8): length-prefixed frames, big-endian numbers.
"""
import socket
import struct

CREATE, EXISTS, GET_DATA, GET_ACL, GET_CHILDREN, CLOSE = 1, 3, 4, 6, 8, -11
NO_NODE, NODE_EXISTS = -101, -110


class ZooKeeperError(Exception):
    def __init__(self, code):
        super().__init__(f"ZooKeeper error {code}")
        self.code = code


def _buffer(data):
    return struct.pack(">i", len(data)) + data


def _string(text):
    return _buffer(text.encode())


class Client:
    """Raises OSError when the connection is gone; the caller then makes a new Client."""

    def __init__(self, address, session_ms=6000, timeout=5):
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout=timeout)
        self._socket.settimeout(timeout)
        self._xid = 0
        try:
            self._send(struct.pack(">iqiq", 0, 0, session_ms, 0) + _buffer(bytes(16)) + b"\0")
            _, self.session_ms, self.session = struct.unpack(">iiq", self._receive()[:16])
            if self.session_ms <= 0:
                raise ConnectionError("the server refused the session")
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._call(CLOSE, b"")
        except (OSError, ZooKeeperError):
            pass
        self._socket.close()

    def create(self, path, data=b"", flags=0):
        acl = struct.pack(">ii", 1, 31) + _string("world") + _string("anyone")
        return self._call(CREATE, _string(path) + _buffer(data) + acl + struct.pack(">i", flags))[4:].decode()

    def exists(self, path):
        try:
            self._call(EXISTS, _string(path) + b"\0")
            return True
        except ZooKeeperError as error:
            if error.code == NO_NODE:
                return False
            raise

    def get(self, path):
        reply = self._call(GET_DATA, _string(path) + b"\0")
        length = struct.unpack_from(">i", reply)[0]
        return reply[4:4 + length] if length > 0 else b""

    def stat(self, path):
        """The node's stat, by ZooKeeper's names."""
        names = ("czxid", "mzxid", "ctime", "mtime", "version", "cversion", "aversion", "ephemeralOwner", "dataLength",
                 "numChildren", "pzxid")
        return dict(zip(names, struct.unpack(">qqqqiiiqiiq", self._call(EXISTS, _string(path) + b"\0"))))

    def acl(self, path):
        """[(permissions, scheme, id)]"""
        reply = self._call(GET_ACL, _string(path))
        entries, offset = [], 4
        for _ in range(struct.unpack_from(">i", reply)[0]):
            entry = [struct.unpack_from(">i", reply, offset)[0]]
            offset += 4
            for _ in range(2):
                length = struct.unpack_from(">i", reply, offset)[0]
                entry.append(reply[offset + 4:offset + 4 + length].decode())
                offset += 4 + length
            entries.append(tuple(entry))
        return entries

    def children(self, path):
        reply = self._call(GET_CHILDREN, _string(path) + b"\0")
        names, offset = [], 4
        for _ in range(struct.unpack_from(">i", reply)[0]):
            length = struct.unpack_from(">i", reply, offset)[0]
            names.append(reply[offset + 4:offset + 4 + length].decode())
            offset += 4 + length
        return names

    def _call(self, operation, body):
        self._xid += 1
        self._send(struct.pack(">ii", self._xid, operation) + body)
        while True:
            reply = self._receive()
            xid, _, error = struct.unpack_from(">iqi", reply)
            if xid == self._xid:
                break
        if error:
            raise ZooKeeperError(error)
        return reply[16:]

    def _send(self, frame):
        self._socket.sendall(struct.pack(">i", len(frame)) + frame)

    def _receive(self):
        return self._exactly(struct.unpack(">i", self._exactly(4))[0])

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the server closed the connection")
            data += part
        return data
