"""A leader that sleeps beyond the election time-out and wakes up answers nothing from before."""

import threading
import time
import unittest

from cluster import Cluster
from cmq import Cmq, Refused, Unreachable
from cluster_test import patient
from server import data_folder, wait_until


class StopTest(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster(self, data_folder(self)).start().found()
        cmq = Cmq(self.cluster.nodes[0])
        cmq.call("CreateQueue", queueName="doomed")
        cmq.call("CreateQueue", queueName="kept", visibilityTimeout=1, pollingWaitSeconds=0)
        # Nodes whose sets have been led for five seconds hand them to whom they are meant for.
        time.sleep(7)
        view = {one["set"]: one for one in self.cluster.nodes[0].sets()}
        self.sets = [number for number in view if number and view[number]["objects"]]

    def set_of(self, queue):
        """The set whose log grows when something is sent to the queue."""

        def lengths():
            return {one["set"]: one["committed"] for one in self.cluster.nodes[0].sets()}

        before = lengths()
        for at in range(20):
            Cmq(self.cluster.nodes[0]).call("SendMessage", queueName=queue, msgBody=f"probe {at}")
        after = lengths()
        return max(self.sets, key=lambda number: after[number] - before[number])

    def ask_at_once(self, node, questions):
        """Sends every question on a connection of its own while the node sleeps; call the result
        for the answers."""
        answers = {}

        def ask(name, action, fields):
            try:
                answers[name] = Cmq(node).answer(action, patience=60, **fields)
            except Unreachable as problem:
                answers[name] = {"code": None, "message": str(problem)}

        threads = [
            threading.Thread(target=ask, args=(name, action, fields), daemon=True)
            for name, (action, fields) in questions.items()
        ]
        for thread in threads:
            thread.start()

        def all_answers():
            for thread in threads:
                thread.join(90)
            return answers

        return all_answers

    def test_nothing_acknowledged_elsewhere_is_unseen_by_a_leader_that_slept(self):
        number = self.set_of("kept")
        sleeper = wait_until(lambda: self.cluster.leader_of(number), 20, "a leader")
        other = next(node for node in self.cluster.nodes if node is not sleeper)
        cmq = Cmq(other)
        for at in range(20):
            got = cmq.call("ReceiveMessage", queueName="kept", pollingWaitSeconds=2)
            cmq.call("DeleteMessage", queueName="kept", receiptHandle=got["receiptHandle"])
        cmq.call("SendMessage", queueName="kept", msgBody="gone soon")
        sleeper.halt()
        self.addCleanup(sleeper.resume)
        began = time.monotonic()
        got = patient(lambda: cmq.call("ReceiveMessage", queueName="kept", pollingWaitSeconds=2))
        patient(
            lambda: cmq.call(
                "DeleteMessage", queueName="kept", receiptHandle=got["receiptHandle"]
            )
        )
        patient(
            lambda: cmq.call("SetQueueAttributes", queueName="kept", visibilityTimeout=4321)
        )
        patient(lambda: cmq.call("DeleteQueue", queueName="doomed"))
        print(f"led by another node after {time.monotonic() - began:.2f} s", flush=True)
        answers = self.ask_at_once(
            sleeper,
            {
                "attributes": ("GetQueueAttributes", {"queueName": "kept"}),
                "message": ("ReceiveMessage", {"queueName": "kept", "pollingWaitSeconds": 0}),
                "deleted": ("GetQueueAttributes", {"queueName": "doomed"}),
                "send": ("SendMessage", {"queueName": "doomed", "msgBody": "x"}),
            },
        )
        time.sleep(1)
        sleeper.resume()
        heard = answers()
        if heard["attributes"]["code"] == 0:
            self.assertEqual(heard["attributes"]["visibilityTimeout"], 4321)
        self.assertNotEqual(heard["message"]["code"], 0, heard["message"])
        self.assertNotEqual(heard["deleted"]["code"], 0, heard["deleted"])
        self.assertNotEqual(heard["send"]["code"], 0, heard["send"])
        # And it serves again what the others know.
        info = patient(lambda: Cmq(sleeper).call("GetQueueAttributes", queueName="kept"))
        self.assertEqual(info["visibilityTimeout"], 4321)
        self.assertEqual(info["activeMsgNum"] + info["inactiveMsgNum"], 0)
        with self.assertRaises(Refused):
            Cmq(sleeper).call("GetQueueAttributes", queueName="doomed")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
