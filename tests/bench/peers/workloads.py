"""The workloads: what is done to a running broker, and the records that come of it.

A record is a dict of `load`, `who` and the figures of one run, as mqload or the push sink gave
them, or `failed` with the reason."""

import json
import os
import threading
import time
import urllib.request
from dataclasses import dataclass

from generator import measure
from peers import BareLog, BeastEcho, Nats, Nginx, PushConsumer, RabbitMq, Redis
from penstock_broker import Penstock
from processes import bytes_on_disk, resident_bytes

SETTLE_SECONDS = 0.5  # between two runs on one broker: what the last one left to do


@dataclass
class Sizes:
    """How much is done; compare.py sets them."""

    seconds: float = 3
    warmup: float = 1
    all_cells: bool = False
    backlog: int = 10_000_000
    pushed: int = 60_000
    many_queues: int = 10_000
    other_subscriptions: int = 1_000
    killed_after: float = 4
    after_kill: float = 10


def text_of_size(size):
    return f"{size // 1024} KiB" if size >= 1024 else f"{size} B"


class Runner:
    """Measures one broker and keeps the records."""

    def __init__(self, sizes, say):
        self.sizes = sizes
        self.say = say
        self.records = []

    def keep(self, load, who, figures):
        rate = figures.get("delivered_per_s") or figures.get("acknowledged_per_s") or 0
        if rate and "written_bytes" in figures:
            figures["written_a_message"] = figures["written_bytes"] / (rate * figures["seconds"])
        self.records.append({"load": load, "who": who, **figures})
        told = figures.get("failed") or f"{rate:,.0f}/s"
        errors = figures.get("errors", 0) + figures.get("complaints", 0)
        self.say(f"{who}: {load}: {told}" + (f", {errors} ERRORS" if errors else ""))

    def timed(self):
        return ["--seconds", self.sizes.seconds, "--warmup", self.sizes.warmup]

    def load(self, broker, load, way, words, fan=0):
        """One run against a new object."""
        self.run(broker, load, way.who, [*broker.target(way, fan), *words])
        broker.release()

    def run(self, broker, load, who, words):
        pids = ",".join(map(str, broker.pids()))
        time.sleep(SETTLE_SECONDS)
        self.keep(load, who, measure([*words, "--processes", pids]))


# (size, outstanding): those that the aims speak of, or all.
CELLS = [(1024, 1), (1024, 16), (1024, 128), (100, 128), (65536, 16)]
ALL_CELLS = [(size, under_way) for size in (1024, 100, 65536) for under_way in (1, 16, 128)]


def sends(runner, broker):
    """W1: durable sends, so many requests outstanding."""
    cells = ALL_CELLS if runner.sizes.all_cells else CELLS
    for size, outstanding in cells:
        load = f"{text_of_size(size)}, {outstanding} outstanding"
        if isinstance(broker, BareLog):
            timed = (runner.sizes.seconds, runner.sizes.warmup)
            runner.keep(load, broker.who, broker.measure(size, outstanding, *timed))
            continue
        for way in broker.ways:
            if way.driver in ("http", "v1") and size > 1024:
                continue  # HTTP is measured with small messages
            if way.driver == "http" and size != 1024:
                continue  # a ceiling, once
            if way.batch > 1 and outstanding < 128:
                continue
            words = [*way.shape(outstanding), "--size", size, "--mode", "send", *runner.timed()]
            runner.load(broker, load, way, words)


def cycles(runner, broker):
    """W2: send, receive and delete on one queue, at full speed and at 1,000 a second."""
    way = broker.ways[0]
    words = ["--mode", "cycle", "--consumers", 4, *runner.timed()]
    runner.load(broker, "128 outstanding", way, [*words, *way.shape(128)])
    paced = ["--connections", 4, "--window", 64, "--rate", 1000]
    runner.load(broker, "1,000 a second", way, [*words, *paced])


def fans(runner, broker):
    """W3: what is sent once is received and deleted from each of ten queues."""
    way = broker.ways[0]
    words = ["--mode", "cycle", *runner.timed()]
    full = [*words, "--connections", 4, "--window", 8]
    runner.load(broker, "32 outstanding", way, full, fan=10)
    paced = [*words, "--connections", 4, "--window", 64, "--rate", 200]
    runner.load(broker, "200 a second", way, paced, fan=10)


class PushedByPenstock:
    def __init__(self, broker, way, url):
        self.broker = broker
        self.words, self.path = broker.push_target(way, url)

    def pause(self):
        self.broker.ask("POST", self.path + "/pause")

    def resume(self):
        self.broker.ask("POST", self.path + "/resume")


