"""Reading mail, paging, searching and following history, as Google's client does them."""

import email
import email.policy
import unittest
import uuid

from googleapiclient.errors import HttpError

import client
import sandbox
from mail import Mail, decoded, parts_of, value


class Listing(Mail):
    def test_the_profile_counts_what_lies_there(self):
        profile = self.users.getProfile(userId="me").execute()
        self.assertEqual(profile["emailAddress"], "alice@sandbox.example")
        self.assertEqual(profile["messagesTotal"], len(self.in_mailbox()))
        self.assertLess(0, profile["threadsTotal"])
        self.assertEqual(profile, self.users.getProfile(userId="alice@sandbox.example").execute())

    def test_every_page_together_is_the_mailbox_newest_first(self):
        asked = self.messages.list(userId="me", labelIds=["INBOX"], maxResults=20)
        found = client.pages(self.messages, asked)
        self.assertGreater(len(found), 3)
        self.assertTrue(all(len(page["messages"]) == 20 for page in found[:-1]))
        self.assertTrue(all("nextPageToken" in page for page in found[:-1]))
        self.assertNotIn("nextPageToken", found[-1])
        ids = [message["id"] for page in found for message in page["messages"]]
        self.assertEqual(ids, self.in_mailbox("INBOX"))

    def test_mail_that_arrives_between_two_pages_moves_nothing(self):
        inbox = self.in_mailbox("INBOX")
        first = self.messages.list(userId="me", labelIds=["INBOX"], maxResults=30)
        page = first.execute()
        self.arrive("between two pages")
        rest = client.pages(self.messages, self.messages.list_next(first, page))
        ids = [message["id"] for page in [page, *rest] for message in page["messages"]]
        self.assertEqual(ids, inbox)

    def test_binned_mail_and_spam_come_only_where_asked_for(self):
        shown, everything = self.list_ids(maxResults=500), self.list_ids(maxResults=500, includeSpamTrash=True)
        hidden = set(self.in_mailbox("SPAM")) | set(self.in_mailbox("TRASH"))
        self.assertTrue(hidden)
        self.assertEqual(set(everything) - set(shown), hidden)
        self.assertEqual(set(self.list_ids(labelIds=["SPAM"])), set(self.in_mailbox("SPAM")))

    def test_a_search_finds_by_sender_subject_label_and_time(self):
        word = uuid.uuid4().hex
        one = self.arrive(f"Sandcastle {word} contest", labels=["INBOX", "UNREAD"], date="2021-05-06T07:08:09Z")
        self.assertEqual(self.list_ids(q=f'subject:"sandcastle {word}"'), [one])
        self.assertEqual(self.list_ids(q=f"{word} from:anna is:unread in:inbox"), [one])
        self.assertEqual(self.list_ids(q=f"{word} -from:anna"), [])
        self.assertEqual(self.list_ids(q=f"{word} after:2021/05/05 before:2021/05/08"), [one])
        self.assertEqual(self.list_ids(q=f"{word} in:sent"), [])

    def test_nothing_found_is_a_page_without_messages(self):
        page = self.messages.list(userId="me", q="subject:nobodyeverwrotethis").execute()
        self.assertEqual(page, {"resultSizeEstimate": 0})

    def test_wrong_questions_are_refused_in_googles_words(self):
        self.assert_refused(400, "invalidArgument", self.messages.list(userId="me", pageToken="nobody's"))
        self.assert_refused(403, "forbidden", self.messages.list(userId="bob@sandbox.example"))
        self.assert_refused(400, "invalidArgument", self.messages.get(userId="me", id="no id"))
        missing = self.assert_refused(404, "notFound", self.messages.get(userId="me", id="00000000000000aa"))
        self.assertEqual(missing.reason, "Requested entity was not found.")
        self.assertEqual(missing.error_details[0]["reason"], "notFound")

    def test_a_busy_google_is_asked_again_by_the_client(self):
        for fault in [{"status": 429}, {"status": 403}, {"status": 503}]:
            with self.subTest(**fault):
                sandbox.control("POST", "faults", {"path": "/gmail/v1/users/me/profile", "times": 2, **fault})
                request = self.users.getProfile(userId="me")
                waits = []
                request._sleep = waits.append
                request.execute(num_retries=2)
                self.assertEqual(len(waits), 2)

    def test_a_google_that_stays_busy_says_so_in_its_own_words(self):
        for status, reason in [(403, "rateLimitExceeded"), (429, "rateLimitExceeded")] + [
            (status, "backendError") for status in (500, 503)
        ]:
            sandbox.control("POST", "faults", {"path": "/gmail/v1/users/me/profile", "status": status})
            self.assert_refused(status, reason, self.users.getProfile(userId="me"))

    def test_the_quota_of_a_person_ends_in_429(self):
        self.addCleanup(sandbox.control, "POST", "google/settings", {"quota": None})
        sandbox.control("POST", "google/settings", {"quota": {"units_per_minute": 4}})
        # A page costs five.
        asked = self.messages.list(userId="me", maxResults=1)
        refused = self.assert_refused(429, "rateLimitExceeded", asked)
        self.assertEqual(refused.error_details[0]["domain"], "usageLimits")
        sandbox.control("POST", "google/settings", {"quota": None})
        asked.execute()


