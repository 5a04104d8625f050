#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kazoo's own tests (they come with Debian's python3-kazoo) against our server: kazoo_suite.py COORDINATION_TOOL [MODULE...]

kazoo starts its servers as `java`: a `java` of ours, first in PATH, reads kazoo's zoo.cfg and starts coordination_tool.
Tests that are not expected to pass are listed in kazoo_suite_allowed.txt, each with its reason; a listed test that
passes fails the run, so that the list only shrinks. Exit 77: kazoo is not installed.
"""
import os, re, shutil, signal, socket, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# test_cache needs python3-objgraph, to look for leaks of kazoo's own; test_sasl, a server with JAAS.
MODULES = ["barrier", "client", "connection", "counter", "election", "lease", "lock", "partitioner", "party", "queue",
           "watchers"]
AT_ONCE = 4
SHIM = """#!/usr/bin/python3
import os, sys
settings = {}
for argument in sys.argv[1:-1]:
    if argument.startswith("-Dzookeeper.") and "=" in argument:
        key, value = argument[len("-Dzookeeper."):].split("=", 1)
        settings[key] = value
for line in open(sys.argv[-1]):
    if "=" in line:
        key, value = line.strip().split("=", 1)
        settings[key] = value
for key in list(settings):
    if key.startswith(("server.", "authProvider.", "admin.", "log.", "root.")):
        del settings[key]
port, directory = settings.pop("clientPort"), settings.pop("dataDir")
os.execv(%r, ["coordination_tool", "serve", port, directory] + ["%%s=%%s" %% pair for pair in settings.items()])
"""

try:
    import kazoo.tests, mock, pytest
except ImportError as problem:
    print("skipped, not installed: %s of python3-kazoo, python3-mock and python3-pytest" % problem.name)
    sys.exit(77)


def allowed():
    with open(os.path.join(HERE, "kazoo_suite_allowed.txt")) as lines:
        return {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}


def free_ports(count):
    """The first of `count` ports that nobody has."""
    while True:
        probes = []
        try:
            probe = socket.socket()
            probes.append(probe)
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
            for port in range(first + 1, first + count):
                probe = socket.socket()
                probes.append(probe)
                probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            pass
        finally:
            for probe in probes:
                probe.close()


def name_of(test, place):
    """Python 3.11 names the test in its place too."""
    return place if place.endswith("." + test) else "%s.%s" % (place, test)


class Run:
    """The tests of one module, in a process group of their own."""

    def __init__(self, module, work):
        self.module = module
        self.path = os.path.join(work, module + ".log")
        environment = dict(os.environ, PATH=work + ":" + os.environ["PATH"], ZOOKEEPER_CLUSTER_SIZE="1", ZOOKEEPER_VERSION="3.8.0",
                           ZOOKEEPER_CLASSPATH="none", ZOOKEEPER_PORT_OFFSET=str(free_ports(4)), TMPDIR=work,
                           PYTHONDONTWRITEBYTECODE="1")
        self.process = subprocess.Popen([sys.executable, "-m", "unittest", "-v", "kazoo.tests.test_" + module], env=environment,
                                        cwd=work, stdin=subprocess.DEVNULL, stdout=open(self.path, "w"), stderr=subprocess.STDOUT,
                                        start_new_session=True)

    def end(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def results(self):
        """{test: outcome}"""
        found = {}
        with open(self.path) as log:
            text = log.read()
        # What a test prints stands between its name and its outcome.
        for match in re.finditer(r"^(test_\w+) \(kazoo\.tests\.test_(\S+?)\)(.*?)(?=^test_\w+ \(kazoo|^={60}|^-{60}|\Z)", text, re.M | re.S):
            name = name_of(match[1], match[2])
            outcome = re.search(r"\b(ok|FAIL|ERROR|skipped)\b[^\n]*\s*$", match[3])
            if name not in found:
                found[name] = outcome[1] if outcome else "unfinished"
        for test, place in re.findall(r"^(?:FAIL|ERROR): (test_\w+) \(kazoo\.tests\.test_(\S+?)\)", text, re.M):
            found[name_of(test, place)] = "failed"
        ran = re.search(r"^Ran (\d+) tests? in", text, re.M)
        if ran is None or int(ran[1]) != len(found):
            found[self.module] = "ended before its end"
        return found


def main():
    work = tempfile.mkdtemp(prefix="ottla-kazoo-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    runs = []
    try:
        shim = os.path.join(work, "java")
        with open(shim, "w") as out:
            out.write(SHIM % os.path.abspath(sys.argv[1]))
        os.chmod(shim, 0o755)
        waiting, results = list(sys.argv[2:] or MODULES), {}
        while waiting or any(run.process.poll() is None for run in runs):
            while waiting and sum(run.process.poll() is None for run in runs) < AT_ONCE:
                runs.append(Run(waiting.pop(0), work))
            next(run for run in runs if run.process.poll() is None).process.wait()
        for run in runs:
            results.update(run.results())
        return judge(results, runs)
    finally:
        for run in runs:
            run.end()
        if "KEEP" in os.environ:
            print("kept", work)
        else:
            shutil.rmtree(work, ignore_errors=True)


def judge(results, runs):
    expected = allowed()
    bad = sorted(name for name, outcome in results.items() if outcome not in ("ok", "skipped"))
    wrong = [name for name in bad if name not in expected]
    fixed = sorted(name for name in expected if results.get(name) == "ok")
    print("%d tests of kazoo: %d pass, %d skipped, %d fail as listed" % (
        len(results), sum(outcome == "ok" for outcome in results.values()),
        sum(outcome == "skipped" for outcome in results.values()), len(bad) - len(wrong)))
    for name in wrong:
        print("fails:", name)
    for name in fixed:
        print("passes, take it off the list:", name)
    if wrong:
        for run in runs:
            if any(name.split(".")[0] == run.module for name in wrong):
                print(open(run.path).read()[-8000:])
    if not results:
        print("no test ran")
    return 1 if wrong or fixed or not results else 0


sys.exit(main())