class PushedByConsumer:
    def __init__(self, broker, way, url, scope):
        self.words = broker.target(way)
        self.consumer = PushConsumer(scope, broker, self.words, url)
        self.consumer.start()
        self.pause, self.resume = self.consumer.stop, self.consumer.start


def pushes(runner, broker, scope):
    """W4: publish to POST, at two rates and behind a backlog."""
    way = broker.ways[0]
    _, port = scope.run_told_port([os.environ["PENSTOCK_PEERS"] + "/push_sink"])
    url = f"http://127.0.0.1:{port}/"

    def sink(path):
        with urllib.request.urlopen(url + path, timeout=10) as answer:
            return json.load(answer)

    if isinstance(broker, Penstock):
        pushed = PushedByPenstock(broker, way, url)
    else:
        pushed = PushedByConsumer(broker, way, url, scope)
    paced = ["--mode", "send", "--connections", 4, "--window", 64, "--warmup", 0]
    for rate in (500, 2000):
        at_rate = [*pushed.words, *paced, "--rate", rate, "--seconds"]
        sink("reset")
        all_pushed(measure([*at_rate, runner.sizes.warmup]), sink)
        sink("reset")
        sent = measure([*at_rate, runner.sizes.seconds])
        keep_pushes(runner, f"{rate:,} a second", way.who, sent, sink)
    pushed.pause()
    filling = ["--mode", "send", "--connections", 16, "--window", 16]
    sent = measure([*pushed.words, *filling, "--count", runner.sizes.pushed])
    sink("reset")
    pushed.resume()
    keep_pushes(runner, "a backlog", way.who, sent, sink)
    broker.release()


def all_pushed(sent, sink):
    """Waits until what was sent has been pushed, or no more comes; what came."""
    before = -1
    while True:
        came = sink("stats")
        if came["posts"] >= sent.get("acknowledged", 0) or came["posts"] == before:
            return came
        before = came["posts"]
        time.sleep(2)


def keep_pushes(runner, load, who, sent, sink):
    if "failed" in sent:
        return runner.keep(load, who, sent)
    came = all_pushed(sent, sink)
    missing = max(0, sent["acknowledged"] - (came["posts"] - came["duplicates"]))
    # The sink counts itself only.
    used = {name: sent[name] for name in ("errors", "client_cores", "other_cores")}
    figures = {**came, **used, "missing": missing}
    del figures["written_bytes"]
    runner.keep(load, who, figures)


