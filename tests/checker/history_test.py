#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The history checker against histories made by hand: one for every anomaly, and beside each the one that is in order."""
import unittest

from history.checks import ANOMALIES, Checker
from history.outcome import outcome
from history.verdict import Verdict

SEEN_ANOMALIES = set()


class Story:
    """A history told in verbs. Every step takes a second; `overlapping` operations are begun and ended apart."""

    def __init__(self):
        self.lines, self.time, self.number = [], 0, 0

    def begin(self, op, key="t-0", process="a", **asked):
        self.time += 1
        self.number += 1
        self.lines.append(dict(t=self.time, n=self.number, process=process, op=op, key=key, **asked))
        return self.number

    def end(self, number, result="ok", **answered):
        self.time += 1
        self.lines.append(dict(t=self.time, n=number, result=result, **answered))
        return self

    def send(self, first, count=1, offset=None, result="ok", **asked):
        producer = asked.pop("producer", 1)
        number = self.begin("send", value=[producer, first, count], **asked)
        return self.end(number, result, **({} if offset is None else {"offset": offset}))

    def poll(self, offset, *runs, high=None, stable=None, start=None, **asked):
        return self.end(self.begin("poll", offset=offset, **asked), runs=[list(run) for run in runs], high=high, stable=stable,
                        start=start)

    def final(self, offset, *runs, **more):
        return self.poll(offset, *runs, **dict({"final": True, "process": "reader"}, **more))

    def commit(self, offset, result="ok"):
        return self.end(self.begin("commit", key="g/t-0", offset=offset), result)

    def committed(self, offset):
        return self.end(self.begin("committed", key="g/t-0"), offset=offset)

    def check(self, **options):
        checker = Checker(**options).check([dict(line) for line in self.lines])
        SEEN_ANOMALIES.update(checker.counts)
        return checker

    def anomalies(self, **options):
        return self.check(**options).counts


def written():
    """Ten acknowledged records, offsets 0 to 9."""
    return Story().send(0, 10, offset=0)


class Records(unittest.TestCase):
    def test_what_is_acknowledged_and_read_is_in_order(self):
        checker = written().final(0, (0, 1, 0, 10)).check()
        self.assertEqual(checker.counts, {})
        self.assertEqual(checker.totals["acked"], 10)

    def test_an_acknowledged_record_with_something_read_behind_it_is_lost(self):
        story = written().final(0, (0, 1, 0, 5), (6, 1, 6, 4))
        self.assertEqual(story.check().totals["lost"], 1)
        self.assertEqual(story.anomalies(), {"lost-write": 1, "int-poll-skip": 1})

    def test_a_drain_that_stops_early_leaves_records_unseen(self):
        self.assertEqual(written().final(0, (0, 1, 0, 9)).anomalies(), {"unseen": 1})

    def test_a_record_that_was_read_before_and_never_acknowledged_must_stay(self):
        story = Story().send(0, 2, result="info").poll(0, (0, 1, 0, 2)).send(2, 1, offset=2).final(2, (2, 1, 2, 1))
        self.assertEqual(story.anomalies(), {"vanished": 2})

    def test_an_unknown_send_may_be_there_or_not(self):
        self.assertEqual(Story().send(0, result="info").send(1, offset=1).final(0, (0, 1, 0, 2)).anomalies(), {})
        self.assertEqual(Story().send(0, result="info").send(1, offset=0).final(0, (0, 1, 1, 1)).anomalies(), {})

    def test_a_send_without_an_answer_is_unknown(self):
        story = Story()
        story.begin("send", value=[1, 0, 3])
        self.assertEqual(story.final(0, (0, 1, 0, 3)).check().totals["unknown"], 3)

    def test_one_offset_holds_one_value(self):
        story = written().poll(0, (0, 1, 0, 4), (4, 2, 0, 1), process="b")
        self.assertIn("inconsistent-offsets", story.anomalies())
        self.assertIn("inconsistent-offsets", written().send(0, offset=3, producer=2).anomalies())

    def test_a_value_of_an_idempotent_producer_stands_at_one_offset(self):
        self.assertEqual(written().final(0, (0, 1, 0, 10), (10, 1, 9, 1)).anomalies(), {"duplicate": 1})

    def test_a_value_of_another_producer_may_be_there_twice(self):
        checker = Story().send(0, offset=0, idempotent=False).final(0, (0, 1, 0, 1), (1, 1, 0, 1)).check()
        self.assertEqual(checker.counts, {})
        self.assertEqual(checker.totals["duplicates"], 1)

    def test_a_value_that_nobody_sent_is_a_phantom(self):
        self.assertEqual(written().final(0, (0, 1, 0, 11)).anomalies(), {"phantom": 1})

    def test_a_refused_value_is_never_read(self):
        self.assertEqual(written().send(10, result="fail").final(0, (0, 1, 0, 11)).anomalies(), {"G1a": 1})
        self.assertEqual(written().send(10, result="fail").final(0, (0, 1, 0, 10)).anomalies(), {})

    def test_what_read_committed_does_not_show_is_lost(self):
        story = written().final(0, (0, 1, 0, 10)).final(0, (0, 1, 0, 4), (5, 1, 5, 5), committed=True, process="c")
        self.assertEqual(story.anomalies(sparse=lambda key: True), {"lost-write": 1})

    def test_deleted_records_may_be_gone_and_no_others(self):
        def deleted_to(offset):
            story = written()
            return story.end(story.begin("delete", offset=offset), start=offset).final(5, (5, 1, 5, 5), start=5)
        self.assertEqual(deleted_to(5).anomalies(), {})
        self.assertEqual(deleted_to(4).anomalies(), {"lost-write": 1, "start-jumped": 1})

    def test_retention_may_take_what_is_below_the_start(self):
        story = written().final(5, (5, 1, 5, 5), start=5)
        self.assertEqual(story.anomalies(retention=True), {})


