# SPDX-License-Identifier: Apache-2.0
"""Rows J01 to J08: framing, headers, and bodies that lie about their lengths."""
import os
import struct

from harness import p, request, require, wire

HUGE = (0x7FFFFFFF, 0x10000000)


def J01_a_frame_length_below_zero_or_beyond_100_mib(target):
    def attack():
        for length in (-1, -0x80000000, 104857601, 0x7FFFFFFF):
            target.ends(p.i32(length) + b"x" * 1000, f"length {length}")
    target.bounded(attack, 4000, "four lengths")
    held = []

    def promise():
        for _ in range(50):
            held.append(wire.connect(target.address))
            held[-1].sendall(p.i32(104857600) + p.i16(0) + b"x" * 1000)
        require(target.outcome(request(18, 0, b"")), "not served beside them")
    try:
        target.bounded(promise, 50000, "50 promises of 100 MiB")
    finally:
        for connection in held:
            connection.close()


def J02_http_a_tls_hello_and_random_bytes(target):
    target.ends(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP")
    target.ends(bytes.fromhex("1603010200010001fc0303") + bytes(range(200)), "a TLS hello")
    for _ in range(50):
        target.ends(bytes([0x80 | os.urandom(1)[0]]) + os.urandom(300), "random bytes, read as a negative length")
        target.ends(p.i32(300) + os.urandom(1).replace(b"\0", b"\1") + os.urandom(299), "a random frame")


def J03_an_unknown_key_or_version(target):
    for key, version in ((-1, 0), (95, 0), (32000, 0), (-32768, 3), (0, 14), (1, 19), (3, -1), (3, 32767), (17, 2)):
        target.ends(request(key, version, b"\0" * 20), f"API {key} version {version}")
    for version in (6, 99, 32767, -1):
        answer = target.outcome(request(18, version, b"\0" * 8))
        require(answer and struct.unpack_from(">ihi", answer) == (7, 35, 1), f"ApiVersions {version}: {answer!r}")


def J04_an_array_count_that_is_huge_or_negative(target):
    def attack():
        for count in HUGE:
            bodies = {
                (3, 1): p.i32(count), (0, 7): p.text(None) + p.i16(-1) + p.i32(1000) + p.i32(count),
                (0, 3): p.text(None) + p.i16(1) + p.i32(1) + p.i32(1) + p.text("t") + p.i32(count) + b"\0" * 64,
                (1, 4): p.i32(-1) + p.i32(0) + p.i32(1) + p.i32(1) + p.i8(0) + p.i32(count), (2, 1): p.i32(-1) + p.i32(count),
                (8, 2): p.text("g") + p.i32(1) + p.text("m") + p.i64(-1) + p.i32(count), (19, 2): p.i32(count),
                (11, 0): p.text("g") + p.i32(1000) + p.text("") + p.text("consumer") + p.i32(count), (42, 0): p.i32(count),
            }
            for (key, version), body in bodies.items():
                target.ends(request(key, version, body), f"API {key} version {version}, count {count}")
        for count in (0xFFFFFFFF, 0x0FFFFFFF):
            target.ends(request(3, 9, p.varint(count) + b"\1\0\0\0", True), f"Metadata, compact count {count}")
            target.ends(request(0, 9, b"\0" + p.i16(1) + p.i32(1) + p.varint(count), True), f"Produce, count {count}")
    target.bounded(attack, 10000, "counts that promise gigabytes")
    for key, version, body in ((0, 7, p.text(None) + p.i16(-1) + p.i32(1000) + p.i32(-2)), (19, 2, p.i32(-5) + p.i32(1) + b"\0")):
        target.ends(request(key, version, body), f"API {key}: null where an array has to be")
    answer = target.outcome(request(3, 1, p.i32(-2)))
    require(answer, "Metadata v1 with a negative count is null: all topics")


def J05_tagged_fields_in_masses(target):
    many = 1000000
    tags = p.varint(many) + b"\7\0" * many

    def in_the_body():
        frame = request(18, 3, p.ctext("a") + p.ctext("1") + tags, True)
        answer = target.outcome(frame)
        require(answer == b"", f"a million unknown tags are not kept: {answer!r:.60}")
    target.bounded(in_the_body, 2 * many, "a million tagged fields in a body")

    def in_the_header():
        frame = wire.frame(p.header(18, 3, 7, "hostile") + tags + p.ctext("a") + p.ctext("1") + b"\0")
        require(target.outcome(frame), "tagged fields of a header are passed over")
    target.bounded(in_the_header, 2 * many, "a million tagged fields in a header")
    few = p.varint(100) + b"\7\1x" * 100
    require(target.outcome(request(18, 3, p.ctext("a") + p.ctext("1") + few, True)), "a hundred unknown tags are no error")
    for count, size in ((0xFFFFFFFF, 0), (1, 0xFFFFFFFF), (1, 1000), (2, 0)):
        content = p.ctext("a") + p.ctext("1") + p.varint(count) + b"\7" + p.varint(size)
        target.ends(request(18, 3, content, True), f"{count} tagged fields of {size} bytes that are not there")


def J06_a_varint_that_is_too_long(target):
    for bad in (b"\x80" * 5 + b"\1", b"\xff" * 10, b"\xff\xff\xff\xff\x7f", b"\x80"):
        target.ends(request(18, 3, bad + b"a1" + b"\0", True), f"a length of {bad.hex()}")
        target.ends(wire.frame(p.header(18, 3, 7, "hostile") + bad), f"a header tag count of {bad.hex()}")
    with target.client() as client:
        for bad in (b"\x80" * 5 + b"\1", b"\x80" * 11, b"\xff\xff\xff\xff\x7f"):
            error, _ = client.produce("victim", p.batch([bad + p.record()]))
            require(error in (2, 87), f"a record whose length is {bad.hex()}: error {error}")


def J07_a_length_that_wraps_around(target):
    for length in (0xFFFFFFFF, 0xFFFFFFFE, 0x80000000, 0x7FFFFFFF):
        target.ends(request(18, 3, p.varint(length) + b"a" * 50, True), f"a compact string of {length}")
        target.ends(request(0, 9, b"\0" + p.i16(1) + p.i32(1) + b"\2\2t\2" + p.i32(0) + p.varint(length) + b"x" * 50, True),
                    f"records of {length}")
    target.ends(request(0, 7, p.text(None) + p.i16(1) + p.i32(1) + p.i32(1) + p.text("t") + p.i32(1) + p.i32(0) +
                        p.i32(0x7FFFFFFF) + b"x" * 50), "records of 2^31-1")
    target.ends(request(3, 1, p.i32(1) + p.i16(0x7FFF) + b"x" * 50), "a string of 32,767")
    with target.client() as client:
        for length in (0x7FFFFFFF, -1, -0x80000000, 0, 48):
            error, _ = client.produce("victim", p.batch(length=length))
            require(error in (2, 87), f"a batch that says {length} bytes: error {error}")


def J08_null_bad_utf8_and_nul_in_names(target):
    target.ends(request(0, 7, p.text(None) + p.i16(1) + p.i32(1) + p.i32(1) + p.text(None) + p.i32(0)), "a null topic")
    target.ends(request(12, 0, p.text(None) + p.i32(1) + p.text("m")), "a null group")
    target.ends(request(12, 4, p.ctext(None) + p.i32(1) + p.ctext("m") + p.ctext(None) + b"\0", True), "a null group, v4")
    with target.client() as client:
        for name in (b"a\xff\xfe", b"a\0b", b"", b".", b"..", b"a b", b"\xc3\xa4", b"x" * 250, b"a/b"):
            error = client.create_topic(name)
            require(error == 17, f"CreateTopics of {name!r:.20}: error {error}")
            reader = client.ask(3, 1, p.array([p.text(name)]))
            reader.array(lambda: (reader.i32(), reader.text(), reader.i32(), reader.text()))
            reader.i32()
            require(reader.i32() == 1 and reader.i16() == 17, f"Metadata of {name!r:.20}")
            error, _ = client.produce(name, p.batch())
            require(error in (3, 17), f"Produce to {name!r:.20}: error {error}")


ROWS = [J01_a_frame_length_below_zero_or_beyond_100_mib, J02_http_a_tls_hello_and_random_bytes, J03_an_unknown_key_or_version,
        J04_an_array_count_that_is_huge_or_negative, J05_tagged_fields_in_masses, J06_a_varint_that_is_too_long,
        J07_a_length_that_wraps_around, J08_null_bad_utf8_and_nul_in_names]
