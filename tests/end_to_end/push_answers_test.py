"""What endpoints say by their answers, with the real binary: outputs, batches, handshakes."""

import json
import time
import unittest

from receiver import Endpoint
from server import Server, data_folder, wait_until


class PushAnswersTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(self, data_folder(self)).start()
        self.server.cli("topic", "create", "events")

    def add(self, name, url, *flags):
        self.server.cli("sub", "add", "events", name, "--http", url, *flags)

    def sub(self, name):
        return json.loads(self.server.cli("sub", "info", f"events/{name}", "-o", "json"))

    def publish(self, bodies):
        for begin in range(0, len(bodies), 16):
            status, _ = self.server.native(
                "POST", "/v1/topics/events/messages/batch",
                {"messages": [{"body": body} for body in bodies[begin:begin + 16]]})
            self.assertLess(status, 300)

    def received(self, queue, number):
        """Bodies of `number` messages, and that there are no more."""
        bodies = []
        wait_until(lambda: bodies.extend(self.receive(queue)) or len(bodies) >= number, 20,
                   f"{number} messages in {queue}")
        self.assertEqual(self.receive(queue), [])
        return bodies

    def receive(self, queue):
        got = json.loads(
            self.server.cli("queue", "receive", queue, "--max", "16", "--ack", "-o", "json"))
        return [message["body"] for message in got]

    # ---- outputs

    def test_what_an_answer_publishes_commits_with_its_message(self):
        self.server.cli("queue", "create", "bills")

        def answer(_, __, body):
            return 200, {}, json.dumps({"publish": [{"queue": "bills", "body": f"bill {body}"}]})

        endpoint = Endpoint(self, answer)
        self.add("billing", endpoint.url, "--format", "simplified", "--outputs", "on")
        self.add("deaf", endpoint.url, "--format", "simplified")
        self.publish([f"m{number}" for number in range(40)])
        self.assertEqual(sorted(self.received("bills", 40)),
                         sorted(f"bill m{number}" for number in range(40)))
        self.assertEqual(self.sub("billing")["backlog"], 0)

    def test_an_answer_that_cannot_be_published_is_a_failed_attempt(self):
        self.server.cli("queue", "create", "bills")
        answers = iter(['{"publish":[{"queue":"bills"}]}',
                        '{"publish":[{"queue":"nowhere","body":"x"}]}',
                        '{"publish":[{"queue":"bills","body":"good"}]}'])
        endpoint = Endpoint(self, lambda *_: (200, {}, next(answers, "{}")))
        self.add("billing", endpoint.url, "--outputs", "on", "--retry", "100ms,100ms")
        self.publish(["m"])
        self.assertEqual(self.received("bills", 1), ["good"])
        failed = json.loads(self.server.cli(
            "delivery", "list", "--sub", "events/billing", "--status", "failed", "-o", "json"))
        self.assertEqual([one["reason"] for one in failed], ["output_refused"] * 2)
        self.assertIn("nowhere", failed[0]["excerpt"])
        self.assertIn('"publish" needs either "body"', failed[1]["excerpt"])

    # ---- batches

    def test_a_batch_is_one_request_and_each_message_ends_by_itself(self):
        refused_once = set()

        def answer(_, __, body):
            failures = []
            for event in json.loads(body):
                if event["data"] % 10 == 0 and event["id"] not in refused_once:
                    refused_once.add(event["id"])
                    failures.append({"itemIdentifier": event["id"]})
            return 200, {}, json.dumps({"batchItemFailures": failures})

        endpoint = Endpoint(self, answer)
        self.add("lake", endpoint.url, "--format", "cloudevents-batch", "--batch", "25",
                 "--batch-linger", "2s", "--batch-bytes", "64KiB", "--retry", "100ms,100ms")
        self.publish([str(number) for number in range(100)])
        wait_until(lambda: self.sub("lake")["backlog"] == 0, 30, "all are done")
        batches = [[event["data"] for event in json.loads(body)] for body in endpoint.bodies_of()]
        self.assertLessEqual(max(len(batch) for batch in batches), 25)
        self.assertLessEqual(len(batches), 8, batches)
        told = sorted(one for batch in batches for one in batch)
        self.assertEqual(told, sorted([*range(100), *range(0, 100, 10)]))
        shown = self.sub("lake")["push"]
        self.assertEqual((shown["batch"], shown["batch_bytes"], shown["batch_linger_ms"]),
                         (25, 65536, 2000))
        attempts = json.loads(self.server.cli(
            "delivery", "list", "--sub", "events/lake", "--status", "failed", "-o", "json"))
        self.assertEqual(len(attempts), 10)
        self.assertEqual({one["excerpt"] for one in attempts},
                         {"the handler names it in batchItemFailures"})

    def test_a_batch_that_keeps_no_order_is_refused_where_order_was_asked_for(self):
        status, problem = self.server.native(
            "POST", "/v1/topics/events/subscriptions",
            {"name": "both", "http": {"url": "http://127.0.0.1:9/"}, "format": "scf",
             "push": {"batch": 10, "order_by_key": True}})
        self.assertEqual(status, 400)
        self.assertIn("keeps no order", problem["detail"])

    # ---- handshakes

    def test_nothing_is_sent_before_a_challenge_was_given_back(self):
        agrees = False

        def answer(_, __, body):
            if "url_verification" not in body:
                return 200, {}, ""
            return (200, {}, json.loads(body)["challenge"]) if agrees else (404, {}, "who?")

        endpoint = Endpoint(self, answer)
        self.add("shy", endpoint.url, "--format", "simplified", "--handshake", "challenge")
        wait_until(lambda: self.sub("shy")["health"]["state"] == "awaiting_handshake", 10, "shown")
        self.assertEqual(endpoint.requests, [])
        self.publish(["first", "second"])
        health = wait_until(
            lambda: "until" in self.sub("shy")["health"] and self.sub("shy")["health"], 10,
            "the handshake was refused")
        self.assertIn("(status 404)", health["reason"])
        self.assertEqual(len(endpoint.requests), 1)
        agrees = True
        wait_until(lambda: {"first", "second"} <= set(endpoint.bodies_of()), 30, "both messages")
        self.assertTrue(all("url_verification" in body for body in endpoint.bodies_of()[:2]))
        health = self.sub("shy")["health"]
        self.assertEqual(health["state"], "ok")
        self.assertIn("agreed_at", health)

    def test_the_rate_of_a_cloudevents_handshake_is_kept(self):
        def answer(method, headers, _):
            if method != "OPTIONS":
                return 202, {}, ""
            return 200, {"WebHook-Allowed-Origin": headers["WebHook-Request-Origin"],
                         "WebHook-Allowed-Rate": "600"}, ""

        endpoint = Endpoint(self, answer)
        self.add("polite", endpoint.url, "--format", "cloudevents", "--handshake", "cloudevents")
        began = time.monotonic()
        self.publish([f"m{number}" for number in range(21)])
        wait_until(lambda: len(endpoint.bodies_of()) == 21, 30, "21 messages")
        self.assertGreater(time.monotonic() - began, 18 / 10)
        self.assertEqual([method for method, *_ in endpoint.requests].count("OPTIONS"), 1)
        self.assertEqual(endpoint.requests[0][0], "OPTIONS")
        self.assertEqual(self.sub("polite")["health"]["agreed_per_minute"], 600)


if __name__ == "__main__":
    unittest.main(verbosity=2)
