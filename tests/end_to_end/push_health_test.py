"""Health-aware push and order by key, with the real binary."""

import json
import time
import unittest

from receiver import Receiver
from server import Server, data_folder, wait_until


class PushHealthTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(self, data_folder(self)).start()
        self.server.cli("topic", "create", "events")

    def add(self, name, url, *flags):
        self.server.cli("sub", "add", "events", name, "--http", url, "--format", "simplified", *flags)

    def sub(self, name):
        return json.loads(self.server.cli("sub", "info", f"events/{name}", "-o", "json"))

    def waiting(self, name, status):
        return json.loads(
            self.server.cli("delivery", "list", "--sub", f"events/{name}", "--status", status,
                            "-o", "json"))

    def publish(self, bodies, *flags):
        for body in bodies:
            self.server.cli("topic", "publish", "events", body, *flags)

    def test_an_outage_burns_no_more_attempts_than_it_takes_to_see_it(self):
        receiver = Receiver(self)
        port = receiver.port
        receiver.stop()
        self.add("down", receiver.url, "--retry", "300ms,300ms")
        self.publish([f"m{number}" for number in range(30)])
        wait_until(lambda: self.sub("down")["health"]["state"] == "breaker_open", 20, "open")
        self.assertEqual(self.sub("down")["health"]["reason"], "refused")
        self.assertEqual(self.sub("down")["backlog"], 30)
        waits = {one["why"] for one in self.waiting("down", "retry")}
        self.assertTrue(waits & {"breaker_open", "retry", "deferred"}, waits)
        back = Receiver(self, port=port)
        wait_until(lambda: len(set(back.bodies)) == 30, 60, "everything, none of it dead")
        self.assertEqual(json.loads(self.server.cli("dlq", "show", "events/down", "-o", "json")), [])

    def test_gone_disables_with_its_reason_and_keeps_the_message(self):
        receiver = Receiver(self, status=lambda body: 410)
        self.add("gone", receiver.url)
        self.publish(["kept"])
        sub = wait_until(
            lambda: self.sub("gone")["state"] == "disabled" and self.sub("gone"), 10, "disabled")
        self.assertEqual(sub["state_reason"], "its endpoint answered 410 Gone")
        self.assertIn("disabled subscription=events/gone", self.server.log())
        receiver.status = lambda body: 200
        before = len(receiver.bodies)
        self.server.cli("sub", "resume", "events/gone")
        wait_until(lambda: len(receiver.bodies) > before, 10, "the message that was kept")

    def test_a_client_error_is_final_where_the_policy_says_so(self):
        receiver = Receiver(self, status=lambda body: 404 if body == "later" else 400)
        self.add("strict", receiver.url, "--client-errors", "dead", "--retry-status", "404",
                 "--retry", "1h")
        self.publish(["bad", "later"])
        letters = wait_until(
            lambda: json.loads(self.server.cli("dlq", "show", "events/strict", "-o", "json")),
            10, "a dead letter")
        self.assertEqual([letter["body"] for letter in letters], ["bad"])
        self.assertEqual(letters[0]["attempts"], 1)
        wait_until(lambda: self.waiting("strict", "retry"), 10, "the other waits")

    def test_a_parked_key_waits_for_its_release_and_others_flow(self):
        receiver = Receiver(self, status=lambda body: 500 if body == "a1" else 200)
        self.add("keyed", receiver.url, "--order-by-key", "--retry", "100ms", "--on-exhausted",
                 "park")
        self.publish(["a1", "a2", "a3"], "--ordering-key", "a")
        self.publish([f"b{number}" for number in range(5)], "--ordering-key", "b")
        parked = wait_until(
            lambda: len(self.waiting("keyed", "parked")) == 3 and self.waiting("keyed", "parked"),
            20, "three parked messages")
        self.assertEqual([one["why"] for one in parked], ["exhausted", "behind_key", "behind_key"])
        taken = [body for body in receiver.bodies if body.startswith("b")]
        self.assertEqual(taken, [f"b{number}" for number in range(5)])
        behind = parked[1]["message"]
        status, problem = self.server.native(
            "POST", f"/v1/subscriptions/events/keyed/deliveries/{behind}/retry")
        self.assertEqual(status, 400)
        self.assertIn("earlier message of its ordering key", problem["detail"])
        receiver.status = lambda body: 200
        self.server.cli("delivery", "retry", parked[0]["message"], "--sub", "events/keyed")
        wait_until(lambda: "a3" in receiver.bodies, 10, "the key goes on")
        self.assertEqual([body for body in receiver.bodies if body.startswith("a")][-3:],
                         ["a1", "a2", "a3"])

    def test_a_rate_is_kept(self):
        receiver = Receiver(self)
        self.add("slow", receiver.url, "--rate", "20/s")
        began = time.monotonic()
        for number in range(3):
            status, _ = self.server.native(
                "POST", "/v1/topics/events/messages/batch",
                {"messages": [{"body": f"s{number}-{at}"} for at in range(16)]})
            self.assertLess(status, 300)
        wait_until(lambda: len(receiver.bodies) == 48, 20, "48 deliveries")
        # Two at once, then one every 50 ms.
        self.assertGreater(time.monotonic() - began, 46 / 20 - 0.3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
