# SPDX-License-Identifier: Apache-2.0
"""What happens to a broker while it is driven. Each fault goes into the history, with the proof that it took effect."""
import os
import random
import signal
import time

from compat.lib import processes


class Nemesis:
    """`pair`: the files of a broker; `world`: its clients."""

    def __init__(self, pair, world, seed):
        self.pair, self.world = pair, world
        self.random = random.Random(f"{seed} nemesis")
        self.server = None
        self.after_kill = None  # called while the broker is dead

    def start(self):
        self.server = self.pair.both()
        return self.server

    def cycle(self, acks):
        """Waits for `acks` more records, then one fault; acknowledgements behind it are waited for by the next."""
        self.settle(acks)
        fault = self.random.choices((self.kill, self.stop_and_continue, self.restart), (6, 1, 1))[0]
        number = self.world.recorder.invoke("nemesis", "fault", fault.__name__, serving=False)
        proof = fault()
        self.world.recorder.complete(number, "nemesis", "ok", proof=proof)
        return fault.__name__

    def settle(self, acks, seconds=90):
        wanted = self.world.acked + acks

        def enough():
            if not self.server.running():
                raise processes.Timeout(f"the broker has ended:\n{self.server.tail(30)}")
            if self.world.problems:
                raise processes.Timeout(self.world.problems[0])
            return self.world.acked >= wanted
        processes.wait_until(enough, seconds, f"{acks} more acknowledged records", every=0.02)
        time.sleep(self.random.uniform(0, 0.1))

    def kill(self):
        """kill -9 in the middle of whatever it does."""
        pid = self.server.pid
        self.server.kill9()
        gone = not os.path.exists(f"/proc/{pid}")
        if self.after_kill:
            self.after_kill()
        self.server, _ = self.pair.both_again()
        return f"pid {pid} is gone, pid {self.server.pid} serves" if gone and self.server.pid != pid else None

    def restart(self):
        """SIGTERM: a stop in good order under load."""
        pid = self.server.pid
        code = self.server.terminate(60)
        self.server, _ = self.pair.both_again()
        return f"pid {pid} ended with 0" if code == 0 else None

    def stop_and_continue(self):
        """SIGSTOP for a moment: clients' requests pile up."""
        os.kill(self.server.pid, signal.SIGSTOP)
        state = processes.wait_until(self._stopped, 10, "the broker to be stopped", every=0.005)
        before = self.world.acked
        time.sleep(self.random.uniform(0.3, 1.5))
        # What the broker had sent before may have been read since then, no more than that.
        late = self.world.acked - before
        os.kill(self.server.pid, signal.SIGCONT)
        return f"state {state}, {late} records were acknowledged by answers on their way" if state else None

    def _stopped(self):
        with open(f"/proc/{self.server.pid}/stat", encoding="ascii") as source:
            state = source.read().rsplit(")", 1)[1].split()[0]
        return state if state == "T" else None
