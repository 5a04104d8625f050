# SPDX-License-Identifier: Apache-2.0
"""W1 to W15: what a leg of each does to a broker, and which figures come out of it."""
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass

from . import machine

RDKAFKA = os.path.join(machine.ROOT, "build", "release", "rdkafka", "rdkafka_performance")


@dataclass
class Wanted:
    """What the median has to be at most: a number; or `factor` x what `beside` had (null, kafka-4.3.1, fastest: the faster
    Kafka), plus a cost that the machine's limits name (`plus`)."""
    text: str
    factor: float
    beside: str = ""
    plus: str = ""


def most(value):
    return Wanted(f"{value:g}", value)


def times_null(factor, plus=""):
    return Wanted(f"{factor:g} x null" + (" + the checks" if plus else ""), factor, "null", plus)


def part_of_kafka(divisor, beside="kafka-4.3.1"):
    return Wanted(f"1/{divisor} of {'the faster Kafka' if beside == 'fastest' else 'Kafka'}", 1 / divisor, beside)


@dataclass
class Figure:
    key: str
    title: str
    unit: str
    wanted: Wanted = None
    more_is_better: bool = False
    limit: tuple = ()  # what the machine's own limits are called that bound it, added up


@dataclass
class Workload:
    """A leg is leg(server, scale, cpus) -> {figure key: value}; scale below 1 warms up, or is what --scale says."""
    name: str
    title: str
    leg: object
    figures: list
    with_null: bool = True
    partitions: int = 1
    fresh: bool = False    # every leg on a broker of its own, cold
    starts: bool = False   # the leg starts that broker
    once: int = 0          # Kafka once, where a leg takes long, and Ottla that often
    most_kafkas: int = 99
    pinned: bool = False   # also with broker and load on a core each
    usual: bool = True     # measured where no workload is named
    only: str = ""         # the one system that has this
    keeps: bool = False    # measured first, and its files stay until the end: see settle()
    scale: float = 1       # of what it should be, unless --all

    def note(self, scale):
        """What a reader has to know of how it was measured."""
        parts = [f"at {scale * 100:g} %"] if scale != 1 else []
        return ", ".join([*parts, *(["Kafka once"] if self.once else [])])


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
    topic = unique()
    got = machine.load("end-to-end", "--bootstrap", server.address, "--topic", topic, "--rate", 1000, "--seconds", 3 * scale,
                       "--warm-up", 0.5, *pids, cpus=cpus)
    server.await_gone(topic)
    return {"p50": got["latency_us"]["p50"], "p99": got["latency_us"]["p99"], "p99.9": got["latency_us"]["p99.9"]}


def idle(server, seconds):
    time.sleep(2)
    before, woken, begin = machine.cpu_seconds(server.pids), machine.wakeups(server.pids), time.monotonic()
    time.sleep(seconds)
    seconds = time.monotonic() - begin
    return {"idle_ms": (machine.cpu_seconds(server.pids) - before) * 1e3 / seconds, "idle_mib": machine.pss_mib(server.pids),
            "wakeups": (machine.wakeups(server.pids) - woken) / seconds}


def start(server, scale, cpus):
    """From an empty directory (Kafka's is formatted) to the first record; then idle; then a first load, which finds a JVM cold."""
    values = {"ms": server.start_held(unique(), cpus)}
    values.update(idle(server, 6 * scale))
    cold = produced(1024, 300_000)(server, scale, cpus)
    return {**values, "cold_cpu": cold["cpu"], "cold_mb": cold["mb"]}


def cold_start(server, _, cpus):
    """The program and the libraries that not everybody has in memory, read from the disk."""
    folder = server.home + "/cold"
    os.makedirs(folder)
    program = shutil.copy(os.path.join(machine.BIN, "ottla"), folder)
    linked = subprocess.run(["ldd", program], stdout=subprocess.PIPE, check=True).stdout.decode()
    for name, path in re.findall(r"(\S+) => (\S+)", linked):
        if not re.match(r"lib(c|m|gcc_s|stdc\+\+)\.so", name):
            shutil.copy(path, os.path.join(folder, name))
    for name in os.listdir(folder):
        descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
    loader = re.search(r"^\s*(/\S+)", linked, re.MULTILINE).group(1)
    got = machine.load("start", "--bootstrap", server.address, "--topic", unique(), "--size", 1, "--", loader, "--library-path", folder,
                       program, *server.command()[1:], cpus=cpus)
    return {"ms": got["milliseconds"]}


