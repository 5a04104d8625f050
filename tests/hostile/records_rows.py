# SPDX-License-Identifier: Apache-2.0
"""Rows J09 to J13: record batches that lie, inflate or nest, and requests that repeat themselves."""
import gzip
import struct
import zlib

from harness import MIB, p, request, require

TOPIC = "victim"


def J09_a_batch_that_lies(target):
    good = p.record(b"value")
    cases = {
        "a wrong CRC": (p.batch(crc=1), (2,)),
        "a negative length": (p.batch(length=-1), (2, 87)),
        "one record where two are promised": (p.batch([good], count=2, last_delta=1), (87, 2)),
        "two records where one is promised": (p.batch([good, p.record(offset_delta=1)], count=1, last_delta=0), (87, 2)),
        "2^31-1 records": (p.batch([good], count=0x7FFFFFFF, last_delta=0x7FFFFFFE), (87, 2)),
        "a negative count": (p.batch([good], count=-1), (87, 2)),
        "a wrong last offset delta": (p.batch([good], last_delta=5), (87,)),
        "magic 3": (p.batch(magic=3), (2, 43, 76, 87, 35)),
        "magic 127": (p.batch(magic=127), (2, 43, 76, 87, 35)),
        "2^31 headers": (p.batch([p.record(headers=p.zigzag(0x7FFFFFFF))]), (87, 2)),
        "a negative header count": (p.batch([p.record(headers=p.zigzag(-5))]), (87, 2)),
        "a base offset that is not 0": (p.batch(base_offset=5), (87,)),
        "no records": (p.batch([], last_delta=-1), (87,)),
        "a record longer than the batch": (p.batch([p.zigzag(1000) + good]), (87, 2)),
        "a record of negative length": (p.batch([p.zigzag(-7) + good]), (87, 2)),
    }
    for codec in (5, 6, 7):
        cases[f"codec {codec}"] = p.batch(attributes=codec), (-1, 76, 87)
    for codec in (1, 2, 3, 4):
        cases[f"codec {codec}, not compressed"] = p.batch(attributes=codec, payload=b"nonsense" * 8), (-1, 2, 87)

    def attack():
        with target.client() as client:
            before = client.end_offset(TOPIC)
            for name, (content, accepted) in cases.items():
                error, _ = client.produce(TOPIC, content)
                require(error in accepted, f"{name}: error {error}")
            require(client.end_offset(TOPIC) == before, "something was appended")
    target.bounded(attack, 10000, "batches that lie")


def J10_control_batches_and_replica_fields_from_a_client(target):
    with target.client() as client:
        before = client.end_offset(TOPIC)
        marker = p.record(p.i16(0) + p.i32(1), key=p.i16(0) + p.i16(1))
        for attributes in (0x20, 0x30):
            answer = client.produce(TOPIC, p.batch([marker], attributes=attributes, producer=1, epoch=0, sequence=0))
            require(answer[0] in (87, 53, 42), f"a control batch, attributes {attributes}: {answer}")
        require(client.end_offset(TOPIC) == before, "a control batch was appended")