class Order(unittest.TestCase):
    def test_one_poll_goes_forward_without_gaps(self):
        self.assertIn("int-nonmonotonic-poll", written().poll(0, (0, 1, 0, 5), (3, 1, 3, 2)).anomalies())
        self.assertIn("int-poll-skip", written().poll(0, (0, 1, 0, 5), (6, 1, 6, 2)).anomalies())

    def test_polls_of_a_consumer_go_forward_without_gaps(self):
        def then(offset):
            return written().poll(None, (0, 1, 0, 5)).poll(None, (offset, 1, offset, 3))
        self.assertIn("nonmonotonic-poll", then(4).anomalies())
        self.assertIn("poll-skip", then(6).anomalies())
        self.assertEqual({"unseen"}, set(then(5).anomalies()))

    def test_a_consumer_may_seek(self):
        story = written().poll(None, (0, 1, 0, 10)).poll(None, (2, 1, 2, 3), seek=True)
        self.assertNotIn("nonmonotonic-poll", story.anomalies())

    def test_gaps_are_allowed_where_the_log_is_sparse(self):
        story = Story().send(0, offset=0).send(1, offset=5).final(0, (0, 1, 0, 1), (5, 1, 1, 1))
        self.assertEqual(story.anomalies(sparse=lambda key: key == "t-0"), {})

    def test_a_later_send_has_a_higher_offset(self):
        story = Story()
        first, second = story.begin("send", value=[1, 0, 1]), story.begin("send", value=[1, 1, 1])
        story.end(first, offset=7).end(second, offset=6)
        self.assertIn("nonmonotonic-send", story.anomalies())

    def test_a_send_after_an_acknowledgement_has_a_higher_offset_whoever_sends(self):
        self.assertIn("realtime-send", written().send(0, producer=2, process="b", offset=10).send(0, producer=3, offset=9).anomalies())


class Watermarks(unittest.TestCase):
    def test_nothing_is_read_above_the_high_watermark(self):
        self.assertIn("above-high-watermark", written().poll(0, (0, 1, 0, 10), high=9).anomalies())

    def test_nothing_is_read_at_read_committed_above_the_stable_offset(self):
        def polled(committed):
            return written().poll(0, (0, 1, 0, 10), high=10, stable=4, committed=committed)
        self.assertIn("above-stable-offset", polled(True).anomalies())
        self.assertNotIn("above-stable-offset", polled(False).anomalies())

    def test_the_stable_offset_is_not_above_the_high_watermark(self):
        self.assertIn("stable-above-high", written().poll(0, high=10, stable=11).anomalies())

    def test_the_high_watermark_does_not_go_back(self):
        self.assertIn("high-watermark-back", Story().poll(0, high=5).poll(0, high=4, process="b").anomalies())
        story = written()
        self.assertIn("high-watermark-back", story.end(story.begin("list", which="latest"), offset=9).anomalies())

    def test_polls_at_one_time_may_see_it_in_any_order(self):
        story = Story()
        slow = story.begin("poll", offset=0)
        story.poll(0, high=5, process="b").end(slow, runs=[], high=4)
        self.assertEqual(story.anomalies(), {})

    def test_the_start_does_not_go_back(self):
        story = written()
        story.end(story.begin("delete", offset=4), start=4)
        self.assertIn("start-back", story.end(story.begin("list", which="earliest"), offset=3).anomalies())


class Commits(unittest.TestCase):
    def test_a_committed_offset_does_not_go_back(self):
        self.assertEqual(Story().commit(4).commit(9).committed(4).anomalies(), {"commit-back": 1})

    def test_a_committed_offset_does_not_go_away(self):
        self.assertEqual(Story().commit(4).committed(-1).anomalies(), {"commit-lost": 1})

    def test_an_offset_that_nobody_committed_is_never_told(self):
        self.assertEqual(Story().commit(4).committed(5).anomalies(), {"commit-phantom": 1})

    def test_a_commit_of_unknown_end_may_count_and_then_stays(self):
        self.assertEqual(Story().commit(4).commit(9, "info").committed(4).committed(9).anomalies(), {})
        self.assertEqual(Story().commit(4).commit(9, "info").committed(9).committed(4).anomalies(), {"commit-back": 1})


