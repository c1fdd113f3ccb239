"""What the tests of mail share: a service for one account, and what lies in its mailbox."""

import base64
import unittest

from googleapiclient.errors import HttpError

import client
import consent
import sandbox


def decoded(data):
    return base64.urlsafe_b64decode(data)


def parts_of(payload):
    yield payload
    for part in payload.get("parts", []):
        yield from parts_of(part)


def value(message, name):
    return next(header["value"] for header in message["payload"]["headers"] if header["name"] == name)


class Mail(unittest.TestCase):
    account = "alice"
    scopes = (consent.MAIL,)

    @classmethod
    def setUpClass(cls):
        cls.users = client.gmail(client.credentials(cls.account, *cls.scopes)).users()
        cls.messages = cls.users.messages()

    def arrive(self, subject, **more):
        mail = {"from": "Anna <anna@harbour.example>", "subject": subject, "text": f"About {subject}.", **more}
        return sandbox.of_account(self.account, "mails", mail)["id"]

    def in_mailbox(self, *labels):
        """The ids of what lies there with these labels, newest first, as the sandbox itself says."""
        mails = sandbox.of_account(self.account, "mails", method="GET")
        return [mail["id"] for mail in mails if set(labels) <= set(mail["labels"])]

    def list_ids(self, **asked):
        found = client.pages(self.messages, self.messages.list(userId="me", **asked))
        return [message["id"] for page in found for message in page.get("messages", [])]

    def assert_refused(self, status, reason, request):
        with self.assertRaises(HttpError) as refused:
            request.execute()
        self.assertEqual(refused.exception.status_code, status, refused.exception)
        self.assertIn(f'"reason":"{reason}"', refused.exception.content.decode().replace(": ", ":"))
        return refused.exception
