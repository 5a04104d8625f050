# SPDX-License-Identifier: Apache-2.0
"""Runs the legs in the order A B B A, watches the machine, writes the results. scripts/bench says how to call it."""
import argparse
import dataclasses
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time

from . import machine, report, servers, workloads

MOST_REPEATS = 2  # of a quad that was disturbed


class Bench:
    def __init__(self, options):
        self.options = options
        self.home = tempfile.mkdtemp(prefix="ottla-bench-", dir=options.dir)
        self.kafkas = [f"kafka-{one}" for one in options.kafka.split(",") if one]
        self.warm = {}  # name -> a server that serves all workloads

    def server(self, workload, name):
        """A started server; the second value says whether it is only for this leg."""
        if name == "null" or workload.fresh:
            return servers.make(name, self.home, workload.partitions).start(), True
        if name not in self.warm:
            server = servers.make(name, self.home, stays=True).start()
            self.warm[name] = server
            if name != "ottla":
                self.warm_up(server)
        self.warm[name].thaw()
        return self.warm[name], False

    def warm_up(self, server):
        """Half a minute and two million records at least, so that the JVM has compiled what it runs."""
        say(f"warming up {server.name}")
        end = time.monotonic() + 30
        while time.monotonic() < end:
            workloads.produced(1024, 700_000)(server, 1, None)
            workloads.loaded("--size", 100, "--depth", 8, requests=40_000)(server, 1, None)
            workloads.consumed(1024, 200_000)(server, 1, None)

    def leg(self, workload, name, pin, scale=1.0):
        server, own = self.server(workload, name)
        try:
            cpus = None
            server.pin("0" if pin == "split" else f"0-{os.cpu_count() - 1}")
            if pin == "split":
                cpus = "1"
            machine.touch()
            canary = machine.canary(self.home)
            watch = machine.Watch([] if workload.fresh else server.pids)
            values = workload.leg(server, scale, cpus)
            values.update({} if workload.fresh else watch.report())
            values["canary"] = canary
            say(f"  {workload.name} {workload.title}, {pin}{', warming up' if scale < 1 else ''}: {name}: " + ", ".join(
                f"{figure.key} {report.number(values[figure.key])}" for figure in workload.figures))
            return values
        finally:
            if own:
                server.remove()
            else:
                server.freeze()

    def quad(self, workload, pin, systems):
        """Every system twice, there and back: what drifts hits all alike."""
        legs = {name: [] for name in systems}
        for name in [*systems, *reversed(systems)]:
            legs[name].append(self.leg(workload, name, pin))
        return legs

    def measure(self, workload, pin):
        """All legs of a workload, with what was disturbed marked."""
        systems = [*self.kafkas, "ottla", *(["null"] if workload.with_null else [])]
        if workload.most_legs == 1:
            legs = {name: [self.leg(workload, name, pin) for _ in range(2 if name in ("ottla", "null") else 1)] for name in systems}
            quads = [legs]
        else:
            if not workload.fresh:
                for name in systems:
                    self.leg(workload, name, pin, 0.2)
            quads = self.quads(workload, pin, systems)
        legs = {name: [leg for quad in quads for leg in quad[name]] for name in systems}
        usual = report.median([leg["canary"] for some in legs.values() for leg in some])
        for some in legs.values():
            for leg in some:
                leg["disturbed"] = disturbed(leg) or leg["canary"] < machine.SLOWEST_CANARY * usual
        every = [leg for some in legs.values() for leg in some]
        return {"workload": workload.name, "title": workload.title, "pin": pin, "legs": legs,
                "figures": [dataclasses.asdict(figure) for figure in workload.figures],
                "invalid": sum(leg["disturbed"] for leg in every) > len(every) / 4}

    def quads(self, workload, pin, systems):
        good, bad = [], []
        wanted = min(self.options.quads, workload.most_legs)
        while len(good) < wanted and len(good) + len(bad) < wanted + MOST_REPEATS:
            quad = self.quad(workload, pin, systems)
            (bad if any(disturbed(leg) for legs in quad.values() for leg in legs) else good).append(quad)
        return [*good, *bad][:max(wanted, len(good))]

    def close(self):
        for server in self.warm.values():
            server.remove()
        shutil.rmtree(self.home, ignore_errors=True)


def disturbed(leg):
    return leg.get("others", 0) + leg.get("stolen", 0) > machine.MOST_OTHERS


def say(text):
    print(text, file=sys.stderr, flush=True)


def write(out, results, kafkas, facts):
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "bench.json"), "w", encoding="utf-8") as target:
        json.dump({"machine": facts, "results": results}, target, indent=1)
        target.write("\n")
    for result in results:
        name = re.sub(r"[^a-z0-9]+", "-", f"{result['workload']}-{result['title']}-{result['pin']}".lower()).strip("-")
        drawing = report.plot(result, result["figures"][0], ["ottla", *kafkas, "null"])
        if drawing:
            with open(os.path.join(out, f"bench-{name}.svg"), "w", encoding="utf-8") as target:
                target.write(drawing)
    table = report.markdown(report.rows(results, kafkas))
    with open(os.path.join(out, "bench.md"), "w", encoding="utf-8") as target:
        target.write(f"# Figures\n\nMade by `scripts/bench`; medians with the smallest and largest leg, ratios of neighbouring legs with "
                     f"their 95 % interval, above 1: Ottla is ahead.\n\n{table}\n\nThe machine: {facts['cpu']}, {facts['cores']} cores, "
                     f"{facts['memory_gib']} GiB, Linux {facts['kernel']}. What it can do at all, measured before: " +
                     ", ".join(f"{name} {report.number(value)}" for name, value in facts["limits"].items()) + ".\n")
    print(table)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("workloads", nargs="*", metavar="W1..W15")
    parser.add_argument("--quads", type=int, default=4)
    parser.add_argument("--kafka", default="4.3.1,2.8.0")
    parser.add_argument("--pin", default="none,split")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--out", default=os.path.join(machine.ROOT, "docs"))
    parser.add_argument("--dir")
    options = parser.parse_args()
    known = workloads.all_workloads(options.minutes)
    unknown = set(options.workloads) - {one.name for one in known}
    if unknown:
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    chosen = [one for one in known if not options.workloads or one.name in options.workloads]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    bench = Bench(options)
    results = []
    try:
        machine.touch()
        facts = {**machine.describe(), "limits": machine.limits(bench.home), "arguments": sys.argv[1:]}
        for workload in chosen:
            for pin in options.pin.split(","):
                if pin == "split" and (not workload.pins or os.cpu_count() < 2):
                    continue
                try:
                    results.append(bench.measure(workload, pin))
                except (RuntimeError, OSError) as failure:
                    say(f"{workload.name} {workload.title}: {failure}")
        write(options.out, results, bench.kafkas, facts)
    finally:
        bench.close()
    if any(result["invalid"] for result in results):
        say("invalid: the machine was disturbed while the marked rows were measured")


if __name__ == "__main__":
    main()
