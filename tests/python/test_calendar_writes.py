"""Putting in, changing and deleting events under etags, as Google's client does them."""

import unittest

from googleapiclient.errors import HttpError

import client
from agenda import Agenda, at, instant, new_id, utc


class Writing(Agenda):
    def get(self, id):
        return self.events.get(calendarId="primary", eventId=id).execute()

    def test_an_event_is_kept_as_it_was_put_in(self):
        event = self.insert(
            "Frühstück 🥐",
            "2031-07-01 09:00",
            "2031-07-01 10:30",
            zone="Europe/Berlin",
            location="Hafen",
            description="Mit <b>Anna</b>",
            attendees=[{"email": "anna@harbour.example"}],
            transparency="transparent",
            reminders={"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]},
            extendedProperties={"private": {"ours": "yes"}},
        )
        self.assertEqual((event["summary"], event["location"]), ("Frühstück 🥐", "Hafen"))
        self.assertEqual(instant(event["start"]), utc("2031-07-01 07:00"))
        self.assertEqual(event["start"]["timeZone"], "Europe/Berlin")
        self.assertEqual(event["attendees"][0]["responseStatus"], "needsAction")
        self.assertEqual((event["status"], event["transparency"]), ("confirmed", "transparent"))
        self.assertTrue(event["creator"]["self"] and event["organizer"]["self"])
        self.assertEqual(event["iCalUID"], event["id"] + "@google.com")
        self.assertEqual(self.get(event["id"]), event)

    def test_a_day_is_told_as_a_date_whose_end_is_exclusive(self):
        event = self.insert(start="2031-07-01 09:00", end="2031-07-01 10:00")
        days = self.patch(
            event["id"], start={"date": "2031-07-02", **no_time()}, end={"date": "2031-07-04", **no_time()}
        )
        self.assertEqual((days["start"], days["end"]), ({"date": "2031-07-02"}, {"date": "2031-07-04"}))
        found = [event["id"] for event in self.in_window("2031-07-03", "2031-07-04")]
        self.assertIn(event["id"], found)
        self.assertNotIn(event["id"], [event["id"] for event in self.in_window("2031-07-05", "2031-07-06")])

    def test_an_id_of_our_own_can_be_put_in_once(self):
        id = new_id()
        self.assertEqual(self.insert(id=id)["id"], id)
        body = {"id": id, "start": at("2031-05-05 10:00"), "end": at("2031-05-05 11:00")}
        self.assert_refused(409, "duplicate", self.events.insert(calendarId="primary", body=body))
        for wrong in ["abcd", "WXYZ123", "with-dash"]:
            with self.assertRaises(HttpError) as refused:
                self.events.insert(calendarId="primary", body={**body, "id": wrong}).execute()
            self.assertEqual(refused.exception.status_code, 400)

    def test_a_change_under_an_old_etag_is_refused_and_changes_nothing(self):
        event = self.insert("first")
        etag = event["etag"]
        request = self.events.patch(calendarId="primary", eventId=event["id"], body={"summary": "second"})
        request.headers["If-Match"] = etag
        second = request.execute()
        self.assertNotEqual(second["etag"], etag)

        patch = self.events.patch(calendarId="primary", eventId=event["id"], body={"summary": "third"})
        update = self.events.update(calendarId="primary", eventId=event["id"], body={**second, "summary": "third"})
        delete = self.events.delete(calendarId="primary", eventId=event["id"])
        for request in (patch, update, delete):
            request.headers["If-Match"] = etag
            refused = self.assert_refused(412, "conditionNotMet", request)
            self.assertEqual(refused.error_details[0]["location"], "If-Match")
        self.assertEqual(self.get(event["id"]), second)

        delete.headers["If-Match"] = second["etag"]
        delete.execute()

    def test_an_event_that_has_not_changed_need_not_be_sent_again(self):
        event = self.insert("unchanged")
        request = self.events.get(calendarId="primary", eventId=event["id"])
        request.headers["If-None-Match"] = event["etag"]
        with self.assertRaises(HttpError) as unchanged:
            request.execute()
        self.assertEqual(unchanged.exception.status_code, 304)
        changed = self.patch(event["id"], summary="changed")
        self.assertEqual(request.execute(), changed)

    def test_a_patch_keeps_what_it_does_not_name_and_an_update_does_not(self):
        event = self.insert("before", location="Hafen", description="long")
        patched = self.patch(event["id"], summary="after", description=None)
        self.assertEqual((patched["summary"], patched["location"]), ("after", "Hafen"))
        self.assertNotIn("description", patched)
        body = {"summary": "whole", "start": event["start"], "end": event["end"]}
        updated = self.events.update(calendarId="primary", eventId=event["id"], body=body).execute()
        self.assertEqual(updated["summary"], "whole")
        self.assertNotIn("location", updated)
        self.assertEqual((updated["id"], updated["created"]), (event["id"], event["created"]))

    def test_a_deleted_event_is_shown_as_cancelled_and_is_deleted_once(self):
        event = self.insert("goes")
        self.events.delete(calendarId="primary", eventId=event["id"]).execute()
        self.assertEqual(self.get(event["id"])["status"], "cancelled")
        again = self.events.delete(calendarId="primary", eventId=event["id"])
        self.assertEqual(self.assert_refused(410, "deleted", again).reason, "Resource has been deleted")
        window = {"timeMin": "2031-05-05T00:00:00Z", "timeMax": "2031-05-06T00:00:00Z"}
        for show, expected in [(False, False), (True, True)]:
            request = self.events.list(calendarId="primary", showDeleted=show, **window)
            listed = [item["id"] for page in client.pages(self.events, request) for item in page["items"]]
            self.assertEqual(event["id"] in listed, expected)

    def test_what_is_not_there_is_not_found(self):
        id = new_id()
        for request in [
            self.events.get(calendarId="primary", eventId=id),
            self.events.patch(calendarId="primary", eventId=id, body={"summary": "x"}),
            self.events.delete(calendarId="primary", eventId=id),
            self.events.instances(calendarId="primary", eventId=id),
        ]:
            self.assertEqual(self.assert_refused(404, "notFound", request).reason, "Not Found")

    def test_events_that_cannot_be_are_refused(self):
        start, end = at("2031-05-05 10:00"), at("2031-05-05 11:00")
        for body in [
            {"start": start},
            {"start": end, "end": start},
            {"start": start, "end": {"date": "2031-05-05"}},
            {"start": at("2031-05-05 10:00", "Nowhere/Land"), "end": end},
            {"start": start, "end": end, "recurrence": ["RRULE:FREQ=SOMETIMES"]},
            {"start": start, "end": end, "attendees": [{"displayName": "without an address"}]},
            {"start": start, "end": end, "transparency": "cloudy"},
        ]:
            with self.subTest(body=body), self.assertRaises(HttpError) as refused:
                self.events.insert(calendarId="primary", body=body).execute()
            self.assertEqual(refused.exception.status_code, 400)


def no_time():
    """What takes a time away where a date takes its place."""
    return {"dateTime": None, "timeZone": None}


if __name__ == "__main__":
    unittest.main()