def lz4_frame(inflated):
    """An LZ4 frame that holds `inflated` zero bytes in blocks of 4 MiB."""
    content = b"\x1f\0\1\0" + b"\xff" * ((4 * MIB - 30) // 255) + b"\0\x50" + bytes(5)
    block = struct.pack("<I", len(content)) + content
    return bytes.fromhex("04224d186070") + bytes([0x73]) + block * (inflated // (4 * MIB)) + b"\0\0\0\0"


def zstd_frame(inflated):
    """A zstd frame of run-length blocks: four bytes for 128 KiB."""
    blocks = inflated // (128 * 1024)
    header = bytes.fromhex("28b52ffd") + bytes([0x00, 0x58])
    block = lambda last: struct.pack("<I", (128 * 1024) << 3 | 1 << 1 | last)[:3] + b"\0"  # noqa: E731
    return header + block(0) * (blocks - 1) + block(1)


def snappy_raw(inflated):
    """Raw Snappy: a zero, then copies of 64 bytes, three bytes each."""
    return p.varint(inflated) + b"\0\0" + (b"\xfe\1\0") * ((inflated - 1) // 64)


def J11_a_batch_that_inflates(target):
    inflated = 1024 * MIB
    start = p.zigzag(inflated - 10) + b"\0\0\0\1" + p.zigzag(inflated - 100)
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(4 * MIB)
    bomb = compressor.compress(start) + b"".join(compressor.compress(zeros) for _ in range(inflated // len(zeros)))
    bombs = {"gzip": (1, bomb + compressor.flush()), "gzip of empty records": (1, gzip.compress(bytes(64 * MIB))),
             "snappy": (2, snappy_raw(16 * MIB)), "lz4": (3, lz4_frame(256 * MIB)), "zstd": (4, zstd_frame(inflated))}
    for name, (codec, payload) in bombs.items():
        content = p.batch(attributes=codec, payload=payload, count=1, last_delta=0)

        def attack(content=content, name=name):
            with target.client(timeout=120) as client:
                answer = client.produce(TOPIC, content)
                require(answer is None or answer[0] != 0, f"{name}: accepted, {answer}")
        target.bounded(attack, len(content), name)


def message(value, magic=1, attributes=0, key=None):
    body = p.i8(magic) + p.i8(attributes) + (p.i64(1) if magic else b"") + p.data(key) + p.data(value)
    return p.i64(0) + p.i32(len(body) + 4) + struct.pack(">I", zlib.crc32(body)) + body


def J12_message_sets_inside_message_sets(target):
    nested = message(b"innermost")
    for depth in range(1, 60):
        nested = message(gzip.compress(nested), attributes=1)
        if depth not in (2, 3, 10, 59):
            continue
        with target.client() as client:
            reader = client.ask(p.PRODUCE, 2, p.produce_body(2, [(TOPIC, [(0, nested)])]))
            require(reader is None or p.produce_answer(reader, 2)[0][0] != 0, f"nested {depth} deep: accepted")


def J13_one_partition_twice_and_a_million_partitions(target):
    with target.client() as client:
        reader = client.ask(p.LIST_OFFSETS, 1, p.i32(-1) + p.array([p.text(TOPIC) + p.array([p.i32(0) + p.i64(-1)] * 2)]))
        reader.i32(), reader.text()
        errors = reader.array(lambda: (reader.i32(), reader.i16(), reader.i64(), reader.i64())[1])
        require(42 in errors, f"ListOffsets with one partition twice: {errors}")
        for count in (0x7FFFFFFF, 1000000):
            error = client.create_topic(f"partitions-{count}", count)
            require(error == 44, f"a topic of {count} partitions: error {error}")
    million = 1000000
    one = p.i32(0) + p.i64(0) + p.i32(1)
    bodies = {
        "Fetch": request(1, 4, p.i32(-1) + p.i32(0) + p.i32(0) + p.i32(1) + p.i8(0) + p.array([p.text(TOPIC) + p.array([one] * million)])),
        "ListOffsets": request(2, 1, p.i32(-1) + p.array([p.text(TOPIC) + p.array([p.i32(7) + p.i64(-1)] * million)])),
        "OffsetFetch": request(9, 1, p.text("g") + p.array([p.text(TOPIC) + p.array([p.i32(n) for n in range(million)])])),
        "Metadata": request(3, 1, p.array([p.text("t%d" % n) for n in range(million)])),
        "Produce": request(0, 7, p.text(None) + p.i16(1) + p.i32(1) + p.array(
            [p.text(TOPIC) + p.array([p.i32(5) + p.i32(0)] * million)])),
        "OffsetCommit": request(8, 2, p.text("g") + p.i32(-1) + p.text("") + p.i64(-1) + p.array(
            [p.text(TOPIC) + p.array([p.i32(7) + p.i64(1) + p.text("")] * million)])),
    }
    for name, frame in bodies.items():
        def attack(frame=frame, name=name):
            require(target.outcome(frame, 60) is not None, f"{name}: neither answered nor closed")
        target.bounded(attack, len(frame), f"{name} with a million partitions")


ROWS = [J09_a_batch_that_lies, J10_control_batches_and_replica_fields_from_a_client, J11_a_batch_that_inflates,
        J12_message_sets_inside_message_sets, J13_one_partition_twice_and_a_million_partitions]
