# SPDX-License-Identifier: Apache-2.0
"""Consumer groups: resumed where they stopped, listed, described with and without members, reset, deleted."""
from compat.lib.checks import Any, Block, require
from compat.lib.processes import wait_until

from .walk import Walk


def groups(walk: Walk):
    broker = walk.at_broker()
    topic, group = walk.name("topic"), walk.name("group")
    described = ("kafka-consumer-groups", *broker, "--describe", "--group", group)
    inactive = ["", f"Consumer group '{group}' has no active members."]
    walk.step("create", "kafka-topics", *broker, "--create", "--topic", topic, "--partitions", "2",
              out=[f"Created topic {topic}."])
    reader = walk.texts.reader_property()
    lines = [f"k{number}:v{number}" for number in range(8)]
    walk.produce("eight records with keys", topic, lines, reader, "parse.key=true", reader, "key.separator=:")
    shown = []
    for count, more in ((3, ("--from-beginning",)), (5, ())):
        result = walk.step(f"{count} records with --group", "kafka-console-consumer", *broker, "--topic", topic,
                           "--group", group, "--max-messages", str(count), *more, out=["<word>"] * count,
                           err=walk.texts.consumer_hint() + [f"Processed a total of {count} messages"])
        shown += result.out if result else []
    with walk.check("the second resumed where the first stopped"):
        require(sorted(shown) == [f"v{number}" for number in range(8)], f"together they showed {shown}")
    with walk.check("the group is listed"):
        listed = walk.quietly("kafka-consumer-groups", *broker, "--list").out
        require(group in listed, f"the list has {listed}")
    with walk.check("describe: offsets and lag"):
        result = walk.quietly(*described)
        require(result.err == inactive, f"standard error: {result.err}")
        require(_header(result.out) == "GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST "
                "CLIENT-ID".split(), f"header: {result.out}")
        rows = _rows(result.out, group)
        require([row[2] for row in rows] == ["0", "1"], f"rows: {rows}")
        require(all(row[3] == row[4] and row[5:] == ["0", "-", "-", "-"] for row in rows), f"rows: {rows}")
        require(sum(int(row[3]) for row in rows) == 8, f"rows: {rows}")
    with walk.check("describe --state: empty"):
        result = walk.quietly(*described, "--state")
        require(result.err == inactive, f"standard error: {result.err}")
        rows = _rows(result.out, group)
        require(len(rows) == 1 and rows[0][1] == walk.bootstrap and rows[0][-2:] == ["Empty", "0"], f"rows: {rows}")
    with walk.check("describe with a member"):
        _with_member(walk, topic, group, described)
    _reset_and_delete(walk, topic, group)


def _header(lines):
    return next((line.split() for line in lines if line.startswith("GROUP")), [])


def _rows(lines, group):
    return sorted(line.split() for line in lines if line.startswith(group))


def _with_member(walk, topic, group, described):
    """A consumer stays while the group is described: both partitions are its own."""
    with walk.tools.start("kafka-console-consumer", *walk.at_broker(), "--topic", topic, "--group", group) as consumer:
        def rows_with_member():
            result = walk.quietly(*described)
            rows = _rows(result.out, group)
            return rows if len(rows) == 2 and rows[0][6] != "-" and rows[1][6] != "-" else None
        rows = wait_until(rows_with_member, 25, "a member in the group")
        require(all(row[7] == "/127.0.0.1" for row in rows), f"hosts in {rows}")
        require(all(row[6].startswith(row[8] + "-") for row in rows), f"member ids in {rows}")
        state = _rows(walk.quietly(*described, "--state").out, group)
        require(state[0][-3:] == ["range", "Stable", "1"], f"state: {state}")
        members = _rows(walk.quietly(*described, "--members").out, group)
        require(len(members) == 1 and members[0][-1] == "2", f"members: {members}")
        consumer.terminate()


def _reset_and_delete(walk, topic, group):
    broker = walk.at_broker()
    missing = walk.name("nogroup")
    with walk.check("reset to the earliest offsets"):
        out = walk.quietly("kafka-consumer-groups", *broker, "--reset-offsets", "--group", group, "--topic", topic,
                           "--to-earliest", "--execute").out
        words = " ".join(out).split()  # 3.9 shows the table in one line
        require(words[:4] == ["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"], f"it shows {out}")
        rows = sorted(words[start:start + 4] for start in range(4, len(words), 4))
        require(rows == [[group, topic, str(number), "0"] for number in (0, 1)], f"it shows {out}")
    walk.consume("the group starts over", topic, [f"v{number}" for number in range(8)], "--group", group,
                 ordered=False)
    _missing_group(walk, missing)
    walk.step("delete the group", "kafka-consumer-groups", *broker, "--delete", "--group", group,
              out=[f"Deletion of requested consumer groups ('{group}') was successful."])
    walk.step("delete a missing group", "kafka-consumer-groups", *broker, "--delete", "--group", missing,
              out=["", "Error: Deletion of some consumer groups failed:",
                   f"* Group '{missing}' could not be deleted due to: " + (
                       "java.util.concurrent.ExecutionException: " if walk.texts.major < 4 else "") +
                   "org.apache.kafka.common.errors.GroupIdNotFoundException: The group id does not exist."])


def _missing_group(walk, missing):
    """Tools of 4.x against a broker that has DescribeGroups v6 (4.x) fail aloud; all others say it does not exist."""
    plain = f"Error: Consumer group '{missing}' does not exist."
    loud = ("Error: Executing consumer group command failed due to "
            f"org.apache.kafka.common.errors.GroupIdNotFoundException: Group {missing} not found.")
    texts = [plain] if walk.texts.major < 4 or "2.8" in walk.texts.emulates else []
    if walk.texts.major >= 4 and "4.3" in walk.texts.emulates:
        texts.append(loud)
    walk.step("describe a missing group", "kafka-consumer-groups", *walk.at_broker(), "--describe", "--group", missing,
              out=["", Any(*texts)], err=[Block("<any>")] if loud in texts else [])
