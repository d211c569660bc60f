"""Access keys of a real server: roles and statements over every way in, rotation, what a restart keeps, and
that no secret stands in any file."""

import subprocess
import time
import unittest

from cmq import Cmq
from server import Server, data_folder, wait_until

DENIED = 4000
UNAUTHENTICATED = (4000, 4100)


class Keys(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        self.server = Server(self, self.folder, dev=False).start()
        lines = (self.folder / "data" / "root.key").read_text().splitlines()
        self.root = ":".join(line.split(" = ")[1] for line in lines)

    def ask(self, key, method, path, body=None):
        return self.server.native(method, path, body, key=key)

    def make(self, by=None, **wanted):
        status, shown = self.ask(by or self.root, "POST", "/v1/keys", wanted)
        self.assertEqual(status, 201, shown)
        return f"{shown['key_id']}:{shown['key_secret']}"

    def cmq(self, key):
        return Cmq(self.server, *key.split(":"))

    def test_roles_statements_and_redaction_over_every_way_in(self):
        status, _ = self.ask(self.root, "POST", "/v1/queues", {"name": "jobs"})
        self.assertEqual(status, 201)
        self.ask(self.root, "POST", "/v1/queues/jobs/messages", {"body": "canary"})
        viewer = self.make(role="viewer")
        sender = self.make(
            statements=[{"actions": ["SendMessages"], "resources": ["queue/jobs"]}], note="of ann"
        )
        status, page = self.ask(viewer, "GET", "/v1/queues/jobs/messages")
        self.assertEqual(status, 200, page)
        self.assertEqual(page["items"][0]["body"], "(not shown to this key)")
        self.assertNotIn("canary", str(page))
        for method, path, body in (
            ("POST", "/v1/queues/jobs/messages", {"body": "x"}),
            ("POST", "/v1/queues/jobs/receive", {}),
            ("DELETE", "/v1/queues/jobs", None),
            ("GET", "/v1/keys", None),
            ("GET", "/v1/queues/jobs/messages?text=can", None),
            ("GET", "/v1/functions/logs", None),
        ):
            status, problem = self.ask(viewer, method, path, body)
            self.assertEqual((status, problem["code"]), (403, "denied"), (method, path, problem))
        self.assertEqual(
            self.ask(sender, "POST", "/v1/queues/JOBS/messages", {"body": "x"})[0], 201
        )
        self.assertEqual(self.ask(sender, "GET", "/v1/queues/jobs")[0], 403)

        self.assertEqual(self.cmq(sender).answer("SendMessage", queueName="jobs", msgBody="y")["code"], 0)
        refused = self.cmq(sender).answer("ReceiveMessage", queueName="jobs")
        self.assertEqual(refused["code"], DENIED, refused)
        self.assertIn("(10461)", refused["message"])
        self.assertEqual(self.cmq(viewer).answer("GetQueueAttributes", queueName="jobs")["code"], 0)

    def test_a_key_is_good_as_soon_as_it_is_told_and_never_again_once_it_is_deleted(self):
        for _ in range(100):
            key = self.make(role="viewer")
            self.assertEqual(self.ask(key, "GET", "/v1/queues")[0], 200)
            self.ask(self.root, "DELETE", f"/v1/keys/{key.split(':')[0]}")
            self.assertEqual(self.ask(key, "GET", "/v1/queues")[0], 401)

    def test_keys_rotate_end_and_outlive_restarts_and_stand_in_no_file(self):
        admin = self.make(role="admin")
        operator = self.make(by=admin, role="operator")
        self.assertEqual(self.ask(admin, "POST", "/v1/keys", {"role": "root"})[0], 403)
        passing = self.make(by=admin, role="viewer", life=2)
        made = time.monotonic()
        self.assertEqual(self.ask(passing, "GET", "/v1/queues")[0], 200)
        key_id = operator.split(":")[0]
        status, shown = self.ask(admin, "POST", f"/v1/keys/{key_id}/rotate", {"overlap": 3600})
        self.assertEqual((status, shown["role"]), (201, "operator"), shown)
        rotated = f"{shown['key_id']}:{shown['key_secret']}"
        for key in (operator, rotated):
            self.assertEqual(self.ask(key, "GET", "/v1/queues")[0], 200)

        self.server.terminate()
        self.server.start()
        for key in (admin, operator, rotated, self.root):
            self.assertEqual(self.ask(key, "GET", "/v1/queues")[0], 200, key)
        self.assertEqual(self.ask(admin, "DELETE", f"/v1/keys/{key_id}")[0], 204)
        self.assertEqual(self.ask(operator, "GET", "/v1/queues")[0], 401)
        self.assertIn(self.cmq(operator).answer("ListQueue")["code"], UNAUTHENTICATED)
        self.assertEqual(self.ask(rotated, "GET", "/v1/queues")[0], 200)
        root_id = self.root.split(":")[0]
        self.assertEqual(self.ask(admin, "DELETE", f"/v1/keys/{root_id}")[0], 403)
        status, problem = self.ask(self.root, "DELETE", f"/v1/keys/{root_id}")
        self.assertEqual(status, 403, problem)
        self.assertIn("last root key", problem["detail"])
        wait_until(lambda: time.monotonic() - made > 2, 3, "its life is over")
        self.assertEqual(self.ask(passing, "GET", "/v1/queues")[0], 401)
        listed = [one["key_id"] for one in self.ask(admin, "GET", "/v1/keys")[1]["items"]]
        self.assertEqual(
            sorted(listed), sorted(key.split(":")[0] for key in (admin, rotated, passing, self.root))
        )
        self.server.terminate()
        for key in (admin, operator, rotated, passing):
            found = subprocess.run(
                ["grep", "-rlF", key.split(":")[1], str(self.folder)], capture_output=True, text=True
            )
            self.assertEqual(found.stdout, "")
            self.assertNotIn(key.split(":")[1], self.server.log())


if __name__ == "__main__":
    unittest.main()