def started_ms(server, topic, cpus=None):
    ms = server.start_held(topic, cpus)
    server.kill()
    return ms


def settle():
    """ext4 without a journal passes over inodes that were freed in the last minute, one by one: what a leg removed would slow the
    next one's new files tenfold."""
    os.sync()
    time.sleep(6)


def thousand_topics(server, scale, _):
    settle()
    pids = [option for pid in server.pids for option in ("--server-pid", pid)]
    got = machine.load("topics", "--bootstrap", server.address, "--topic", unique(), "--count", int(1000 * scale), *pids)
    return {"seconds": got["seconds"], "cpu": got["server_cpu_s"], "mib": machine.pss_mib(server.pids)}


def connections(server, scale, _):
    count = int(10000 * scale)
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
    """In topics of a thousand: Kafka 4 makes no ten thousand in one request."""
    settle()
    count = max(1, int(10 * scale))
    topic = unique()
    created = machine.load("topics", "--bootstrap", server.address, "--topic", topic, "--count", count, "--partitions", 1000)
    filled = [machine.load("produce", "--bootstrap", server.address, "--topic", f"{topic}-{i}", "--partitions", 1000, "--requests", 1000,
                           "--depth", 5, "--size", 100) for i in range(count)]
    mib = machine.pss_mib(server.pids)
    server.kill(15)
    return {"create": created["seconds"], "produce": sum(one["seconds"] for one in filled), "mib": mib,
            "restart": started_ms(server, topic + "-0", cpus) / 1e3}


def killed(server, scale, cpus):
    settle()
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
LATENCY = [Figure("p50", "p50", "us", times_null(1.2), limit=("echo_p50_us",)), Figure("p99", "p99", "us", times_null(1.2)),
           Figure("p99.9", "p99.9", "us")]


def produce(title, leg, wanted, **more):
    limit = ("receive_cpu_s_per_gb", "crc_cpu_s_per_gb", "append_cpu_s_per_gb")
    return Workload("W1", title, leg, [Figure("cpu", "broker", CPU_GB, wanted, limit=limit),
                                       Figure("mb", "rate", "MB/s", more_is_better=True)], **more)


def small(title, wanted, *arguments, **more):
    return Workload("W2", title, loaded("--size", 100, *arguments, seconds=1.5, warm_up=0.3),
                    [Figure("us", "CPU per request", "us", wanted), Figure("rate", "rate", "requests/s", more_is_better=True)], **more)


def packed(codec, requests, **more):
    return Workload("W5", f"produce {codec}, 160 x 1 KiB", loaded("--records", 160, "--depth", 5, "--codec", codec, requests=requests),
                    [Figure("cpu", "broker, uncompressed", CPU_GB, times_null(1.2, f"check_{codec}_cpu_s_per_gb"))], **more)


def beginnings():
    return [
        Workload("W10 W11", "start and idle", start, [
            Figure("ms", "exec to first record on a new topic", "ms", most(10)),
            Figure("idle_mib", "idle: memory (PSS)", "MiB", most(6)), Figure("idle_ms", "idle: CPU", "ms/s", most(0.5)),
            Figure("wakeups", "idle: wakeups", "1/s"), Figure("cold_cpu", "first 300,000 records of 1 KiB, cold", CPU_GB),
            Figure("cold_mb", "first 300,000 records of 1 KiB, cold", "MB/s", more_is_better=True)], False, fresh=True, starts=True),
        Workload("W10", "start of a cold binary", cold_start, [Figure("ms", "exec to first record on a new topic", "ms", most(25))], False,
                 fresh=True, starts=True, only="ottla"),
    ]


