# SPDX-License-Identifier: Apache-2.0
"""Rows J15 to J18: peers that never read, requests of brokers, random and cut requests; and what decoding costs."""
import socket
import struct
import subprocess
import time

from harness import MIB, p, request, require, send_all, wire

# J14 (SASL tokens and frames) waits for SASL, which is not there yet: SaslHandshake and SaslAuthenticate are refused.


def fill_pipe(connection, frame, count):
    """Sends up to `count` times `frame` without reading; stops where the broker has stopped reading."""
    connection.settimeout(1.5)
    sent = 0
    block = frame * 500
    try:
        while sent < count:
            connection.sendall(block)
            sent += 500
    except TimeoutError:
        pass
    return sent


def J15_a_peer_that_pipelines_and_never_reads(target):
    with target.client() as client:
        for number in range(20):
            client.create_topic(f"many-{number}", 20)
    small, large = request(18, 0, b""), request(3, 1, p.i32(-1))
    waiting = request(1, 4, p.i32(-1) + p.i32(20000) + p.i32(1) + p.i32(1 << 20) + p.i8(0) + p.array(
        [p.text("victim") + p.array([p.i32(0) + p.i64(0) + p.i32(1)])]))
    for name, first, frame in (("small answers", b"", small), ("large answers", b"", large),
                               ("large answers behind one that waits", waiting, large)):
        held = []

        def attack(first=first, frame=frame, held=held):
            for _ in range(4):
                connection = wire.connect(target.address)
                held.append(connection)
                connection.sendall(first)
                fill_pipe(connection, frame, 100000)
        try:
            grown = target.grown_by(attack)
            require(target.sanitized or grown <= 4 * 24 * MIB, f"{name}: {grown >> 20} MiB on four connections")
        finally:
            for connection in held:
                connection.close()


def J15_a_peer_that_reads_slowly_and_never_all(target):
    frame = request(3, 1, p.i32(-1))

    size = 4 + len(target.outcome(frame))

    def attack():
        with wire.connect(target.address) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.settimeout(30)
            received = asked = 0
            while received < 64 * MIB:
                # Two MiB are under way at all times: the broker never gets rid of all of it.
                more = (received + 2 * MIB - asked) // size
                if more > 0:
                    connection.sendall(frame * more)
                    asked += more * size
                part = connection.recv(256 * 1024)
                require(part, "the connection was closed")
                received += len(part)
    grown = target.grown_by(attack)
    require(target.sanitized or grown <= 48 * MIB, f"{grown >> 20} MiB")


def J16_requests_between_brokers_from_a_client(target):
    # Neither this broker itself, by a connection, nor one that ZooKeeper does not know as controller.
    for controller in (0, 1):
        refused = {(4, 0): p.i32(controller) + p.i32(99) + p.i32(0) + p.i32(0), (5, 0): p.i32(controller) + p.i32(99) + b"\1" + p.i32(0),
                   (6, 0): p.i32(controller) + p.i32(99) + p.i32(0) + p.i32(0)}
        for (key, version), body in refused.items():
            answer = target.outcome(request(key, version, body))
            require(answer and struct.unpack_from(">ih", answer) == (7, 31), f"API {key}: {answer!r}")
    answer = target.outcome(request(7, 1, p.i32(0)))
    require(answer and struct.unpack_from(">ih", answer) == (7, 31), f"ControlledShutdown: {answer!r}")
    answer = target.outcome(request(56, 0, p.i32(0) + p.i64(1) + p.carray([]) + b"\0", True))
    require(answer and p.i16(77) in answer, f"AlterPartition: {answer!r}")
    marker = p.i64(1) + p.i16(0) + b"\1" + p.array([p.text("victim") + p.array([p.i32(0)])]) + p.i32(0)
    answer = target.outcome(request(27, 0, p.array([marker])))
    require(answer and answer.endswith(p.i16(35)), f"WriteTxnMarkers: {answer!r}")
    for key, version, flexible in ((52, 0, True), (53, 0, False), (58, 0, True), (59, 0, True), (62, 0, True), (67, 0, True)):
        answer = target.outcome(request(key, version, b"\0" * 40, flexible))
        require(answer and p.i16(35) in answer, f"API {key}: {answer!r}")
    with target.client() as client:
        # A replica id that no broker has may look, and may not move anything.
        before = client.end_offset("victim")
        answer = client.fetch("victim", 0, replica=77)
        require(answer is not None and answer[0] in (0, 6, 9), f"Fetch as replica 77: {answer}")
        require(client.produce("victim", p.batch())[0] == 0, "the partition takes no records any more")
        require(client.end_offset("victim")[1] == before[1] + 1, "the high watermark stands")