def backlogs(runner, broker):
    """W5: so many messages waiting; memory, disk, how fast they are received and deleted, and
    whether that and sends are slower than with few."""
    way, count = broker.ways[0], runner.sizes.backlog
    load = f"{count:,} messages of 1 KiB"
    patience = 120 + count / 2_000
    pids = ["--processes", ",".join(map(str, broker.pids()))]
    acknowledged = 0

    def fill(words, messages):
        nonlocal acknowledged
        sending = ["--mode", "send", "--connections", 16, "--window", 64, "--count", messages]
        sending += ["--first", acknowledged]
        filled = measure([*words, *pids, *sending], patience)
        if "failed" in filled:
            raise RuntimeError(filled["failed"])
        acknowledged += filled["acknowledged"]
        return filled

    def drain(words, messages):
        receiving = ["--mode", "drain", "--consumers", 4, "--prefetch", 512, "--idle", 10]
        return measure([*words, *pids, *receiving, "--count", messages], patience)

    few, some = min(count // 10, 10_000), min(count // 10, 100_000)
    words = broker.target(way)
    fill(words, some)
    drained_some = drain(words, acknowledged)
    broker.release()
    words, acknowledged = broker.target(way), 0
    fill(words, few)
    sent_beside_few = fill(words, some)["acknowledged_per_s"]
    filled = fill(words, count - few - 2 * some)
    time.sleep(SETTLE_SECONDS)
    sent_beside_all = fill(words, some)["acknowledged_per_s"]
    time.sleep(3)  # what goes on behind the answers
    figures = {
        "filled_per_s": filled["acknowledged_per_s"],
        "resident": resident_bytes(broker.pids()),
        "disk_per_message": bytes_on_disk(broker.folder) / acknowledged,
        "sends_beside_all": sent_beside_all / sent_beside_few,
    }
    drained = drain(words, acknowledged)
    if "failed" not in drained:
        came = drained["delivered"] - drained["duplicates"]
        drained["missing"] = max(0, acknowledged - came)
        if "failed" not in drained_some:
            figures["drained_beside_some"] = (
                drained["delivered_per_s"] / drained_some["delivered_per_s"]
            )
    runner.keep(load, way.who, {**drained, **figures})
    broker.release()


def growth(runner, broker):
    """W7: durable sends to one queue and to many in turn, publishes alone and beside subscriptions
    on other topics; each beside the first of its load. Released with the broker: it is many."""
    way, sizes = broker.ways[0], runner.sizes
    words = [*way.shape(128), "--size", 1024, "--mode", "send", *runner.timed()]
    sent = "sends, 128 outstanding"
    runner.run(broker, sent, "to 1 queue", [*broker.target(way), *words])
    spread = broker.spread_target(way, sizes.many_queues)
    runner.run(broker, sent, f"to {sizes.many_queues:,} queues", [*spread, *words])
    published = "publishes to a queue, 128 outstanding"
    topic = broker.target(way, 1)
    runner.run(broker, published, "no other subscriptions", [*topic, *words])
    broker.subscribe_elsewhere(sizes.other_subscriptions)
    others = f"beside {sizes.other_subscriptions:,} on other topics"
    runner.run(broker, published, others, [*topic, *words])


def fail_over(runner, broker, scope):
    """W6: kill -9 of the process that leads the queue, at 2,000 messages a second."""
    way, sizes = broker.ways[0], runner.sizes
    words = broker.target(way)
    victim, left = broker.kill_leader()
    kept = scope.folder() / "acknowledged"
    words = words[: words.index("--endpoints")] + ["--endpoints"]
    sending = ["--mode", "send", "--connections", 12, "--window", 32, "--rate", 2000]
    sending += ["--seconds", sizes.killed_after + sizes.after_kill, "--warmup", 0]
    sending += ["--answer-within-ms", 1000, "--acknowledged-file", kept]
    kill = threading.Timer(sizes.killed_after, os.kill, (victim, 9))
    kill.start()
    sent = measure([*words, broker.all(), *sending])
    kill.join()
    if "failed" in sent:
        return runner.keep("leader killed", way.who, sent)
    drained = measure([*words, left, "--mode", "drain", "--consumers", 2, "--prefetch", 512,
                       "--idle", 5, "--verify-file", kept])  # fmt: skip
    if "failed" in drained:
        return runner.keep("leader killed", way.who, drained)
    lost = {name: drained[name] for name in ("verified", "lost", "duplicates")}
    # Requests may fail while there is no leader; they are a column of the table.
    refused = {"refused": sent["errors"], "errors": 0, "complaints": 0}
    runner.keep("leader killed", way.who, {**sent, **lost, **refused})


@dataclass(frozen=True)
class Workload:
    title: str
    run: object
    brokers: tuple  # makers
    needs_scope: bool = False
    timed: bool = True  # by --seconds
    long: bool = False  # minutes each: one round unless more are asked for


def one(*makers):
    return tuple(lambda maker=maker: maker(1) for maker in makers)


THREE = (
    lambda: Penstock(3, "majority"),
    lambda: Penstock(3, "all"),
    lambda: RabbitMq(3),
    lambda: Nats(3),
)

# In the order they are run in.
WORKLOADS = {
    "W1-1": Workload("durable sends, one node", sends,
                     one(Penstock, RabbitMq, Redis, Nats, BeastEcho, Nginx)),
    "W1-3": Workload("durable sends, three nodes", sends, (*THREE, BareLog)),
    "W2-1": Workload("send, receive, delete, one node", cycles,
                     one(Penstock, RabbitMq, Redis, Nats)),
    "W2-3": Workload("send, receive, delete, three nodes", cycles, THREE),
    "W3-1": Workload("fan-out 1 to 10, one node", fans, one(Penstock, RabbitMq, Redis, Nats)),
    "W3-3": Workload("fan-out 1 to 10, three nodes", fans, THREE),
    "W4-1": Workload("publish to POST, one node", pushes, one(Penstock, RabbitMq, Nats), True),
    "W4-3": Workload("publish to POST, three nodes", pushes, THREE, True),
    "W6-3": Workload("the leader killed, three nodes", fail_over, THREE, True, timed=False),
    "W5-1": Workload("a backlog, one node", backlogs, one(Penstock, RabbitMq, Redis),
                     timed=False, long=True),
    "W5-3": Workload("a backlog, three nodes", backlogs, THREE[:3],
                     timed=False, long=True),
    "W7-1": Workload("cost as work grows, one node", growth, one(Penstock)),
}  # fmt: skip
