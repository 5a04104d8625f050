# SPDX-License-Identifier: Apache-2.0
"""A .log file as record batches, and a batch as records. All formats; a message of magic 0 or 1 is a batch of its own.

Every check that needs nothing but the bytes is made here: lengths, checksums, counts, deltas. What does not hold raises
Damage with the position.
"""
import struct
import zlib

import lz4.frame
import snappy
import zstandard
from crc32c import crc32c

_V2 = struct.Struct(">qiibIhiqqqhii")
_OLD = struct.Struct(">qiIbb")
_INT = struct.Struct(">i")
_LONG = struct.Struct(">q")
HEADER_BYTES = _V2.size
_XERIAL = b"\x82SNAPPY\0"
# The zigzag numbers of one byte.
_SMALL = [(byte >> 1) ^ -(byte & 1) for byte in range(128)]


class Damage(Exception):
    """Bytes that are no batch, or a batch that contradicts itself."""

    def __init__(self, position, reason):
        super().__init__(f"at byte {position}: {reason}")
        self.position = position


class Batch:
    """The header of one, and where its records lie."""

    __slots__ = ("position", "size", "base", "last", "magic", "leader_epoch", "attributes", "base_timestamp", "max_timestamp",
                 "producer", "producer_epoch", "sequence", "count", "payload")

    @property
    def transactional(self):
        return bool(self.attributes & 16)

    @property
    def control(self):
        return bool(self.attributes & 32)

    @property
    def codec(self):
        return self.attributes & 7

    @property
    def log_append_time(self):
        return bool(self.attributes & 8)

    @property
    def end(self):
        return self.position + self.size


def batches(content, start=0):
    """The batches of `content` (bytes or a memoryview) from `start` on, each with a good checksum. Raises Damage where the
    next one is not whole."""
    position, length = start, len(content)
    while position < length:
        if length - position < 17:
            raise Damage(position, f"{length - position} bytes are no batch")
        magic = content[position + 16]
        if magic == 2:
            batch = _version_2(content, position, length)
        elif magic in (0, 1):
            batch = _old_message(content, position, length)
        else:
            raise Damage(position, f"magic {magic}")
        yield batch
        position += batch.size


def _version_2(content, position, length):
    if length - position < HEADER_BYTES:
        raise Damage(position, f"{length - position} bytes are no batch")
    batch = Batch()
    (batch.base, size, batch.leader_epoch, batch.magic, crc, batch.attributes, last_delta, batch.base_timestamp,
     batch.max_timestamp, batch.producer, batch.producer_epoch, batch.sequence, batch.count) = _V2.unpack_from(content, position)
    batch.position, batch.size = position, size + 12
    if size < HEADER_BYTES - 12 or batch.size > length - position:
        raise Damage(position, f"a batch of {batch.size} bytes where {length - position} are left")
    end = position + batch.size
    if crc32c(content[position + 21:end]) != crc:
        raise Damage(position, f"the checksum of the batch at offset {batch.base} is wrong")
    if last_delta < 0 or batch.count < 0 or batch.base < 0:
        raise Damage(position, f"base offset {batch.base}, last offset delta {last_delta}, count {batch.count}")
    batch.last = batch.base + last_delta
    batch.payload = content[position + HEADER_BYTES:end]
    return batch


def _old_message(content, position, length):
    batch = Batch()
    batch.last, size, crc, batch.magic, batch.attributes = _OLD.unpack_from(content, position)
    batch.position, batch.size = position, size + 12
    least = 14 + 8 * batch.magic
    if size < least or batch.size > length - position:
        raise Damage(position, f"a message of {batch.size} bytes where {length - position} are left")
    if zlib.crc32(content[position + 16:position + batch.size]) != crc:
        raise Damage(position, f"the checksum of the message at offset {batch.last} is wrong")
    batch.attributes &= 15
    batch.base_timestamp = _LONG.unpack_from(content, position + 18)[0] if batch.magic else -1
    batch.max_timestamp = batch.base_timestamp
    batch.leader_epoch = batch.producer = batch.producer_epoch = batch.sequence = -1
    batch.payload = content[position:position + batch.size]
    batch.base, batch.count = batch.last, 1
    if batch.codec:
        inner = old_records(batch)
        batch.base, batch.count = inner[0][0], len(inner)
    return batch


def decompress(codec, payload, position=0):
    try:
        if codec == 0:
            return bytes(payload)
        if codec == 1:
            return zlib.decompress(payload, 31)
        if codec == 2:
            return _unsnap(bytes(payload))
        if codec == 3:
            return lz4.frame.decompress(payload)
        if codec == 4:
            return zstandard.ZstdDecompressor().decompressobj().decompress(bytes(payload))
    except Exception as error:  # five libraries, each with errors of its own
        raise Damage(position, f"codec {codec}: {error}") from error
    raise Damage(position, f"there is no codec {codec}")


