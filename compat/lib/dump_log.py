# SPDX-License-Identifier: Apache-2.0
"""`ottla dump-log` beside kafka-dump-log of a release: the same lines, for the same files."""
import os
import re
import time

from . import kafka
from .checks import Failed, require
from .processes import Finished, Process, Timeout, run

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "java", "DumpLog.java")
# What the program calls the words of a release.
STYLES = {"2.8.0": "2.8", "4.3.1": "4.4"}


class StockTool:
    """kafka-dump-log of one release in one JVM, run as often as asked."""

    def __init__(self, version):
        self.version = version
        base = kafka.home(version)
        self._process = Process(
            ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-Xlog:disable",
             f"-Dlog4j.configuration=file:{base}/config/tools.properties",
             f"-Dlog4j2.configurationFile=file:{base}/config/tools.xml", "-cp", f"{base}/libs/*", SOURCE])
        self._seen = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill9()

    def run(self, *arguments, seconds=60):
        self._process.send("\t".join(arguments) + "\n")
        out, err = [], []
        deadline = time.monotonic() + seconds
        while True:
            lines = self._process.out
            while self._seen < len(lines):
                line = lines[self._seen]
                self._seen += 1
                if line.startswith("x "):
                    return Finished(arguments, int(line[2:]), out, err)
                (out if line.startswith("o ") else err).append(line[2:])
            if time.monotonic() > deadline or not self._process.running():
                raise Timeout(f"kafka-dump-log {' '.join(arguments)} of {self.version}\n{self._process.tail()}")
            time.sleep(0.005)


def ours(program, version, *arguments):
    return run([program, "dump-log", "--emulate", STYLES[version], *arguments], env={"LANG": "C.UTF-8"})


def findings(lines):
    """What was found wrong, by file; the orders are those of hash tables in the stock tool."""
    blocks = []
    for line in lines:
        if blocks and (line.startswith("  ") or line.startswith("Indexed offset")):
            blocks[-1].append(line)
        else:
            blocks.append([line])
    return sorted([block[0], *sorted(block[1:])] for block in blocks)


def first_difference(kind, expected, read):
    for number, (one, other) in enumerate(zip(expected, read)):
        if one != other:
            return f"{kind}, line {number + 1}:\n  - {one}\n  + {other}"
    if len(expected) == len(read):
        return ""
    rest = expected[len(read):] or read[len(expected):]
    return f"{kind}: {len(expected)} lines expected, {len(read)} came, the first too many or too few:\n  {rest[0]}"


def _same_up_to_a_line(expected, read):
    """Where both give up in the middle of a batch, one of them may have printed a line, or a part of it, more."""
    shorter = min(len(expected), len(read))
    return abs(len(expected) - len(read)) <= 1 and expected[:shorter] == read[:shorter]


def compare(program, stock, *arguments):
    """Raises Failed unless both print the same and end the same. Returns the stock's.

    Normalised: the orders in the report at the end; what is said of bytes that fit no schema; and the reason where
    both give up, unless the stock tool's speaks of corruption or of a record's size: else it is whatever some Java class said.
    """
    expected, read = stock.run(*arguments), ours(program, stock.version, *arguments)
    if expected.code != read.code:
        problem = f"exit code {read.code}, expected {expected.code}\n  - {expected.err[:1]}\n  + {read.err[:1]}"
    elif expected.code == 0:
        problem = first_difference("output", expected.out, read.out) or first_difference(
            "errors", *(sum(findings(map(_without_java, lines)), []) for lines in (expected.err, read.err)))
    else:
        problem = "" if _same_up_to_a_line(expected.out, read.out) else first_difference("output", expected.out, read.out)
        require(read.err, "no reason is given")
        # 2.8 leaves the exception to Java, which puts its class in front.
        if re.search("orrupt|Found record size", expected.err[0]) and not expected.err[0].endswith(read.err[-1]):
            problem = f"the reason:\n  - {expected.err[0]}\n  + {read.err[-1]}"
    if problem:
        raise Failed(f"dump-log {' '.join(arguments)[:300]}, as {stock.version}:\n{problem}")
    return expected


def _without_java(line):
    return re.sub("Snapshot (failed schema validation: |contained an unknown file version ).*", "Snapshot of no schema", line)
