# SPDX-License-Identifier: Apache-2.0
"""Runs the legs in the order A B B A, watches the machine, writes the results. scripts/bench says how to call it."""
import argparse
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from compat.lib import processes

from . import machine, report, servers, workloads

MOST_REPEATS = 1  # of quads that were disturbed
DOCS = os.path.join(machine.ROOT, "docs")
BEGIN, END = "<!-- scripts/bench writes what follows -->", "<!-- until here -->"


class Bench:
    def __init__(self, options):
        self.options = options
        self.begin = time.monotonic()
        self.home = tempfile.mkdtemp(prefix="ottla-bench-", dir=options.dir)
        # Each server's files get a part of an ext4 of their own: inodes that were freed in the last minute, by whomever, are passed over
        # by the next file that is made beside them, one by one.
        if shutil.which("chattr"):
            subprocess.run(["chattr", "+T", self.home], stderr=subprocess.DEVNULL, check=False)
        self.kafkas = [f"kafka-{one}" for one in options.kafka.split(",") if one]
        self.warm = {}  # name -> a server that serves all workloads
        machine.touch()
        self.limits = machine.limits(self.home)

    def minutes(self):
        return (time.monotonic() - self.begin) / 60

    def server(self, workload, name):
        """A server; the second value says whether it is only for this leg."""
        if name == "null" or workload.fresh:
            server = servers.make(name, self.home, workload.partitions)
            return (server if workload.starts else server.start()), True
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
        scale = min(1, self.options.scale)
        end = time.monotonic() + 30 * scale
        while time.monotonic() < end:
            workloads.produced(1024, 700_000)(server, scale, None)
            workloads.loaded("--size", 100, "--depth", 8, requests=40_000)(server, scale, None)
            workloads.consumed(1024, 200_000)(server, scale, None)

    def scale(self, workload):
        return self.options.scale * (1 if self.options.all else workload.scale)

    def leg(self, workload, name, pin, scale):
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
            say(f"  {self.minutes():4.1f} min  {workload.name} {workload.title}, {pin}{'' if scale == 1 else f', x {scale:g}'}: {name}: " +
                ", ".join(f"{figure.key} {report.number(values[figure.key])}" for figure in workload.figures))
            return values
        finally:
            if own and workload.keeps:
                server.kill()
            elif own:
                server.remove()
            else:
                server.freeze()

    def try_leg(self, workload, name, pin, legs, scale):
        """Adds a leg; a system that fails at a workload is left out of its row."""
        if name not in legs:
            return
        try:
            legs[name].append(self.leg(workload, name, pin, scale))
        except (RuntimeError, OSError, processes.Timeout, subprocess.TimeoutExpired) as failure:
            say(f"{workload.name} {workload.title}: {name}: {failure}")
            del legs[name]

    def systems(self, workload):
        if workload.only:
            return [workload.only]
        return [*self.kafkas[:workload.most_kafkas], "ottla", *(["null"] if workload.with_null else [])]

    def measure(self, workload, pin):
        """All legs of a workload, with what was disturbed marked."""
        begin, scale = time.monotonic(), self.scale(workload)
        legs = {name: [] for name in self.systems(workload)}
        if workload.once:
            for name in list(legs):
                for _ in range(min(self.options.quads, workload.once) if name == "ottla" else 1):
                    self.try_leg(workload, name, pin, legs, scale)
        else:
            self.warm_kafka(workload, pin, legs, scale)
            self.quads(workload, pin, legs, scale)
        every = [leg for some in legs.values() for leg in some]
        usual = report.median([leg["canary"] for leg in every])
        for leg in every:
            leg["disturbed"] = disturbed(leg) or leg["canary"] < machine.SLOWEST_CANARY * usual
        return {"workload": workload.name, "title": workload.title, "pin": pin, "legs": legs, "note": workload.note(scale),
                "quads": self.options.quads, "figures": [dataclasses.asdict(figure) for figure in workload.figures],
                "limits": self.limits, "seconds": round(time.monotonic() - begin),
                "invalid": sum(leg["disturbed"] for leg in every) > len(every) / 4}

    def warm_kafka(self, workload, pin, legs, scale):
        """With the load that is to be measured; what comes out is not kept."""
        if workload.fresh:
            return
        for name in [one for one in legs if one.startswith("kafka")]:
            self.try_leg(workload, name, pin, legs, 0.3 * scale)
            if name in legs:
                legs[name].clear()

    def quads(self, workload, pin, legs, scale):
        """Every system twice, there and back: what drifts hits all alike. A quad that was disturbed is measured again, last."""
        wanted, most = self.options.quads, self.options.quads + (0 if self.late() else MOST_REPEATS)
        good, bad = [], []
        while len(good) < wanted and len(good) + len(bad) < most:
            quad = {name: [] for name in legs}
            for name in [*legs, *reversed(legs)]:
                self.try_leg(workload, name, pin, quad, scale)
            for name in set(legs) - set(quad):
                del legs[name]
            (bad if any(disturbed(leg) for some in quad.values() for leg in some) else good).append(quad)
        for quad in [*good, *bad][:max(wanted, len(good))]:
            for name, some in legs.items():
                some.extend(quad[name])

    def late(self):
        return self.minutes() > self.options.budget > 0

    def close(self):
        for server in self.warm.values():
            server.remove()
        shutil.rmtree(self.home, ignore_errors=True)


