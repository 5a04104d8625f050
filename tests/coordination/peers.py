# SPDX-License-Identifier: Apache-2.0
"""The servers that the tests of coordination compare: ours (coordination_tool) and Debian's ZooKeeper.

use(tool) first, clean_up() at the end, whatever happens.
"""
import os, shutil, signal, socket, subprocess, sys, tempfile, time

JAR = "/usr/share/java/zookeeper.jar"
work, tool, running = None, None, []


def skip_where_missing(*more):
    missing = [path for path in (JAR, "/usr/bin/java") if not os.path.exists(path)] + list(more)
    if missing:
        print("skipped, not installed: " + ", ".join(missing))
        sys.exit(77)


def use(path):
    global work, tool
    tool = path
    # In memory where there is room: it is about bytes and processes here, and a slow disk makes sessions expire.
    work = tempfile.mkdtemp(prefix="ottla-interop-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    # ctest ends what takes too long with this: the servers must not stay behind.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))


def clean_up():
    for process in running:
        if process.poll() is None:
            process.kill()
    if "KEEP" in os.environ:
        print("kept", work)
    else:
        shutil.rmtree(work, ignore_errors=True)


def step(name, function, *arguments):
    started = time.monotonic()
    print(name, flush=True)
    function(*arguments)
    print("  ok, %.1f s" % (time.monotonic() - started), flush=True)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def wait_for(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, "waited in vain for " + what)
        time.sleep(0.02)


def settings_of(more):
    """Dots in a key are written as __ by the caller."""
    settings = {"tickTime": 500, "4lw.commands.whitelist": "*", "snapCount": 300}
    settings.update({key.replace("__", "."): value for key, value in more.items()})
    return settings


class Ours:
    name = "ours"

    def __init__(self, directory, port=0, **settings):
        self.directory = directory
        self.log = os.path.join(work, "ours-%s.log" % os.path.basename(directory))
        keys = ["%s=%s" % pair for pair in settings_of(settings).items()]
        self.process = subprocess.Popen([tool, "serve", str(port), directory] + keys, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=open(self.log, "a"), text=True)
        running.append(self.process)
        line = self.process.stdout.readline()
        check(line.startswith("ready "), "our server does not start: " + line)
        self.port = int(line.split()[1])

    def kill(self):
        self.process.kill()
        self.process.wait()


class Theirs:
    name = "ZooKeeper"

    def __init__(self, directory, port=None, **settings):
        self.directory = directory
        if port is None:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
        self.port = port
        config = os.path.join(work, "zoo-%d.cfg" % port)
        with open(config, "w") as out:
            out.write("dataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n" % (directory, port))
            out.writelines("%s=%s\n" % pair for pair in settings_of(settings).items())
        self.log = os.path.join(work, "zk-%d.log" % port)
        self.process = subprocess.Popen(
            ["java", "-Xmx256m"] + ["-D%s=%s" % pair for pair in settings_of(settings).items() if pair[0].startswith("znode.")] + ["-cp", JAR + ":/usr/share/java/slf4j-simple.jar", "org.apache.zookeeper.server.quorum.QuorumPeerMain", config],
            stdout=open(self.log, "a"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        running.append(self.process)
        wait_for(self.answers, "ZooKeeper (%s)" % self.log, 60)

    def answers(self):
        check(self.process.poll() is None, "ZooKeeper ended: " + open(self.log).read()[-3000:])
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"srvr")
                return b"Mode: standalone" in b"".join(iter(lambda: connection.recv(4096), b""))
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()
