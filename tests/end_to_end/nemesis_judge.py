"""Reads the history of a cluster and says what is wrong with it: `nemesis_judge.py FILE`.

`nemesis_check` knows what becomes of a message that is sent. A transaction that is committed and what a
worker makes of a message are shown to it as sends (`as_sends`); what only ordered queues and transactions
promise is looked at here. tests/nemesis/README.md has the form of a history."""

import json
import math
import os
import subprocess
import sys
from collections import defaultdict
from functools import cached_property

CHECK = os.environ.get("PENSTOCK_NEMESIS_CHECK", "")
OWN_KINDS = ("prepare", "commit", "rollback", "check")
MADE = "w/"  # what a worker puts before the body


def answered(line):
    return line.get("complete", math.inf)


def possible(line):
    return line["outcome"] != "fail"


def operations(lines, kind, queue):
    return [one for one in lines if one["kind"] == kind and one["object"] == queue]


class Ordered:
    """Of an ordered queue: what is known of each message, in microseconds, and what contradicts it."""

    class Message:
        def __init__(self):
            self.key = None
            self.sends = []  # (line, place in it) of those that may have happened
            self.receives = []
            self.removed = math.inf  # not before

        @cached_property
        def begun(self):
            return min(line["invoke"] for line, _ in self.sends)

        @cached_property
        def sent(self):
            """By when it was in the queue for sure."""
            told = [answered(line) for line, _ in self.sends if line["outcome"] == "ok"]
            return min(told, default=math.inf)

        @cached_property
        def first_came(self):
            return min((answered(line) for line in self.receives), default=math.inf)

        def follows(self, other):
            if other.sent < self.begun:
                return True
            # What is sent again is the same batch.
            (line, place), (before, earlier) = self.sends[0], other.sends[0]
            return line is before and earlier < place

    def __init__(self, lines, queue):
        self.queue = queue
        self.messages = defaultdict(Ordered.Message)
        for line in operations(lines, "send", queue):
            for place, item in enumerate(line["items"]):
                if possible(line):
                    self.messages[item["body"]].sends.append((line, place))
                    self.messages[item["body"]].key = item["order"]
        for line in operations(lines, "receive", queue):
            for item in line["items"]:
                self.messages[item["body"]].receives.append(line)
        for line in filter(possible, operations(lines, "remove", queue)):
            for item in line["items"]:
                message = self.messages[item["body"]]
                message.removed = min(message.removed, line["invoke"])

    def findings(self):
        keys = defaultdict(list)
        for body, message in self.messages.items():
            if message.sends:  # else it was invented, as nemesis_check says
                keys[message.key].append((body, message))
        for key, messages in keys.items():
            yield from self.overtaken(key, messages)
            yield from self.two_out(key, messages)

    def overtaken(self, key, messages):
        """A message comes when those sent before it are done."""
        for body, message in messages:
            came = message.first_came
            for before, earlier in messages:
                if earlier.removed > came and earlier is not message and message.follows(earlier):
                    yield f"overtaken: {body} of {self.queue}/{key} came before {before} was done"

    def two_out(self, key, messages):
        """What was received stays the first of its key until it is done."""
        came = [(one, body, message) for body, message in messages for one in message.receives]
        came.sort(key=lambda receive: receive[0]["invoke"])
        for at, (first, body, message) in enumerate(came):
            for second, other, another in came[at + 1 :]:
                if other == body or message.removed <= answered(second):
                    continue
                if answered(first) >= second["invoke"] and another.removed <= answered(first):
                    continue  # side by side, and the other one may have been the first
                yield f"two_out: {other} of {self.queue}/{key} came while {body} was out"


class Transaction:
    """One message that was prepared, by its id."""

    def __init__(self):
        self.asked = {"commit": [], "rollback": []}  # confirmations that may have happened
        self.checks = []  # takes that gave it to somebody
        self.told = {"commit": [], "rollback": []}  # answers that say how it ended
        self.absent = []

    def confirm(self, line):
        kind = line["kind"]
        if possible(line):
            self.asked[kind].append(line["invoke"])
        if line["outcome"] != "ok":
            return
        if line.get("why") == "absent":
            self.absent.append(line)
            return
        other = {"commit": "rollback", "rollback": "commit"}[kind]
        self.told[other if line.get("why") == "otherwise" else kind].append(answered(line))

    def ended(self, kind):
        """By when it had ended so for sure."""
        return min(self.told[kind], default=math.inf)

    def may_be(self, kind):
        """Since when it may have ended so because somebody asked for it."""
        return min(self.asked[kind], default=math.inf)


