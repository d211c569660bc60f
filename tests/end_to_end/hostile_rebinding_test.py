"""A name that is public until the guard has looked, and private afterwards: the next attempt, once
the answer is no longer remembered, is put off, and nothing private is connected to."""

import time
import unittest

import hostile_names_test as names
import own_network
from dns_stub import Answer
from receiver import Receiver
from server import wait_until

REMEMBERED = 30  # seconds, in sinks/client
PAUSE = REMEMBERED + 5


class RebindingTest(names.Endpoints):
    def test_a_name_that_turns_private_is_put_off_and_counts_no_further_attempt(self):
        refusing = Receiver(self, status=lambda body: 503, address=names.PUBLIC,
                            version="HTTP/1.0")  # keeps no connection
        self.names.names["rebinding.test"] = lambda number: names.GOOD
        self.subscribe("rebinding.test", refusing.port, PAUSE * 1_000)
        decoy = names.Decoy(self, "127.0.0.1", refusing.port)
        message = self.cmq.publish("events", "hello")
        wait_until(lambda: len(self.delivery(message, "rebinding.test")["attempts"]) == 1, 20,
                   "the first attempt")
        self.names.names["rebinding.test"] = lambda number: Answer("127.0.0.1")
        wait_until(lambda: self.names.asked["rebinding.test"] > 1, PAUSE + 20, "a second question")
        time.sleep(2)
        found = self.delivery(message, "rebinding.test")
        self.assertEqual((found["state"], len(found["attempts"])), ("waiting", 1))
        self.assertEqual(found["attempts"][0]["http_status"], 503)
        self.assertEqual(decoy.visitors, [])


if __name__ == "__main__":
    own_network.enter(names.NETWORKS)
    unittest.main(verbosity=2, warnings="ignore")
