# SPDX-License-Identifier: Apache-2.0
"""What the machine does beside us, and what it can do at all."""
import json
import os
import resource
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BIN = os.path.join(ROOT, "build", "release", "bin")
LOAD = os.path.join(BIN, "bench_load")
TICK = os.sysconf("SC_CLK_TCK")
# A leg is disturbed when others took more of the machine than this, or when the page cache was this much slower than usual.
MOST_OTHERS = 0.05
SLOWEST_CANARY = 0.7


def load(*arguments, cpus=None, stdin=None, seconds=600):
    """Runs bench_load; its figures."""
    command = [LOAD, *(str(one) for one in arguments)]
    if cpus is not None:
        command = ["taskset", "-c", cpus, *command]
    done = subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode().strip()}")
    return json.loads(done.stdout)


def cpu_seconds(pids):
    """Of these processes, threads that ended included (CPUCLOCK_SCHED of each)."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def pss_mib(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
            total += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    return total / 1024


def wakeups(pids):
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as status:
                total += next(int(line.split()[1]) for line in status if line.startswith("voluntary"))
    return total


def _busy_and_stolen():
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _, _, irq, softirq, steal = (int(one) for one in stat.readline().split()[1:9])
    return (user + nice + system + irq + softirq) / TICK, steal / TICK


def _kernel_threads():
    """Write-back and the like are part of the work, whoever they are charged to."""
    ticks = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == "2":
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def _own():
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


class Watch:
    """Says after a leg how much of the machine others had."""

    def __init__(self, pids):
        self.pids = pids
        self.begin = self._now()

    def _now(self):
        busy, stolen = _busy_and_stolen()
        return time.monotonic(), busy - _own() - cpu_seconds(self.pids) - _kernel_threads(), stolen

    def report(self):
        now = self._now()
        capacity = max(1e-9, (now[0] - self.begin[0]) * os.cpu_count())
        return {"others": max(0.0, now[1] - self.begin[1]) / capacity, "stolen": (now[2] - self.begin[2]) / capacity}


def touch(size=1 << 30):
    """Memory that the host took back costs ten times as much at the first touch: not the broker's doing."""
    load("touch", "--bytes", size)


def canary(directory):
    """How fast the page cache takes 64 MiB just now."""
    return load("limits", "--bytes", 64 << 20, "--path", directory)["append_gb_per_s"]


def limits(directory):
    return load("limits", "--count", 1, "--path", directory)


def describe():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    return {"cpu": model, "cores": os.cpu_count(), "kernel": os.uname().release,
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)}
