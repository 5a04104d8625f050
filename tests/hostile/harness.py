# SPDX-License-Identifier: Apache-2.0
"""What every row needs: the broker's memory, a client beside it that must not notice, and bytes sent and judged."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
from compat.lib import ottla, processes, wire  # noqa: E402,F401
from compat.lib import protocol as p  # noqa: E402
from compat.lib.checks import require  # noqa: E402

MIB = 1024 * 1024


class Bystander(threading.Thread):
    """Produces to a topic of its own and fetches every record back, over and over, on one connection."""

    TOPIC = "bystander"

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address = address
        self.rounds = 0
        self.slowest = 0.0
        self.problem = ""
        self._ended = threading.Event()

    def run(self):
        try:
            with p.Client(self.address, timeout=60) as client:
                while not self._ended.is_set():
                    self._round(client)
        except Exception as error:  # whatever it is, it is what the bystander noticed
            self.problem = f"after {self.rounds} rounds: {error!r}"

    def _round(self, client):
        begin = time.monotonic()
        value = b"round %d" % self.rounds
        error, offset = client.produce(self.TOPIC, p.batch([p.record(value)]))
        require(error == 0 and offset == self.rounds, f"produce: error {error}, offset {offset}")
        error, watermark, records = client.fetch(self.TOPIC, offset)
        require(error == 0 and watermark == offset + 1 and value in records, f"fetch: error {error}, {watermark}")
        self.rounds += 1
        self.slowest = max(self.slowest, time.monotonic() - begin)
        time.sleep(0.002)

    def settled(self):
        """Lets it go two rounds further; raises where it noticed something."""
        wanted = self.rounds + 2
        deadline = time.monotonic() + 60
        while self.is_alive() and self.rounds < wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        require(not self.problem, f"the client beside it noticed: {self.problem}")
        require(self.rounds >= wanted, f"the client beside it stands still after {self.rounds} rounds")

    def finish(self):
        self._ended.set()
        self.join(60)


class Target:
    """The broker under attack."""

    def __init__(self, server, sanitized):
        self.server = server
        self.address = server.kafka
        self.sanitized = sanitized
        # What it has before anyone misbehaves: memory that an attack leaves behind counts against the next one.
        self.idle_kib = self.status_kib("VmRSS")

    def client(self, timeout=30):
        return p.Client(self.address, timeout)

    def status_kib(self, name):
        with open(f"/proc/{self.server.pid}/status", encoding="ascii") as source:
            return next(int(line.split()[1]) for line in source if line.startswith(name + ":"))

    def grown_by(self, attack):
        """How many bytes more than when it was idle the broker had at its peak while `attack()` ran."""
        with open(f"/proc/{self.server.pid}/clear_refs", "w", encoding="ascii") as target:
            target.write("5")  # the peak starts anew
        attack()
        return (self.status_kib("VmHWM") - self.idle_kib) * 1024

    def bounded(self, attack, sent, what):
        """8 times what was sent, and 64 MiB."""
        grown = self.grown_by(attack)
        if not self.sanitized:
            require(grown <= 8 * sent + 64 * MIB, f"{what}: {grown >> 20} MiB for {sent >> 20} MiB")
        return grown

    def ends(self, content, what):
        """Sends bytes; the broker has to close that connection, unanswered."""
        with wire.connect(self.address) as connection:
            send_all(connection, content)
            connection.settimeout(30)
            require(closed_silently(connection), f"{what}: the connection is still open, or was answered")

    def outcome(self, content, seconds=30):
        """What becomes of a whole frame: the answer's bytes, b"" where the connection was closed, None for silence."""
        with wire.connect(self.address) as connection:
            send_all(connection, content)
            connection.settimeout(seconds)
            try:
                return wire.read_frame(connection) or b""
            except TimeoutError:
                return None
            except OSError:
                return b""


def send_all(connection, content):
    try:
        connection.sendall(content)
    except OSError:  # the broker may close before all is sent
        pass


def closed_silently(connection):
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def request(key, version, body, flexible=False, client="hostile"):
    return wire.frame(p.header(key, version, 7, client, flexible) + body)