def streams():
    return [
        produce("produce 1 KiB, linger 5", produced(1024, 700_000), times_null(1.15), pinned=True),
        produce("produce 100 B, linger 5", produced(100, 3_000_000), times_null(1.25)),
        produce("produce 1 KiB, acks=all", produced(1024, 700_000, acks=-1), None, usual=False),
        packed("zstd", 3000), packed("lz4", 3000), packed("snappy", 3000, usual=False), packed("gzip", 1500, usual=False),
        small("1 record, 32 in flight", most(7), "--depth", 32, pinned=True),
        small("1 record, 64 connections", most(10), "--connections", 64),
        small("160 x 100 B, 5 in flight", times_null(1.2), "--records", 160, "--depth", 5),
        Workload("W3", "produce 1 KiB, 1,000/s", loaded("--rate", 1000, seconds=3, warm_up=0.5), LATENCY),
        Workload("W3", "produce 1 KiB, 10,000/s", loaded("--rate", 10000, seconds=3, warm_up=0.5), LATENCY, usual=False),
        Workload("W4", "end to end, 1,000/s", end_to_end, [
            Figure("p50", "p50", "us", part_of_kafka(2, "fastest")), Figure("p99", "p99", "us"), Figure("p99.9", "p99.9", "us")], False),
        Workload("W6", "consume 1 KiB", consumed(1024, 500_000), [
            Figure("cpu", "broker", CPU_GB, most(0.35), limit=("sendfile_cpu_s_per_gb",)),
            Figure("mb", "rate", "MB/s", more_is_better=True)]),
        Workload("W8", "100 producers, 100 consumers", loaded("--connections", 100, "--consumers", 100, "--rate", 2000, seconds=4,
                                                              warm_up=1, partitions=100),
                 [Figure("p50", "p50", "us"), Figure("p99", "p99", "us")], False, partitions=100, usual=False),
        Workload("W9", "acks=all, every append flushed, 16 writers",
                 loaded("--connections", 16, "--acks", -1, seconds=2, warm_up=0.3, configs=[("flush.messages", "1")]),
                 [Figure("rate", "rate", "requests/s", more_is_better=True), Figure("p99", "p99", "us")], False, usual=False),
    ]


def crowds():
    return [
        Workload("W12", "1,000 topics one by one", thousand_topics, [
            Figure("seconds", "time", "s", most(0.5)), Figure("cpu", "CPU", "s", most(0.15)),
            Figure("mib", "memory after (PSS)", "MiB", most(30))], False, fresh=True, once=4, keeps=True),
        Workload("W8", "10,000 idle connections", connections, [Figure("kib", "memory (PSS) of each", "KiB", most(4))], False, fresh=True,
                 once=4),
        Workload("W7", "10,000 partitions", ten_thousand_partitions, [
            Figure("create", "create", "s", part_of_kafka(50)), Figure("produce", "produce to all", "s", part_of_kafka(50)),
            Figure("restart", "restart", "s", part_of_kafka(50)), Figure("mib", "memory (PSS)", "MiB")], False, fresh=True, once=2,
                 keeps=True, scale=0.2),
        Workload("W14", "restart after kill -9, 10 GiB in 1,000 partitions", killed, [
            Figure("seconds", "to first record", "s", part_of_kafka(30))], False, fresh=True, once=1, scale=0.3),
        Workload("W13", "50 members join", group(50), [
            Figure("seconds", "until stable", "s"), Figure("p50", "commit p50", "us"), Figure("p99", "commit p99", "us")], False,
                 usual=False),
    ]


def all_workloads(minutes):
    """In the order of the table."""
    return [*beginnings(), *streams(), *crowds(),
            Workload("W15", f"{minutes:g} minutes at 5,000/s", soak(minutes), [
                Figure("drift", "p99.9, second half to first", "ratio"), Figure("mib", "growth of memory", "MiB")], False, once=1,
                     most_kafkas=1)]
