"""What clients do to a cluster while the nemesis is at it: queues with leases, delays, batches and dedup
keys, a dead-letter chain, a topic that is pushed and copied, in order by key, rewinds, attributes and
names that change. All is recorded."""

import datetime
import itertools
import json
import random
import threading
import time

from nemesis_history import Asker, now_us
from receiver import Endpoint
from server import wait_until

LEASE_S = 3
WORK_LEASE_S = 1
PAUSE_S = 0.03
QUEUES = {
    "plain": {"visibility": LEASE_S},
    "graves": {"visibility": LEASE_S},
    "work": {"visibility": WORK_LEASE_S, "dead_letter": {"queue": "graves", "max_receives": 2}},
    "past": {"visibility": LEASE_S, "rewind": 3_600},
    "copy": {"visibility": LEASE_S},
    "ledger": {},
    "knobs": {"retention": 1_000},
}
RETRY = {"name": "custom", "steps": [{"min_ms": 100, "times": 5}]}
ORDERED = {"retry": {**RETRY, "keeps_order": True}, "concurrency": 1}
PUSHED = ("line", "hook")  # in order; many at a time
REFUSED_SHARE = 0.03


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

    def __init__(self, test, cluster, recorder, seed):
        self.cluster = cluster
        self.recorder = recorder
        self.seed = seed
        self.numbers = itertools.count(1)
        self.stopping = threading.Event()
        self.threads = []
        self.problems = []
        self.sink = Sink(test, recorder, seed)

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
            )
        for name in PUSHED:
            self.recorder.declare("queue", f"news.{name}.dlq", visibility_s=30)
        first = dict(kind="set", object="knobs#retention", number=1_000, outcome="ok")
        self.recorder.add(dict(first, invoke=now_us(), complete=now_us()))
        assert client.native("POST", "/v1/topics", {"name": "news"})[0] == 201
        sinks = [
            {"name": "hook", "http": {"url": self.sink.url}, "retry": RETRY, "concurrency": 8},
            {"name": "line", "http": {"url": self.sink.url}, **ORDERED},
            {"name": "copy", "queue": {"name": "copy"}, "tags": ["b"]},
        ]
        for sink in sinks:
            status, answer = client.native("POST", "/v1/topics/news/subscriptions", sink)
            assert status == 201, answer
        for name in PUSHED:
            dead = f"news.{name}.dlq"
            self.recorder.declare(
                "subscription", f"news/{name}", topic="news", dead=dead, ordered=name == "line"
            )
        self.recorder.declare("subscription", "news/copy", topic="news", tag="b", queue="copy")

    def begin(self):
        self.make()
        works = [self.produce] * 3 + [self.consume] * 4 + [self.publish] * 2
        works += [self.rewind, self.change, self.keep_ledger]
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
        queue = asker.random.choice(["plain", "plain", "work", "work", "graves", "copy"])
        came = asker.receive(queue, asker.random.randint(1, 16), asker.random.choice([0, 0, 1]))
        kept = []
        for message in came:
            kind = asker.random.random()
            if kind < (0.4 if queue == "work" else 0.06):
                continue
            if kind > 0.97:
                asker.change_visibility(queue, message, asker.random.randint(0, 3))
            else:
                kept.append(message)
        if kept:
            asker.remove(queue, kept)

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
        queues = ["work", "graves", "plain", "past", "copy", "ledger"]
        for queue in queues + [f"news.{name}.dlq" for name in PUSHED]:
            wait_until(lambda name=queue: self.emptied(asker, name), patience, f"{queue} is empty")

    def pushed(self, asker):
        for name in PUSHED:
            outcome, got, _ = asker.ask("GET", f"/v1/subscriptions/news/{name}")
            if outcome != "ok" or got["backlog"] + got["waiting"] > 0:
                return False
        return True

    def emptied(self, asker, queue):
        while came := asker.receive(queue, 16):
            asker.remove(queue, came)
        outcome, got, _ = asker.ask("GET", f"/v1/queues/{queue}")
        if outcome != "ok":
            return False
        left = got["messages"]
        return left["visible"] + left["in_flight"] + left["delayed"] == 0
