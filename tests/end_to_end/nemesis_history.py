"""What the clients of a cluster asked and were told, for `nemesis_judge.py`; tests/nemesis/README.md has
the form. Times are microseconds of this process's monotonic clock."""

import http.client
import json
import socket
import threading
import time

from server import DEV_KEY_ID, DEV_KEY_SECRET

PATIENCE = 5  # seconds a client waits for an answer
WHY = {
    "receipt_invalid": "stale",
    "queue_exists": "exists",
    "queue_not_found": "absent",
}


def now_us():
    return time.monotonic_ns() // 1000


class Recorder:
    """Any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.lines = []
        self.answers = []  # when something was answered with ok
        self.counts = {"ok": 0, "fail": 0, "unknown": 0}

    def declare(self, kind, name, **more):
        self.add(dict(kind=kind, object=name, **more))

    def add(self, line):
        with self.lock:
            self.lines.append(line)
            if "outcome" in line:
                self.counts[line["outcome"]] += 1
                if line["outcome"] == "ok":
                    self.answers.append(line["complete"])

    def write(self, path):
        with self.lock, open(path, "w") as file:
            for line in self.lines:
                file.write(json.dumps(line) + "\n")


class Asker:
    """One client: asks the native API of one running node after the other, records what comes of
    it. One thread."""

    def __init__(self, cluster, recorder, random):
        self.cluster = cluster
        self.recorder = recorder
        self.random = random
        self.connections = {}
        self.node = None

    def choose(self):
        running = [node for node in self.cluster.nodes if node.alive()]
        self.node = self.random.choice(running) if running else None

    def exchange(self, method, path, body, headers):
        """(status, document); OSError or HTTPException: nobody knows what came of it."""
        connection = self.connections.get(self.node.number)
        if connection is None:
            connection = http.client.HTTPConnection(
                "127.0.0.1", self.node.clients_port, timeout=PATIENCE
            )
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections[self.node.number] = connection
        try:
            head = {"Authorization": f"Bearer {DEV_KEY_ID}:{DEV_KEY_SECRET}", **headers}
            text = None
            if body is not None:
                head["Content-Type"] = "application/json"
                text = json.dumps(body)
            connection.request(method, path, text, head)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self.connections.pop(self.node.number, None)
            raise
        return response.status, json.loads(answer) if answer else {}

    def ask(self, method, path, body=None, headers=None):
        """(outcome, document, why): "ok", "fail" (no effect) or "unknown"."""
        if self.node is None or not self.node.alive() or self.random.random() < 0.05:
            self.choose()
        if self.node is None:
            return "fail", {}, ""
        try:
            status, document = self.exchange(method, path, body, headers or {})
        except ConnectionRefusedError:
            self.node = None
            return "fail", {}, ""
        except (OSError, http.client.HTTPException):
            self.node = None
            return "unknown", {}, ""
        if status < 300:
            return "ok", document, ""
        self.node = None
        if status in (500, 504):
            return "unknown", document, ""
        return "fail", document, WHY.get(document.get("code"), "")

    def record(self, line, method, path, body=None, headers=None):
        """Asks, completes the line and adds it; (outcome, document)."""
        line["invoke"] = now_us()
        outcome, document, why = self.ask(method, path, body, headers)
        line["outcome"] = outcome
        if outcome != "unknown":
            line["complete"] = now_us()
        if why:
            line["why"] = why
        return outcome, document

    def send(self, queue, bodies, delay_s=0, dedup_key="", orders=None):
        """`orders`: the ordering key of each, of an ordered queue."""
        line = dict(kind="send", object=queue, number=delay_s, key=dedup_key)
        head = {"Idempotency-Key": dedup_key} if dedup_key else {}
        messages = [{"body": body} for body in bodies]
        line["items"] = [{"body": body, "id": ""} for body in bodies]
        for message, item, order in zip(messages, line["items"], orders or []):
            message["ordering_key"] = item["order"] = order
        path = f"/v1/queues/{queue}/messages/batch"
        body = {"messages": messages, "delay": delay_s}
        outcome, document = self.record(line, "POST", path, body, head)
        for item, number in zip(line["items"], document["ids"] if outcome == "ok" else []):
            item["id"] = number
        self.recorder.add(line)
        return outcome

    def prepare(self, queue, body):
        """The id of the transaction, or nothing: it is not known."""
        line = dict(kind="prepare", object=queue)
        path = f"/v1/queues/{queue}/messages/batch"
        asked = {"messages": [{"body": body}], "transaction": True}
        outcome, document = self.record(line, "POST", path, asked)
        number = document["ids"][0] if outcome == "ok" else ""
        line["items"] = [{"body": body, "id": number}]
        self.recorder.add(line)
        return number

    def confirm(self, queue, kind, numbers):
        """One line an id: each has its own answer. `kind`: commit, rollback."""
        first = dict(kind=kind, object=queue)
        path = f"/v1/queues/{queue}/transactions"
        outcome, document = self.record(first, "POST", path, {kind: numbers})
        for number in numbers:
            line = dict(first, items=[{"id": number}])
            if outcome == "ok" and number in document["ended_otherwise"]:
                line["why"] = "otherwise"
            if outcome == "ok" and number in document["unknown"]:
                line["why"] = "absent"
            self.recorder.add(line)
        return outcome

    def take_checks(self, queue, wait_s=0):
        """The ids of transactions somebody is to say the end of."""
        line = dict(kind="check", object=queue)
        path = f"/v1/queues/{queue}/transactions/checks"
        outcome, document = self.record(line, "POST", path, {"max": 16, "wait": wait_s})
        numbers = [one["id"] for one in document["checks"]] if outcome == "ok" else []
        line["items"] = [{"id": number} for number in numbers]
        self.recorder.add(line)
        return numbers

    def publish(self, topic, body, tag, key=""):
        line = dict(kind="publish", object=topic, tag=tag, key=key)
        message = {"body": body, "tags": [tag]}
        if key:
            message["ordering_key"] = key
        path = f"/v1/topics/{topic}/messages/batch"
        outcome, document = self.record(line, "POST", path, {"messages": [message]})
        number = document["ids"][0] if outcome == "ok" else ""
        line["items"] = [{"body": body, "id": number}]
        self.recorder.add(line)
        return outcome

    def receive(self, queue, most, wait_s=0):
        line = dict(kind="receive", object=queue)
        body = {"max": most, "wait": wait_s}
        outcome, document = self.record(line, "POST", f"/v1/queues/{queue}/receive", body)
        came = document.get("messages", []) if outcome == "ok" else []
        line["items"] = [
            {key: message[key] for key in ("body", "id", "receipt", "receives")}
            for message in came
        ]
        self.recorder.add(line)
        return line["items"]

    def remove(self, queue, messages):
        """One line a receipt: each has its own answer."""
        first = dict(kind="remove", object=queue)
        receipts = [message["receipt"] for message in messages]
        outcome, document = self.record(
            first, "POST", f"/v1/queues/{queue}/ack", {"receipts": receipts}
        )
        for message in messages:
            line = dict(first, items=[{"body": message["body"], "receipt": message["receipt"]}])
            if outcome == "ok" and message["receipt"] in document["stale"]:
                line.update(outcome="fail", why="stale")
            self.recorder.add(line)

    def change_visibility(self, queue, message, seconds):
        line = dict(kind="visibility", object=queue, number=seconds)
        line["items"] = [{"body": message["body"], "receipt": message["receipt"]}]
        body = {"receipt": message["receipt"], "visibility": seconds}
        self.record(line, "POST", f"/v1/queues/{queue}/visibility", body)
        self.recorder.add(line)

    def act(self, kind, name, method, path, body=None, number=None):
        """set, get, create, drop, look, count, rewind; `number` of the answer, if it is a function."""
        line = dict(kind=kind, object=name)
        outcome, document = self.record(line, method, path, body)
        if callable(number):
            line["number"] = number(document) if outcome == "ok" else 0
        elif number is not None:
            line["number"] = number
        self.recorder.add(line)
        return outcome
