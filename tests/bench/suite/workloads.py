# SPDX-License-Identifier: Apache-2.0
"""W1 to W15: what a leg of each does to a broker, and which figures come out of it."""
import os
import re
import subprocess
import time
from dataclasses import dataclass, field

from . import machine

RDKAFKA = os.path.join(machine.ROOT, "build", "release", "rdkafka", "rdkafka_performance")


@dataclass
class Figure:
    key: str
    title: str
    unit: str
    wanted: str = ""
    more_is_better: bool = False


@dataclass
class Workload:
    """A leg is leg(server, scale, cpus) -> {figure key: value}; scale below 1 warms up."""
    name: str
    title: str
    leg: object
    figures: list
    with_null: bool = True
    partitions: int = 1
    fresh: bool = False    # every leg on a broker of its own, cold
    most_legs: int = 99    # of Kafka, where a leg takes long
    pins: bool = True
    configs: list = field(default_factory=list)


def per(value, count):
    return value / max(count, 1e-12)


def rdkafka(server, cpus, *arguments):
    """Runs librdkafka's own example against one topic; (output, seconds, CPU of the server)."""
    command = [RDKAFKA, "-b", server.address, "-q", "-X", "socket.nagle.disable=true", *(str(one) for one in arguments)]
    if cpus is not None:
        command = ["taskset", "-c", cpus, *command]
    before, begin = machine.cpu_seconds(server.pids), time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
    seconds, cpu = time.monotonic() - begin, machine.cpu_seconds(server.pids) - before
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout.decode()[-500:]}")
    return done.stdout.decode(), seconds, cpu


def unique():
    return f"bench-{time.monotonic_ns()}"


def rate_of(output):
    """Messages a second of the example's last line."""
    return float(re.findall(r"(\d+) msgs/s", output)[-1])


def produced(size, count, acks=1, linger=5, codec="none"):
    def leg(server, scale, cpus):
        messages = int(count * scale)
        with server.topic(unique()) as topic:
            output, _, cpu = rdkafka(server, cpus, "-P", "-t", topic, "-s", size, "-c", messages, "-a", acks, "-z", codec,
                                     "-X", f"linger.ms={linger}", "-X", "queue.buffering.max.messages=1000000")
        return {"cpu": per(cpu, messages * size / 1e9), "mb": rate_of(output) * size / 1e6}
    return leg


def consumed(size, count):
    def leg(server, scale, cpus):
        messages = int(count * scale)
        with server.topic(unique()) as topic:
            rdkafka(server, cpus, "-P", "-t", topic, "-s", size, "-c", messages, "-X", "linger.ms=5",
                    "-X", "queue.buffering.max.messages=1000000")
            output, _, cpu = rdkafka(server, cpus, "-C", "-t", topic, "-p", 0, "-o", 0, "-c", messages)
        return {"cpu": per(cpu, messages * size / 1e9), "mb": rate_of(output) * size / 1e6}
    return leg


def loaded(*arguments, requests=0, seconds=0, warm_up=0, configs=(), partitions=1):
    """A leg of bench_load produce."""
    def leg(server, scale, cpus):
        amount = ["--requests", int(requests * scale)] if requests else ["--seconds", seconds * scale, "--warm-up", warm_up * scale]
        pids = [option for pid in server.pids for option in ("--server-pid", pid)]
        with server.topic(unique(), partitions, configs) as topic:
            got = machine.load("produce", "--bootstrap", server.address, "--topic", topic, "--partitions", partitions, *pids,
                               *arguments, *amount, cpus=cpus)
        if got["errors"]:
            raise RuntimeError(f"{got['errors']} errors from {server.name}")
        return {"cpu": per(got["server_cpu_s"], got["megabytes"] / 1e3), "us": per(got["server_cpu_s"] * 1e6, got["requests"]),
                "rate": per(got["requests"], got["seconds"]), "p50": got["latency_us"]["p50"], "p99": got["latency_us"]["p99"],
                "p99.9": got["latency_us"]["p99.9"]}
    return leg


def end_to_end(server, scale, cpus):
    pids = [option for pid in server.pids for option in ("--server-pid", pid)]
    got = machine.load("end-to-end", "--bootstrap", server.address, "--topic", unique(), "--rate", 1000, "--seconds", 8 * scale,
                       "--warm-up", 1, *pids, cpus=cpus)
    return {"p50": got["latency_us"]["p50"], "p99": got["latency_us"]["p99"], "p99.9": got["latency_us"]["p99.9"]}