def samples(target, seeds):
    content = subprocess.run([target.samples, str(seeds)], stdout=subprocess.PIPE, check=True).stdout
    position = 0
    while position < len(content):
        size = 4 + struct.unpack_from(">i", content, position)[0]
        yield content[position:position + size]
        position += size


def J17_random_requests_of_the_right_form(target):
    counts = {"answered": 0, "closed": 0, "waiting": 0}

    def attack():
        connection = None
        for frame in samples(target, 2 if target.sanitized else 4):
            if connection is None:
                connection = wire.connect(target.address)
            send_all(connection, frame)
            connection.settimeout(0.25)
            try:
                answer = wire.read_frame(connection)
                counts["answered" if answer is not None else "closed"] += 1
                if answer is not None:
                    continue
            except TimeoutError:
                counts["waiting"] += 1
            except OSError:
                counts["closed"] += 1
            connection.close()
            connection = None
        if connection:
            connection.close()
    grown = target.grown_by(attack)
    require(target.sanitized or grown <= 64 * MIB, f"{grown >> 20} MiB")
    require(counts["answered"] > 500, f"{counts}")
    print(f"        J17: {counts}, {grown >> 20} MiB at most", flush=True)


def J18_requests_cut_at_every_byte(target):
    newest = {}
    for frame in samples(target, 1):
        newest[struct.unpack_from(">h", frame, 4)[0]] = frame
    cuts = 0
    for key in (0, 1, 2, 3, 8, 9, 10, 12, 13, 15, 18, 21, 22, 27, 32, 42, 60, 75):
        body = newest[key][4:]
        step = 1 + len(body) // (60 if target.sanitized else 250)
        for length in range(0, len(body), step):
            outcome = target.outcome(wire.frame(body[:length]), 20)
            require(outcome is not None, f"API {key} cut after {length} bytes: neither answered nor closed")
            cuts += 1
    print(f"        J18: {cuts} cut requests", flush=True)


def J18_requests_in_pieces(target):
    whole = [request(18, 0, b""), request(3, 1, p.array([p.text("victim")])),
             request(2, 1, p.i32(-1) + p.array([p.text("victim") + p.array([p.i32(0) + p.i64(-2)])])),
             request(18, 3, p.ctext("a") + p.ctext("1") + b"\0", True)]
    stream = b"".join(whole)
    expected = [target.outcome(frame) for frame in whole]

    def sent_as(pieces):
        with wire.connect(target.address) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(30)
            for piece in pieces:
                connection.sendall(piece)
            return answers(connection, len(whole))
    require(sent_as([bytes([byte]) for byte in stream]) == expected, "one byte at a time: other answers")
    for at in range(1, len(stream)):
        require(sent_as([stream[:at], stream[at:]]) == expected, f"split after {at} bytes: other answers")


def answers(connection, count):
    content = b""
    found = []
    while len(found) < count:
        part = connection.recv(65536)
        require(part, "the connection was closed")
        content += part
        while len(content) >= 4 and len(content) >= 4 + struct.unpack(">i", content[:4])[0]:
            size = 4 + struct.unpack(">i", content[:4])[0]
            found.append(content[4:size])
            content = content[size:]
    return found


