# SPDX-License-Identifier: Apache-2.0
"""A flame graph of Ottla under load: perf's samples, or callgrind's instructions. scripts/profile says how to call it."""
import collections
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
from xml.sax.saxutils import escape, quoteattr

from . import machine, servers

WIDTH, ROW = 1200, 17
LEAST = 0.001  # of all: what is narrower is left out
DEEPEST = 60


def perf_works():
    return shutil.which("perf") is not None and subprocess.run(
        ["perf", "record", "-e", "cpu-clock", "-o", "/dev/null", "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        check=False).returncode == 0


def stacks_of_perf(path):
    """Stack from the outside in -> samples."""
    script = subprocess.run(["perf", "script", "-i", path, "-F", "ip,sym"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    stacks = collections.Counter()
    for sample in script.stdout.decode(errors="replace").split("\n\n"):
        frames = [line.strip().partition(" ")[2] for line in sample.splitlines() if line.strip()]
        if frames:
            stacks[tuple(short(one) for one in reversed(frames))] += 1
    return stacks


def short(name):
    return re.sub(r"\((?!anonymous).*", "", name).replace("(anonymous namespace)::", "")


def graph_of_callgrind(path):
    """Function -> its own cost; (caller, callee) -> cost of those calls."""
    names, own, calls = {}, collections.Counter(), collections.Counter()
    function = callee = None
    with open(path, encoding="utf-8") as dump:
        for line in dump:
            if line.startswith(("fn=", "cfn=")):
                number, _, name = line.partition("=")[2].strip().partition(" ")
                if name:
                    names[number] = short(name)
                if line[0] == "f":
                    function = number
                else:
                    callee = number
            elif line.startswith("calls="):
                calls[names[function], names[callee]] += int(next(dump).split()[1])
            elif line[:1] in "0123456789+-*" and function:
                own[names[function]] += int(line.split()[1])
    return own, calls


def stacks_of_callgrind(path):
    """callgrind keeps who called whom, not whole stacks: a function's cost is shared among its callers as they called it."""
    own, calls = graph_of_callgrind(path)
    inclusive = collections.Counter(own)
    called = collections.Counter()
    below = collections.defaultdict(list)
    for (caller, callee), cost in calls.items():
        inclusive[caller] += cost
        called[callee] += cost
        below[caller].append((callee, cost))
    total = sum(own.values())
    stacks = collections.Counter()

    def descend(stack, share):
        name = stack[-1]
        if inclusive[name] * share < total * LEAST or len(stack) > DEEPEST:
            return
        stacks[stack] += own[name] * share
        for callee, cost in below[name]:
            if callee not in stack:
                descend((*stack, callee), share * cost / max(inclusive[callee], 1))

    for name in inclusive:
        if called[name] == 0:
            descend((name,), 1.0)
    return stacks


def draw(stacks, title):
    total = sum(stacks.values())
    widths = collections.Counter()
    for stack, cost in stacks.items():
        for depth in range(len(stack)):
            widths[stack[:depth + 1]] += cost
    shown = {stack: cost for stack, cost in widths.items() if cost >= total * LEAST}
    deepest = max(len(stack) for stack in shown)
    height = (deepest + 2) * ROW + 10
    left = {(): 0.0}
    filled = collections.Counter()
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="monospace" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>', f'<text x="4" y="14">{escape(title)}</text>']
    for stack in sorted(shown, key=lambda one: (len(one), one)):
        if stack[:-1] not in left:
            continue
        x = left[stack[:-1]] + filled[stack[:-1]]
        width = shown[stack] / total * WIDTH
        left[stack] = x
        filled[stack[:-1]] += width
        y = height - (len(stack)) * ROW
        colour = f"hsl({20 + hash_of(stack[-1]) % 35},80%,{60 + hash_of(stack[-1]) % 12}%)"
        share = f"{shown[stack] / total * 100:.1f} %"
        out.append(f'<g><title>{escape(stack[-1])} {share}</title><rect x="{x:.1f}" y="{y}" width="{max(width - 0.4, 0.2):.1f}" '
                   f'height="{ROW - 1}" fill={quoteattr(colour)}/>')
        if width > 40:
            out.append(f'<text x="{x + 2:.1f}" y="{y + 12}">{escape(stack[-1][:int(width / 6.8)])}</text>')
        out.append("</g>")
    return "\n".join([*out, "</svg>", ""])


def hash_of(name):
    return sum(ord(one) * (i + 1) for i, one in enumerate(name))


class UnderCallgrind(servers.Ottla):
    def command(self):
        return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.home}/profile", *super().command()]


def main():
    out, load = sys.argv[1], sys.argv[2:] or ["produce", "--depth", "32", "--seconds", "5"]
    sampled = not os.environ.get("OTTLA_CALLGRIND") and perf_works()
    home = tempfile.mkdtemp(prefix="ottla-profile-")
    server = (servers.Ottla if sampled else UnderCallgrind)(home).start()
    try:
        recorder = None
        if sampled:
            recorder = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-g", "-o", home + "/perf", "-p",
                                         str(server.pids[0])], stderr=subprocess.DEVNULL)
        print(machine.load(*load, "--bootstrap", server.address))
        if recorder:
            recorder.send_signal(2)
            recorder.wait()
            stacks = stacks_of_perf(home + "/perf")
        else:
            server.kill(15)
            stacks = stacks_of_callgrind(max(glob.glob(server.home + "/profile*"), key=os.path.getsize))
    finally:
        server.remove()
        shutil.rmtree(home, ignore_errors=True)
    with open(out, "w", encoding="utf-8") as target:
        target.write(draw(stacks, f"{'samples' if sampled else 'instructions'} of Ottla under: bench_load {' '.join(load)}"))
    own = collections.Counter()
    for stack, cost in stacks.items():
        own[stack[-1]] += cost
    for name, cost in own.most_common(15):
        print(f"{cost / sum(own.values()) * 100:5.1f} %  {name}")


if __name__ == "__main__":
    main()
