# SPDX-License-Identifier: Apache-2.0
"""Stock Apache Kafka: its home, its tools, and its servers started on free ports."""
import contextlib
import json
import os
import subprocess

from .processes import Process, Timeout, can_connect, die_with_parent, free_port, run, wait_until

DEBIAN_ZOOKEEPER = "/usr/share/java/zookeeper.jar"
COMPAT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def home(version):
    """The release's folder, laid out on first use."""
    result = subprocess.run([os.path.join(COMPAT, "kafka-home"), version], stdout=subprocess.PIPE, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"kafka-home {version} failed")
    return result.stdout.decode().strip()


class Tools:
    """The tools of one release: tools.run("kafka-topics", "--list", ...)."""

    def __init__(self, version):
        self.version = version
        self.bin = os.path.join(home(version), "bin")

    def path(self, name):
        return os.path.join(self.bin, name + ".sh")

    def run(self, name, *arguments, stdin="", seconds=60):
        return run([self.path(name), *arguments], stdin=stdin, seconds=seconds)

    def start(self, name, *arguments):
        return Process([self.path(name), *arguments])


class ToolRunner:
    """The tools of one release in one JVM, one after another: hundreds of calls for the price of some starts."""

    MAIN = {"kafka-topics": "kafka.admin.TopicCommand", "kafka-configs": "kafka.admin.ConfigCommand",
            "kafka-acls": "kafka.admin.AclCommand", "kafka-reassign-partitions": "kafka.admin.ReassignPartitionsCommand",
            "kafka-leader-election": "kafka.admin.LeaderElectionCommand",
            "kafka-preferred-replica-election": "kafka.admin.PreferredReplicaLeaderElectionCommand",
            "zookeeper-shell": "org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka"}

    def __init__(self, version, directory):
        libs = os.path.join(home(version), "libs", "*")
        classes = os.path.join(directory, "classes")
        if not os.path.exists(classes):
            source = os.path.join(COMPAT, "zookeeper-tools", "ToolRunner.java")
            subprocess.run(["javac", "-nowarn", "-Xlint:-removal", "-cp", libs, "-d", classes, source], check=True)
        logging = write_properties(os.path.join(directory, "tools.properties"), {
            "log4j.rootLogger": "WARN, err", "log4j.appender.err": "org.apache.log4j.ConsoleAppender",
            "log4j.appender.err.Target": "System.err", "log4j.appender.err.follow": "true",
            "log4j.appender.err.layout": "org.apache.log4j.PatternLayout",
            "log4j.appender.err.layout.ConversionPattern": "%p %m (%c)%n"})
        self._process = subprocess.Popen(
            ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.security.manager=allow",
             "-XX:+UnlockExperimentalVMOptions", "-XX:hashCode=2",  # sets of enums in the same order each time
             f"-Dlog4j.configuration=file:{logging}", "-cp", f"{classes}:{libs}", "ToolRunner"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            preexec_fn=die_with_parent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def run(self, name, *arguments, stdin=""):
        """{"out", "err", "code"}"""
        self._process.stdin.write(json.dumps({"main": self.MAIN[name], "arguments": arguments, "stdin": stdin}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the JVM of the tools has ended in {name} {' '.join(arguments)}")
        return json.loads(answer)


def write_properties(path, properties):
    with open(path, "w", encoding="utf-8") as target:
        for key, value in properties.items():
            target.write(f"{key}={value}\n")
    return path


def zookeeper_properties(directory, port):
    return write_properties(os.path.join(directory, "zookeeper.properties"), {
        "dataDir": os.path.join(directory, "zookeeper"), "clientPort": port, "clientPortAddress": "127.0.0.1",
        "maxClientCnxns": 0, "admin.enableServer": "false", "tickTime": 500, "maxSessionTimeout": 60000})


def debian_zookeeper(properties):
    """Debian's own ZooKeeper (package zookeeper), its process."""
    if not os.path.exists(DEBIAN_ZOOKEEPER):
        raise RuntimeError(f"{DEBIAN_ZOOKEEPER} is not there (Debian: apt-get install zookeeper)")
    return Process(["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", DEBIAN_ZOOKEEPER,
                    "org.apache.zookeeper.server.quorum.QuorumPeerMain", properties])


def broker_properties(directory, port, zookeeper, **more):
    """A one-broker server.properties that 2.8.0 and Ottla both take. Keyword names have _ for the dots."""
    properties = {
        "broker.id": 0, "listeners": f"PLAINTEXT://127.0.0.1:{port}", "log.dirs": os.path.join(directory, "logs"),
        "zookeeper.connect": zookeeper, "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0}
    properties.update({key.replace("_", "."): value for key, value in more.items()})
    return write_properties(os.path.join(directory, "server.properties"),
                            {key: value for key, value in properties.items() if value is not None})


def kraft_properties(directory, port, controller_port):
    return write_properties(os.path.join(directory, "server.properties"), {
        "process.roles": "broker,controller", "node.id": 0,
        "controller.quorum.voters": f"0@127.0.0.1:{controller_port}", "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": os.path.join(directory, "logs"), "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1, "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0})


class Running:
    """A started cluster: addresses and pids."""

    def __init__(self):
        self.bootstrap = ""
        self.zookeeper = ""
        self.broker_pid = 0
        self.zookeeper_pid = 0


def _detached(command, log):
    """A server that outlives us, its output in the file `log`."""
    with open(log, "wb") as target:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=target, stderr=subprocess.STDOUT,
                                start_new_session=True)


def _tail(path, count=25):
    with open(path, encoding="utf-8", errors="replace") as source:
        return "".join(source.readlines()[-count:])


def _await(process, address, log, seconds, line=None):
    def ready():
        if process.poll() is not None:
            raise Timeout(f"the server ended with {process.returncode}:\n{_tail(log)}")
        if line and line not in _tail(log, 400):
            return False
        return can_connect(address)
    wait_until(ready, seconds, f"a server on {address} (see {log})", every=0.1)


def start_kafka(version, directory, seconds=90, launch=_detached):
    """Starts a real Kafka (2.8 and 3.x with ZooKeeper, 4.x alone) in `directory`, detached
    unless `launch` says otherwise. Returns Running."""
    os.makedirs(directory, exist_ok=True)
    tools = Tools(version)
    running = Running()
    port = free_port()
    running.bootstrap = f"127.0.0.1:{port}"
    log = os.path.join(directory, "broker.log")
    if version.startswith("4"):
        config = kraft_properties(directory, port, free_port())
        if not os.path.exists(os.path.join(directory, "logs", "meta.properties")):
            cluster = run([tools.path("kafka-storage"), "random-uuid"]).out[-1]
            result = run([tools.path("kafka-storage"), "format", "-t", cluster, "-c", config])
            if result.code != 0:
                raise RuntimeError("kafka-storage format failed:\n" + "\n".join(result.out + result.err))
    else:
        zookeeper_port = free_port()
        running.zookeeper = f"127.0.0.1:{zookeeper_port}"
        zookeeper_log = os.path.join(directory, "zookeeper.log")
        zookeeper = launch([tools.path("zookeeper-server-start"), zookeeper_properties(directory, zookeeper_port)],
                           zookeeper_log)
        running.zookeeper_pid = zookeeper.pid
        _await(zookeeper, running.zookeeper, zookeeper_log, seconds)
        config = broker_properties(directory, port, running.zookeeper)
    broker = launch([tools.path("kafka-server-start"), config], log)
    running.broker_pid = broker.pid
    _await(broker, running.bootstrap, log, seconds, "started (kafka.server.Kafka")
    return running


@contextlib.contextmanager
def attached_kafka(version, directory, seconds=90):
    """A real Kafka for the time of a `with`; it dies with us."""
    children = []

    def launch(command, log):
        with open(log, "wb") as target:
            children.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=target, stderr=subprocess.STDOUT,
                                             start_new_session=True, preexec_fn=die_with_parent))
        return children[-1]
    try:
        yield start_kafka(version, directory, seconds, launch)
    finally:
        for child in reversed(children):
            child.kill()
            child.wait()