def memory_that_decoding_takes(target):
    """Arrays of the elements that are largest in memory beside their bytes."""
    count = 4 * MIB
    topic = b"\1\1\0"
    frames = {
        "Metadata of empty names": request(3, 1, p.i32(count) + b"\0\0" * count),
        "Produce of empty topics": request(0, 9, b"\0" + p.i16(1) + p.i32(1) + p.varint(count + 1) + topic * count + b"\0", True),
        "Fetch of empty topics": request(1, 12, p.i32(-1) + p.i32(0) * 3 + b"\0" + p.i32(0) + p.i32(-1) + p.varint(count + 1) +
                                         topic * count + b"\1\1\0", True),
        "Produce of one empty partition each": request(0, 7, p.text(None) + p.i16(1) + p.i32(1) + p.i32(count // 2) +
                                                       (p.i16(0) + p.i32(0)) * (count // 2)),
        "CreateTopics": request(19, 5, p.varint(count + 1) + (b"\1" + p.i32(1) + p.i16(1) + b"\1\1\0") * count + p.i32(1) + b"\0\0", True),
        "FindCoordinator of empty keys": request(10, 4, b"\0" + p.varint(count + 1) + b"\1" * count + b"\0", True),
        "DescribeConfigs": request(32, 4, p.varint(count + 1) + b"\2\1\1\0" * count + b"\0\0\0", True),
        "AlterConfigs": request(33, 2, p.varint(count + 1) + b"\2\1\1\0" * count + b"\0\0", True),
        "Metadata of long names": request(3, 1, p.array([p.text("name-%08d" % n) for n in range(200000)])),
        # These stay within what a request may take, so that they are handled and answered.
        "Metadata of 70,000 names": request(3, 1, p.array([p.text("name-%08d" % n) for n in range(70000)])),
        "OffsetFetch of 100,000 partitions": request(9, 1, p.text("g") + p.array([p.text("victim") + p.array(
            [p.i32(n) for n in range(100000)])])),
        "CreateTopics of 50,000 names": request(19, 5, p.varint(50001) + (b"\2a" + p.i32(1) + p.i16(1) + b"\1\1\0") * 50000 +
                                                p.i32(1) + b"\0\0", True),
        "FindCoordinator of 90,000 keys": request(10, 4, b"\0" + p.varint(90001) + b"\1" * 90000 + b"\0", True),
        "DescribeGroups of 90,000": request(15, 5, p.varint(90001) + b"\2g" * 90000 + b"\0\0", True),
        "ListOffsets of 70,000 partitions": request(2, 1, p.i32(-1) + p.array([p.text("victim") + p.array(
            [p.i32(7) + p.i64(-1)] * 70000)])),
        "Fetch of 60,000 partitions": request(1, 4, p.i32(-1) + p.i32(0) + p.i32(0) + p.i32(1) + p.i8(0) + p.array(
            [p.text("victim") + p.array([p.i32(7) + p.i64(0) + p.i32(1)] * 60000)])),
        "DescribeProducers of 100,000 partitions, refused": request(61, 0, b"\2\2t" + p.varint(100001) + bytes(4) * 100000 + b"\0\0", True),
        "DeleteGroups": request(42, 2, p.varint(count + 1) + b"\1" * count + b"\0", True),
    }
    for name, frame in frames.items():
        def attack(frame=frame, name=name):
            require(target.outcome(frame, 60) is not None, f"{name}: neither answered nor closed")
        grown = target.bounded(attack, len(frame), name)
        print(f"        {name}: {len(frame) / MIB:.1f} MiB sent, {grown / MIB:.1f} MiB at most", flush=True)
    begin = time.monotonic()
    require(target.outcome(request(18, 0, b"")) and time.monotonic() - begin < 10, "slow afterwards")


FRESH = [memory_that_decoding_takes]
ROWS = [J15_a_peer_that_pipelines_and_never_reads, J15_a_peer_that_reads_slowly_and_never_all,
        J16_requests_between_brokers_from_a_client, J17_random_requests_of_the_right_form, J18_requests_cut_at_every_byte,
        J18_requests_in_pieces]
