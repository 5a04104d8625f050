# SPDX-License-Identifier: Apache-2.0
"""What a lane is handed: the tools, the addresses, its own topic names, and steps that compare."""
import os

from compat.lib import processes, texts
from compat.lib.checks import Block, Maybe, compare, require

_RUN = "w" + os.urandom(3).hex()


class Walk:
    """One lane of a run. Names made by `name` begin with `prefix`, which no other lane or run has."""

    def __init__(self, lane, tools, bootstrap, zookeeper, emulates, checks):
        self.lane = lane
        self.tools = tools
        self.bootstrap = bootstrap
        self.zookeeper = zookeeper
        self.checks = checks
        self.prefix = f"{_RUN}-{lane}-"
        self.texts = texts.Texts(tools.version, emulates)

    def name(self, end):
        return self.prefix + end

    def check(self, title):
        return self.checks.check(f"{self.lane}: {title}")

    def at_broker(self):
        return ("--bootstrap-server", self.bootstrap)

    def at_zookeeper(self):
        return ("--zookeeper", self.zookeeper)

    def step(self, title, tool, *arguments, stdin="", out=(), err=(), code=0, ordered=True, seconds=60):
        """Runs a tool as one named check of its lines and exit code. Returns what it left, or None."""
        result = None
        with self.check(title):
            result = self.tools.run(tool, *arguments, stdin=stdin, seconds=seconds)
            self.expect(result, out, err, code, ordered)
        return result

    @staticmethod
    def expect(result, out, err, code, ordered=True):
        try:
            compare("standard output", list(out), result.out, ordered)
            compare("standard error", list(err), result.err)
            require(result.code == code, f"exit code is {result.code}, not {code}")
        except Exception as failure:
            others = "\n".join(f"    {line}" for line in result.err[:8])
            failure.args = (f"$ {' '.join([os.path.basename(result.command[0])] + result.command[1:])}\n"
                            f"{failure}\n  (exit {result.code}; standard error was:)\n{others}",)
            raise

    def quietly(self, tool, *arguments, stdin="", seconds=60):
        """Runs a tool that has to succeed but whose lines are read by the caller."""
        result = self.tools.run(tool, *arguments, stdin=stdin, seconds=seconds)
        require(result.code == 0, f"{tool} ended with {result.code}:\n" + "\n".join(result.out + result.err))
        return result

    def listed_topics(self, where):
        """This lane's topics as kafka-topics --list shows them; the whole list must be sorted."""
        lines = self.quietly("kafka-topics", *where, "--list").out
        require(lines == sorted(lines), f"the list is not sorted: {lines}")
        return [line[len(self.prefix):] for line in lines if line.startswith(self.prefix)]

    def wait_gone(self, where, end, seconds=20):
        """Waits until a deleted topic is off the list (deletion may go on after the tool has ended)."""
        processes.wait_until(lambda: end not in self.listed_topics(where), seconds, f"{end} off the topic list")

    def produce(self, title, topic, lines, *arguments, err=()):
        """kafka-console-producer with these lines, which has to print nothing (but `err`)."""
        self.step(title, "kafka-console-producer", *self.at_broker(), "--topic", topic, *arguments,
                  stdin="".join(line + "\n" for line in lines), err=err)

    def consume(self, title, topic, expected, *arguments, ordered=True, timed_out=False):
        """kafka-console-consumer that has to show these lines and how many they are."""
        err = self.texts.consumer_hint(arguments)
        if timed_out:
            err += self.texts.consumer_timeout()
        err.append(f"Processed a total of {len(expected)} messages")
        if not timed_out:
            arguments += ("--max-messages", str(len(expected)))
        return self.step(title, "kafka-console-consumer", *self.at_broker(), "--topic", topic, *arguments,
                         out=expected, err=err, ordered=ordered)

    def describes(self, topic, partitions, through_broker=True, configs=""):
        """The lines of kafka-topics --describe for a topic with one replica per partition."""
        return self.texts.describe(topic, partitions, through_broker, configs)

    def topic_error(self, kind, text_alternatives, trace=False, out=()):
        """out= and err= of a kafka-topics command that fails with an exception of this class."""
        return self.texts.topic_error(kind, text_alternatives, trace, out)


TRACE = Block("\tat <any>")
__all__ = ["Walk", "TRACE", "Maybe"]
