# SPDX-License-Identifier: Apache-2.0
"""ApiVersions asked and read byte by byte."""
import struct

from . import wire


class Answer:
    """What a broker said to ApiVersions: `apis` by key as (lowest, highest), features by name the same way."""

    def __init__(self, address):
        self.address = address
        self.error = 0
        self.apis = {}
        self.throttle_ms = 0
        self.supported = {}
        self.finalized = {}
        self.epoch = -1


class _Reader:
    def __init__(self, data):
        self.data = data
        self.position = 0

    def number(self, form):
        value = struct.unpack_from(">" + form, self.data, self.position)[0]
        self.position += struct.calcsize(form)
        return value

    def varint(self):
        value = shift = 0
        while True:
            byte = self.data[self.position]
            self.position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def text(self):
        length = self.varint() - 1
        self.position += length
        return self.data[self.position - length:self.position].decode()


def ask(address, version, name="compat", software_version="1"):
    """The answer to ApiVersions at `version`; None where the connection was closed."""
    body = b"" if version < 3 else b"".join(wire.compact(text) for text in (name, software_version)) + b"\0"
    with wire.connect(address) as connection:
        connection.sendall(wire.request(18, version, 77, (b"\0" if version >= 3 else b"") + body))
        frame = wire.read_frame(connection)
    if frame is None:
        return None
    reader = _Reader(frame)
    assert reader.number("i") == 77
    answer = Answer(address)
    answer.error = reader.number("h")
    if answer.error == 35:
        return answer
    flexible = version >= 3
    for _ in range(reader.varint() - 1 if flexible else reader.number("i")):
        key = reader.number("h")
        answer.apis[key] = (reader.number("h"), reader.number("h"))
        if flexible:
            assert reader.varint() == 0
    if version >= 1:
        answer.throttle_ms = reader.number("i")
    if flexible:
        _read_tags(reader, answer)
    assert reader.position == len(frame), "bytes after the answer"
    return answer


def _read_tags(reader, answer):
    for _ in range(reader.varint()):
        tag = reader.varint()
        reader.varint()
        if tag == 1:
            answer.epoch = reader.number("q")
        elif tag == 3:
            reader.number("b")
        else:
            features = answer.supported if tag == 0 else answer.finalized
            for _ in range(reader.varint() - 1):
                name, first, second = reader.text(), reader.number("h"), reader.number("h")
                # A supported range is written lowest first, a finalized one highest first.
                features[name] = (first, second) if tag == 0 else (second, first)
                assert reader.varint() == 0


def ask_too_new(address):
    """The error and the APIs that answer version 99."""
    with wire.connect(address) as connection:
        connection.sendall(wire.request(18, 99, 78, b"\0\1\1\0"))
        reader = _Reader(wire.read_frame(connection))
    assert reader.number("i") == 78
    error = reader.number("h")
    apis = {reader.number("h"): (reader.number("h"), reader.number("h")) for _ in range(reader.number("i"))}
    return error, apis
