"""What the tests of calendars share: a service for one account, events that go away again, times to compare."""

import datetime
import unittest
import uuid

from googleapiclient.errors import HttpError

import client
import consent

UTC = datetime.timezone.utc


def instant(moment):
    """A start or an end as a time in UTC, so that it does not matter in which offset it was told."""
    return datetime.datetime.fromisoformat(moment["dateTime"].replace("Z", "+00:00")).astimezone(UTC)


def utc(text):
    """`2027-03-16 08:00` as a time in UTC."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=UTC)


def at(text, zone="UTC"):
    """What `text` shows on the clocks of a zone, as an event's start or end."""
    return {"dateTime": text.replace(" ", "T") + ":00", "timeZone": zone}


def reasons(error):
    """The reasons of a refusal, as the calendar writes them."""
    return [detail["reason"] for detail in error.error_details]


class Agenda(unittest.TestCase):
    account = "bob"
    scopes = (consent.CALENDAR,)

    @classmethod
    def setUpClass(cls):
        cls.service = client.calendar(client.credentials(cls.account, *cls.scopes))
        cls.events = cls.service.events()

    def insert(self, summary="a test", start="2031-05-05 10:00", end="2031-05-05 11:00", zone="UTC", **more):
        body = {"summary": summary, "start": at(start, zone), "end": at(end, zone), **more}
        event = self.events.insert(calendarId="primary", body=body).execute()
        self.addCleanup(self.remove, event["id"])
        return event

    def remove(self, id):
        """Deletes an event that a test may have deleted itself."""
        try:
            self.events.delete(calendarId="primary", eventId=id).execute()
        except HttpError as error:
            if error.status_code != 410:
                raise

    def patch(self, id, **changes):
        return self.events.patch(calendarId="primary", eventId=id, body=changes).execute()

    def assert_refused(self, status, reason, request):
        with self.assertRaises(HttpError) as refused:
            request.execute()
        self.assertEqual(refused.exception.status_code, status, refused.exception)
        self.assertEqual(reasons(refused.exception), [reason])
        self.assertTrue(refused.exception.reason)
        return refused.exception

    def in_window(self, first, last, **asked):
        """What takes place between two days, each instance by itself, in order."""
        request = self.events.list(
            calendarId="primary",
            timeMin=f"{first}T00:00:00Z",
            timeMax=f"{last}T00:00:00Z",
            singleEvents=True,
            orderBy="startTime",
            **asked,
        )
        return [event for page in client.pages(self.events, request) for event in page["items"]]


def new_id():
    """An id of our own: lowercase letters a to v and digits, as base32hex has them."""
    return uuid.uuid4().hex