class Reading(Mail):
    def get(self, id, **asked):
        return self.messages.get(userId="me", id=id, **asked).execute()

    def test_each_format_shows_its_part_of_a_message(self):
        id = self.arrive("Žluťoučký kůň 🐎", text="Grüße\nund mehr", html="<p>Grüße<br>und mehr</p>")
        minimal, metadata, raw = (self.get(id, format=form) for form in ("minimal", "metadata", "raw"))
        full = self.get(id)

        common = {"id", "threadId", "labelIds", "snippet", "sizeEstimate", "historyId", "internalDate"}
        self.assertEqual(set(minimal), common)
        self.assertEqual(set(raw), common | {"raw"})
        self.assertEqual(set(metadata), common | {"payload"})
        self.assertEqual(set(full), common | {"payload"})
        self.assertTrue(all(found[name] == minimal[name] for found in (raw, metadata, full) for name in common))

        subjects = [value(message, "Subject") for message in (metadata, full)]
        self.assertEqual(subjects, ["Žluťoučký kůň 🐎"] * 2)
        self.assertNotIn("parts", metadata["payload"])
        self.assertNotIn("data", metadata["payload"].get("body", {}))
        texts = {part["mimeType"]: decoded(part["body"]["data"]).decode() for part in full["payload"]["parts"]}
        self.assertEqual(texts["text/plain"].splitlines(), ["Grüße", "und mehr"])
        self.assertEqual(texts["text/html"].strip(), "<p>Grüße<br>und mehr</p>")

        parsed = email.message_from_bytes(decoded(raw["raw"]), policy=email.policy.default)
        self.assertEqual(parsed["Subject"], "Žluťoučký kůň 🐎")
        self.assertEqual(parsed.get_body(("plain",)).get_content().splitlines(), ["Grüße", "und mehr"])
        self.assertEqual(raw["sizeEstimate"], len(decoded(raw["raw"])))

    def test_metadata_can_be_narrowed_to_some_headers(self):
        id = self.arrive("only some headers")
        narrowed = self.get(id, format="metadata", metadataHeaders=["subject", "From"])
        self.assertEqual({header["name"] for header in narrowed["payload"]["headers"]}, {"Subject", "From"})

    def test_the_whole_lively_mailbox_conforms_in_every_format(self):
        ids = self.list_ids(maxResults=500, includeSpamTrash=True)
        for id in ids:
            full, raw = self.get(id), self.get(id, format="raw")
            self.get(id, format="metadata")
            parsed = email.message_from_bytes(decoded(raw["raw"]), policy=email.policy.default)
            leaves = [part for part in parts_of(full["payload"]) if not part.get("parts")]
            said = [part["mimeType"] for part in leaves]
            self.assertEqual(said, [part.get_content_type() for part in parsed.walk() if not part.is_multipart()])
            for part in leaves:
                if "data" in part["body"]:
                    self.assertEqual(part["body"]["size"], len(decoded(part["body"]["data"])))

    def test_an_attachment_is_fetched_apart_and_is_what_the_raw_message_holds(self):
        ids = self.list_ids(q="has:attachment", maxResults=5)
        self.assertTrue(ids, "the lively mailbox has no attachment")
        for id in ids:
            attached = [part for part in parts_of(self.get(id)["payload"]) if part.get("filename")]
            raw = decoded(self.get(id, format="raw")["raw"])
            parsed = email.message_from_bytes(raw, policy=email.policy.default)
            in_raw = {part.get_filename(): part for part in parsed.iter_attachments()}
            self.assertEqual({part["filename"] for part in attached}, set(in_raw))
            for part in attached:
                body = self.messages.attachments().get(userId="me", messageId=id, id=part["body"]["attachmentId"])
                found = body.execute()
                content = decoded(found["data"])
                self.assertEqual((found["size"], part["body"]["size"]), (len(content), len(content)))
                if part["mimeType"] == "message/rfc822":
                    # A mail within a mail travels as it is.
                    self.assertIn(content, raw)
                else:
                    self.assertEqual(content, in_raw[part["filename"]].get_payload(decode=True))

    def test_an_attachment_that_is_not_there_is_not_found(self):
        id = self.list_ids(maxResults=500)[0]
        for attachment in ("nobodys", "0"):
            request = self.messages.attachments().get(userId="me", messageId=id, id=attachment)
            with self.assertRaises(HttpError) as refused:
                request.execute()
            self.assertIn(refused.exception.status_code, (400, 404))

    def test_labels_are_listed_and_counted(self):
        labels = self.users.labels().list(userId="me").execute()["labels"]
        system = {label["id"] for label in labels if label["type"] == "system"}
        self.assertLessEqual({"INBOX", "SENT", "UNREAD", "TRASH", "SPAM", "STARRED", "DRAFT", "IMPORTANT"}, system)
        inbox = self.users.labels().get(userId="me", id="INBOX").execute()
        self.assertEqual(inbox["messagesTotal"], len(self.in_mailbox("INBOX")))
        self.assertEqual(inbox["messagesUnread"], len(self.in_mailbox("INBOX", "UNREAD")))
        self.assert_refused(404, "notFound", self.users.labels().get(userId="me", id="Label_999"))


class Metadata(Mail):
    scopes = ("https://www.googleapis.com/auth/gmail.metadata",)

    def test_headers_are_seen_and_neither_bodies_nor_searches_are(self):
        id = self.list_ids(maxResults=500)[0]
        self.messages.get(userId="me", id=id, format="metadata").execute()
        for refused in [
            self.messages.get(userId="me", id=id),
            self.messages.get(userId="me", id=id, format="raw"),
            self.messages.list(userId="me", q="from:anna"),
        ]:
            self.assert_refused(403, "insufficientPermissions", refused)


if __name__ == "__main__":
    unittest.main()
