# SPDX-License-Identifier: Apache-2.0
"""Damages to plant in log directories; the auditor has to find each. A damage is a function that is given the root of a copy
and changes files below it; what stands in DAMAGES was written by somebody who knows the formats, as a careless broker would."""
import os
import shutil
import struct

from crc32c import crc32c

from disk import indexes, states
from disk.batches import batches
from disk.directory import CLEAN_MARKER

DAMAGES = []


def damage(function):
    DAMAGES.append(function)
    return function


class Root:
    """One log directory and the partitions in it that the damages are planted in."""

    def __init__(self, path, plain, producers, transactions=None, compacted=None):
        self.path = path
        self.plain, self.producers, self.transactions, self.compacted = plain, producers, transactions, compacted

    def partitions(self):
        return [name for name in (self.plain, self.producers, self.transactions, self.compacted) if name]

    def at(self, *parts):
        return os.path.join(self.path, *parts)

    def files(self, partition, suffix):
        """Paths of a partition's files, sorted."""
        folder = self.at(partition)
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(suffix)]

    def file(self, partition, suffix):
        """The largest of them."""
        return max(self.files(partition, suffix), key=os.path.getsize)


def _read(path):
    with open(path, "rb") as source:
        return bytearray(source.read())


def _write(path, content):
    with open(path, "wb") as target:
        target.write(content)


def _change(path, function):
    content = _read(path)
    _write(path, function(content) or content)


def _batches(path):
    return list(batches(bytes(_read(path))))


def _mend(content, batch):
    """Gives a changed batch a good checksum."""
    struct.pack_into(">I", content, batch.position + 17, crc32c(content[batch.position + 21:batch.end]))


@damage
def a_bit_of_a_record_flipped(root):
    path = root.file(root.plain, ".log")
    middle = _batches(path)[1]
    _change(path, lambda content: content.__setitem__(middle.end - 2, content[middle.end - 2] ^ 4))


@damage
def the_last_batch_cut_in_half(root):
    path = root.files(root.plain, ".log")[-1] if os.path.getsize(root.files(root.plain, ".log")[-1]) else root.file(root.plain, ".log")
    os.truncate(path, _batches(path)[-1].end - 20)


@damage
def zeros_behind_the_last_batch(root):
    path = root.files(root.plain, ".log")[-1]
    os.truncate(path, os.path.getsize(path) + 4096)


@damage
def a_segment_in_the_middle_gone(root):
    name = os.path.basename(root.files(root.plain, ".log")[1])[:20]
    for path in root.files(root.plain, ""):
        if os.path.basename(path).startswith(name):
            os.remove(path)


@damage
def a_batch_in_the_middle_gone(root):
    path = root.file(root.plain, ".log")
    gone = _batches(path)[1]
    _change(path, lambda content: content.__delitem__(slice(gone.position, gone.end)))


@damage
def the_last_batch_written_twice(root):
    path = root.file(root.plain, ".log")
    last = _batches(path)[-1]
    _change(path, lambda content: content + content[last.position:last.end])


@damage
def an_offset_left_out(root):
    path = root.files(root.plain, ".log")[-1] if os.path.getsize(root.files(root.plain, ".log")[-1]) else root.file(root.plain, ".log")
    last = _batches(path)[-1]
    _change(path, lambda content: struct.pack_into(">q", content, last.position, last.base + 1))


@damage
def a_record_too_few_in_a_batch(root):
    path = root.file(root.plain, ".log")
    batch = next(one for one in _batches(path) if one.count > 1)

    def change(content):
        struct.pack_into(">i", content, batch.position + 57, batch.count - 1)
        _mend(content, batch)
    _change(path, change)


@damage
def a_time_promised_that_no_record_has(root):
    path = root.file(root.plain, ".log")
    batch = _batches(path)[1]

    def change(content):
        struct.pack_into(">q", content, batch.position + 35, batch.max_timestamp + 1)
        _mend(content, batch)
    _change(path, change)


@damage
def a_leader_epoch_that_goes_back(root):
    path = root.files(root.plain, ".log")[0]
    first = _batches(path)[0]
    _change(path, lambda content: struct.pack_into(">i", content, first.position + 12, first.leader_epoch + 3))


@damage
def a_sequence_left_out(root):
    path = root.file(root.producers, ".log")
    batch = [one for one in _batches(path) if one.producer >= 0][-1]

    def change(content):
        struct.pack_into(">i", content, batch.position + 53, batch.sequence + 1)
        _mend(content, batch)
    _change(path, change)


@damage
def an_index_entry_beside_its_batch(root):
    path = root.file(root.plain, ".index")
    offset, position = indexes.offset_index(path)[0]
    _change(path, lambda content: indexes.OFFSET_ENTRY.pack_into(content, 0, offset, position + 1))


@damage
def an_index_entry_of_the_batch_behind(root):
    path = root.file(root.plain, ".index")
    offset, position = indexes.offset_index(path)[0]
    behind = next(one for one in _batches(path[:-len("index")] + "log") if one.position > position)
    _change(path, lambda content: indexes.OFFSET_ENTRY.pack_into(content, 0, offset, behind.position))


