# SPDX-License-Identifier: Apache-2.0
"""Several brokers on one coordination server, each of Kafka or of Ottla, on free ports."""
import json
import os
import signal

from . import kafka, ottla, processes, zookeeper

# Small heaps: three of them run beside a producer.
ENVIRONMENT = {"KAFKA_HEAP_OPTS": "-Xmx256m"}


def kafka_member(tools):
    """What starts a broker of Kafka; it serves when this ends."""
    def start(file):
        broker = processes.Process([tools.path("kafka-server-start"), file], env=ENVIRONMENT)
        return broker, lambda: broker.wait_line(r"started \(kafka\.server\.KafkaServer\)", 90)
    return start


def ottla_member(program):
    def start(file):
        broker = ottla.Server([program, "server", file])
        return broker, broker.wait_ready
    return start


class Cluster:
    """The brokers of `members`, {number: kafka_member(...) or ottla_member(...)}."""

    def __init__(self, directory, address, members, **properties):
        self.address = address
        self.members = members
        self.running = {}
        self.files, self.ports, self.folders = {}, {}, {}
        # Sessions are short, so that a death is noticed soon.
        settings = {"zookeeper_session_timeout_ms": 4000, "default_replication_factor": 3, "min_insync_replicas": 2,
                    "replica_lag_time_max_ms": 5000, "num_network_threads": 1, "num_io_threads": 2, "log_cleaner_enable": "false",
                    "offsets_topic_num_partitions": 1, "controlled_shutdown_retry_backoff_ms": 500}
        settings.update(properties)
        for number in members:
            self.folders[number] = os.path.join(directory, f"broker{number}")
            os.makedirs(self.folders[number])
            self.ports[number] = processes.free_port()
            self.files[number] = kafka.broker_properties(self.folders[number], self.ports[number], address, broker_id=number, **settings)
        self.bootstrap = ",".join(self.broker_address(number) for number in members)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def broker_address(self, number):
        return f"127.0.0.1:{self.ports[number]}"

    def start(self, *numbers):
        ready = []
        for number in numbers:
            self.running[number], wait = self.members[number](self.files[number])
            ready.append(wait)
        for wait in ready:
            wait()

    def kill9(self, number):
        self.running.pop(number).kill9()

    def terminate(self, number, seconds=60):
        """The exit code."""
        return self.running.pop(number).terminate(seconds)

    def pause(self, number):
        os.kill(self.running[number].pid, signal.SIGSTOP)

    def resume(self, number):
        os.kill(self.running[number].pid, signal.SIGCONT)

    def brokers(self):
        return list(self.running.values())

    def stop(self):
        for broker in self.brokers():
            broker.kill9()

    def controller(self):
        with zookeeper.Client(self.address) as client:
            try:
                return json.loads(client.get("/controller"))["brokerid"]
            except zookeeper.ZooKeeperError:
                return None

    def states(self, topic, partitions):
        """{partition: (replicas, leader, in-sync replicas)} as the controller has written it."""
        with zookeeper.Client(self.address) as client:
            replicas = json.loads(client.get(f"/brokers/topics/{topic}"))["partitions"]
            found = {}
            for number in range(partitions):
                state = json.loads(client.get(f"/brokers/topics/{topic}/partitions/{number}/state"))
                found[number] = (replicas[str(number)], state["leader"], sorted(state["isr"]))
            return found

    def wait_states(self, topic, partitions, condition, what, seconds=60):
        """Until condition(replicas, leader, in-sync replicas) holds for every partition."""
        def there():
            try:
                return all(condition(*state) for state in self.states(topic, partitions).values())
            except (OSError, zookeeper.ZooKeeperError):
                return False
        try:
            processes.wait_until(there, seconds, what, every=0.1)
        except processes.Timeout as timeout:
            raise processes.Timeout(f"{timeout}\n  {self.states(topic, partitions)}") from None
