# SPDX-License-Identifier: Apache-2.0
"""Child processes with their output as lines, waited for with a deadline and never left behind.

Every process leads its own process group and is told by the kernel to die with us (prctl PDEATHSIG), so a test
that is killed leaves no server. PDEATHSIG fires when the *thread* that started the child ends: start what must
outlive a worker thread from the main one.
"""
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class Timeout(Exception):
    """A deadline passed; the text says what was waited for and shows what was printed instead."""


def die_with_parent():
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _port_is_free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


_handed_out = set()


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on and that this process has not handed out before.

    Ports below the ephemeral range, so that no outgoing connection takes one while a server is restarting on it.
    """
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as source:
        low = int(source.read().split()[0])
    start, end = (low // 3, low) if low >= 12000 else (20000, 30000)
    port = start + int.from_bytes(os.urandom(4), "big") % (end - start)
    for _ in range(end - start):
        port = port + 1 if port + 1 < end else start
        if port not in _handed_out and _port_is_free(port):
            _handed_out.add(port)
            return port
    raise RuntimeError("no free TCP port on 127.0.0.1")


def wait_until(condition, seconds, what, every=0.05):
    """Calls `condition` until it answers something true, which is returned; Timeout after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise Timeout(f"{what}: not within {seconds} s")
        time.sleep(every)


def can_connect(address):
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
        return True
    except OSError:
        return False


class TempDir:
    """A temporary folder, removed at the end unless OTTLA_KEEP is set (then its path is printed)."""

    def __init__(self, prefix="ottla-compat-"):
        self.path = tempfile.mkdtemp(prefix=prefix)

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        if os.environ.get("OTTLA_KEEP"):
            print(f"kept {self.path}", flush=True)
        else:
            shutil.rmtree(self.path, ignore_errors=True)


class Process:
    """A running command. Its lines are collected by threads; `stdin` stays open until `close_stdin`."""

    def __init__(self, command, cwd=None, env=None, user=None):
        self.command = [str(part) for part in command]
        self.started = time.monotonic()
        environment = dict(os.environ, **(env or {}))
        self._popen = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd,
            env=environment, start_new_session=True, preexec_fn=die_with_parent, user=user)
        self.pid = self._popen.pid
        self.out = []
        self.err = []
        self._changed = threading.Condition()
        self._open = 2
        for stream, lines in ((self._popen.stdout, self.out), (self._popen.stderr, self.err)):
            threading.Thread(target=self._collect, args=(stream, lines), daemon=True).start()

    def _collect(self, stream, lines):
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            with self._changed:
                lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill9()

    def send(self, text):
        """Writes to the command's standard input; what a dead reader does not take is dropped."""
        try:
            self._popen.stdin.write(text.encode())
            self._popen.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    def close_stdin(self):
        try:
            self._popen.stdin.close()
        except BrokenPipeError:
            pass

    def running(self):
        return self._popen.poll() is None

    def wait_line(self, pattern, seconds, stream="any"):
        """The match of the first line that `pattern` (a regular expression) is found in."""
        regex = re.compile(pattern)
        deadline = time.monotonic() + seconds
        seen = {"out": 0, "err": 0}
        with self._changed:
            while True:
                for name, lines in (("out", self.out), ("err", self.err)):
                    for line in lines[seen[name]:]:
                        match = regex.search(line)
                        if match and stream in ("any", name):
                            return match
                    seen[name] = len(lines)
                left = deadline - time.monotonic()
                if self._open == 0 or left <= 0:
                    why = "it ended" if self._open == 0 else f"not within {seconds} s"
                    raise Timeout(f"{self.name()}: no line with /{pattern}/: {why}\n{self.tail()}")
                self._changed.wait(left)

    def wait(self, seconds):
        """The exit code, all output being read; after `seconds` the command is killed and Timeout raised."""
        try:
            code = self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise Timeout(f"{self.name()}: still running after {seconds} s\n{self.tail()}") from None
        with self._changed:
            self._changed.wait_for(lambda: self._open == 0, 5)
        return code

    def terminate(self, seconds=15):
        """SIGTERM, then the exit code."""
        if self.running():
            os.kill(self.pid, signal.SIGTERM)
        return self.wait(seconds)

    def kill9(self):
        """kill -9 of the whole process group, and the end is waited for."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self._popen.wait()
        self.close_stdin()

    def rss_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def name(self):
        return " ".join(os.path.basename(part) for part in self.command[:2])

    def tail(self, count=12):
        lines = [f"  {name}| {line[:300]}" for name, seen in (("out", self.out), ("err", self.err))
                 for line in seen[-count:]]
        return "\n".join(lines) if lines else "  (it printed nothing)"


class Finished:
    """What a command left: exit code and lines."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err


def run(command, stdin="", seconds=60, env=None, user=None, cwd=None):
    """Runs a command to its end with `stdin` as its whole standard input."""
    process = Process(command, env=env, user=user, cwd=cwd)
    try:
        if stdin:
            process.send(stdin)
        process.close_stdin()
        code = process.wait(seconds)
    finally:
        process.kill9()
    return Finished(process.command, code, process.out, process.err)
