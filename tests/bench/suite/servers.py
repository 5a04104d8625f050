# SPDX-License-Identifier: Apache-2.0
"""The brokers that are compared. One that is not measured is stopped (SIGSTOP), so that it stays warm and takes nothing."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

from compat.lib import kafka, processes, protocol
from compat.lib.protocol import array, i32, text

from . import machine

DELETE_TOPICS = 20
# The same for all.
COMMON = {"num.network.threads": 3, "num.io.threads": 8, "socket.send.buffer.bytes": 102400,
          "socket.receive.buffer.bytes": 102400, "socket.request.max.bytes": 104857600, "num.partitions": 1,
          "num.recovery.threads.per.data.dir": 1, "offsets.topic.replication.factor": 1,
          "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1, "log.retention.hours": 168,
          "log.segment.bytes": 1073741824, "log.retention.check.interval.ms": 300000,
          "group.initial.rebalance.delay.ms": 0}
# A stop by SIGSTOP is no reason to lose a session.
LONG_MS = 3600000
# Nor is the next leg to pay for the files of this one.
SOON = {"log.segment.delete.delay.ms": 250}


class Held:
    """A broker that bench_load started, which ends with the input of bench_load."""

    def __init__(self, load, pid):
        self.load, self.pid = load, pid

    def send_signal(self, number):
        os.kill(self.pid, number)

    def wait(self):
        self.load.stdin.close()
        self.load.stdout.close()
        self.load.wait()


class Server:
    """A broker with its coordination. `restart` keeps what is on disk."""
    name = ""

    def __init__(self, home, stays=False):
        self.session = {"zookeeper.session.timeout.ms": LONG_MS, **SOON} if stays else {}
        self.stays = stays
        self.home = os.path.join(home, f"{self.name}-{time.monotonic_ns()}")
        os.makedirs(self.home)
        self.port = processes.free_port()
        self.children = []
        self.prepare()

    address = property(lambda self: f"127.0.0.1:{self.port}")
    pids = property(lambda self: [child.pid for child in self.children])
    topics = True  # whether topics are made and deleted
    session_seconds = 0  # how long a broker that was killed keeps its successor out

    def prepare(self):
        """Files that a first start needs; not measured."""

    def command(self):
        raise NotImplementedError

    def start_helpers(self):
        """What has to run before the broker."""

    def start(self):
        self.start_helpers()
        self.children.append(self.spawn(self.command(), "broker.log"))
        processes.wait_until(self.serves, 120, f"{self.name} to serve")
        return self

    def start_held(self, topic, cpus=None):
        """Starts it, with what it needs; milliseconds until a record on `topic` is acknowledged."""
        begin = time.monotonic()
        self.start_helpers()
        helpers_ms = (time.monotonic() - begin) * 1e3
        load = subprocess.Popen([*(["taskset", "-c", cpus] if cpus is not None else []), machine.LOAD, "start", "--hold", "--bootstrap",
                                 self.address, "--topic", topic, "--size", "1", "--", *self.command()],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = load.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} acknowledged no record")
        got = json.loads(line)
        self.children.append(Held(load, got["pid"]))
        return helpers_ms + got["milliseconds"]

    def serves(self):
        if not processes.can_connect(self.address):
            return False
        with protocol.Client(self.address) as client:
            return client.ask(protocol.API_VERSIONS, 0, b"") is not None

    def spawn(self, command, log):
        with open(os.path.join(self.home, log), "ab") as target:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=target, stderr=target,
                                    preexec_fn=processes.die_with_parent)

    def tell(self, number):
        for child in self.children:
            child.send_signal(number)

    def freeze(self):
        self.tell(signal.SIGSTOP)

    def thaw(self):
        self.tell(signal.SIGCONT)

    def pin(self, cpus):
        for pid in self.pids:
            subprocess.run(["taskset", "-acp", cpus, str(pid)], check=True, stdout=subprocess.DEVNULL)

    def kill(self, number=signal.SIGKILL):
        self.thaw()
        for child in reversed(self.children):
            child.send_signal(number)
            child.wait()
        self.children = []

    def remove(self):
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    @contextlib.contextmanager
    def topic(self, name, partitions=1, configs=()):
        """A topic for the time of a `with`."""
        if not self.topics:
            yield name
            return
        def made():
            with protocol.Client(self.address, 120) as client:
                return client.create_topic(name, partitions, configs) in (0, 36)
        processes.wait_until(made, 60, f"topic {name} on {self.name}")
        yield name
        with protocol.Client(self.address, 120) as client:
            client.ask(DELETE_TOPICS, 3, array([text(name)]) + i32(60000))
        self.await_gone(name)

    def await_gone(self, topic):
        """Until the files of a deleted topic are; Kafka looks for the first time half a minute after its start."""
        if self.topics and self.stays:
            processes.wait_until(lambda: not any(one.startswith(topic + "-") for one in os.listdir(self.home + "/logs")), 60,
                                 f"{self.name} to remove {topic}")


class Ottla(Server):
    name = "ottla"

    def prepare(self):
        self.zookeeper_port = processes.free_port()
        kafka.write_properties(self.home + "/server.properties", {
            **COMMON, "broker.id": 0, "listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "log.dirs": self.home + "/logs", "zookeeper.connect": f"127.0.0.1:{self.zookeeper_port}", **self.session})
        kafka.write_properties(self.home + "/zookeeper.properties", {
            "dataDir": self.home + "/zookeeper", "clientPort": self.zookeeper_port, "maxSessionTimeout": LONG_MS})

    def command(self):
        return [os.path.join(machine.BIN, "ottla"), "start", self.home + "/server.properties", "--zookeeper",
                self.home + "/zookeeper.properties"]


class NullBroker(Server):
    """Keeps no topics: it is started anew for every leg."""
    name = "null"
    topics = False

    def __init__(self, home, partitions=1):
        self.partitions = partitions
        super().__init__(home)

    def start(self):
        self.children = [subprocess.Popen([os.path.join(machine.BIN, "null_broker"), self.home, str(self.partitions)],
                                          stdout=subprocess.PIPE, preexec_fn=processes.die_with_parent)]
        self.port = int(self.children[0].stdout.readline().decode().rsplit(":", 1)[1])
        return self


class Kafka(Server):
    """A stock release with its shipped settings: those of its scripts for the JVM, of its server.properties for the broker."""
    JVM = ["-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
           "-XX:+ExplicitGCInvokesConcurrent", "-XX:MaxInlineLevel=15", "-Djava.awt.headless=true",
           "-Dcom.sun.management.jmxremote", "-Dcom.sun.management.jmxremote.authenticate=false",
           "-Dcom.sun.management.jmxremote.ssl=false"]

    def __init__(self, home, version, stays=False):
        self.version = version
        self.session_seconds = 0 if version.startswith("4") else 20
        self.name = f"kafka-{version}"
        self.release = kafka.home(version)
        super().__init__(home, stays)

    def java(self, heap, main, config):
        logging = (f"-Dlog4j2.configurationFile=file:{self.release}/config/server.xml" if self.version.startswith("4")
                   else f"-Dlog4j.configuration=file:{self.release}/config/server.properties")
        return ["java", f"-Xmx{heap}", f"-Xms{heap}", *self.JVM,
                f"-Xlog:gc*:file={self.home}/gc.log:time,tags:filecount=10,filesize=100M", logging,
                "-cp", f"{self.release}/libs/*", main, config]

    def prepare(self):
        self.config = self.home + "/server.properties"
        properties = {**COMMON, "log.dirs": self.home + "/logs"}
        if self.version.startswith("4"):
            controller = processes.free_port()
            properties.update({
                "process.roles": "broker,controller", "node.id": 1, "controller.quorum.voters": f"1@127.0.0.1:{controller}",
                "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
                "controller.listener.names": "CONTROLLER", **({"broker.session.timeout.ms": LONG_MS, **SOON} if self.stays else {}),
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
                "share.coordinator.state.topic.replication.factor": 1, "share.coordinator.state.topic.min.isr": 1})
            kafka.write_properties(self.config, properties)
            storage = kafka.Tools(self.version).path("kafka-storage")
            cluster = processes.run([storage, "random-uuid"]).out[-1]
            processes.run([storage, "format", "-t", cluster, "-c", self.config])
        else:
            self.zookeeper_port = processes.free_port()
            properties.update({"broker.id": 0, "listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
                               "zookeeper.connect": f"127.0.0.1:{self.zookeeper_port}", **self.session})
            kafka.write_properties(self.config, properties)
            kafka.write_properties(self.home + "/zookeeper.properties", {
                "dataDir": self.home + "/zookeeper", "clientPort": self.zookeeper_port, "maxClientCnxns": 0,
                "admin.enableServer": "false", "maxSessionTimeout": LONG_MS})

    def start_helpers(self):
        if self.version.startswith("4"):
            return
        self.children = [self.spawn(self.java("512M", "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                                              self.home + "/zookeeper.properties"), "zookeeper.log")]
        processes.wait_until(lambda: processes.can_connect(f"127.0.0.1:{self.zookeeper_port}"), 60, "ZooKeeper")

    def command(self):
        return self.java("1G", "kafka.Kafka", self.config)


def make(name, home, partitions=1, stays=False):
    """`name`: ottla, null, or kafka-VERSION. One that `stays` may be frozen."""
    if name == "ottla":
        return Ottla(home, stays)
    if name == "null":
        return NullBroker(home, partitions)
    return Kafka(home, name.partition("-")[2], stays)
