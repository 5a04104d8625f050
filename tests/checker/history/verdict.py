# SPDX-License-Identifier: Apache-2.0
"""Whether a run counts, and its result line. A run without acknowledgements before and after each fault, or with too few
altogether, has shown nothing: it does not pass, however clean its history is."""
import bisect
import json
import subprocess


class Verdict:
    """`minimum`: records that must have been acknowledged. `more`: what the line holds besides."""

    def __init__(self, checker, row, seed, client, minimum, problems=(), **more):
        self.checker, self.minimum = checker, minimum
        self.problems = list(problems)  # of the auditor, and of the run itself
        self.problems += [f"{name}: {text}" for name, texts in checker.found.items() for text in texts]
        self._times = sorted(time for time, _ in checker.acks)
        self._faults = sorted(checker.faults, key=lambda fault: fault[1])
        self.problems += self._emptiness()
        totals = checker.totals
        proven = sum(1 for fault in self._faults if fault[4])
        if proven != len(self._faults):
            self.problems.append(f"only {proven} of {len(self._faults)} faults are proven to have been there")
        gap, recovery = self._longest_gap(), self._longest_recovery()
        self.line = {"row": row, "seed": seed, "commit": commit(), "client": client, "acked": totals["acked"],
                     "unknown": totals["unknown"], "failed": totals["failed"], "lost": totals["lost"],
                     "dup": totals["duplicates"], "anomalies": sum(checker.counts.values()), "cycles": len(self._faults),
                     "fault_proof": proven, "max_gap_ms": gap, "recover_ms": recovery, **more, "pass": not self.problems}

    def _acked_between(self, begin, end):
        return bisect.bisect_left(self._times, end) - bisect.bisect_left(self._times, begin)

    def _emptiness(self):
        """Why the run does not count."""
        acked = self.checker.totals["acked"]
        if acked < self.minimum:
            yield f"only {acked} records were acknowledged, {self.minimum} are due: the run is not valid"
        if not self._faults:
            return
        edge = float("-inf")
        for name, begin, end, serving, _ in self._faults:
            if not self._acked_between(edge, begin):
                yield f"nothing was acknowledged before the fault {name}: the run is not valid"
            if end is None:
                yield f"the fault {name} did not end"
                return
            if serving and not self._acked_between(begin, end):
                yield f"nothing was acknowledged during the fault {name}: the run is not valid"
            edge = end
        if not self._acked_between(edge, float("inf")):
            yield "nothing was acknowledged after the last fault: the run is not valid"

    def _longest_gap(self):
        return round(1000 * max((after - before for before, after in zip(self._times, self._times[1:])), default=0))

    def _longest_recovery(self):
        """From the end of a fault to the next acknowledgement."""
        longest = 0
        for _, _, end, _, _ in self._faults:
            at = bisect.bisect_left(self._times, end) if end is not None else len(self._times)
            if at < len(self._times):
                longest = max(longest, self._times[at] - end)
        return round(1000 * longest)

    @property
    def passed(self):
        return self.line["pass"]

    def json(self):
        return json.dumps(self.line)


def commit():
    """The commit of the tree this file stands in; "unknown" outside of one."""
    found = subprocess.run(["git", "-C", __file__.rsplit("/", 1)[0], "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                           check=False)
    return found.stdout.strip() or "unknown"
