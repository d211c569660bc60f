"""What clients do to a cluster while the nemesis is at it: queues with leases, delays, batches and dedup
keys, a dead-letter chain, a topic that is pushed and copied, in order by key, an ordered queue,
transactions, rewinds, attributes and names that change; a worker, where the nemesis is at workers. All is
recorded."""

import datetime
import itertools
import json
import random
import sys
import threading
import time

from nemesis_history import Asker, now_us
from nemesis_judge import MADE
from receiver import Endpoint
from server import wait_until

LEASE_S = 3
WORK_LEASE_S = 1
PAUSE_S = 0.03
CHECKS = 3  # of a transaction that nobody confirms
CONFIRMED_AT_ONCE = 100
KEYS = 8  # of the ordered queue
QUEUES = {
    "plain": {"visibility": LEASE_S},
    "graves": {"visibility": LEASE_S},
    "work": {"visibility": WORK_LEASE_S, "dead_letter": {"queue": "graves", "max_receives": 2}},
    "past": {"visibility": LEASE_S, "rewind": 3_600},
    "copy": {"visibility": LEASE_S},
    "ledger": {},
    "knobs": {"retention": 1_000},
    "lanes": {"visibility": WORK_LEASE_S, "ordered": True},
    "deals": {"visibility": LEASE_S, "transaction": {"first_query": 1, "queries": CHECKS}},
    "made": {"visibility": LEASE_S},
}
RETRY = {"name": "custom", "steps": [{"min_ms": 100, "times": 5}]}
ORDERED = {"retry": {**RETRY, "keeps_order": True}, "concurrency": 1}
PUSHED = ("line", "hook")  # in order; many at a time
REFUSED_SHARE = 0.03
# Puts what it makes of each message into a queue, with the acknowledgement.
WORKER = """
import json, sys
for line in sys.stdin:
    frame = json.loads(line)
    if frame.get("type") != "event":
        continue
    print(json.dumps({"type": "publish", "id": frame["id"], "queue": "made",
                      "body": "%s" + frame["event"]["body"]}))
    print(json.dumps({"id": frame["id"], "ok": True}), flush=True)
""" % MADE
WORKING = {
    "name": "worker",
    "worker": {
        "command": [sys.executable, "-u", "-c", WORKER],
        "processes": 2,
        "window": 8,
        "crashes_max": 100,  # each is the nemesis' doing
    },
    "timeout_ms": 2_000,
    "retry": {"name": "custom", "steps": [{"min_ms": 200, "times": 100}]},
}


class Sink:
    """The endpoint of the pushed subscriptions; refuses some, until it is told to be calm."""

    def __init__(self, test, recorder, seed):
        self.recorder = recorder
        self.random = random.Random(seed)
        self.calm = False
        self.down = False
        self.url = Endpoint(test, self.take).url

    def take(self, _, __, body):
        began = now_us()
        pushed = json.loads(body)
        status = 200
        if not self.calm and (self.down or self.random.random() < REFUSED_SHARE):
            status = 503
        item = {"body": pushed["msgBody"], "id": pushed["msgId"]}
        # What is accepted is accepted before the node can know it.
        self.recorder.add(
            dict(
                kind="push",
                object=f"news/{pushed['subscriptionName']}",
                number=status,
                items=[item],
                invoke=began,
                complete=now_us(),
                outcome="ok",
            )
        )
        return status, {}, ""


