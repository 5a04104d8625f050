# SPDX-License-Identifier: Apache-2.0
"""A segment and its companions written byte by byte, after Kafka's formats (storage/doc) and without the program's help."""
import gzip
import os
import struct
import zlib

from . import protocol

BASE = 1000
TIME = 1700000000000
PRODUCER = 7


def name(offset=BASE):
    return f"{offset:020}"


def headers(*keys):
    return protocol.zigzag(len(keys)) + b"".join(
        protocol.zigzag(len(key)) + key + protocol.zigzag(1) + b"v" for key in keys)


def batches():
    """One of each kind, with the offset of the last record and the largest time of each."""
    made, offset = [], BASE

    def add(records, **fields):
        nonlocal offset
        fields.setdefault("timestamp", TIME + offset)
        fields.setdefault("max_timestamp", TIME + offset + len(records) - 1)
        made.append((protocol.batch(records, base_offset=offset, leader_epoch=3, **fields),
                     offset + len(records) - 1, fields["max_timestamp"]))
        offset += len(records)

    def records(count, **fields):
        return [protocol.record(b"value %d" % at, key=b"key %d" % at, offset_delta=at, timestamp_delta=at, **fields)
                for at in range(count)]

    def transaction_end(kind):
        add([protocol.record(struct.pack(">hi", 0, 5), key=struct.pack(">hh", 0, kind))], producer=PRODUCER, epoch=1,
            attributes=0x30)
    add(records(3, headers=headers(b"one", b"two")))
    add(records(40), attributes=1, payload=gzip.compress(b"".join(records(40)), mtime=0))
    add(records(4), producer=PRODUCER, epoch=1, sequence=10)
    add(records(2), producer=PRODUCER, epoch=1, sequence=14, attributes=0x10)
    transaction_end(0)
    add(records(2), producer=PRODUCER, epoch=1, sequence=0x7FFFFFFF, attributes=0x10)
    transaction_end(1)
    add(records(3), attributes=8, max_timestamp=TIME + 5000)
    add([protocol.record(None, key=b"k"), protocol.record(b"\xff\xc3(\xe2\x82 \xf0\x9f\x98\x80 \xed\xa0\x80", offset_delta=1),
         protocol.record(b"", key=b"", offset_delta=2)], max_timestamp=TIME + offset)
    add(records(2), attributes=0x40)
    return made


def legacy_message(magic, offset, key, value, attributes=0, timestamp=TIME):
    body = struct.pack(">bb", magic, attributes) + (struct.pack(">q", timestamp) if magic else b"")
    body += protocol.data(key) + protocol.data(value)
    message = struct.pack(">I", zlib.crc32(body)) + body
    return struct.pack(">qi", offset, len(message)) + message


def legacy_batches():
    """Messages of the old formats, single ones and compressed sets."""
    inner0 = b"".join(legacy_message(0, BASE + 2 + at, b"k", b"in %d" % at) for at in range(3))
    inner1 = b"".join(legacy_message(1, at, None, b"in %d" % at, timestamp=TIME + at) for at in range(3))
    return [legacy_message(0, BASE, b"k", b"v"), legacy_message(0, BASE + 1, None, b"v"),
            legacy_message(0, BASE + 4, None, gzip.compress(inner0, mtime=0), attributes=1),
            legacy_message(1, BASE + 5, b"k", b"v"), legacy_message(1, BASE + 6, b"k", None, attributes=8),
            legacy_message(1, BASE + 9, None, gzip.compress(inner1, mtime=0), attributes=1, timestamp=TIME + 2)]


def snapshot(*entries, version=1):
    """Entries: (producer, epoch, last sequence, last offset, delta, timestamp, coordinator epoch, open transaction)."""
    tail = struct.pack(">i", len(entries)) + b"".join(struct.pack(">qhiqiqiq", *entry) for entry in entries)
    return struct.pack(">hI", version, protocol.crc32c(tail)) + tail


def sample():
    """{suffix: bytes} of a segment in which all is well."""
    made = batches()
    log, index, times = b"", b"", b""
    largest = -1
    for number, (content, last, time) in enumerate(made):
        if number in (1, 2, 5, 8):
            index += struct.pack(">ii", last - BASE, len(log))
            if time > largest:
                times += struct.pack(">qi", time, last - BASE)
                largest = time
        log += content
    return {
        ".log": log, ".index": index, ".timeindex": times,
        ".txnindex": struct.pack(">hqqqq", 0, PRODUCER, BASE + 47, BASE + 49, BASE + 50) +
        struct.pack(">hqqqq", 0, 8, BASE + 51, BASE + 53, BASE + 54),
        ".snapshot": snapshot((PRODUCER, 1, 3, BASE + 51, 1, TIME, 5, -1), (9, 0, -1, -1, 0, TIME, 2, BASE + 60),
                              (10, 2, 0, BASE + 3, 3, TIME, -1, -1))}


def write(directory, files, offset=BASE):
    """Writes them under their names; the paths by suffix."""
    os.makedirs(directory, exist_ok=True)
    paths = {}
    for suffix, content in files.items():
        paths[suffix] = os.path.join(directory, name(offset) + suffix)
        with open(paths[suffix], "wb") as target:
            target.write(content)
    return paths