class Transactions:
    """Of a transactional queue."""

    def __init__(self, lines, declared):
        self.queue = declared["object"]
        self.checks = declared["checks"]
        self.by_id = defaultdict(Transaction)
        self.prepares = operations(lines, "prepare", self.queue)
        self.receives = operations(lines, "receive", self.queue)
        takes = operations(lines, "check", self.queue)
        self.lost_takes = [line["invoke"] for line in takes if line["outcome"] == "unknown"]
        for line in self.prepares:
            if line["outcome"] == "ok":
                self.by_id[line["items"][0]["id"]]
        for line in takes:
            for item in line["items"]:
                self.by_id[item["id"]].checks.append(line["invoke"])
        for kind in ("commit", "rollback"):
            for line in operations(lines, kind, self.queue):
                self.by_id[line["items"][0]["id"]].confirm(line)

    def findings(self):
        for number, one in self.by_id.items():
            for rule in self.broken(one):
                yield f"{rule}: transaction {number} of {self.queue}"
        for line in self.receives:
            for item in line["items"]:
                if self.by_id[item["id"]].may_be("commit") > answered(line):
                    yield f"seen_uncommitted: {item['body']} of {self.queue} was not committed"

    def broken(self, one):
        committed, rolled_back = one.ended("commit"), one.ended("rollback")
        if one.absent:
            yield "forgotten"
        if committed == rolled_back == math.inf:
            yield "open_for_ever"
        if max(committed, rolled_back) < math.inf:
            yield "two_ends"
        if committed < one.may_be("commit"):
            yield "committed_by_nobody"
        if rolled_back < one.may_be("rollback"):
            taken = [took for took in one.checks + self.lost_takes if took < rolled_back]
            if len(taken) < self.checks:
                yield "given_up_early"
        if any(took > min(committed, rolled_back) for took in one.checks):
            yield "asked_after_its_end"

    def sends(self):
        """A message that was committed is one that was sent then; any other has failed."""
        for line in self.prepares:
            send = dict(line, kind="send")
            one = self.by_id.get(line["items"][0]["id"])
            if line["outcome"] == "ok":
                committed, rolled_back = one.ended("commit"), one.ended("rollback")
                if committed == rolled_back or max(committed, rolled_back) < math.inf:
                    send["outcome"] = "unknown"
                elif rolled_back < math.inf:
                    send["outcome"] = "fail"
                    send["items"] = [dict(line["items"][0], id="")]  # an id is of what may come
                else:
                    send.update(invoke=min(one.may_be("commit"), committed), complete=committed)
            yield send


def made_by(lines, declared, end):
    """What a worker has put into its queue by the end, as one send for each message."""
    came = {}
    for line in operations(lines, "receive", declared["worker"]):
        for item in line["items"]:
            came.setdefault(item["body"], answered(line))
    dead = {item["body"] for line in operations(lines, "remove", declared["dead"])
            for item in line["items"]}  # fmt: skip
    for line in operations(lines, "publish", declared["topic"]):
        body = line["items"][0]["body"]
        made = MADE + body
        send = dict(line, kind="send", object=declared["worker"], key="", number=0)
        send["items"] = [{"body": made, "id": ""}]
        if line["outcome"] == "ok":
            send["complete"] = came.get(made, end)
        if body in dead:
            send["outcome"] = "fail"  # a dead letter's work has no effect
        yield send


def as_sends(lines):
    """The history in the words of nemesis_check."""
    end = 1 + max(one for line in lines for one in (line.get("invoke", 0), line.get("complete", 0)))
    ordered = {line["object"] for line in lines if line.get("ordered") and line["kind"] == "queue"}
    for line in lines:
        if line["kind"] == "queue" and line.get("checks"):
            yield from Transactions(lines, line).sends()
        if line["kind"] == "subscription" and line.get("worker"):
            yield from made_by(lines, line, end)
            continue
        # Nothing came of an ordered queue: all there is may wait behind what is out.
        waits = line["kind"] == "receive" and not line["items"] and line["object"] in ordered
        if line["kind"] not in OWN_KINDS and not (waits and line["outcome"] == "ok"):
            yield line


def own_findings(lines):
    for line in lines:
        if line["kind"] == "queue" and line.get("ordered"):
            yield from Ordered(lines, line["object"]).findings()
        if line["kind"] == "queue" and line.get("checks"):
            yield from Transactions(lines, line).findings()


def judge(lines):
    """(what is wrong, one text each; what nemesis_check said)."""
    shown = "".join(json.dumps(line) + "\n" for line in as_sends(lines))
    done = subprocess.run(
        [CHECK, "/dev/stdin"], input=shown, capture_output=True, text=True, timeout=300
    )
    assert done.returncode in (0, 1), done.stderr
    found = done.stdout.splitlines() if done.returncode else []
    return [*own_findings(lines), *found], done.stdout


def main():
    with open(sys.argv[1]) as file:
        findings, said = judge([json.loads(line) for line in file])
    print("\n".join(findings) or said.strip())
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
