"""Webhooks of a cluster: whichever node leads signs, with the one key for secrets that all have."""

import base64
import hashlib
import hmac
import os
import unittest

from cluster import Cluster
from receiver import Receiver
from server import data_folder, wait_until


def signed(secret, head, body):
    """True when the push is what Standard Webhooks call signed."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{head['webhook-id']}.{head['webhook-timestamp']}.{body}"
    signature = base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).decode()
    return f"v1,{signature}" in head["webhook-signature"].split(" ")


class WebhooksTest(unittest.TestCase):
    def subscription(self, receiver):
        return {
            "name": "hook",
            "http": {"url": receiver.url},
            "format": "simplified",
            "sign": "standard-webhooks",
            "retry": {"steps": [{"min_ms": 200, "times": 100}]},
        }

    def patiently(self, node, method, path, body):
        answers = []

        def done():
            answers.append(node.native(method, path, body))
            return answers[-1][0] in (200, 201)

        wait_until(done, 20, f"{method} {path} is done")
        return answers[-1][1]

    def test_every_leader_signs_and_opens_what_another_node_sealed(self):
        folder = data_folder(self)
        key = folder / "secrets.key"
        key.write_text(base64.b64encode(os.urandom(32)).decode() + "\n")
        cluster = Cluster(self, folder)
        for node in cluster.nodes:
            node.config += f'[push]\nsecrets_key = "{key}"\n'
        cluster.start().found()
        receiver = Receiver(self)
        first = cluster.nodes[0]
        self.patiently(first, "POST", "/v1/topics", {"name": "events"})
        made = self.patiently(
            first, "POST", "/v1/topics/events/subscriptions", self.subscription(receiver)
        )
        for victim in cluster.nodes:
            victim.kill()
            body = f"without {victim.number}"
            message = {"messages": [{"body": body}]}
            path = "/v1/topics/events/messages/batch"
            self.patiently(cluster.running()[0], "POST", path, message)
            wait_until(lambda: body in receiver.bodies, 20, f"{body} is pushed")
            victim.start()
            cluster.settled()
        self.assertGreaterEqual(len(receiver.bodies), 3)
        for head, body in zip(receiver.heads, receiver.bodies):
            self.assertTrue(signed(made["secret"], head, body), body)
        for node in cluster.nodes:
            _, shown = node.native("GET", "/v1/subscriptions/events/hook")
            self.assertNotIn("secret", shown)

    def test_without_a_common_key_secrets_are_refused(self):
        cluster = Cluster(self, data_folder(self), size=1)
        node = cluster.start().found().nodes[0]
        receiver = Receiver(self)
        self.patiently(node, "POST", "/v1/topics", {"name": "events"})
        path = "/v1/topics/events/subscriptions"
        status, problem = node.native("POST", path, self.subscription(receiver))
        self.assertEqual((status, problem["code"]), (503, "secrets_unavailable"))
        self.assertIn("push.secrets_key", problem["detail"])
        self.assertFalse((node.folder / "data" / "secrets.key").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
