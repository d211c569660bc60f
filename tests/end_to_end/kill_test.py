"""kill -9 at random moments under load: `kill_test.py CYCLES [SEED]`.

Load: that of node_load.py with its referees, and a topic whose only endpoint always fails: the
attempts of a failing delivery never fall and end at the policy's number.
"""

import json
import random
import sys
import time
import unittest

from cmq import Cmq
from node_load import SMALL_SEGMENTS, NodeLoad
from receiver import Receiver
from server import Server, data_folder, wait_until
from shims import with_shim

CYCLES = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 5
SEED = int(sys.argv.pop(1)) if len(sys.argv) > 1 else random.randrange(1 << 32)
RETRIES = 12
LIFE_SECONDS = (0.001, 0.3)


class KillTest(unittest.TestCase):
    def attempts_of(self, server, message):
        """Highest attempt number the server shows for the message's failing delivery."""
        track = json.loads(server.cli("message", "track", message, "-o", "json"))
        numbers = [
            attempt["attempt"] for place in track["places"] for attempt in place.get("attempts", [])
        ]
        return max(numbers, default=0)

    def judge_attempts(self, server, attempts):
        """No delivery's attempts have fallen; those that are through are forgotten."""
        for message, before in list(attempts.items()):
            now = self.attempts_of(server, message)
            self.assertGreaterEqual(now, before, f"attempts of {message} restarted")
            attempts[message] = now
            if now > RETRIES:
                del attempts[message]

    def test_nothing_acknowledged_is_lost_and_no_count_restarts(self):
        print(f"{CYCLES} cycles, seed {SEED}", flush=True)
        random.seed(SEED)
        receiver = Receiver(self, status=lambda body: 503)
        server = Server(self, data_folder(self), SMALL_SEGMENTS).start()
        cmq = Cmq(server)
        cmq.call("CreateQueue", queueName="load", visibilityTimeout=1)
        cmq.call("CreateTopic", topicName="events")
        pauses = ",".join(["1s"] * RETRIES)
        server.cli("sub", "add", "events", "down", "--http", receiver.url, "--retry", pauses,
                   "--breaker", "off")
        load = NodeLoad(cmq).begin()
        attempts = {cmq.publish("events", "never taken"): 0}
        for cycle in range(CYCLES):
            time.sleep(random.uniform(*LIFE_SECONDS))
            server.kill()
            server.start()
            self.assertEqual(load.violations, [], f"cycle {cycle}, seed {SEED}")
            if cycle % 5 == 0:
                self.judge_attempts(server, attempts)
            if len(attempts) < 3 and cycle % 10 == 0:
                attempts[Cmq(server).publish("events", f"never taken {cycle}")] = 0
            if cycle % 50 == 49 or cycle < 2:
                print(
                    f"  cycle {cycle + 1}: {len(load.acknowledged)} acknowledged,"
                    f" last start {server.ready_after:.2f} s",
                    flush=True,
                )
        self.settle(load, server)

    def settle(self, load, server):
        load.finish(self, SEED)
        self.assertGreater(len(load.acknowledged), 10 * CYCLES)
        self.assertGreater(load.unreachable, 0)
        letters = wait_until(
            lambda: json.loads(server.cli("dlq", "show", "events.down.dlq", "-o", "json")),
            60,
            "the failing deliveries in the dead-letter queue",
        )
        for letter in letters:
            self.assertEqual(letter["attempts"], RETRIES + 1)
        print(f"{len(load.acknowledged)} acknowledged, {load.unreachable} broken requests")

    def test_a_server_that_writes_late_is_found_out(self):
        lie = with_shim("late_write", data_folder(self))
        self.assertTrue(self.keeps_a_message(None))
        self.assertFalse(self.keeps_a_message(lie), "the lie was not found out")

    def keeps_a_message(self, environment):
        """Whether a server of that environment has an acknowledged message after a kill."""
        server = Server(self, data_folder(self), SMALL_SEGMENTS)
        server.environment = environment
        server.start()
        Cmq(server).call("CreateQueue", queueName="load")
        Cmq(server).send("load", ["kept"])
        server.kill()
        server.environment = None
        server.start()
        return [message["msgBody"] for message in Cmq(server).receive("load")] == ["kept"]


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
