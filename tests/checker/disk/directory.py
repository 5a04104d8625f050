# SPDX-License-Identifier: Apache-2.0
"""The audit of all log directories of a broker."""
import fnmatch
import os
import re

from . import states
from .partition import INTERNAL, PartitionAudit, Rules

_PARTITION = re.compile(r"(.+)-(\d+)$")
_LEAVING = re.compile(r".+\.[0-9a-f]{32}-(delete|stray|future)$")
_CHECKPOINTS = ("recovery-point-offset-checkpoint", "log-start-offset-checkpoint", "replication-offset-checkpoint",
                "cleaner-offset-checkpoint")
_KNOWN = _CHECKPOINTS + ("meta.properties", ".lock", ".kafka_cleanshutdown", "bootstrap.checkpoint")
CLEAN_MARKER = ".kafka_cleanshutdown"


class DirectoryAudit:
    """Of the directories of one broker. `compacted`: patterns of topics; `clean`: None where the marker in each directory shall
    say it. After run(): `problems`, `notes`, `partitions` (name: PartitionAudit)."""

    COUNTS = ("segments", "batches", "records", "bytes", "entries", "snapshots", "lookups")

    def __init__(self, paths, compacted=(), clean=None, strict=False, visit=None):
        self.paths, self.compacted, self.clean, self.strict, self.visit = paths, compacted, clean, strict, visit
        self.problems, self.notes, self.partitions = [], [], {}
        self._identities = set()

    def run(self):
        for path in self.paths:
            self._directory(path)
        if len(self._identities) > 1:
            self.problems.append(f"the directories belong to different brokers: {sorted(self._identities)}")
        return self

    def summary(self):
        found = {name: sum(getattr(one, name) for one in self.partitions.values()) for name in self.COUNTS}
        return dict(found, partitions=len(self.partitions), problems=len(self.problems), notes=len(self.notes))

    def _directory(self, path):
        names = sorted(os.listdir(path))
        clean = CLEAN_MARKER in names if self.clean is None else self.clean
        self._identity(path, names)
        checkpoints = {name: self._checkpoint(path, name) for name in _CHECKPOINTS if name in names}
        starts, cleaned = (checkpoints.get(f"{kind}-offset-checkpoint", {}) for kind in ("log-start", "cleaner"))
        for name in names:
            found = _PARTITION.match(name)
            if name in _KNOWN:
                continue
            if not found or _LEAVING.match(name) or not os.path.isdir(os.path.join(path, name)):
                self.notes.append(name)
                continue
            if name in self.partitions:
                self.problems.append(f"{name} is in two directories")
            key = found[1], int(found[2])
            compacted = found[1] in INTERNAL or any(fnmatch.fnmatchcase(found[1], one) for one in self.compacted)
            rules = Rules(clean, compacted, self.strict, self.visit)
            audit = PartitionAudit(os.path.join(path, name), rules, starts.get(key), cleaned.get(key)).run()
            self.partitions[name] = audit
            self.problems += audit.problems
            self.notes += audit.notes
        for name, entries in checkpoints.items():
            self._compare(name, entries)

    def _identity(self, path, names):
        if "meta.properties" not in names:
            self.problems.append(f"{path}: meta.properties misses")
            return
        found = states.properties(os.path.join(path, "meta.properties"))
        identity = found.get("broker.id", found.get("node.id")), found.get("cluster.id")
        if found.get("version") not in ("0", "1") or None in identity or not identity[0].isdigit():
            self.problems.append(f"meta.properties: {found}")
        self._identities.add(identity)

    def _checkpoint(self, path, name):
        try:
            return states.offset_checkpoint(os.path.join(path, name))
        except states.BadFile as error:
            self.problems.append(f"{name}: {error}")
            return {}

    def _compare(self, name, entries):
        for (topic, partition), offset in entries.items():
            audit = self.partitions.get(f"{topic}-{partition}")
            if audit is None:
                self.notes.append(f"{name}: {topic}-{partition} is not there")
            elif offset > audit.end:
                self.problems.append(f"{name}: {topic}-{partition} {offset}, the log ends at {audit.end}")
            elif name.startswith("replication") and offset < audit.log_start and audit.rules.clean:
                self.problems.append(f"{name}: {topic}-{partition} {offset}, the log begins at {audit.log_start}")
