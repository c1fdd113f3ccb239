"""The checker itself: without this, one that finds nothing would look like a sandbox without faults."""

import copy
import json
import unittest

import httplib2

import client
import conformance
import consent

ANSWER = {"status": "200", "content-type": "application/json; charset=UTF-8"}


class Checker(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        granted = client.credentials("alice", consent.MAIL, consent.CALENDAR)
        users = client.gmail(granted).users()
        listed = users.messages().list(userId="me", maxResults=3).execute()
        found = users.messages().get(userId="me", id=listed["messages"][0]["id"]).execute()
        cls.granted = granted
        cls.answers = {
            "gmail.users.getProfile": users.getProfile(userId="me").execute(),
            "gmail.users.messages.list": listed,
            "gmail.users.messages.get": found,
        }

    def assert_refused(self, method_id, body, words):
        with self.assertRaisesRegex(conformance.Nonconformity, words):
            conformance.check(method_id, ANSWER, json.dumps(body))

    def test_every_value_of_a_wrong_type_is_found(self):
        spoilt = 0
        for method_id, body in self.answers.items():
            for path in places(body):
                self.assert_refused(method_id, with_value(body, path, Wrong.of(body, path)), "expected|not a")
                spoilt += 1
        self.assertGreater(spoilt, 20)

    def test_an_unknown_field_is_found_in_every_object(self):
        for method_id, body in self.answers.items():
            for path in [(), *places(body)]:
                if isinstance(value_at(body, path), dict):
                    changed = copy.deepcopy(body)
                    value_at(changed, path)["sandboxField"] = "x"
                    self.assert_refused(method_id, changed, "sandboxField is not in the schema")

    def test_numbers_that_travel_as_text_and_text_that_travels_as_base64_are_looked_into(self):
        message = self.answers["gmail.users.messages.get"]
        for field, wrong in [("historyId", 5), ("historyId", "-5"), ("historyId", "0x5"), ("historyId", str(2**64))]:
            self.assert_refused("gmail.users.messages.get", {**message, field: wrong}, "historyId")
        for wrong in ["a+b/", "abc", "äöü=", "YQ=="[:3]]:
            self.assert_refused("gmail.users.messages.get", {**message, "raw": wrong}, "raw")
        conformance.check("gmail.users.messages.get", ANSWER, json.dumps({**message, "raw": "YS1f_w=="}))
        self.assert_refused("gmail.users.messages.get", {**message, "sizeEstimate": 2**31}, "range of int32")
        self.assert_refused("gmail.users.messages.get", {**message, "sizeEstimate": True}, "expected integer")

    def test_enumerations_times_and_kinds_are_looked_into(self):
        self.assert_refused("gmail.users.labels.get", {"id": "INBOX", "type": "sistem"}, "expected one of")
        event = {"kind": "calendar#event", "id": "a", "start": {"dateTime": "2026-03-29T01:30:00+01:00"}}
        conformance.check("calendar.events.get", ANSWER, json.dumps(event))
        for start in [{"dateTime": "2026-03-29T01:30:00"}, {"dateTime": "2026-02-30T01:30:00Z"}, {"date": "2026-3-29"}]:
            self.assert_refused("calendar.events.get", {**event, "start": start}, "start")
        self.assert_refused("calendar.events.get", {"id": "a"}, "kind is None")
        self.assert_refused("calendar.events.list", {"kind": "calendar#event"}, "expected 'calendar#events'")
        conformance.check("calendar.events.get", ANSWER, '{"id": "a"}', partial=True)

    def test_an_answer_to_a_method_that_has_none_and_one_that_is_no_json_are_found(self):
        with self.assertRaisesRegex(conformance.Nonconformity, "nothing is expected"):
            conformance.check("calendar.events.delete", ANSWER, "{}")
        with self.assertRaisesRegex(conformance.Nonconformity, "no JSON"):
            conformance.check("gmail.users.getProfile", ANSWER, "<html>")
        with self.assertRaisesRegex(conformance.Nonconformity, "not JSON in UTF-8"):
            conformance.check("gmail.users.getProfile", {**ANSWER, "content-type": "text/html"}, "{}")

    def test_error_bodies_are_looked_into(self):
        item = {"domain": "global", "reason": "notFound", "message": "Not Found"}
        error = {"code": 404, "message": "Not Found", "errors": [item]}
        good = {**ANSWER, "status": "404"}
        conformance.check_error("calendar.events.get", good, json.dumps({"error": error}))
        for wrong in [
            {"error": "not found"},
            {"error": {**error, "code": "404"}},
            {"error": {**error, "code": 410}},
            {"error": {**error, "errors": []}},
            {"error": {**error, "hint": "look elsewhere"}},
            {"error": {**error, "status": "GONE"}},
            {"error": {**error, "errors": [{**item, "reason": "absent"}]}},
            {"error": {**error, "errors": [{**item, "domain": "sandbox"}]}},
            {"error": {**error, "errors": [{**item, "location": "eventId"}]}},
            {"error": {**error, "errors": [{**item, "extra": "x"}]}},
            {"error": error, "also": "this"},
        ]:
            with self.subTest(wrong=wrong), self.assertRaises(conformance.Nonconformity):
                conformance.check_error("calendar.events.get", good, json.dumps(wrong))

    def test_it_stands_between_the_client_and_every_test(self):
        users = client.gmail(self.granted).users()
        profile = self.answers["gmail.users.getProfile"]
        for status, body, words in [
            (200, {**profile, "threadsTotal": "many"}, "threadsTotal is str, expected integer"),
            (200, {**profile, "sandboxField": 1}, "sandboxField is not in the schema"),
            (404, {"error": "not found"}, "not an object with `error` alone"),
        ]:
            with self.subTest(words=words), self.assertRaisesRegex(conformance.Nonconformity, words):
                users.getProfile(userId="me").execute(http=Answering(status, body))
        self.assertEqual(users.getProfile(userId="me").execute(http=Answering(200, profile)), profile)


class Answering:
    """Stands in for the wire: whatever is asked, this is the answer."""

    def __init__(self, status, body):
        self.answer = httplib2.Response({**ANSWER, "status": str(status)}), json.dumps(body).encode()

    def request(self, *_args, **_kwargs):
        return self.answer


class Wrong:
    """A value of another type than the one that is there."""

    @staticmethod
    def of(body, path):
        there = value_at(body, path)
        return 5 if isinstance(there, (str, dict, list)) else "five"


def places(value, path=()):
    """Where each value below this one is."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*path, key)
        yield from places(item, (*path, key))


def value_at(value, path):
    for key in path:
        value = value[key]
    return value


def with_value(body, path, value):
    changed = copy.deepcopy(body)
    value_at(changed, path[:-1])[path[-1]] = value
    return changed


if __name__ == "__main__":
    unittest.main()