@damage
def index_entries_in_the_wrong_order(root):
    path = root.file(root.plain, ".index")
    _change(path, lambda content: content[8:16] + content[:8] + content[16:])


@damage
def half_an_index_entry(root):
    path = root.file(root.plain, ".index")
    os.truncate(path, os.path.getsize(path) - 4)


@damage
def an_index_without_a_segment(root):
    shutil.copy(root.file(root.plain, ".index"), root.at(root.plain, f"{77:020}.index"))


@damage
def an_index_gone(root):
    os.remove(root.file(root.plain, ".index"))


@damage
def a_time_index_entry_too_low(root):
    path = root.file(root.plain, ".timeindex")
    time, offset = indexes.time_index(path)[1]
    _change(path, lambda content: indexes.TIME_ENTRY.pack_into(content, 12, time - 1, offset))


@damage
def a_time_index_entry_too_late(root):
    path = root.file(root.plain, ".timeindex")
    entries = indexes.time_index(path)
    _change(path, lambda content: indexes.TIME_ENTRY.pack_into(content, 0, entries[0][0], entries[-1][1]))


@damage
def the_last_time_index_entry_gone(root):
    path = root.file(root.plain, ".timeindex")
    os.truncate(path, os.path.getsize(path) - 12)


@damage
def a_snapshot_with_a_wrong_checksum(root):
    path = root.files(root.producers, ".snapshot")[-1]
    _change(path, lambda content: content.__setitem__(-1, content[-1] ^ 1))


def _rewrite_snapshot(root, change):
    path = root.file(root.producers, ".snapshot")
    content = change(_read(path))
    struct.pack_into(">I", content, 2, crc32c(content[6:]))
    _write(path, content)


@damage
def a_snapshot_with_an_older_sequence(root):
    def change(content):
        sequence = struct.unpack_from(">i", content, 20)[0]
        struct.pack_into(">i", content, 20, sequence - 1)
        return content
    _rewrite_snapshot(root, change)


@damage
def a_snapshot_without_a_producer(root):
    def change(content):
        struct.pack_into(">i", content, 6, struct.unpack_from(">i", content, 6)[0] - 1)
        return content[:10] + content[56:]
    _rewrite_snapshot(root, change)


@damage
def a_snapshot_beyond_the_end_of_the_log(root):
    shutil.copy(root.files(root.producers, ".snapshot")[-1], root.at(root.producers, f"{1 << 40:020}.snapshot"))


@damage
def an_epoch_that_begins_too_late(root):
    path = root.at(root.plain, "leader-epoch-checkpoint")
    epoch, start = states.epoch_checkpoint(path)[-1]
    _write(path, f"0\n1\n{epoch} {start + 1000000}\n".encode())


@damage
def no_epoch_at_all(root):
    _write(root.at(root.plain, "leader-epoch-checkpoint"), b"0\n0\n")


@damage
def a_topic_id_that_is_none(root):
    _write(root.at(root.plain, "partition.metadata"), b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA")


def _checkpoint(root, name, partition, offset):
    topic, _, number = partition.rpartition("-")
    _write(root.at(name), f"0\n1\n{topic} {number} {offset}\n".encode())


@damage
def a_recovery_point_behind_the_end(root):
    _checkpoint(root, "recovery-point-offset-checkpoint", root.plain, 1 << 40)


@damage
def a_high_watermark_behind_the_end(root):
    _checkpoint(root, "replication-offset-checkpoint", root.plain, 1 << 40)


@damage
def a_log_start_behind_the_end(root):
    _checkpoint(root, "log-start-offset-checkpoint", root.plain, 1 << 40)


@damage
def a_checkpoint_with_a_line_too_few(root):
    _change(root.at("recovery-point-offset-checkpoint"), lambda content: content[:content.rindex(b"\n", 0, -1) + 1])


@damage
def a_checkpoint_of_half_a_line(root):
    _change(root.at("replication-offset-checkpoint"), lambda content: content[:-1])


@damage
def a_directory_without_an_owner(root):
    os.remove(root.at("meta.properties"))


@damage
def a_key_twice_where_the_log_was_cleaned(root):
    if root.compacted is None:
        return a_bit_of_a_record_flipped(root)
    path = root.files(root.compacted, ".log")[-1]
    end = _batches(path)[-1].last + 1 if os.path.getsize(path) else int(os.path.basename(path)[:20])
    _checkpoint(root, "cleaner-offset-checkpoint", root.compacted, end)


@damage
def an_aborted_transaction_missing(root):
    if root.transactions is None:
        return a_bit_of_a_record_flipped(root)
    path = root.file(root.transactions, ".txnindex")
    os.truncate(path, os.path.getsize(path) - 34)


@damage
def an_aborted_transaction_that_begins_too_late(root):
    if root.transactions is None:
        return a_bit_of_a_record_flipped(root)
    path = root.file(root.transactions, ".txnindex")
    _change(path, lambda content: struct.pack_into(">q", content, 10, struct.unpack_from(">q", content, 10)[0] + 1))


def pristine(root):
    """Whether the directory has what the damages need."""
    return os.path.exists(root.at(CLEAN_MARKER)) and len(root.files(root.plain, ".log")) > 2 and \
        len(indexes.time_index(root.file(root.plain, ".timeindex"))) > 2
