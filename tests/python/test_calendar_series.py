"""Series with exceptions across a clock change, and who is busy when, as Google's client asks for them."""

import datetime
import unittest

from googleapiclient.errors import HttpError

import client
from agenda import Agenda, at, instant, utc

# In Europe clocks go forward on 28 March 2027, in New York on 14 March.
TUESDAYS = ["2027-03-16 08:00", "2027-03-23 08:00", "2027-03-30 07:00", "2027-04-06 07:00"]


class Series(Agenda):
    def tuesdays(self, **more):
        return self.insert(
            "Tuesdays",
            "2027-03-16 09:00",
            "2027-03-16 10:00",
            zone="Europe/Berlin",
            recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"],
            **more,
        )

    def instances(self, series, **asked):
        request = self.events.instances(calendarId="primary", eventId=series["id"], **asked)
        found = client.pages(self.events, request, "instances")
        return [event for page in found for event in page["items"]]

    def test_instances_stay_at_nine_on_the_wall_when_the_clocks_change(self):
        series = self.tuesdays()
        found = self.instances(series, maxResults=3)
        self.assertEqual([instant(event["start"]) for event in found], [utc(text) for text in TUESDAYS])
        self.assertEqual({event["recurringEventId"] for event in found}, {series["id"]})
        self.assertEqual([event["start"] for event in found], [event["originalStartTime"] for event in found])
        suffixes = [event["id"].split("_")[1] for event in found]
        self.assertEqual(suffixes, [utc(text).strftime("%Y%m%dT%H%M%SZ") for text in TUESDAYS])
        self.assertFalse(any("recurrence" in event for event in found))
        self.assertEqual(series["recurrence"], ["RRULE:FREQ=WEEKLY;COUNT=4"])

    def test_a_moved_and_a_cancelled_instance_are_exceptions_of_their_series(self):
        series = self.tuesdays()
        token = client.pages(self.events, self.events.list(calendarId="primary", maxResults=2500))[-1]["nextSyncToken"]
        untouched = self.instances(series)
        moved = self.patch(
            untouched[1]["id"],
            summary="A Wednesday",
            start=at("2027-03-24 15:00", "Europe/Berlin"),
            end=at("2027-03-24 16:00", "Europe/Berlin"),
        )
        self.assertEqual(moved["originalStartTime"], untouched[1]["originalStartTime"])
        self.events.delete(calendarId="primary", eventId=untouched[2]["id"]).execute()

        starts = [instant(event["start"]) for event in self.instances(series)]
        self.assertEqual(starts, [utc(TUESDAYS[0]), utc("2027-03-24 14:00"), utc(TUESDAYS[3])])
        with_gone = {event["id"]: event["status"] for event in self.instances(series, showDeleted=True)}
        self.assertEqual(with_gone[untouched[2]["id"]], "cancelled")

        window = self.in_window("2027-03-24", "2027-03-25")
        self.assertEqual([event["summary"] for event in window if event["id"] == moved["id"]], ["A Wednesday"])
        self.assertNotIn(moved["id"], [event["id"] for event in self.in_window("2027-03-23", "2027-03-24")])

        changed = self.events.list(calendarId="primary", syncToken=token).execute()["items"]
        exceptions = {event["id"]: event for event in changed}
        self.assertEqual(exceptions[moved["id"]]["recurringEventId"], series["id"])
        cancelled = exceptions[untouched[2]["id"]]
        self.assertEqual((cancelled["status"], cancelled["recurringEventId"]), ("cancelled", series["id"]))
        self.assertEqual(instant(cancelled["originalStartTime"]), utc(TUESDAYS[2]))

    def test_a_deleted_series_takes_its_instances_with_it(self):
        series = self.tuesdays()
        self.events.delete(calendarId="primary", eventId=series["id"]).execute()
        ours = [event for event in self.in_window("2027-03-15", "2027-04-08") if event["id"].startswith(series["id"])]
        self.assertEqual(ours, [])

    def test_the_same_instance_is_told_in_the_zone_that_is_asked_for(self):
        series = self.tuesdays()
        for zone, offsets in [("America/New_York", ["-04:00"] * 4), ("Europe/Berlin", ["+01:00"] * 2 + ["+02:00"] * 2)]:
            found = self.instances(series, timeZone=zone)
            self.assertEqual([event["start"]["dateTime"][-6:] for event in found], offsets)
            self.assertEqual([instant(event["start"]) for event in found], [utc(text) for text in TUESDAYS])

    def test_rules_dates_and_exceptions_of_the_standard_are_expanded(self):
        for recurrence, expected in [
            (["RRULE:FREQ=DAILY;INTERVAL=2;COUNT=3"], ["16", "18", "20"]),
            (["RRULE:FREQ=WEEKLY;BYDAY=TU,TH;UNTIL=20270326T000000Z"], ["16", "18", "23", "25"]),
            (["RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=Europe/Berlin:20270317T090000"], ["16", "18"]),
            (["RRULE:FREQ=MONTHLY;BYDAY=3TU;COUNT=2"], ["16", "20"]),
        ]:
            with self.subTest(recurrence=recurrence):
                series = self.insert(
                    "by rule", "2027-03-16 09:00", "2027-03-16 10:00", zone="Europe/Berlin", recurrence=recurrence
                )
                days = [instant(event["start"]).strftime("%d") for event in self.instances(series)]
                self.assertEqual(days, expected)


