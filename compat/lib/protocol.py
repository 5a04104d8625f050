# SPDX-License-Identifier: Apache-2.0
"""Requests and record batches put together by hand, byte by byte, and a reader for what comes back."""
import struct
import time

from . import wire

PRODUCE, FETCH, LIST_OFFSETS, METADATA = 0, 1, 2, 3
OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, JOIN_GROUP = 8, 9, 10, 11
API_VERSIONS, CREATE_TOPICS = 18, 19


def i8(value):
    return struct.pack(">b", value)


def i16(value):
    return struct.pack(">h", value)


def i32(value):
    return struct.pack(">i", value)


def i64(value):
    return struct.pack(">q", value)


def raw_text(value):
    return value if isinstance(value, bytes) else value.encode()


def text(value):
    """A string with two bytes of length; None is null."""
    return i16(-1) if value is None else i16(len(raw_text(value))) + raw_text(value)


def data(value):
    """Bytes with four bytes of length; None is null."""
    return i32(-1) if value is None else i32(len(value)) + value


def array(items):
    return i32(-1) if items is None else i32(len(items)) + b"".join(items)


def varint(value):
    """Unsigned."""
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def zigzag(value):
    return varint((value << 1) ^ (value >> 63))


def ctext(value):
    return b"\0" if value is None else varint(len(raw_text(value)) + 1) + raw_text(value)


def cdata(value):
    return b"\0" if value is None else varint(len(value) + 1) + value


def carray(items):
    return b"\0" if items is None else varint(len(items) + 1) + b"".join(items)


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ 0x82F63B78 if value & 1 else value >> 1
        table.append(value)
    return table


_TABLE = _crc_table()


