"""Listing calendars and following what changes in one, as Google's client does them."""

import unittest
import urllib.parse

from googleapiclient.errors import HttpError

import client
import consent
import sandbox
from agenda import Agenda, at, instant, utc


class Lists(Agenda):
    def test_every_page_together_is_the_list_of_calendars_with_one_primary(self):
        lists = self.service.calendarList()
        whole = lists.list(maxResults=250).execute()["items"]
        self.assertGreater(len(whole), 1)
        found = client.pages(lists, lists.list(maxResults=1))
        self.assertEqual([item for page in found for item in page["items"]], whole)
        self.assertEqual(
            [page["items"][0]["id"] for page in found if page["items"][0].get("primary")], [self.primary()]
        )
        self.assertEqual(["nextPageToken" in page for page in found], [True] * (len(found) - 1) + [False])
        self.assertEqual(["nextSyncToken" in page for page in found], [False] * (len(found) - 1) + [True])
        for item in whole:
            self.assertIn(item["accessRole"], {"freeBusyReader", "reader", "writer", "owner"})
            self.assertTrue(item["timeZone"])
            self.assertEqual(lists.get(calendarId=item["id"]).execute(), item)

    def primary(self):
        return self.service.calendarList().get(calendarId="primary").execute()["id"]

    def test_a_calendar_that_leaves_the_list_and_comes_back_is_told_after_the_token(self):
        lists = self.service.calendarList()
        whole = client.pages(lists, lists.list())
        other = next(item for page in whole for item in page["items"] if not item.get("primary"))["id"]
        change = f"calendars/{urllib.parse.quote(other, safe='')}"
        token = whole[-1]["nextSyncToken"]
        self.assertEqual(lists.list(syncToken=token).execute()["items"], [])
        self.addCleanup(sandbox.of_account, self.account, change, {"deleted": False})
        for deleted in (True, False):
            sandbox.of_account(self.account, change, {"deleted": deleted})
            page = lists.list(syncToken=token).execute()
            self.assertEqual([(item["id"], item.get("deleted", False)) for item in page["items"]], [(other, deleted)])
            token = page["nextSyncToken"]
        sandbox.of_account(self.account, "forget-sync-tokens")
        self.assert_refused(410, "fullSyncRequired", lists.list(syncToken=token))

    def test_a_calendar_and_the_settings_of_its_owner_are_told(self):
        calendar = self.service.calendars().get(calendarId="primary").execute()
        self.assertEqual(calendar["id"], self.primary())
        settings = self.service.settings()
        told = {item["id"]: item["value"] for page in client.pages(settings, settings.list()) for item in page["items"]}
        self.assertEqual(told["timezone"], calendar["timeZone"])
        self.assertEqual(settings.get(setting="timezone").execute()["value"], told["timezone"])
        self.assert_refused(404, "notFound", settings.get(setting="nosuchsetting"))

    def test_a_calendar_that_is_not_in_the_list_is_not_found(self):
        lists = self.service.calendarList()
        self.assert_refused(404, "notFound", lists.get(calendarId="nobody@sandbox.example"))
        self.assert_refused(404, "notFound", self.events.list(calendarId="nobody@sandbox.example"))