def _unsnap(payload):
    """Snappy as the Java library frames it, or bare as others write it."""
    if not payload.startswith(_XERIAL):
        return snappy.uncompress(payload)
    parts, at = [], 16
    while at < len(payload):
        size = _INT.unpack_from(payload, at)[0]
        parts.append(snappy.uncompress(payload[at + 4:at + 4 + size]))
        at += 4 + size
    return b"".join(parts)


def _varint(content, at):
    """A zigzag number and where it ends."""
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
        if shift > 63:
            raise IndexError("a number longer than ten bytes")


def records(batch):
    """[(offset, timestamp, key, value)] of a batch."""
    if batch.magic < 2:
        return old_records(batch)
    content = decompress(batch.codec, batch.payload, batch.position)
    try:
        found = _version_2_records(batch, content)
    except IndexError as error:
        raise Damage(batch.position, f"a record of the batch at offset {batch.base} ends early") from error
    return found


def _version_2_records(batch, content):
    """The inner loop of everything that reads a log: numbers of one byte are read in place, without a call."""
    base, base_timestamp, stamp, small = batch.base, batch.base_timestamp, None, _SMALL
    if batch.log_append_time:
        stamp = batch.max_timestamp
    found, at, before = [], 0, -1
    for _ in range(batch.count):
        length, at = (small[content[at]], at + 1) if content[at] < 128 else _varint(content, at)
        end = at + length
        at += 1  # attributes
        delta, at = (small[content[at]], at + 1) if content[at] < 128 else _varint(content, at)
        offset_delta, at = (small[content[at]], at + 1) if content[at] < 128 else _varint(content, at)
        size, at = (small[content[at]], at + 1) if content[at] < 128 else _varint(content, at)
        key = None
        if size >= 0:
            key = content[at:at + size]
            at += size
        size, at = (small[content[at]], at + 1) if content[at] < 128 else _varint(content, at)
        value = None
        if size >= 0:
            value = content[at:at + size]
            at += size
        if content[at]:
            at = _after_headers(content, at)
        else:
            at += 1
        if at != end or end > len(content):
            raise Damage(batch.position, f"a record of the batch at offset {base} is {length} bytes long and ends elsewhere")
        if offset_delta <= before or base + offset_delta > batch.last:
            raise Damage(batch.position, f"offset delta {offset_delta} after {before} in the batch at offset {base}")
        before = offset_delta
        found.append((base + offset_delta, base_timestamp + delta if stamp is None else stamp, key, value))
    if at != len(content):
        raise Damage(batch.position, f"{len(content) - at} bytes behind the records of the batch at offset {base}")
    return found


def _after_headers(content, at):
    count, at = _varint(content, at)
    for _ in range(count):
        size, at = _varint(content, at)
        at += size
        size, at = _varint(content, at)
        at += max(size, 0)
    return at


def old_records(batch):
    """[(offset, timestamp, key, value)] of a message of magic 0 or 1, which may hold others compressed."""
    content = batch.payload
    at = 18 + 8 * batch.magic
    key, at = _old_bytes(content, at, batch)
    value, at = _old_bytes(content, at, batch)
    if at != len(content):
        raise Damage(batch.position, f"{len(content) - at} bytes behind the message at offset {batch.last}")
    if not batch.codec:
        return [(batch.last, batch.max_timestamp, key, value)]
    inner = []
    for message in batches(decompress(batch.codec, value or b"", batch.position)):
        inner += old_records(message)
    if not inner:
        raise Damage(batch.position, f"the message at offset {batch.last} holds none")
    # From magic 1 on the inner offsets count from the first, and the outer one is the last of them.
    shift = batch.last - inner[-1][0] if batch.magic == 1 else 0
    stamp = batch.max_timestamp if batch.log_append_time else None
    return [(offset + shift, time if stamp is None else stamp, key, value) for offset, time, key, value in inner]


def _old_bytes(content, at, batch):
    if at + 4 > len(content):
        raise Damage(batch.position, f"the message at offset {batch.last} ends early")
    size = _INT.unpack_from(content, at)[0]
    at += 4
    if size < 0:
        return None, at
    if at + size > len(content):
        raise Damage(batch.position, f"the message at offset {batch.last} ends early")
    return bytes(content[at:at + size]), at + size


ABORT, COMMIT = 0, 1


def marker(batch, found):
    """(ABORT or COMMIT, coordinator epoch) of a control batch that ends a transaction; None for other control batches.
    `found`: its records."""
    if batch.producer < 0 or not found:
        return None
    if len(found) != 1 or len(found[0][2] or b"") < 4:
        raise Damage(batch.position, f"the control batch at offset {batch.base} has no proper key")
    version, kind = struct.unpack_from(">hh", found[0][2])
    if version != 0 or kind not in (ABORT, COMMIT) or len(found[0][3] or b"") < 6:
        raise Damage(batch.position, f"the control batch at offset {batch.base} is of version {version}, kind {kind}")
    return kind, struct.unpack_from(">hi", found[0][3])[1]
