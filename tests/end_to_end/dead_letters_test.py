"""A subscriber that is down for the whole of its retry schedule, and the way back."""

import json
import unittest

from cmq import Cmq
from receiver import Receiver
from server import Server, data_folder, wait_until


def letters_of(server):
    return json.loads(server.cli("dlq", "show", "events/down", "-o", "json"))


class DeadLettersTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(self, data_folder(self)).start()
        self.cmq = Cmq(self.server)
        self.cmq.call("CreateTopic", topicName="events")

    def test_what_a_dead_endpoint_never_took_is_in_its_dead_letter_queue_and_redrives(self):
        receiver = Receiver(self, status=lambda body: 503)
        self.server.cli(
            "sub", "add", "events", "down", "--http", receiver.url, "--retry", "1s,1s,1s"
        )
        ids = [self.cmq.publish("events", f"order {number}") for number in range(3)]
        letters = wait_until(
            lambda: len(letters_of(self.server)) == 3 and letters_of(self.server),
            30,
            "three dead letters",
        )
        self.assertEqual({letter["id"] for letter in letters}, set(ids))
        for letter in letters:
            self.assertEqual(letter["attempts"], 4)
            self.assertEqual(letter["last_status"], 503)
            self.assertEqual(letter["reason"], "status")
            self.assertIn("the turbine is down", letter["excerpt"])
        self.assertEqual(len(receiver.bodies), 12)
        for message in ids:
            track = json.loads(self.server.cli("message", "track", message, "-o", "json"))
            numbers = [
                attempt["attempt"] for place in track["places"] for attempt in place["attempts"]
            ]
            self.assertEqual(numbers, [1, 2, 3, 4])

        receiver.status = lambda body: 200
        before = len(receiver.bodies)
        self.server.cli("dlq", "redrive", "events/down")
        wait_until(lambda: len(receiver.bodies) >= before + 3, 20, "three redriven messages")
        taken = [json.loads(body) for body in receiver.bodies[before:]]
        self.assertEqual({body["msgBody"] for body in taken}, {f"order {n}" for n in range(3)})
        self.assertEqual({body["msgId"] for body in taken}, set(ids))
        wait_until(lambda: letters_of(self.server) == [], 10, "an empty dead-letter queue")

    def test_a_refused_connection_is_an_attempt_with_its_reason(self):
        receiver = Receiver(self)
        receiver.stop()
        self.server.cli("sub", "add", "events", "down", "--http", receiver.url, "--retry", "1s")
        self.cmq.publish("events", "nobody there")
        letters = wait_until(lambda: letters_of(self.server), 20, "a dead letter")
        self.assertEqual(letters[0]["attempts"], 2)
        self.assertEqual(letters[0]["reason"], "refused")
        self.assertNotIn("last_status", letters[0])

    def test_one_endpoint_that_is_down_delays_no_other(self):
        receiver = Receiver(self)
        down = Receiver(self, status=lambda body: 500)
        self.server.cli("sub", "add", "events", "down", "--http", down.url, "--retry", "1h")
        self.server.cli("sub", "add", "events", "up", "--http", receiver.url)
        for number in range(50):
            self.cmq.publish("events", f"order {number}")
        wait_until(lambda: len(receiver.bodies) == 50, 10, "fifty deliveries")

    def test_without_a_dead_letter_queue_the_message_is_dropped_and_counted(self):
        receiver = Receiver(self, status=lambda body: 500)
        self.server.cli(
            "sub", "add", "events", "down", "--http", receiver.url, "--retry", "1s",
            "--dead-letter", "none",
        )
        self.cmq.publish("events", "gone")

        def dropped():
            info = json.loads(self.server.cli("sub", "info", "events/down", "-o", "json"))
            return info["dropped"] == 1

        wait_until(dropped, 20, "one dropped message")
        self.assertEqual(len(receiver.bodies), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