class Following(Agenda):
    def full(self, **asked):
        return client.pages(self.events, self.events.list(calendarId="primary", **asked))

    def token(self, **asked):
        return self.full(maxResults=2500, **asked)[-1]["nextSyncToken"]

    def since(self, token, **asked):
        return client.pages(self.events, self.events.list(calendarId="primary", syncToken=token, **asked))

    def changed_since(self, token, **asked):
        return [event for page in self.since(token, **asked) for event in page["items"]]

    def test_only_the_last_page_of_a_full_sync_carries_the_sync_token(self):
        for number in range(5):
            self.insert(f"to be paged {number}")
        found = self.full(maxResults=3)
        self.assertGreater(len(found), 1)
        last = len(found) - 1
        for index, page in enumerate(found):
            self.assertEqual(("nextSyncToken" in page, "nextPageToken" in page), (index == last, index != last))
            self.assertLessEqual(len(page["items"]), 3)
            self.assertEqual(page["timeZone"], found[0]["timeZone"])
        ids = [event["id"] for page in found for event in page["items"]]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(ids, [event["id"] for page in self.full(maxResults=2500) for event in page["items"]])
        # Of what is gone, a full list carries only the instances that a series has lost.
        gone = [event for page in found for event in page["items"] if event["status"] == "cancelled"]
        self.assertTrue(all("recurringEventId" in event for event in gone), gone)

    def test_what_was_put_in_changed_and_deleted_comes_after_the_token_and_only_once(self):
        changed, gone = self.insert("to be changed"), self.insert("to be deleted")
        token = self.token()
        self.assertEqual(self.changed_since(token), [])

        fresh = self.insert("fresh")
        self.patch(changed["id"], summary="has changed")
        self.events.delete(calendarId="primary", eventId=gone["id"]).execute()
        passing = self.insert("comes and goes")
        self.events.delete(calendarId="primary", eventId=passing["id"]).execute()

        found = self.since(token)
        items = {event["id"]: event for event in found[-1]["items"]}
        self.assertEqual(set(items), {fresh["id"], changed["id"], gone["id"], passing["id"]})
        self.assertEqual(items[changed["id"]]["summary"], "has changed")
        self.assertNotEqual(items[changed["id"]]["etag"], changed["etag"])
        self.assertEqual(items[fresh["id"]], self.events.get(calendarId="primary", eventId=fresh["id"]).execute())
        self.assertEqual([items[event["id"]]["status"] for event in (gone, passing)], ["cancelled"] * 2)
        self.assertEqual(self.changed_since(found[-1]["nextSyncToken"]), [])

    def test_what_others_put_in_and_move_comes_after_the_token_as_ones_own_changes_do(self):
        token = self.token()
        body = {"start": at("2031-05-05 10:00"), "end": at("2031-05-05 11:00"), "summary": "An invitation"}
        organizer = {"email": "anna@harbour.example", "displayName": "Anna"}
        invited = self.by_others("", {**body, "organizer": organizer})
        page = self.since(token)[-1]
        self.assertEqual([event["id"] for event in page["items"]], [invited["id"]])
        self.assertEqual(page["items"][0]["organizer"], organizer)
        self.by_others(f"/{invited['id']}/move", {"minutes": 90})
        moved = self.changed_since(page["nextSyncToken"])
        self.assertEqual([instant(event["start"]) for event in moved], [utc("2031-05-05 11:30")])

    def by_others(self, path, body):
        event = sandbox.of_account(self.account, f"calendars/primary/events{path}", body)
        self.addCleanup(self.remove, event["id"])
        return event

    def test_changes_come_in_pages_too_and_the_next_token_with_the_last(self):
        token = self.token()
        ids = {self.insert(f"change {number}")["id"] for number in range(4)}
        found = self.since(token, maxResults=3)
        self.assertEqual([len(page["items"]) for page in found], [3, 1])
        self.assertEqual(["nextSyncToken" in page for page in found], [False, True])
        self.assertEqual({event["id"] for page in found for event in page["items"]}, ids)

    def test_a_change_between_two_pages_is_not_lost(self):
        for number in range(3):
            self.insert(f"before {number}")
        first = self.events.list(calendarId="primary", maxResults=2)
        page = first.execute()
        between = self.insert("between two pages")
        rest = client.pages(self.events, self.events.list_next(first, page))
        listed = {event["id"] for page in rest for event in page["items"]}
        later = {event["id"] for event in self.changed_since(rest[-1]["nextSyncToken"])}
        self.assertIn(between["id"], listed | later)

    def test_a_sync_token_goes_with_no_other_filter(self):
        token = self.token()
        for asked in [
            {"timeMin": "2031-01-01T00:00:00Z"},
            {"timeMax": "2031-01-01T00:00:00Z"},
            {"q": "lunch"},
            {"updatedMin": "2031-01-01T00:00:00Z"},
            {"orderBy": "updated"},
        ]:
            with self.subTest(**asked):
                request = self.events.list(calendarId="primary", syncToken=token, **asked)
                with self.assertRaises(HttpError) as refused:
                    request.execute()
                self.assertEqual(refused.exception.status_code, 400)

    def test_a_token_that_google_forgot_is_gone_and_a_full_sync_begins_anew(self):
        token = self.token()
        sandbox.of_account(self.account, "calendars/primary/forget-sync")
        gone = self.assert_refused(410, "fullSyncRequired", self.events.list(calendarId="primary", syncToken=token))
        self.assertEqual(gone.error_details[0]["location"], "syncToken")
        self.assertEqual(self.changed_since(self.token()), [])

    def test_an_order_of_times_needs_single_events(self):
        with self.assertRaises(HttpError) as refused:
            self.events.list(calendarId="primary", orderBy="startTime").execute()
        self.assertEqual(refused.exception.status_code, 400)


class Scopes(Agenda):
    scopes = (consent.MAIL,)

    def test_without_the_scope_no_calendar_is_seen(self):
        body = {"timeMin": "2031-01-01T00:00:00Z", "timeMax": "2031-01-02T00:00:00Z", "items": [{"id": "primary"}]}
        for refused in [
            self.service.calendarList().list(),
            self.events.list(calendarId="primary"),
            self.events.get(calendarId="primary", eventId="whatever"),
            self.events.insert(calendarId="primary", body={}),
            self.events.delete(calendarId="primary", eventId="whatever"),
            self.service.freebusy().query(body=body),
        ]:
            with self.assertRaises(HttpError) as error:
                refused.execute()
            self.assertEqual(error.exception.status_code, 403)
            self.assertEqual(error.exception.reason, "Request had insufficient authentication scopes.")
            self.assertEqual(error.exception.error_details[0]["reason"], "ACCESS_TOKEN_SCOPE_INSUFFICIENT")


class Reading(Agenda):
    scopes = (consent.CALENDAR_READONLY,)

    def test_reading_alone_changes_nothing(self):
        listed = self.events.list(calendarId="primary", maxResults=1).execute()["items"]
        for refused in [
            self.events.insert(calendarId="primary", body={}),
            self.events.patch(calendarId="primary", eventId=listed[0]["id"], body={"summary": "x"}),
            self.events.delete(calendarId="primary", eventId=listed[0]["id"]),
        ]:
            with self.assertRaises(HttpError) as error:
                refused.execute()
            self.assertEqual(error.exception.status_code, 403)

    def test_the_whole_lively_calendar_conforms_whole_and_in_single_events(self):
        for calendar in self.service.calendarList().list().execute()["items"]:
            if calendar["accessRole"] != "freeBusyReader":
                whole = self.events.list(calendarId=calendar["id"], showDeleted=True, maxResults=50)
                self.assertTrue(client.pages(self.events, whole))
                single = self.events.list(
                    calendarId=calendar["id"], singleEvents=True, timeMax="2040-01-01T00:00:00Z", maxResults=250
                )
                self.assertTrue(client.pages(self.events, single))


if __name__ == "__main__":
    unittest.main()
