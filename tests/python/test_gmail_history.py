"""Following what changes in a mailbox, and changing it by sending, as Google's client does them."""

import base64
import email
import email.message
import io
import unittest
import uuid

from googleapiclient.http import MediaIoBaseUpload

import client
import consent
import sandbox
from mail import Mail, decoded, parts_of, value

KINDS = ("messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved")


class History(Mail):
    account = "carol"

    def cursor(self):
        return self.users.getProfile(userId="me").execute()["historyId"]

    def since(self, cursor, **asked):
        first = self.users.history().list(userId="me", startHistoryId=cursor, **asked)
        return client.pages(self.users.history(), first)

    def act(self, id, act):
        sandbox.of_account(self.account, f"mails/{id}/{act}")

    def test_what_happened_since_a_cursor_comes_in_order_over_all_pages(self):
        cursor = self.cursor()
        ids = [self.arrive(f"news {number}") for number in range(5)]
        self.act(ids[0], "read")
        self.act(ids[1], "star")
        sandbox.of_account(self.account, f"mails/{ids[2]}", method="DELETE")

        found = self.since(cursor, maxResults=3)
        self.assertEqual([len(page["history"]) for page in found], [3, 3, 2])
        self.assertTrue(all(page["historyId"] == self.cursor() for page in found))
        records = [record for page in found for record in page["history"]]
        numbers = [int(record["id"]) for record in records]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertGreater(numbers[0], int(cursor))

        happened = [
            (kind, change["message"]["id"], tuple(change.get("labelIds", ())))
            for record in records
            for kind in KINDS
            for change in record.get(kind, [])
        ]
        expected = [("messagesAdded", id, ()) for id in ids]
        expected += [("labelsRemoved", ids[0], ("UNREAD",)), ("labelsAdded", ids[1], ("STARRED",))]
        self.assertEqual(happened, [*expected, ("messagesDeleted", ids[2], ())])
        for record in records:
            self.assertEqual(len(record["messages"]), 1)

    def test_nothing_new_is_a_page_without_history(self):
        self.arrive("before the cursor")
        cursor = self.cursor()
        self.assertEqual(self.since(cursor), [{"historyId": cursor}])

    def test_only_the_kinds_that_were_asked_for_come(self):
        cursor = self.cursor()
        id = self.arrive("a kind")
        self.act(id, "read")
        for kind, name in [("messageAdded", "messagesAdded"), ("labelRemoved", "labelsRemoved")]:
            records = [record for page in self.since(cursor, historyTypes=[kind]) for record in page["history"]]
            self.assertEqual([name in record for record in records], [True])

    def test_a_cursor_that_is_too_old_is_not_found_and_a_fresh_one_works(self):
        old = self.cursor()
        self.arrive("forgotten")
        sandbox.of_account(self.account, "forget-history")
        self.assert_refused(404, "notFound", self.users.history().list(userId="me", startHistoryId=old))
        self.assertEqual(len(self.since(self.cursor())), 1)

    def test_wrong_cursors_and_kinds_are_refused(self):
        history = self.users.history()
        self.assert_refused(400, "invalidArgument", history.list(userId="me", startHistoryId="yesterday"))
        self.assert_refused(400, "invalidArgument", history.list(userId="me"))
        ahead = str(int(self.cursor()) + 1000)
        self.assert_refused(404, "notFound", history.list(userId="me", startHistoryId=ahead))


class Sending(Mail):
    account = "carol"
    scopes = (consent.MAIL, consent.SEND)

    def letter(self, **headers):
        letter = email.message.EmailMessage()
        letter["To"] = "Bob <bob@sandbox.example>"
        letter["Subject"] = "Grüße aus dem Sandkasten"
        letter["Message-ID"] = f"<{uuid.uuid4()}@bellhop.example>"
        for name, text in headers.items():
            letter[name.replace("_", "-")] = text
        letter.set_content("Bis bald!\n")
        letter.add_attachment(
            bytes(range(256)) * 20, maintype="application", subtype="octet-stream", filename="a b.bin"
        )
        return letter

    def send(self, letter, **more):
        body = {"raw": base64.urlsafe_b64encode(letter.as_bytes()).decode(), **more}
        return self.messages.send(userId="me", body=body)

    def test_a_sent_message_is_found_by_its_own_message_id_with_its_attachment(self):
        letter = self.letter()
        sent = self.send(letter).execute()
        self.assertIn("SENT", sent["labelIds"])
        self.assertEqual(self.list_ids(q=f"rfc822msgid:{letter['Message-ID'].strip('<>')}"), [sent["id"]])

        found = self.messages.get(userId="me", id=sent["id"]).execute()
        self.assertEqual(value(found, "Subject"), "Grüße aus dem Sandkasten")
        self.assertEqual(found["threadId"], sent["threadId"])
        attached = next(part for part in parts_of(found["payload"]) if part.get("filename"))
        self.assertEqual(attached["filename"], "a b.bin")
        body = self.messages.attachments().get(userId="me", messageId=sent["id"], id=attached["body"]["attachmentId"])
        self.assertEqual(decoded(body.execute()["data"]), bytes(range(256)) * 20)

    def test_a_mail_can_be_uploaded_as_it_is(self):
        letter = self.letter()
        media = MediaIoBaseUpload(io.BytesIO(letter.as_bytes()), mimetype="message/rfc822")
        thread = self.send(self.letter()).execute()["threadId"]
        for body in (None, {"threadId": thread}):
            sent = self.messages.send(userId="me", body=body, media_body=media).execute()
            self.assertIn("SENT", sent["labelIds"])
            raw = decoded(self.messages.get(userId="me", id=sent["id"], format="raw").execute()["raw"])
            self.assertEqual(email.message_from_bytes(raw)["Message-ID"], letter["Message-ID"])

    def test_what_is_sent_arrives_where_the_recipient_has_a_mailbox(self):
        letter = self.letter()
        self.send(letter).execute()
        bob = client.gmail(client.credentials("bob", consent.MAIL)).users().messages()
        found = bob.list(userId="me", q=f"rfc822msgid:{letter['Message-ID'].strip('<>')}").execute()
        arrived = bob.get(userId="me", id=found["messages"][0]["id"], format="metadata").execute()
        self.assertLessEqual({"INBOX", "UNREAD"}, set(arrived["labelIds"]))
        self.assertEqual(value(arrived, "From").split()[-1], "<carol@sandbox.example>")

    def test_sending_shows_in_history(self):
        cursor = self.users.getProfile(userId="me").execute()["historyId"]
        sent = self.send(self.letter()).execute()
        found = self.users.history().list(userId="me", startHistoryId=cursor, historyTypes=["messageAdded"]).execute()
        added = [change["message"]["id"] for record in found["history"] for change in record["messagesAdded"]]
        self.assertEqual(added, [sent["id"]])

    def test_what_is_no_message_or_has_no_recipient_is_refused(self):
        nobody = self.letter()
        del nobody["To"]
        self.assert_refused(400, "invalidArgument", self.send(nobody))
        self.assert_refused(400, "invalidArgument", self.messages.send(userId="me", body={"raw": "!!!"}))
        self.assert_refused(400, "invalidArgument", self.messages.send(userId="me", body={}))

    def test_reading_alone_sends_nothing(self):
        reader = client.gmail(client.credentials(self.account, consent.MAIL)).users().messages()
        body = {"raw": base64.urlsafe_b64encode(self.letter().as_bytes()).decode()}
        self.assert_refused(403, "insufficientPermissions", reader.send(userId="me", body=body))


if __name__ == "__main__":
    unittest.main()