def crc32c(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def record(value=b"v", key=None, offset_delta=0, timestamp_delta=0, attributes=0, headers=b"\0"):
    body = (i8(attributes) + zigzag(timestamp_delta) + zigzag(offset_delta) +
            (zigzag(-1) if key is None else zigzag(len(key)) + key) +
            (zigzag(-1) if value is None else zigzag(len(value)) + value) + headers)
    return zigzag(len(body)) + body


def batch(records=None, *, base_offset=0, leader_epoch=-1, magic=2, attributes=0, last_delta=None, timestamp=None,
          max_timestamp=None, producer=-1, epoch=-1, sequence=-1, count=None, crc=None, length=None, payload=None):
    """A batch of version 2; what is given by name replaces what would be right."""
    records = [record()] if records is None else records
    timestamp = int(time.time() * 1000) if timestamp is None else timestamp
    tail = struct.pack(">hiqqqhii", attributes, len(records) - 1 if last_delta is None else last_delta, timestamp,
                       timestamp if max_timestamp is None else max_timestamp, producer, epoch, sequence,
                       len(records) if count is None else count)
    tail += b"".join(records) if payload is None else payload
    body = struct.pack(">ib", leader_epoch, magic) + struct.pack(">I", crc32c(tail) if crc is None else crc) + tail
    return struct.pack(">qi", base_offset, len(body) if length is None else length) + body


def produce_body(version, topics, acks=-1, transactional_id=None, timeout_ms=10000):
    """`topics`: [(name, [(partition, records)])]; versions 0 to 12."""
    if version >= 9:
        return (ctext(transactional_id) + i16(acks) + i32(timeout_ms) + carray(
            [ctext(name) + carray([i32(index) + cdata(records) + b"\0" for index, records in partitions]) + b"\0"
             for name, partitions in topics]) + b"\0")
    return ((text(transactional_id) if version >= 3 else b"") + i16(acks) + i32(timeout_ms) + array(
        [text(name) + array([i32(index) + data(records) for index, records in partitions])
         for name, partitions in topics]))


def fetch_body(version, topics, wait_ms=0, min_bytes=1, max_bytes=1 << 20, isolation=0, replica=-1, session=(0, -1)):
    """`topics`: [(name or id, [{offset, ...}])]; versions 4 to 18."""
    flexible = version >= 12
    many = carray if flexible else array
    tags = b"\0" if flexible else b""

    def partition(of):
        return (i32(of.get("partition", 0)) + (i32(of.get("leader_epoch", -1)) if version >= 9 else b"") +
                i64(of.get("offset", 0)) + (i32(of.get("last_epoch", -1)) if version >= 12 else b"") +
                (i64(-1) if version >= 5 else b"") + i32(of.get("max_bytes", 1 << 20)) + tags)

    def topic(name, partitions):
        named = name if version >= 13 else ctext(name) if flexible else text(name)
        return named + many([partition(of) for of in partitions]) + tags
    body = (i32(replica) if version <= 14 else b"") + i32(wait_ms) + i32(min_bytes) + i32(max_bytes) + i8(isolation)
    if version >= 7:
        body += i32(session[0]) + i32(session[1])
    body += many([topic(name, partitions) for name, partitions in topics])
    if version >= 7:
        body += many([])
    if version >= 11:
        body += ctext("") if flexible else text("")
    if version >= 15 and replica != -1:
        return body + b"\1\1" + varint(13) + i32(replica) + i64(-1) + b"\0"
    return body + tags


class Reader:
    """What a broker answered, read from the front."""

    def __init__(self, content):
        self.content = content
        self.position = 0

    def number(self, form):
        value = struct.unpack_from(">" + form, self.content, self.position)[0]
        self.position += struct.calcsize(form)
        return value

    def i8(self):
        return self.number("b")

    def i16(self):
        return self.number("h")

    def i32(self):
        return self.number("i")

    def i64(self):
        return self.number("q")

    def varint(self):
        value = shift = 0
        while True:
            byte = self.number("B")
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def take(self, count):
        taken = self.content[self.position:self.position + count]
        assert len(taken) == count, "the answer ends early"
        self.position += count
        return taken

    def text(self):
        length = self.i16()
        return None if length < 0 else self.take(length).decode("utf-8", "replace")

    def ctext(self):
        length = self.varint()
        return None if length == 0 else self.take(length - 1).decode("utf-8", "replace")

    def data(self):
        length = self.i32()
        return None if length < 0 else self.take(length)

    def cdata(self):
        length = self.varint()
        return None if length == 0 else self.take(length - 1)

    def array(self, read):
        return [read() for _ in range(max(0, self.i32()))]

    def carray(self, read):
        return [read() for _ in range(max(0, self.varint() - 1))]

    def tags(self):
        for _ in range(self.varint()):
            self.varint()
            self.take(self.varint())

    def end(self):
        assert self.position == len(self.content), f"{len(self.content) - self.position} bytes after the answer"


class Client:
    """One connection. ask() gives a Reader behind the response header, or None where the broker closed."""

    def __init__(self, address, timeout=20):
        self.address = address
        self.connection = wire.connect(address, timeout)
        self.correlation = 100

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, key, version, body, flexible=False, client="compat"):
        self.correlation += 1
        self.connection.sendall(wire.frame(header(key, version, self.correlation, client, flexible) + body))

    def ask(self, key, version, body, flexible=False, client="compat", header_tags=None):
        self.send(key, version, body, flexible, client)
        return self.answer(flexible if header_tags is None else header_tags)

    def answer(self, flexible=False):
        try:
            frame = wire.read_frame(self.connection)
        except ConnectionError:
            return None
        if frame is None:
            return None
        reader = Reader(frame)
        assert reader.i32() == self.correlation, "an answer to another request"
        if flexible:
            reader.tags()
        return reader

    def produce(self, topic, records, version=7, acks=-1, transactional_id=None, partition=0):
        """The partition's (error, base offset), or None where the connection was closed."""
        flexible = version >= 9
        reader = self.ask(PRODUCE, version, produce_body(version, [(topic, [(partition, records)])], acks,
                                                         transactional_id), flexible)
        return None if reader is None else produce_answer(reader, version)[0]

    def create_topic(self, topic, partitions=1, configs=(), replicas=1):
        """Error of CreateTopics v2."""
        body = array([text(topic) + i32(partitions) + i16(replicas) + array([]) +
                      array([text(name) + text(value) for name, value in configs])]) + i32(20000) + i8(0)
        reader = self.ask(CREATE_TOPICS, 2, body)
        reader.i32()
        return reader.array(lambda: (reader.text(), reader.i16(), reader.text()))[0][1]

    def end_offset(self, topic, partition=0):
        reader = self.ask(LIST_OFFSETS, 1, i32(-1) + array([text(topic) + array([i32(partition) + i64(-1)])]))
        reader.i32(), reader.text(), reader.i32(), reader.i32()
        return reader.i16(), (reader.i64(), reader.i64())[1]

    def fetch(self, topic, offset=0, version=4, flexible=None, **more):
        """The first partition's (error, high watermark, records); None where the connection was closed."""
        more = dict(more)
        partition = {name: more.pop(name) for name in ("leader_epoch", "last_epoch") if name in more}
        if "partition_max_bytes" in more:
            partition["max_bytes"] = more.pop("partition_max_bytes")
        if "partition" in more:
            partition["partition"] = more.pop("partition")
        body = fetch_body(version, [(topic, [dict(partition, offset=offset)])], **more)
        reader = self.ask(FETCH, version, body, version >= 12)
        return None if reader is None else fetch_answer(reader, version)