def idle(server, scale, _):
    time.sleep(2)
    before, woken, begin = machine.cpu_seconds(server.pids), machine.wakeups(server.pids), time.monotonic()
    time.sleep(20 * scale)
    seconds = time.monotonic() - begin
    return {"ms": (machine.cpu_seconds(server.pids) - before) * 1e3 / seconds, "mib": machine.pss_mib(server.pids),
            "wakeups": (machine.wakeups(server.pids) - woken) / seconds}


def start(server, _, cpus):
    """Ends the fresh server that it is given, and measures the start of it on what is there."""
    server.kill(15)
    return {"ms": started_ms(server, unique(), cpus)}


def started_ms(server, topic, cpus=None):
    begin = time.monotonic()
    server.start_helpers()
    helpers_ms = (time.monotonic() - begin) * 1e3
    got = machine.load("start", "--bootstrap", server.address, "--topic", topic, "--size", 1, "--", *server.command(), cpus=cpus)
    server.kill()
    return helpers_ms + got["milliseconds"]


def settle():
    """ext4 passes over inodes that were freed in the last five seconds, one by one: what a leg removed would slow the next
    one's new files tenfold."""
    os.sync()
    time.sleep(6)


def thousand_topics(server, scale, _):
    settle()
    pids = [option for pid in server.pids for option in ("--server-pid", pid)]
    got = machine.load("topics", "--bootstrap", server.address, "--topic", unique(), "--count", int(1000 * scale), *pids)
    return {"seconds": got["seconds"], "cpu": got["server_cpu_s"], "mib": machine.pss_mib(server.pids)}


