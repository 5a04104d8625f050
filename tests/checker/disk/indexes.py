# SPDX-License-Identifier: Apache-2.0
"""The companions of a .log file: .index, .timeindex, .txnindex as lists of tuples, and how a broker looks things up in them."""
import bisect
import struct

OFFSET_ENTRY, TIME_ENTRY, ABORTED_ENTRY = struct.Struct(">ii"), struct.Struct(">qi"), struct.Struct(">hqqqq")


class BadIndex(Exception):
    """A file whose size or version is not that of an index."""


def _entries(path, form, preallocated):
    with open(path, "rb") as source:
        content = source.read()
    if len(content) % form.size:
        raise BadIndex(f"{len(content)} bytes are no whole entries of {form.size}")
    if preallocated:
        used = len(content.rstrip(b"\0"))
        content = content[:-(-used // form.size) * form.size]
    return list(form.iter_unpack(content))


def offset_index(path, preallocated=False):
    """[(relative offset, position)]; `preallocated`: zeros at the end are room that was never used."""
    return _entries(path, OFFSET_ENTRY, preallocated)


def time_index(path, preallocated=False):
    """[(timestamp, relative offset)]."""
    return _entries(path, TIME_ENTRY, preallocated)


def aborted_index(path):
    """[(producer, first offset, offset of the marker, last stable offset)]."""
    found = _entries(path, ABORTED_ENTRY, False)
    if any(entry[0] != 0 for entry in found):
        raise BadIndex("an entry of another version than 0")
    return [entry[1:] for entry in found]


def position_of(entries, relative_offset):
    """Where a reader who looks for the offset begins: the position of the last entry at or before it."""
    at = bisect.bisect_right(entries, (relative_offset, 1 << 62))
    return entries[at - 1][1] if at else 0


def offset_before(entries, timestamp):
    """The relative offset of the last entry whose time is at or before `timestamp`."""
    at = bisect.bisect_right(entries, (timestamp, 1 << 62))
    return entries[at - 1][1] if at else 0
