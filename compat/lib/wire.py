# SPDX-License-Identifier: Apache-2.0
"""Raw bytes on a Kafka port: a bystander that must not notice anything, and connections that misbehave."""
import socket
import struct
import threading
import time


def connect(address, timeout=5):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=timeout)


def frame(body):
    return struct.pack(">i", len(body)) + body


def request(key, version, correlation, body=b"", client="bystander"):
    """A request with header version 1."""
    header = struct.pack(">hhih", key, version, correlation, len(client)) + client.encode()
    return frame(header + body)


def compact(text):
    """A string with its length in the compact form, for texts below 127 bytes."""
    return bytes([len(text) + 1]) + text.encode()


def read_frame(connection):
    """The next frame's bytes; None when the connection was closed in good order, OSError when reset or too late."""
    data = b""
    while len(data) < 4 or len(data) < 4 + struct.unpack(">i", data[:4])[0]:
        part = connection.recv(65536)
        if not part:
            return None
        data += part
    return data[4:]


def closed_within(connection, seconds):
    """Whether the other side ends the connection, with or without having said something."""
    connection.settimeout(0.5)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if not connection.recv(65536):
                return True
        except socket.timeout:
            continue
        except OSError:
            return True
    return False


def still_open(connection, seconds):
    return not closed_within(connection, seconds)


class Bystander(threading.Thread):
    """A well-behaved client on one connection: asks ApiVersions v0 over and over, and remembers what went wrong."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self._address = address
        self._ended = threading.Event()
        self.answers = 0
        self.slowest = 0.0
        self.problem = ""

    def run(self):
        try:
            with connect(self._address) as connection:
                while not self._ended.wait(0.01):
                    self._ask(connection)
        except OSError as error:
            self.problem = f"after {self.answers} answers: {error}"

    def _ask(self, connection):
        sent = time.monotonic()
        connection.sendall(request(18, 0, self.answers))
        answer = read_frame(connection)
        if answer is None:
            raise ConnectionError("the broker closed the connection")
        correlation, error, apis = struct.unpack_from(">ihi", answer)
        if correlation != self.answers or error != 0 or apis < 10:
            raise ConnectionError(f"a wrong answer: correlation {correlation}, error {error}, {apis} APIs")
        self.answers += 1
        self.slowest = max(self.slowest, time.monotonic() - sent)

    def finish(self):
        """Stops after five more answers; an empty text when all went well, else what did not."""
        wanted = self.answers + 5
        deadline = time.monotonic() + 5
        while self.is_alive() and self.answers < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        self._ended.set()
        self.join(10)
        if not self.problem and self.answers < wanted:
            self.problem = f"only {self.answers} answers, {wanted} were due"
        return self.problem
