# SPDX-License-Identifier: Apache-2.0
"""Starting the ottla program, its configuration files and kcat, for the scenario tests."""
import argparse
import os
import re
import shutil
import time

from . import kafka
from .checks import Checks, require
from .processes import Process, Timeout, free_port, run, wait_until

READY = r"^ready\b(.*)"
STOCK = os.path.join(kafka.COMPAT, "lib", "stock-as-ottla")


def options(description, more=None):
    """Command line of a scenario: --ottla PATH. `more(parser)` adds to it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--ottla", required=True, help=f"the program under test, or {STOCK} for real Kafka 2.8.0")
    if more:
        more(parser)
    chosen = parser.parse_args()
    chosen.ottla = os.path.abspath(chosen.ottla)
    chosen.stock = os.path.realpath(chosen.ottla) == os.path.realpath(STOCK)
    return chosen


class Server(Process):
    """A process of the program that has said it is ready; `kafka` and `zookeeper` are its addresses or empty."""

    kafka = ""
    zookeeper = ""

    def wait_ready(self, seconds=60):
        words = self.wait_line(READY, seconds, stream="out")[1].split()
        values = dict(word.split("=", 1) for word in words if "=" in word)
        self.kafka, self.zookeeper = values.get("kafka", ""), values.get("zookeeper", "")
        return self


def start(program, *arguments, seconds=60):
    """Starts the program and waits for its ready line; what it printed is shown when it does not come."""
    server = Server([program, *arguments])
    try:
        return server.wait_ready(seconds)
    except Timeout:
        server.kill9()
        raise


def start_again(program, *arguments, seconds=60):
    """Like start, tried anew while the program ends with an error: a broker's old session may stand for a while.

    Returns the server and how many tries it took."""
    deadline = time.monotonic() + seconds
    tries = 0
    while True:
        tries += 1
        try:
            return start(program, *arguments, seconds=max(5, deadline - time.monotonic())), tries
        except Timeout:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.5)


class Pair:
    """Files and ports of a coordination server and a broker in `directory`, each process startable again."""

    def __init__(self, program, directory, **broker_properties):
        self.program = program
        self.directory = directory
        self.zookeeper_address = f"127.0.0.1:{free_port()}"
        self.bootstrap = f"127.0.0.1:{free_port()}"
        os.makedirs(directory, exist_ok=True)
        self.zookeeper_file = kafka.zookeeper_properties(directory, self.zookeeper_address.rsplit(":", 1)[1])
        broker_properties.setdefault("zookeeper_session_timeout_ms", 3000)
        self.server_file = kafka.broker_properties(directory, self.bootstrap.rsplit(":", 1)[1],
                                                   self.zookeeper_address, **broker_properties)

    def coordination(self):
        return start(self.program, "zookeeper", self.zookeeper_file)

    def coordination_again(self):
        return start_again(self.program, "zookeeper", self.zookeeper_file)

    def broker(self):
        return start(self.program, "server", self.server_file)

    def broker_again(self):
        return start_again(self.program, "server", self.server_file)

    def both(self):
        return start(self.program, "start", self.server_file, "--zookeeper", self.zookeeper_file)

    def both_again(self):
        return start_again(self.program, "start", self.server_file, "--zookeeper", self.zookeeper_file)


def kcat(*arguments, stdin="", seconds=60, check=True):
    """Runs kcat (librdkafka). Returns Finished."""
    program = shutil.which("kcat") or shutil.which("kafkacat")
    require(program, "kcat is not installed (Debian: apt-get install kcat)")
    result = run([program, *arguments], stdin=stdin, seconds=seconds)
    if check:
        require(result.code == 0, f"kcat {' '.join(arguments)} ended with {result.code}:\n" + "\n".join(result.err))
    return result


def read_all(bootstrap, topic, form="%s", seconds=60, options=()):
    """Every record of a topic, through librdkafka; a broker that has just started may not know it for a moment."""
    def known():
        lines = kcat("-L", "-b", bootstrap).out
        return any(f'topic "{topic}" with' in line and "0 partitions" not in line for line in lines) and \
            not any("Leader not available" in line or "leader -1" in line for line in lines)
    wait_until(known, 20, f"topic {topic} in the broker's metadata", every=0.2)
    return kcat("-C", "-b", bootstrap, "-t", topic, "-o", "beginning", "-e", "-q", "-f", form + "\\n",
                *options, seconds=seconds).out


def walkthrough(checks, *arguments, seconds=400):
    """Runs the walkthrough, shows its lines, and adds its counts to `checks`."""
    process = Process([os.path.join(kafka.COMPAT, "walkthrough", "run"), *arguments])
    process.close_stdin()
    try:
        process.wait(seconds)
    finally:
        process.kill9()
        print("\n".join(process.out[:-1] + process.err), flush=True)
    last = re.fullmatch(r"(\d+) passed, (\d+) failed", process.out[-1] if process.out else "")
    require(last, f"the walkthrough did not come to its end:\n{process.tail()}")
    checks.passed += int(last[1])
    checks.failed += int(last[2])


__all__ = ["Checks", "Pair", "Server", "kcat", "options", "read_all", "start", "start_again", "walkthrough"]
