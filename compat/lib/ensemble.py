# SPDX-License-Identifier: Apache-2.0
"""Three of Debian's ZooKeeper servers that form an ensemble, each to be killed, paused and started again."""
import os
import signal
import socket

from . import kafka, processes
from .checks import require


class Ensemble:
    """Servers 1 to 3 with their folders below `directory`. `more` are further lines of zoo.cfg."""

    def __init__(self, directory, more=()):
        numbers = (1, 2, 3)
        self.client_ports = {number: processes.free_port() for number in numbers}
        servers = [f"server.{number}=127.0.0.1:{processes.free_port()}:{processes.free_port()}" for number in numbers]
        self.files, self.running = {}, {}
        for number in numbers:
            folder = os.path.join(directory, f"zookeeper{number}")
            os.makedirs(folder)
            with open(os.path.join(folder, "myid"), "w", encoding="utf-8") as file:
                file.write(str(number))
            self.files[number] = os.path.join(directory, f"zookeeper{number}.cfg")
            with open(self.files[number], "w", encoding="utf-8") as file:
                file.write("\n".join([
                    f"dataDir={folder}", f"clientPort={self.client_ports[number]}", "clientPortAddress=127.0.0.1",
                    "tickTime=500", "initLimit=20", "syncLimit=10", "admin.enableServer=false",
                    "4lw.commands.whitelist=*", "maxSessionTimeout=60000", *servers, *more]) + "\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running.values():
            process.kill9()

    def address(self, number):
        return f"127.0.0.1:{self.client_ports[number]}"

    def addresses(self):
        return ",".join(self.address(number) for number in self.files)

    def start(self, *numbers):
        """Starts them; wait_serving() says when they serve."""
        for number in numbers:
            self.running[number] = kafka.debian_zookeeper(self.files[number])

    def wait_serving(self, *numbers, seconds=60):
        for number in numbers:
            processes.wait_until(lambda at=number: "Mode: " in self.word(at, "srvr"), seconds, f"server {number} to serve")

    def kill9(self, number):
        self.running.pop(number).kill9()

    def pause(self, number):
        os.kill(self.running[number].pid, signal.SIGSTOP)

    def resume(self, number):
        os.kill(self.running[number].pid, signal.SIGCONT)

    def word(self, number, command):
        """What the server says to a four-letter word; an empty text where it says nothing."""
        try:
            with socket.create_connection(("127.0.0.1", self.client_ports[number]), timeout=2) as connection:
                connection.sendall(command.encode())
                parts = iter(lambda: connection.recv(65536), b"")
                return b"".join(parts).decode()
        except OSError:
            return ""

    def leader(self):
        found = [number for number in self.running if "Mode: leader" in self.word(number, "srvr")]
        require(len(found) == 1, f"the leaders are {found}")
        return found[0]

    def holder_of(self, session, seconds=20):
        """The server that the client with this session is connected to."""
        def found():
            return next((number for number in self.running if f"sid={hex(session)}" in self.word(number, "cons")), None)
        return processes.wait_until(found, seconds, f"a server that holds session {hex(session)}", every=0.1)