def disturbed(leg):
    return leg.get("others", 0) + leg.get("stolen", 0) > machine.MOST_OTHERS


def say(text):
    print(text, file=sys.stderr, flush=True)


def kept(path):
    try:
        with open(path, encoding="utf-8") as source:
            return json.load(source)["results"]
    except FileNotFoundError:
        return []


def merged(old, new, known):
    """Results in the order of the table; a new one takes the place of an old one of the same load."""
    def key(result):
        return result["workload"], result["title"], result["pin"]
    order = [(one.name, one.title) for one in known]
    both = {key(result): result for result in [*old, *new]}
    return sorted((one for name, one in both.items() if name[:2] in order), key=lambda one: (order.index(key(one)[:2]), one["pin"]))


def write(options, results, facts):
    """JSON, plots and tables; the one for readers into README.md, where its place is marked."""
    out = options.out
    with open(os.path.join(out, "bench.json"), "w", encoding="utf-8") as target:
        json.dump({"machine": facts, "results": results}, target, indent=1)
        target.write("\n")
    kafkas = sorted({name for result in results for name in result["legs"] if name.startswith("kafka")}, reverse=True)
    pictures = []
    for result in results:
        name = re.sub(r"[^a-z0-9]+", "-", f"{result['workload']}-{result['title']}-{result['pin']}".lower()).strip("-")
        drawing = report.plot(result, result["figures"][0], ["ottla", *kafkas, "null"])
        if drawing:
            pictures.append(f"![{result['title']}](bench-{name}.svg)")
            with open(os.path.join(out, f"bench-{name}.svg"), "w", encoding="utf-8") as target:
                target.write(drawing)
    table = report.rows(results, kafkas)
    about = (f"Medians with the smallest and largest leg; ratios of neighbouring legs with their 95 % interval, above 1 in "
             f"\"kafka : Ottla\": Ottla is ahead. The machine: {facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, Linux "
             f"{facts['kernel']}.")
    limits = ", ".join(f"{name} {report.number(value)}" for name, value in facts["limits"].items())
    with open(os.path.join(out, "bench.md"), "w", encoding="utf-8") as target:
        target.write(f"# Figures\n\nMade by `scripts/bench`. {about} What it can do at all, measured before: {limits}. A/A: how far two "
                     f"legs of Ottla were apart.\n\n{report.markdown(table)}\n\n" + "\n".join(pictures) + "\n")
    readme = os.path.join(machine.ROOT if out == DOCS else out, "README.md")
    report.put_between(readme, BEGIN, END, f"{about} `{facts['command']}` made it; `docs/bench.md` has more columns.\n\n"
                       f"{report.markdown(report.for_readers(table, kafkas))}")
    return table


def options_of(arguments):
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("workloads", nargs="*", metavar="W1..W15")
    parser.add_argument("--quads", type=int, default=4)
    parser.add_argument("--kafka", default="4.3.1,2.8.0")
    parser.add_argument("--pin", default="none,split")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--budget", type=float, default=0)
    parser.add_argument("--out", default=DOCS)
    parser.add_argument("--dir")
    options = parser.parse_args(arguments)
    known = workloads.all_workloads(options.minutes)
    names = {name for one in known for name in one.name.split()}
    if set(options.workloads) - names:
        parser.error(f"no such workload: {', '.join(sorted(set(options.workloads) - names))}")
    chosen = [one for one in known
              if set(one.name.split()) & set(options.workloads) or (not options.workloads and (one.usual or options.all))]
    return options, known, chosen


def main():
    options, known, chosen = options_of(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.makedirs(options.out, exist_ok=True)
    old, results = kept(os.path.join(options.out, "bench.json")), []
    bench = Bench(options)
    try:
        facts = {**machine.describe(), "limits": bench.limits, "command": " ".join(["scripts/bench", *sys.argv[1:]])}
        # What is pinned comes last: where the time is over, every row has been measured once.
        for pin in options.pin.split(","):
            for workload in sorted(chosen, key=lambda one: not one.keeps):
                if pin == "split" and (os.cpu_count() < 2 or not (workload.pinned or (options.all and not workload.fresh and not workload.once))):
                    continue
                if bench.late():
                    say(f"{workload.name} {workload.title}, {pin}: not measured, the time is over")
                    continue
                results.append(bench.measure(workload, pin))
                table = write(options, merged(old, results, known), facts)
        print(report.markdown(table))
    finally:
        bench.close()
    say(f"{bench.minutes():.1f} minutes")
    if any(result["invalid"] for result in results):
        say("invalid: the machine was disturbed while the marked rows were measured")


if __name__ == "__main__":
    main()
