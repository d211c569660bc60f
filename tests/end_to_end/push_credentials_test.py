"""What pushes show of themselves, with the real binary: certificates of a subscription's own, OAuth2 tokens."""

import base64
import json
import os
import pathlib
import ssl
import subprocess
import unittest

import tls_peers
from receiver import Endpoint, Receiver
from server import BINARY, Server, data_folder, wait_until


class PushCredentialsTest(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        tls_peers.authority(self.folder, "partner")
        tls_peers.authority(self.folder, "stranger")
        tls_peers.server(self.folder, "shop", "partner")
        for name in ("alice", "bob"):
            tls_peers.server(self.folder, name, "partner", known_as=f"DNS:{name}.test")
        tls_peers.server(self.folder, "mallory", "stranger", known_as="DNS:mallory.test")
        tls_peers.server(self.folder, "late", "partner", known_as="DNS:late.test", days=tls_peers.EXPIRED)
        self.server = Server(self, self.folder).start()
        self.server.cli("topic", "create", "events")

    def file(self, name):
        return str(self.folder / name)

    def context(self, name="shop", asks=True):
        """Of a server that shows the certificate, and asks clients for one of the partner's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file(f"{name}.pem"), self.file(f"{name}.key"))
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file("partner.pem"))
        return context

    def shown(self, name):
        return ["--client-cert", self.file(f"{name}.pem"), "--client-key", self.file(f"{name}.key")]

    def trusting(self, name="partner"):
        return ["--ca-file", self.file(f"{name}.pem")]

    def add(self, name, url, *flags):
        """Tries often enough to see a change, however the endpoint fails."""
        return self.server.cli("sub", "add", "events", name, "--http", url, "--format", "simplified",
                               "--breaker", "off", "--retry", "200ms," * 60 + "1h", *flags)

    def sub(self, name):
        return json.loads(self.server.cli("sub", "info", f"events/{name}", "-o", "json"))

    def failed(self, name):
        return json.loads(self.server.cli(
            "delivery", "list", "--sub", f"events/{name}", "--status", "failed", "-o", "json"))

    def refused(self, *words):
        """The exit code and what it says."""
        environment = dict(os.environ, PENSTOCK_SERVER=f"http://127.0.0.1:{self.server.port}")
        done = subprocess.run(
            [BINARY, *words], capture_output=True, text=True, timeout=30, env=environment)
        return done.returncode, done.stdout + done.stderr

    def publish(self, bodies):
        for body in bodies:
            self.server.cli("topic", "publish", "events", body)

    # ---- certificates

    def test_each_subscription_shows_its_own_certificate_to_one_endpoint(self):
        endpoint = Receiver(self, tls=self.context())
        self.add("alice", endpoint.url, *self.trusting(), *self.shown("alice"))
        self.add("bob", endpoint.url, *self.trusting(), *self.shown("bob"))
        self.add("nobody", endpoint.url, *self.trusting())
        self.publish([f"m{number}" for number in range(10)])
        wait_until(lambda: len(endpoint.clients) >= 20, 20, "20 pushes")
        wait_until(lambda: self.sub("alice")["backlog"] == self.sub("bob")["backlog"] == 0, 20, "answers")
        self.assertEqual(sorted(endpoint.clients), ["alice"] * 10 + ["bob"] * 10)
        wait_until(lambda: self.failed("nobody"), 20, "a failed attempt")
        attempt = self.failed("nobody")[0]
        self.assertEqual(attempt["reason"], "tls")
        self.assertIn("does not accept the TLS connection", attempt["excerpt"])
        self.assertIn("certificate required", attempt["excerpt"])

    def test_its_authority_vouches_for_its_own_endpoint_only(self):
        endpoint = Receiver(self, tls=self.context(asks=False))
        self.add("own", endpoint.url, *self.trusting())
        self.add("usual", endpoint.url)
        self.add("wrong", endpoint.url, *self.trusting("stranger"))
        self.publish(["hello"])
        wait_until(lambda: endpoint.bodies == ["hello"], 20, "the push")
        for name in ("usual", "wrong"):
            wait_until(lambda: self.failed(name), 20, "a failed attempt")
            attempt = self.failed(name)[0]
            self.assertEqual(attempt["reason"], "tls")
            self.assertIn("certificate not accepted: ", attempt["excerpt"])
        self.assertEqual(endpoint.bodies, ["hello"])

    def test_a_change_takes_effect_at_once_and_lasts(self):
        endpoint = Receiver(self, tls=self.context())
        self.add("hook", endpoint.url, *self.trusting(), *self.shown("mallory"))
        self.publish(["first"])
        wait_until(lambda: self.failed("hook"), 20, "a failed attempt")
        self.assertIn("unknown ca", self.failed("hook")[0]["excerpt"])
        self.server.cli("sub", "set", "events/hook", *self.shown("alice"))
        wait_until(lambda: endpoint.clients == ["alice"], 20, "the push that waited")
        self.server.cli("sub", "set", "events/hook", *self.shown("bob"))
        self.publish(["second"])
        wait_until(lambda: endpoint.clients == ["alice", "bob"], 20, "the push of the next")
        self.server.terminate()
        self.server.start()
        self.publish(["third"])
        wait_until(lambda: endpoint.clients == ["alice", "bob", "bob"], 20, "the push after the restart")
        self.server.cli("sub", "set", "events/hook", "--client-cert", "none")
        self.assertEqual([one["use"] for one in self.sub("hook")["certificates"]], ["ca"])
        self.publish(["fourth"])
        wait_until(lambda: "certificate required" in self.failed("hook")[0]["excerpt"], 20, "a failed attempt")

    def test_what_cannot_be_used_is_refused_when_it_is_given(self):
        url = "https://localhost:9/"
        for flags, why in (
                (self.shown("late"), "ended: CN=late"),
                (["--client-cert", self.file("alice.pem"), "--client-key", self.file("bob.key")],
                 "not the key of the first certificate"),
                (["--client-cert", self.file("alice.key"), "--client-key", self.file("alice.key")],
                 "holds no certificate"),
                (["--ca-file", self.file("alice.key")], "holds no certificate"),
                (["--ca-file", "/dev/null"], "1 to 32768")):
            code, said = self.refused("sub", "add", "events", "hook", "--http", url, *flags)
            self.assertEqual(code, 2, said)
            self.assertIn(why, said)
        code, said = self.refused("sub", "add", "events", "hook", "--http", "http://localhost:9/", *self.trusting())
        self.assertEqual(code, 2, said)
        self.assertIn("https://", said)
        self.add("hook", url, *self.shown("alice"))
        code, said = self.refused("sub", "set", "events/hook", "--http", "http://localhost:9/")
        self.assertEqual(code, 2, said)

    def test_the_key_is_nowhere_to_be_read(self):
        endpoint = Receiver(self, tls=self.context())
        said = self.add("hook", endpoint.url, *self.trusting(), *self.shown("alice"))
        said += self.server.cli("sub", "info", "events/hook", "-o", "json")
        self.publish(["hello"])
        wait_until(lambda: endpoint.clients == ["alice"], 20, "the push")
        for words in (("export",), ("sub", "list", "-o", "json"), ("delivery", "list", "-o", "json")):
            said += self.server.cli(*words)
        said += self.server.cli("backup", self.file("backup"))
        self.assertIn('"subject":"CN=alice"', said)
        self.server.terminate()
        said += "".join(self.server.stderr)
        key = pathlib.Path(self.file("alice.key")).read_text()
        lines = [line for line in key.splitlines() if not line.startswith("-")]
        traces = [line.encode() for line in lines] + [base64.b64decode("".join(lines))[-40:]]
        kept = [path for root in ("data", "backup") for path in (self.folder / root).rglob("*") if path.is_file()]
        self.assertGreater(len(kept), 5)
        for trace in traces:
            self.assertNotIn(trace, said.encode())
            for path in kept:
                self.assertNotIn(trace, path.read_bytes(), path)

    def test_a_document_describes_them(self):
        endpoint = Receiver(self, tls=self.context(asks=False))
        document = self.folder / "all.toml"
        document.write_text('[topics.events.subscriptions.hook]\n'
                            f'http = {{ url = "{endpoint.url}" }}\ntls = {{ ca_file = "partner.pem" }}\n')
        self.server.cli("apply", "-f", str(document))
        self.publish(["hello"])
        wait_until(lambda: endpoint.clients == [None], 20, "the push")
        self.assertEqual(self.server.cli("diff", "-f", str(document), "-o", "json").strip(), "[]")
        exported = self.folder / "exported.toml"
        self.server.cli("export", "-f", str(exported))
        self.assertIn("BEGIN CERTIFICATE", exported.read_text())
        self.assertEqual(self.server.cli("diff", "-f", str(exported), "-o", "json").strip(), "[]")
        document.write_text(document.read_text().replace(
            'ca_file = "partner.pem"', 'client_cert_file = "alice.pem", client_key_file = "alice.key"'))
        shown = self.server.cli("diff", "-f", str(document))
        self.assertIn("***", shown)
        self.server.cli("apply", "-f", str(document))
        self.assertEqual({one["subject"] for one in self.sub("hook")["certificates"]},
                         {"CN=partner", "CN=alice"})

    # ---- OAuth2

    def test_an_oauth2_token_is_fetched_by_the_pair_of_flags_and_shown(self):
        given = []

        def tokens(_, headers, body):
            pair = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode()
            if (pair, body) != ("me:sesame", "grant_type=client_credentials&scope=hooks"):
                return 401, {}, ""
            given.append(f"token-{len(given)}")
            return 200, {}, json.dumps({"access_token": given[-1], "token_type": "Bearer", "expires_in": 3600})

        issuer = Endpoint(self, tokens, tls=self.context())
        revoked = set()

        def answer(_, headers, __):
            token = headers["Authorization"].removeprefix("Bearer ")
            return (401 if token in revoked or token not in given else 200), {}, ""

        endpoint = Endpoint(self, answer, tls=self.context())
        flags = ["--oauth2", "me:sesame", "--token-url", issuer.url, "--scope", "hooks"]
        said = self.add("hook", endpoint.url, *flags, *self.trusting(), *self.shown("alice"))
        self.assertNotIn("sesame", said + self.server.cli("sub", "info", "events/hook", "-o", "json"))
        self.publish(["first", "second"])
        wait_until(lambda: sorted(endpoint.bodies_of()) == ["first", "second"], 20, "two pushes")
        self.assertEqual(given, ["token-0"])
        self.assertEqual(issuer.clients, ["alice"])
        revoked.add("token-0")
        self.publish(["third"])
        wait_until(lambda: self.sub("hook")["backlog"] == 0, 20, "the third was taken")
        self.assertEqual(given, ["token-0", "token-1"])
        self.assertEqual(endpoint.requests[-1][1]["authorization"], "Bearer token-1")
        self.server.cli("sub", "set", "events/hook", "--oauth2", "me:wrong", "--token-url", issuer.url)
        self.publish(["fourth"])
        wait_until(lambda: len(issuer.requests) == 3, 20, "a token was asked for in vain")
        self.assertNotIn("fourth", endpoint.bodies_of())
        self.assertEqual(self.sub("hook")["backlog"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