def produce_answer(reader, version):
    """All partitions' (error, base offset) in order."""
    flexible = version >= 9
    many = reader.carray if flexible else reader.array
    found = []

    def partition():
        reader.i32()
        found.append((reader.i16(), reader.i64()))
        if version >= 2:
            reader.i64()
        if version >= 5:
            reader.i64()
        if version >= 8:
            def record_error():
                reader.i32(), (reader.ctext if flexible else reader.text)()
                if flexible:
                    reader.tags()
            many(record_error)
            (reader.ctext if flexible else reader.text)()
        if flexible:
            reader.tags()

    def topic():
        (reader.ctext if flexible else reader.text)()
        many(partition)
        if flexible:
            reader.tags()
    many(topic)
    if version >= 1:
        reader.i32()
    if flexible:
        reader.tags()
    reader.end()
    return found


def fetch_answer(reader, version):
    flexible = version >= 12
    many = reader.carray if flexible else reader.array
    found = []
    reader.i32()
    top = 0
    if version >= 7:
        top = reader.i16()
        reader.i32()

    def partition():
        reader.i32()
        error, watermark = reader.i16(), reader.i64()
        reader.i64()
        if version >= 5:
            reader.i64()

        def aborted():
            reader.i64(), reader.i64()
            if flexible:
                reader.tags()
        many(aborted)
        if version >= 11:
            reader.i32()
        found.append((error, watermark, (reader.cdata if flexible else reader.data)() or b""))
        if flexible:
            reader.tags()

    def topic():
        if version >= 13:
            reader.take(16)
        else:
            (reader.ctext if flexible else reader.text)()
        many(partition)
        if flexible:
            reader.tags()
    many(topic)
    if flexible:
        reader.tags()
    return found[0] if found else (top, -1, b"")


def header(key, version, correlation, client="compat", flexible=False):
    return struct.pack(">hhi", key, version, correlation) + text(client) + (b"\0" if flexible else b"")


def metadata_body(version, topics, create=False):
    """Topics by name; versions 10 and 12."""
    return (carray([bytes(16) + ctext(name) + b"\0" for name in topics]) + i8(int(create)) +
            (b"\0" if version == 10 else b"") + b"\0\0")


def metadata_topics(reader, version):
    """Each topic's (error, name, id or None), of versions 1 to 12."""
    flexible = version >= 9
    many, words = (reader.carray, reader.ctext) if flexible else (reader.array, reader.text)

    def tags():
        if flexible:
            reader.tags()

    def partition():
        reader.i16(), reader.i32(), reader.i32()
        if version >= 7:
            reader.i32()
        many(reader.i32), many(reader.i32)
        if version >= 5:
            many(reader.i32)
        tags()

    def topic():
        error, name = reader.i16(), words()
        identity = reader.take(16) if version >= 10 else None
        reader.i8()
        many(partition)
        if version >= 8:
            reader.i32()
        tags()
        return error, name, identity
    if version >= 3:
        reader.i32()
    many(lambda: (reader.i32(), words(), reader.i32(), words(), tags()))
    if version >= 2:
        words()
    reader.i32()
    return many(topic)
