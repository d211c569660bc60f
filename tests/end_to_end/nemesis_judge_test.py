"""The judge of the nemesis' histories sees: histories made by hand, each right, and with one mistake. What is
said of messages in other queues is tests/nemesis/checker_test.cpp."""

import random
import unittest

from nemesis_judge import MADE, judge

SEEDS = 4
S = 1_000_000  # microseconds
LEASE_S = 3
CHECKS = 3


class Story:
    """A history made by hand: each call adds one operation after the one before."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.now = S
        self.lines = [
            dict(kind="queue", object="lanes", visibility_s=LEASE_S, ordered=True),
            dict(kind="queue", object="deals", visibility_s=LEASE_S, checks=CHECKS),
            dict(kind="queue", object="made", visibility_s=LEASE_S),
            dict(kind="queue", object="dead", visibility_s=LEASE_S),
            dict(kind="subscription", object="news/w", topic="news", dead="dead", worker="made"),
        ]

    def add(self, kind, queue, items, **more):
        line = dict(kind=kind, object=queue, items=items, outcome="ok")
        self.now += self.random.randint(1, 20_000)
        line["invoke"] = self.now
        self.now += self.random.randint(1, 20_000)
        self.lines.append(dict(line, complete=self.now, **more))

    def unanswered(self):
        self.last()["outcome"] = "unknown"
        del self.last()["complete"]

    def refused(self, why=""):
        self.last().update(outcome="fail", why=why)

    def overlap(self):
        """The last operation began before the one before it."""
        self.last()["invoke"] = self.lines[-2]["invoke"] - 1

    def last(self):
        return self.lines[-1]

    def wait(self, seconds):
        self.now += seconds * S

    def send(self, *bodies, key="k", **more):
        items = [{"body": body, "id": f"id-{body}", "order": key} for body in bodies]
        self.add("send", "lanes", items, number=0, key="", **more)

    def receive(self, queue, *bodies, receives=1):
        self.add("receive", queue, [self.came(queue, body, receives) for body in bodies])

    @staticmethod
    def came(queue, body, receives):
        receipt = f"{queue}-{body}-{receives}"
        return {"body": body, "id": f"id-{body}", "receipt": receipt, "receives": receives}

    def remove(self, queue, body, receives=1):
        self.add("remove", queue, [{"body": body, "receipt": f"{queue}-{body}-{receives}"}])

    def take(self, queue, *bodies):
        for body in bodies:
            self.receive(queue, body)
            self.remove(queue, body)

    def prepare(self, body):
        self.add("prepare", "deals", [{"body": body, "id": f"id-{body}"}])

    def confirm(self, kind, body, why=""):
        self.add(kind, "deals", [{"id": f"id-{body}"}], why=why)

    def check(self, body):
        self.wait(1)
        self.add("check", "deals", [{"id": f"id-{body}"}])

    def publish(self, body):
        self.add("publish", "news", [{"body": body, "id": f"id-{body}"}], tag="a", key="")


# Ordered queues.


def overtakes(story, wrong):
    story.send("a")
    story.send("b")
    story.take("lanes", *("ba" if wrong else "ab"))


def overtakes_in_a_batch(story, wrong):
    story.send("a", "b")
    story.take("lanes", *("ba" if wrong else "ab"))


def overtakes_another_key(story, wrong):
    story.send("a")
    story.send("b", key="k" if wrong else "other")
    story.take("lanes", "b", "a")


def overtakes_what_was_answered(story, wrong):
    story.send("a")
    if not wrong:
        story.unanswered()
    story.send("b")
    story.take("lanes", "b", "a")


def overtakes_what_was_repeated(story, wrong):
    story.send("a", "x")
    story.unanswered()
    story.send("b")
    story.lines[-2]["key"] = "once"
    story.send("a", "x")
    story.last()["key"] = "once"
    if wrong:
        story.send("c")
        story.take("lanes", "c")
    story.take("lanes", "b", "a", "x")
    if not wrong:
        story.send("c")
        story.take("lanes", "c")


def two_in_one_answer(story, wrong):
    story.send("a", "b", key="k")
    if not wrong:
        story.last()["items"][1]["order"] = "other"
    story.receive("lanes", "a", "b")
    story.remove("lanes", "a")
    story.remove("lanes", "b")


def two_out(story, wrong):
    story.send("a")
    story.send("b")
    story.overlap()  # either may be the first
    story.receive("lanes", "b")
    if not wrong:
        story.remove("lanes", "b")
    story.receive("lanes", "a")
    if wrong:
        story.remove("lanes", "b")
    story.remove("lanes", "a")


def two_out_of_a_long_poll(story, wrong):
    """It began before the first one was received."""
    story.send("a")
    story.send("b")
    story.receive("lanes", "a")
    began = story.last()["invoke"] - 1
    if not wrong:
        story.remove("lanes", "a")
    story.receive("lanes", "b")
    story.last()["invoke"] = began
    if wrong:
        story.remove("lanes", "a")
    story.remove("lanes", "b")


def next_after_a_lease(story, wrong):
    story.send("a")
    story.send("b")
    story.receive("lanes", "a")
    story.wait(LEASE_S)
    if wrong:
        story.take("lanes", "b")
    story.receive("lanes", "a", receives=2)
    story.remove("lanes", "a", receives=2)
    if not wrong:
        story.take("lanes", "b")


def next_after_a_refused_delete(story, wrong):
    story.send("a")
    story.send("b")
    story.receive("lanes", "a")
    story.remove("lanes", "a")
    if wrong:
        story.refused("stale")
    else:
        story.unanswered()
    story.take("lanes", "b")
    if wrong:
        story.wait(LEASE_S)
        story.receive("lanes", "a", receives=2)
        story.remove("lanes", "a", receives=2)


def ordered_and_back_again(story, wrong):
    story.send("a")
    story.take("lanes", "a")
    if wrong:
        story.wait(LEASE_S)
        story.receive("lanes", "a", receives=2)


def ordered_and_empty(story, wrong):
    """All there is may wait: that nothing came is no mistake. That it never came is."""
    story.send("a")
    story.receive("lanes")
    if not wrong:
        story.take("lanes", "a")


# Transactions.


def seen_too_early(story, wrong):
    story.prepare("a")
    if wrong:
        story.receive("deals", "a")
    story.confirm("commit", "a")
    if not wrong:
        story.receive("deals", "a")
    story.remove("deals", "a")


def seen_without_a_commit(story, wrong):
    """The send was not answered, its id is known to who is asked."""
    story.prepare("a")
    story.unanswered()
    story.last()["items"][0]["id"] = ""
    story.check("a")
    story.confirm("rollback" if wrong else "commit", "a")
    story.take("deals", "a")


def seen_after_a_rollback(story, wrong):
    story.prepare("a")
    story.confirm("commit", "a")
    story.unanswered()
    story.confirm("rollback", "a", "" if wrong else "otherwise")
    story.take("deals", "a")


def never_seen(story, wrong):
    story.prepare("a")
    story.confirm("commit", "a")
    if not wrong:
        story.take("deals", "a")


def not_there_at_once(story, wrong):
    story.prepare("a")
    story.confirm("commit", "a")
    story.receive("deals")
    if not wrong:
        story.overlap()
    story.take("deals", "a")


def ends_twice(story, wrong):
    story.prepare("a")
    story.confirm("rollback", "a")
    story.confirm("commit", "a", "" if wrong else "otherwise")


def is_forgotten(story, wrong):
    story.prepare("a")
    story.confirm("rollback", "a")
    story.confirm("rollback", "a", "absent" if wrong else "")


def never_ends(story, wrong):
    story.prepare("a")
    story.confirm("rollback", "a")
    if wrong:
        story.unanswered()


def is_given_up(story, wrong):
    story.prepare("a")
    story.check("a")
    story.check("a")
    story.add("check", "deals", [])
    if not wrong:
        story.unanswered()  # that was the third
    story.wait(1)
    story.confirm("commit", "a", "otherwise")


def is_asked_about_again(story, wrong):
    story.prepare("a")
    story.check("a")
    story.confirm("rollback", "a")
    if wrong:
        story.check("a")


def is_committed_by_nobody(story, wrong):
    story.prepare("a")
    if not wrong:
        story.confirm("commit", "a")
        story.unanswered()
    story.confirm("rollback", "a", "otherwise")
    story.take("deals", "a")


# Workers.


def is_not_worked_on(story, wrong):
    story.publish("a")
    if not wrong:
        story.take("made", MADE + "a")


def is_worked_on_twice(story, wrong):
    story.publish("a")
    story.take("made", MADE + "a")
    if wrong:
        story.take("made", MADE + "a")
        story.lines[-2]["items"][0]["id"] = "another"


def is_worked_on_and_dead(story, wrong):
    story.publish("a")
    story.take("dead", "a")
    if wrong:
        story.take("made", MADE + "a")


MISTAKES = {
    overtakes: "overtaken",
    overtakes_in_a_batch: "overtaken",
    overtakes_another_key: "overtaken",
    overtakes_what_was_answered: "overtaken",
    overtakes_what_was_repeated: "overtaken",
    two_in_one_answer: "two_out",
    two_out: "two_out",
    two_out_of_a_long_poll: "two_out",
    next_after_a_lease: "two_out",
    next_after_a_refused_delete: "two_out",
    ordered_and_back_again: "came_back",
    ordered_and_empty: "lost",
    seen_too_early: "seen_uncommitted",
    seen_without_a_commit: "seen_uncommitted",
    seen_after_a_rollback: "failed_but_came",
    never_seen: "lost",
    not_there_at_once: "message",
    ends_twice: "two_ends",
    is_forgotten: "forgotten",
    never_ends: "open_for_ever",
    is_given_up: "given_up_early",
    is_asked_about_again: "asked_after_its_end",
    is_committed_by_nobody: "committed_by_nobody",
    is_not_worked_on: "lost",
    is_worked_on_twice: "two_ids",
    is_worked_on_and_dead: "failed_but_came",
}


class NemesisJudgeTest(unittest.TestCase):
    def judged(self, tell, seed, wrong):
        story = Story(seed)
        tell(story, wrong)
        return judge(story.lines)[0]

    def test_right_histories_are_right(self):
        for tell in MISTAKES:
            for seed in range(SEEDS):
                self.assertEqual(self.judged(tell, seed, False), [], f"{tell.__name__} {seed}")

    def test_wrong_histories_are_found_for_what_is_wrong(self):
        for tell, rule in MISTAKES.items():
            for seed in range(SEEDS):
                found = self.judged(tell, seed, True)
                rules = {finding.split(":")[0] for finding in found}
                self.assertIn(rule, rules, f"{tell.__name__} {seed}: {found}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