def connections(server, _, __):
    count = 10000
    before = machine.pss_mib(server.pids)
    with subprocess.Popen([machine.LOAD, "connections", "--bootstrap", server.address, "--count", str(count)],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        opened = client.stdout.readline()
        after = machine.pss_mib(server.pids)
        client.stdin.close()
        client.wait()
    if not opened:
        raise RuntimeError(f"{server.name} did not take {count} connections")
    return {"kib": (after - before) * 1024 / count}


def ten_thousand_partitions(server, scale, cpus):
    settle()
    count = int(10000 * scale)
    topic = unique()
    begin = time.monotonic()
    machine.load("topics", "--bootstrap", server.address, "--topic", topic, "--count", 1, "--partitions", count, "--in-one-request")
    created = time.monotonic()
    machine.load("produce", "--bootstrap", server.address, "--topic", topic + "-0", "--partitions", count, "--requests", count,
                 "--depth", 5, "--size", 100)
    filled, mib = time.monotonic(), machine.pss_mib(server.pids)
    server.kill(15)
    return {"create": created - begin, "produce": filled - created, "mib": mib,
            "restart": started_ms(server, topic + "-0", cpus) / 1e3}


def killed(server, scale, cpus):
    topic = unique()
    machine.load("topics", "--bootstrap", server.address, "--topic", topic, "--count", 1, "--partitions", 1000, "--in-one-request")
    machine.load("produce", "--bootstrap", server.address, "--topic", topic + "-0", "--partitions", 1000, "--requests",
                 int(102400 * scale), "--depth", 5, "--records", 100, "--size", 1024)
    server.kill()
    # Kafka 2.8 gives up where its predecessor's session still stands: waited for, and not counted.
    if server.session_seconds:
        server.start_helpers()
        time.sleep(server.session_seconds)
        server.kill(15)
    return {"seconds": started_ms(server, topic + "-0", cpus) / 1e3}


def group(members):
    def leg(server, scale, _):
        got = machine.load("group", "--bootstrap", server.address, "--topic", unique(), "--count", members,
                           "--requests", int(2000 * scale))
        return {"seconds": got["seconds"], "p50": got["commit_us"]["p50"], "p99": got["commit_us"]["p99"]}
    return leg


def soak(minutes):
    one = loaded("--rate", 5000, seconds=minutes * 30, warm_up=2)

    def leg(server, scale, cpus):
        first = one(server, scale, cpus)
        before = machine.pss_mib(server.pids)
        second = one(server, scale, cpus)
        return {"drift": per(second["p99.9"], first["p99.9"]), "mib": machine.pss_mib(server.pids) - before}
    return leg


CPU_GB = "CPU-s/GB"


def all_workloads(minutes):
    """Name -> its workloads, in the order of the table."""
    def produce(title, leg, wanted, **more):
        return Workload("W1", title, leg, [Figure("cpu", "broker", CPU_GB, wanted), Figure("mb", "rate", "MB/s", "", True)], **more)

    def small(title, leg, wanted):
        return Workload("W2", title, leg, [Figure("us", "CPU per request", "us", wanted), Figure("rate", "rate", "requests/s", "", True)])

    def packed(codec, requests):
        return Workload("W5", f"produce {codec}, 160 x 1 KiB", loaded("--records", 160, "--depth", 5, "--codec", codec, requests=requests),
                        [Figure("cpu", "broker, uncompressed", CPU_GB, "1.2 x null and Kafka's checks")])

    latency = [Figure("p50", "p50", "us", "1.2 x null"), Figure("p99", "p99", "us", "1.2 x null"), Figure("p99.9", "p99.9", "us")]
    return [
        Workload("W10", "exec to first record on a new topic", start, [Figure("ms", "time", "ms", "10")], False, fresh=True,
                 most_legs=3, pins=False),
        Workload("W11", "idle", idle, [Figure("mib", "memory (PSS)", "MiB", "6"), Figure("ms", "CPU", "ms/s", "0.5"),
                                       Figure("wakeups", "wakeups", "1/s")], False, fresh=True, most_legs=2, pins=False),
        produce("produce 1 KiB, linger 5", produced(1024, 1_000_000), "1.15 x null"),
        produce("produce 100 B, linger 5", produced(100, 3_000_000), "1.25 x null"),
        produce("produce 1 KiB, acks=all", produced(1024, 1_000_000, acks=-1), ""),
        small("1 record, 32 in flight", loaded("--size", 100, "--depth", 32, requests=100_000), "7"),
        small("1 record, 64 connections", loaded("--size", 100, "--connections", 64, requests=60_000), "10"),
        small("160 x 100 B, 5 in flight", loaded("--size", 100, "--records", 160, "--depth", 5, requests=15_000), "1.2 x null"),
        Workload("W3", "produce 1 KiB, 1,000/s", loaded("--rate", 1000, seconds=8, warm_up=1), latency),
        Workload("W3", "produce 1 KiB, 10,000/s", loaded("--rate", 10000, seconds=5, warm_up=1), latency),
        Workload("W4", "end to end, 1,000/s", end_to_end, [Figure("p50", "p50", "us", "1/2 of the faster Kafka"), *latency[1:]], False),
        packed("zstd", 6000), packed("lz4", 6000), packed("snappy", 6000), packed("gzip", 3000),
        Workload("W6", "consume 1 KiB", consumed(1024, 1_000_000), [Figure("cpu", "broker", CPU_GB, "0.35"),
                                                                    Figure("mb", "rate", "MB/s", "", True)]),
        Workload("W7", "10,000 partitions", ten_thousand_partitions, [
            Figure("create", "create", "s", "1/50"), Figure("produce", "produce to all", "s", "1/50"),
            Figure("restart", "restart", "s", "1/50"), Figure("mib", "memory (PSS)", "MiB")], False, fresh=True, most_legs=1, pins=False),
        Workload("W8", "10,000 idle connections", connections, [Figure("kib", "memory (PSS) of each", "KiB", "4")], False, fresh=True,
                 most_legs=1, pins=False),
        Workload("W8", "100 producers, 100 consumers", loaded("--connections", 100, "--consumers", 100, "--rate", 2000, seconds=5,
                                                              warm_up=1, partitions=100), latency, False, partitions=100),
        Workload("W9", "acks=all, every append flushed, 16 writers",
                 loaded("--connections", 16, "--acks", -1, seconds=5, configs=[("flush.messages", "1")]),
                 [Figure("rate", "rate", "requests/s", "", True), Figure("p99", "p99", "us")], False),
        Workload("W12", "1,000 topics one by one", thousand_topics, [
            Figure("seconds", "time", "s", "0.5"), Figure("cpu", "CPU", "s", "0.15"), Figure("mib", "memory after (PSS)", "MiB", "30")],
            False, fresh=True, most_legs=1, pins=False),
        Workload("W13", "50 members join", group(50), [Figure("seconds", "until stable", "s"), Figure("p50", "commit p50", "us"),
                                                        Figure("p99", "commit p99", "us")], False, most_legs=2, pins=False),
        Workload("W14", "restart after kill -9, 10 GiB in 1,000 partitions", killed, [Figure("seconds", "to first record", "s", "1/30")],
                 False, fresh=True, most_legs=1, pins=False),
        Workload("W15", f"{minutes} minutes at 5,000/s", soak(minutes), [Figure("drift", "p99.9, second half to first", "ratio"),
                                                                          Figure("mib", "growth of memory", "MiB")], False, most_legs=1,
                 pins=False),
    ]