class Busy(Agenda):
    def busy(self, *calendars, first, last):
        body = {
            "timeMin": f"{first}T00:00:00Z",
            "timeMax": f"{last}T00:00:00Z",
            "items": [{"id": id} for id in calendars],
        }
        return self.service.freebusy().query(body=body).execute()["calendars"]

    def ranges(self, first, last):
        found = self.busy("primary", first=first, last=last)["primary"]["busy"]
        return [(instant({"dateTime": each["start"]}), instant({"dateTime": each["end"]})) for each in found]

    def free_day(self):
        """A day, and the one after it, on which nothing of the lively calendar takes place."""
        for number in range(365):
            day = datetime.date(2031, 9, 1) + datetime.timedelta(days=number)
            if not self.ranges(day, day + datetime.timedelta(days=1)):
                return day, day + datetime.timedelta(days=1)
        self.fail("bob is busy every day")

    def test_what_overlaps_is_one_range_and_what_does_not_count_is_none(self):
        day, next_day = self.free_day()
        me = self.service.calendarList().get(calendarId="primary").execute()["id"]

        def at_hours(first, last, **more):
            return self.insert(start=f"{day} {first}:00", end=f"{day} {last}:00", **more)

        at_hours("08", "10")
        at_hours("09", "11")
        at_hours("13", "14", transparency="transparent")
        at_hours("15", "16", attendees=[{"email": me, "responseStatus": "declined"}])
        gone = at_hours("17", "18")
        self.events.delete(calendarId="primary", eventId=gone["id"]).execute()
        at_hours("19", "20", status="tentative")
        hours = [(start.hour, end.hour) for start, end in self.ranges(day, next_day)]
        self.assertEqual(hours, [(8, 11), (19, 20)])

    def test_instances_of_a_series_count_each_by_itself(self):
        series = self.insert(
            "mornings",
            "2027-03-27 09:00",
            "2027-03-27 10:00",
            zone="Europe/Berlin",
            recurrence=["RRULE:FREQ=DAILY;COUNT=2"],
        )
        found = self.ranges(first="2027-03-27", last="2027-03-29")
        for start in ("2027-03-27 08:00", "2027-03-28 07:00"):
            self.assertTrue(any(first <= utc(start) < last for first, last in found), (start, found, series["id"]))

    def test_a_calendar_that_is_not_there_is_told_beside_the_others(self):
        found = self.busy("primary", "nobody@sandbox.example", first="2031-09-01", last="2031-09-02")
        self.assertEqual(set(found), {"primary", "nobody@sandbox.example"})
        self.assertEqual([error["reason"] for error in found["nobody@sandbox.example"]["errors"]], ["notFound"])
        self.assertNotIn("errors", found["primary"])

    def test_a_range_that_ends_before_it_starts_is_refused(self):
        body = {"timeMin": "2031-09-02T00:00:00Z", "timeMax": "2031-09-01T00:00:00Z", "items": [{"id": "primary"}]}
        self.assert_refused(400, "timeRangeEmpty", self.service.freebusy().query(body=body))


class BusyAlone(Agenda):
    """The scope for free and busy times opens nothing else."""

    def test_free_and_busy_times_need_no_more_than_their_own_scope(self):
        granted = client.credentials(self.account, "https://www.googleapis.com/auth/calendar.freebusy")
        service = client.calendar(granted)
        body = {"timeMin": "2031-09-01T00:00:00Z", "timeMax": "2031-09-02T00:00:00Z", "items": [{"id": "primary"}]}
        service.freebusy().query(body=body).execute()
        with self.assertRaises(HttpError) as refused:
            service.events().list(calendarId="primary").execute()
        self.assertEqual(refused.exception.status_code, 403)


if __name__ == "__main__":
    unittest.main()