def transaction(commit, result="ok", final=((0, 1, 0, 1), (1, 1, 1, 1))):
    """Two records of one transaction, its end, and what is read of them at read_committed."""
    story = Story().send(0, offset=0, txn=7).send(1, offset=1, txn=7)
    return story.end(story.begin("end", key=7, commit=commit), result).final(0, *final, committed=True)


class TransactionsOf(unittest.TestCase):
    def test_a_committed_transaction_is_read(self):
        self.assertEqual(transaction(True).anomalies(), {})

    def test_an_aborted_transaction_is_not_read(self):
        self.assertEqual(transaction(False).anomalies(), {"G1a": 2})

    def test_a_transaction_of_unknown_end_may_be_read(self):
        self.assertEqual(transaction(True, "info").anomalies(), {})

    def test_a_committed_transaction_is_read_as_a_whole(self):
        story = transaction(True, final=((1, 1, 1, 1),))
        self.assertIn("torn-transaction", story.anomalies(sparse=lambda key: True))

    def test_a_transaction_does_not_read_what_it_has_not_committed(self):
        story = Story().send(0, offset=0, txn=7).poll(0, (0, 1, 0, 1), txn=7, committed=True)
        self.assertIn("precommitted-read", story.anomalies())

    def test_transactions_do_not_read_from_each_other_in_a_circle(self):
        story = Story().send(0, offset=0, txn=7).send(0, offset=1, producer=2, txn=8, process="b")
        story.poll(1, (1, 2, 0, 1), txn=7)
        self.assertNotIn("G1c", story.anomalies())
        self.assertIn("G1c", story.poll(0, (0, 1, 0, 1), txn=8, process="b").anomalies())


class Outcomes(unittest.TestCase):
    def test_only_what_proves_that_nothing_was_appended_is_a_failure(self):
        self.assertEqual([outcome(error) for error in (0, 2, 10, 17, 18, 19, 29, 87, 47)], ["ok"] + ["fail"] * 8)
        self.assertEqual({outcome(error) for error in (None, -1, 6, 7, 13, 20)}, {"info"})

    def test_after_an_attempt_of_unknown_end_no_failure_is_definite(self):
        self.assertEqual(outcome(19, tried_before=True), "info")
        self.assertEqual(outcome(47, idempotent=False), "info")


class Verdicts(unittest.TestCase):
    def judged(self, *times, minimum=1, faults=1, proof="pid 7 is dead", serving=False):
        """Acknowledgements at `times`; faults from 10 to 20, from 30 to 40 and so on."""
        story = Story()
        events = [(time, "ack", None) for time in times]
        for fault in range(faults):
            events += [(10 + 20 * fault, "begin", fault), (20 + 20 * fault, "end", fault)]
        sent, numbers = 0, {}
        for time, what, fault in sorted(events):
            story.time = time - 1
            if what == "ack":
                number = story.begin("send", value=[1, sent, 1])
                story.time = time - 1
                story.end(number, offset=sent)
                sent += 1
            elif what == "begin":
                numbers[fault] = story.begin("fault", key="kill", serving=serving)
            else:
                story.end(numbers[fault], proof=proof)
        story.final(0, (0, 1, 0, sent))
        return Verdict(story.check(), "A1", 3, "raw", minimum)

    def test_a_run_with_acknowledgements_around_its_faults_passes(self):
        verdict = self.judged(5, 25, 45, faults=2)
        self.assertEqual(verdict.problems, [])
        line = verdict.line
        self.assertEqual((line["acked"], line["cycles"], line["fault_proof"], line["lost"], line["pass"]), (3, 2, 2, 0, True))
        self.assertEqual((line["max_gap_ms"], line["recover_ms"]), (20000, 5000))

    def test_a_run_without_acknowledgements_before_between_or_after_faults_does_not_count(self):
        for times in ((25, 45), (5, 45), (5, 25)):
            self.assertFalse(self.judged(*times, faults=2).passed, times)

    def test_a_fault_that_must_not_stop_acknowledgements_has_to_see_some(self):
        self.assertFalse(self.judged(5, 25, serving=True).passed)
        self.assertTrue(self.judged(5, 15, 25, serving=True).passed)

    def test_a_run_with_too_few_acknowledgements_does_not_count(self):
        self.assertFalse(self.judged(5, 25, minimum=3).passed)

    def test_a_fault_without_proof_does_not_count(self):
        self.assertFalse(self.judged(5, 25, proof=None).passed)

    def test_an_anomaly_or_a_problem_of_the_auditor_fails_the_run(self):
        checker = written().final(0, (0, 1, 0, 9)).check()
        self.assertFalse(Verdict(checker, "A1", 1, "raw", 1).passed)
        checker = written().final(0, (0, 1, 0, 10)).check()
        self.assertTrue(Verdict(checker, "A1", 1, "raw", 1).passed)
        self.assertFalse(Verdict(checker, "A1", 1, "raw", 1, ["a hole"]).passed)


class ZAllAnomalies(unittest.TestCase):
    """Runs last."""

    def test_every_anomaly_has_been_seen_in_a_history_above(self):
        self.assertEqual(set(ANOMALIES) - SEEN_ANOMALIES, set())


if __name__ == "__main__":
    unittest.main()
