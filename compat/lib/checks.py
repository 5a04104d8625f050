# SPDX-License-Identifier: Apache-2.0
"""Named checks, counted and reported; texts compared line by line against patterns with placeholders."""
import contextlib
import re
import sys
import threading
import traceback

from .processes import Timeout

# What differs from run to run. A placeholder stands in an expected line as <name>.
PLACEHOLDERS = {
    "time": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}",
    "date": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[:.,]\d{3}",
    "id": r"[A-Za-z0-9_-]{22}",
    "n": r"\d+",
    "x": r"-?\d+(?:[.,]\d+)?",
    "any": r".*",
    "word": r"\S+",
}
_TOKEN = re.compile(r"<(" + "|".join(PLACEHOLDERS) + r")>")


def pattern(expected):
    """An expected line as a regular expression: everything is literal but the placeholders."""
    parts = _TOKEN.split(expected)
    return re.compile("".join(PLACEHOLDERS[part] if index % 2 else re.escape(part)
                              for index, part in enumerate(parts)))


class Failed(Exception):
    """A check that did not hold; the text is the diff or the reason."""


def require(condition, reason):
    if not condition:
        raise Failed(reason)


class Any:
    """One expected line with several accepted texts (releases word an error differently)."""

    def __init__(self, *texts):
        self.texts = texts

    def __str__(self):
        return "  or  ".join(self.texts)


class Maybe(Any):
    """A line that may be there once or not at all."""


class Block(Any):
    """Any number of lines, each like one of the texts (a stack trace, a list of brokers)."""


def _accepts(expected, line):
    texts = expected.texts if isinstance(expected, Any) else (expected,)
    return any(pattern(text).fullmatch(line) for text in texts)


def _matches(expected, lines):
    """Whether `lines` are `expected` in order, Maybe and Block taking none or more."""
    if not expected:
        return not lines
    first = expected[0]
    if isinstance(first, Block):
        return _matches(expected[1:], lines) or bool(
            lines and _accepts(first, lines[0]) and _matches(expected, lines[1:]))
    if lines and _accepts(first, lines[0]) and _matches(expected[1:], lines[1:]):
        return True
    return isinstance(first, Maybe) and _matches(expected[1:], lines)


def _marked(expected):
    kind = {Maybe: "? ", Block: "* "}.get(type(expected), "  ")
    return kind + str(expected)


def compare(stream, expected, lines, ordered=True):
    """Raises Failed with both texts unless `lines` are the expected ones."""
    if not ordered:
        expected = sorted(expected, key=str)
        lines = sorted(lines)
    if _matches(list(expected), list(lines)):
        return
    report = [f"{stream} is not as expected:"]
    report += [f"    - {_marked(line)}" for line in expected] or ["    - (nothing)"]
    report += [f"    +   {line}" for line in lines[:25]] or ["    + (nothing)"]
    raise Failed("\n".join(report))


class Checks:
    """Counts named checks from any thread; one that fails is reported and the others go on."""

    def __init__(self, only=None):
        self.passed = 0
        self.failed = 0
        self._lock = threading.Lock()
        self._only = re.compile(only) if only else None

    def wanted(self, name):
        return self._only is None or bool(self._only.search(name))

    @contextlib.contextmanager
    def check(self, name):
        """with checks.check("a name"): ... : an exception inside fails the check and is swallowed."""
        problem = None
        try:
            yield
        except (Failed, Timeout) as failure:
            problem = str(failure)
        except Exception:  # a bug in the test or a file gone: reported like any failure, the rest still runs
            problem = traceback.format_exc()
        with self._lock:
            if problem is None:
                self.passed += 1
                print(f"ok      {name}", flush=True)
            else:
                self.failed += 1
                print(f"FAILED  {name}\n" + "\n".join("  " + line for line in problem.split("\n")), flush=True)

    def finish(self):
        """Prints the closing line and ends the program: 0 when something ran and nothing failed."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.stdout.flush()
        sys.exit(0 if self.failed == 0 and self.passed > 0 else 1)