class Workload:
    """`begin()`, later `finish()`: then everything has been taken out."""

    def __init__(self, test, cluster, recorder, seed, workers=False):
        self.cluster = cluster
        self.workers = workers
        self.recorder = recorder
        self.seed = seed
        self.numbers = itertools.count(1)
        self.stopping = threading.Event()
        self.threads = []
        self.problems = []
        self.sink = Sink(test, recorder, seed)
        self.deals = set()  # ids of transactions

    def asker(self, number):
        return Asker(self.cluster, self.recorder, random.Random(self.seed * 1_000 + number))

    def body(self):
        return f"m{next(self.numbers)}"

    def make(self):
        client = self.cluster.nodes[0]
        for name, attributes in QUEUES.items():
            status, answer = client.native("POST", "/v1/queues", {"name": name, **attributes})
            assert status == 201, answer
            dead = attributes.get("dead_letter", {})
            self.recorder.declare(
                "queue",
                name,
                visibility_s=attributes.get("visibility", 30),
                dead=dead.get("queue", ""),
                max_receives=dead.get("max_receives", 0),
                rewound="rewind" in attributes,
                ordered="ordered" in attributes,
                checks=attributes.get("transaction", {}).get("queries", 0),
            )
        for name in self.drained():
            self.recorder.declare("queue", f"news.{name}.dlq", visibility_s=30)
        first = dict(kind="set", object="knobs#retention", number=1_000, outcome="ok")
        self.recorder.add(dict(first, invoke=now_us(), complete=now_us()))
        assert client.native("POST", "/v1/topics", {"name": "news"})[0] == 201
        sinks = [
            {"name": "hook", "http": {"url": self.sink.url}, "retry": RETRY, "concurrency": 8},
            {"name": "line", "http": {"url": self.sink.url}, **ORDERED},
            {"name": "copy", "queue": {"name": "copy"}, "tags": ["b"]},
        ]
        if self.workers:
            sinks.append(WORKING)
            dead = "news.worker.dlq"
            self.recorder.declare(
                "subscription", "news/worker", topic="news", dead=dead, worker="made"
            )
        for sink in sinks:
            status, answer = client.native("POST", "/v1/topics/news/subscriptions", sink)
            assert status == 201, answer
        for name in PUSHED:
            dead = f"news.{name}.dlq"
            self.recorder.declare(
                "subscription", f"news/{name}", topic="news", dead=dead, ordered=name == "line"
            )
        self.recorder.declare("subscription", "news/copy", topic="news", tag="b", queue="copy")

    def drained(self):
        """The subscriptions that have to be tried until nothing waits."""
        return [*PUSHED, "worker"] if self.workers else PUSHED

    def begin(self):
        self.make()
        works = [self.produce] * 3 + [self.consume] * 4 + [self.publish] * 2
        works += [self.rewind, self.change, self.keep_ledger]
        works += [self.send_in_order, self.take_in_order, self.take_in_order]
        works += [self.deal, self.check_back]
        for number, work in enumerate(works):
            thread = threading.Thread(target=self.run, args=(work, number), daemon=True)
            self.threads.append(thread)
            thread.start()

    def run(self, work, number):
        asker = self.asker(number)
        state = {"key": f"k{number}"}
        try:
            while not self.stopping.is_set():
                work(asker, state)
                time.sleep(asker.random.uniform(0, 2 * PAUSE_S))
        except Exception as problem:  # a client that stops proves less than it seems to
            self.problems.append(f"client {number}: {problem!r}")
            raise

    def produce(self, asker, state):
        kind = asker.random.random()
        queue = "work" if kind < 0.3 else "plain"
        if kind > 0.9:
            asker.send(queue, [self.body()], delay_s=asker.random.randint(1, 3))
        elif kind > 0.7:
            asker.send(queue, [self.body() for _ in range(asker.random.randint(2, 4))])
        elif kind > 0.5:
            key = body = self.body()
            for _ in range(4):
                if asker.send(queue, [body], dedup_key=key) == "ok":
                    break
        else:
            asker.send(queue, [self.body()])

    def consume(self, asker, state):
        queue = asker.random.choice(["plain", "plain", "work", "work", "graves", "copy", "deals"])
        if self.workers and asker.random.random() < 0.2:
            queue = "made"
        self.take(asker, queue, 0.4 if queue == "work" else 0.06)

    def take(self, asker, queue, forgotten):
        """Receives, deletes all but a share that it forgets, and a few that it gives back."""
        came = asker.receive(queue, asker.random.randint(1, 16), asker.random.choice([0, 0, 1]))
        kept = []
        for message in came:
            kind = asker.random.random()
            if kind < forgotten:
                continue
            if kind > 0.97:
                asker.change_visibility(queue, message, asker.random.randint(0, 3))
            else:
                kept.append(message)
        if kept:
            asker.remove(queue, kept)

    def send_in_order(self, asker, state):
        bodies = [self.body() for _ in range(asker.random.randint(1, 4))]
        orders = [f"k{asker.random.randrange(KEYS)}" for _ in bodies]
        repeats = 4 if asker.random.random() < 0.3 else 1
        for _ in range(repeats):
            key = bodies[0] if repeats > 1 else ""
            if asker.send("lanes", bodies, dedup_key=key, orders=orders) == "ok":
                break

    def take_in_order(self, asker, state):
        self.take(asker, "lanes", 0.03)

    def deal(self, asker, state):
        """Prepares a message; confirms it, or leaves it to those who are asked."""
        number = asker.prepare("deals", self.body())
        if number:
            self.deals.add(number)
            self.decide(asker, number, 0.3)

    def check_back(self, asker, state):
        for number in asker.take_checks("deals", asker.random.choice([0, 1])):
            self.deals.add(number)
            self.decide(asker, number, 0.6)

    @staticmethod
    def decide(asker, number, silent):
        if asker.random.random() < silent:
            return
        kind = "commit" if asker.random.random() < 0.6 else "rollback"
        asker.confirm("deals", kind, [number])

    def publish(self, asker, state):
        key = state["key"] if asker.random.random() < 0.6 else ""
        asker.publish("news", self.body(), asker.random.choice("ab"), key)

    def rewind(self, asker, state):
        asker.send("past", [self.body()])
        came = asker.receive("past", 16)
        if came:
            asker.remove("past", came)
        if asker.random.random() > 0.05:
            return
        back_s = asker.random.uniform(0, 3)
        to_us = now_us() - int(back_s * 1e6)
        wall = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=back_s)
        to = {"to": wall.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        asker.act("rewind", "past", "POST", "/v1/queues/past/rewind", to, to_us)

    def change(self, asker, state):
        kind = asker.random.random()
        if kind < 0.25:
            value = asker.random.randint(60, 100_000)
            body = {"retention": value}
            asker.act("set", "knobs#retention", "PATCH", "/v1/queues/knobs", body, value)
        elif kind < 0.5:
            path = "/v1/queues/knobs"
            asker.act("get", "knobs#retention", "GET", path, number=lambda got: got["retention"])
        else:
            name = asker.random.choice(["one", "two", "three"])
            if kind < 0.65:
                asker.act("create", name, "POST", "/v1/queues", {"name": name})
            elif kind < 0.8:
                asker.act("drop", name, "DELETE", f"/v1/queues/{name}")
            else:
                asker.act("look", name, "GET", f"/v1/queues/{name}")

    def keep_ledger(self, asker, state):
        if asker.random.random() < 0.5:
            asker.send("ledger", [self.body() for _ in range(asker.random.randint(1, 3))])
            return
        asker.act(
            "count",
            "ledger",
            "GET",
            "/v1/queues/ledger",
            number=lambda got: got["messages"]["visible"],
        )

    def finish(self, patience):
        """In calm weather: clients end, every queue is emptied."""
        self.sink.calm = True
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
        assert not self.problems, self.problems
        asker = self.asker(len(self.threads))
        wait_until(lambda: self.pushed(asker), patience, "everything is pushed")
        wait_until(lambda: self.dealt(asker), patience, "every transaction has ended")
        queues = ["work", "graves", "plain", "past", "copy", "ledger", "lanes", "deals", "made"]
        for queue in queues + [f"news.{name}.dlq" for name in self.drained()]:
            wait_until(lambda name=queue: self.emptied(asker, name), patience, f"{queue} is empty")

    def pushed(self, asker):
        for name in self.drained():
            outcome, got, _ = asker.ask("GET", f"/v1/subscriptions/news/{name}")
            if outcome != "ok" or got["backlog"] + got["waiting"] > 0:
                return False
        return True

    def dealt(self, asker):
        """Nothing is prepared; then each is asked for, which changes nothing any more."""
        self.check_back(asker, {})
        outcome, got, _ = asker.ask("GET", "/v1/queues/deals")
        if outcome != "ok" or got["transactions"]["prepared"] > 0:
            return False
        while self.deals:
            some = sorted(self.deals)[:CONFIRMED_AT_ONCE]
            if asker.confirm("deals", "rollback", some) != "ok":
                return False
            self.deals.difference_update(some)
        return True

    def emptied(self, asker, queue):
        while came := asker.receive(queue, 16):
            asker.remove(queue, came)
        outcome, got, _ = asker.ask("GET", f"/v1/queues/{queue}")
        if outcome != "ok":
            return False
        left = got["messages"]
        return left["visible"] + left["in_flight"] + left["delayed"] == 0
