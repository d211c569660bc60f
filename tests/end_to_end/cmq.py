"""Cmq: a small client of the CMQ API 2.0 over one keep-alive connection a thread."""

import base64
import hashlib
import hmac
import http.client
import json
import random
import threading
import time
import urllib.parse

from server import DEV_KEY_ID, DEV_KEY_SECRET


class Unreachable(Exception):
    """No answer came: the outcome is unknown."""


class Refused(Exception):
    def __init__(self, answer):
        super().__init__(str(answer))
        self.code = answer["code"]
        self.message = answer["message"]


class Cmq:
    def __init__(self, server, key_id=DEV_KEY_ID, secret=DEV_KEY_SECRET):
        self.server = server
        self.key_id = key_id
        self.secret = secret.encode()
        self.local = threading.local()

    def body(self, action, parameters):
        fields = {k: str(v) for k, v in parameters.items()}
        fields.update(
            Action=action,
            SecretId=self.key_id,
            Timestamp=str(int(time.time())),
            Nonce=str(random.randrange(1, 1 << 31)),
            SignatureMethod="HmacSHA256",
        )
        text = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
        text = f"POST127.0.0.1:{self.server.port}/v2/index.php?{text}"
        mac = hmac.new(self.secret, text.encode(), hashlib.sha256).digest()
        fields["Signature"] = base64.b64encode(mac).decode()
        return urllib.parse.urlencode(fields)

    def answer(self, action, patience=45, **parameters):
        """The whole answer, refusals included."""
        body = self.body(action, parameters)
        connection = getattr(self.local, "connection", None)
        try:
            # A connection from before a restart is dead: no use in finding that out by sending.
            if connection is None or self.local.life != self.server.life:
                connection = http.client.HTTPConnection(
                    "127.0.0.1", self.server.port, timeout=patience
                )
                self.local.connection, self.local.life = connection, self.server.life
            connection.request("POST", "/v2/index.php", body)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as problem:
            if connection is not None:
                connection.close()
            self.local.connection = None
            raise Unreachable(str(problem)) from problem
        return json.loads(text)

    def call(self, action, **parameters):
        answer = self.answer(action, **parameters)
        if answer["code"] != 0:
            raise Refused(answer)
        return answer

    def send(self, queue, bodies):
        """Up to 16 bodies in one batch; their message ids."""
        fields = {f"msgBody.{at}": body for at, body in enumerate(bodies, 1)}
        answer = self.call("BatchSendMessage", queueName=queue, **fields)
        return [message["msgId"] for message in answer["msgList"]]

    def publish(self, topic, body, **more):
        return self.call("PublishMessage", topicName=topic, msgBody=body, **more)["msgId"]

    def receive(self, queue, most=16, wait=0):
        """Messages as dictionaries; none when there is nothing."""
        answer = self.answer(
            "BatchReceiveMessage", queueName=queue, numOfMsg=most, pollingWaitSeconds=wait
        )
        if answer["code"] == 7000:
            return []
        if answer["code"] != 0:
            raise Refused(answer)
        return answer["msgInfoList"]

    def delete(self, queue, receipts):
        """The receipts whose messages are gone now."""
        fields = {f"receiptHandle.{at}": receipt for at, receipt in enumerate(receipts, 1)}
        answer = self.answer("BatchDeleteMessage", queueName=queue, **fields)
        if answer["code"] not in (0, 6010, 6020):
            raise Refused(answer)
        failed = {item["receiptHandle"] for item in answer.get("errorList", [])}
        if answer["code"] == 6020:
            failed = set(receipts)
        return [receipt for receipt in receipts if receipt not in failed]
