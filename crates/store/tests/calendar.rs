//! The cache of calendars, what people settle for themselves, and what buttons stand for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use bellhop_domain::{Command, FetchMode, IntegrationId, OwnerId, TenantId};
use bellhop_store::{
    CalendarChange, CalendarContent, CalendarProgress, CalendarRead, Change, DataKey, EntryContent, EntryTime,
    OwnerSettings, Request, SHOWN_MAIL_KEPT, Store, mail_handle,
};
use chrono::{DateTime, TimeDelta, Utc};
use support::{Database, connected, context, default_tenant, new_owner, noon};
use uuid::Uuid;

struct Setting {
    database: Database,
    store: Store,
    tenant: TenantId,
    owner: OwnerId,
    integration: IntegrationId,
    key: DataKey,
}

impl Setting {
    async fn make() -> Self {
        let database = Database::create().await;
        let store = database.store();
        let tenant = default_tenant(&store).await;
        let owner = new_owner(&database, tenant).await;
        let integration = connected(&store, tenant, owner, noon()).await;
        let key = store.integration_key(tenant, integration).await.unwrap().unwrap();
        Self { database, store, tenant, owner, integration, key }
    }

    async fn write(&self, changes: Vec<CalendarChange>) {
        let changes: Vec<Change> = changes.into_iter().map(|change| change.of(self.integration)).collect();
        self.write_all(changes).await;
    }

    async fn write_all(&self, changes: Vec<Change>) {
        let command = Command::RecordCalendar {
            calendar: String::new(),
            mode: FetchMode::Full,
            added: 1,
            updated: 0,
            removed: 0,
            cursor: String::new(),
        };
        let request = Request { changes, ..Request::new(context(self.tenant), noon(), self.integration, command) };
        self.store.execute(&request).await.unwrap();
    }

    /// Lists these calendars, the first of them the primary one, and answers what stands for each.
    async fn list(&self, ids: &[&str]) -> Vec<i64> {
        let listed = Uuid::new_v4();
        let rows: Vec<_> = ids
            .iter()
            .enumerate()
            .map(|(index, id)| {
                let (id, title) = ((*id).to_owned(), format!("Calendar {id}"));
                let content = CalendarContent { id, title, time_zone: None, is_primary: index == 0, only_busy: false };
                content.seal(&self.store, &self.key, self.tenant, self.integration).unwrap()
            })
            .collect();
        let handles = rows.iter().map(|row| row.calendar).collect();
        self.write(vec![CalendarChange::PutCalendars { listed, rows }, CalendarChange::RemoveNotListed { listed }])
            .await;
        handles
    }

    /// Puts entries of an hour each into a calendar.
    async fn put(&self, calendar: i64, choice: i32, sync: Uuid, entries: &[(&str, DateTime<Utc>, Option<&str>)]) {
        let rows = entries.iter().map(|(id, start, series)| {
            let content = entry(id, *start, *series);
            let of = (self.tenant, self.integration, calendar);
            content.seal(&self.key, of, (*id).to_owned(), (*start, Some(*start + TimeDelta::hours(1)))).unwrap()
        });
        let rows = rows.collect();
        self.write(vec![CalendarChange::PutEntries { calendar, choice, sync, rows }]).await;
    }

    async fn seen(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<String> {
        let entries = self.store.entries_between(self.tenant, self.integration, from, until).await.unwrap();
        entries.into_iter().map(|entry| entry.content.title).collect()
    }

    async fn seen_today(&self) -> Vec<String> {
        self.seen(noon() - TimeDelta::hours(12), noon() + TimeDelta::hours(12)).await
    }

    async fn progress(&self, calendar: i64) -> Option<String> {
        let progress = self.store.calendar_progress(self.tenant, self.integration, calendar, &self.key).await.unwrap();
        progress.sync_token
    }

    fn reached(&self, calendar: i64, choice: i32, token: &str) -> Change {
        let progress = CalendarProgress { sync_token: Some(token.to_owned()), underway: None };
        let read = CalendarRead { at: noon(), readable: true };
        progress.seal(&self.key, (self.tenant, self.integration, calendar), choice, Some(read)).unwrap()
    }
}

fn entry(title: &str, start: DateTime<Utc>, series: Option<&str>) -> EntryContent {
    let at = |at| EntryTime::Moment { at, zone: None };
    EntryContent {
        title: title.to_owned(),
        place: String::new(),
        meeting: None,
        people: vec![],
        start: at(start),
        end: at(start + TimeDelta::hours(1)),
        recurrence: vec![],
        series: series.map(str::to_owned),
        original_start: None,
        cancelled: false,
        tentative: false,
        busy: true,
        answer: None,
    }
}

#[tokio::test]
async fn the_primary_calendar_is_chosen_at_first_and_a_choice_outlives_the_next_listing() {
    let setting = Setting::make().await;
    let handles = setting.list(&["ada@mail.example", "team", "holidays"]).await;
    let chosen = async || {
        let calendars = setting.store.calendars(setting.tenant, setting.integration).await.unwrap();
        let chosen = calendars.into_iter().filter(|calendar| calendar.chosen);
        chosen.map(|calendar| calendar.content.id).collect::<Vec<_>>()
    };
    assert_eq!(chosen().await, ["ada@mail.example"]);
    let choose = async |handle, wanted| {
        setting.store.choose_calendar(setting.tenant, setting.integration, handle, wanted).await.unwrap()
    };
    assert!(choose(handles[1], true).await && choose(handles[0], false).await);
    assert!(!choose(77, true).await, "there is no such calendar");
    setting.list(&["ada@mail.example", "team"]).await;
    assert_eq!(chosen().await, ["team"]);
    let calendars = setting.store.calendars(setting.tenant, setting.integration).await.unwrap();
    assert_eq!(calendars.len(), 2, "what is no longer listed is gone");
    setting.database.drop().await;
}

#[tokio::test]
async fn what_was_read_for_an_earlier_choice_is_not_written_under_a_later_one() {
    let setting = Setting::make().await;
    let own = setting.list(&["own"]).await[0];
    let sync = Uuid::new_v4();
    setting.put(own, 0, sync, &[("kept", noon(), None)]).await;
    setting.write_all(vec![setting.reached(own, 0, "one")]).await;
    assert_eq!(
        (setting.seen_today().await, setting.progress(own).await),
        (vec!["kept".to_owned()], Some("one".to_owned()))
    );

    // Left out and chosen again while a fetch was under way.
    for wanted in [false, true] {
        setting.store.choose_calendar(setting.tenant, setting.integration, own, wanted).await.unwrap();
    }
    assert_eq!((setting.seen_today().await, setting.progress(own).await), (vec![], None), "nothing is left of it");
    setting.put(own, 0, sync, &[("late", noon(), None)]).await;
    setting.write_all(vec![setting.reached(own, 0, "two")]).await;
    assert_eq!((setting.seen_today().await, setting.progress(own).await), (vec![], None));
    setting.put(own, 2, sync, &[("anew", noon(), None)]).await;
    assert_eq!(setting.seen_today().await, ["anew"]);
    setting.database.drop().await;
}

#[tokio::test]
async fn entries_are_found_by_when_they_can_matter_and_exceptions_by_their_series() {
    let setting = Setting::make().await;
    let own = setting.list(&["own"]).await[0];
    let sync = Uuid::new_v4();
    let next_month = noon() + TimeDelta::days(30);
    setting
        .put(
            own,
            0,
            sync,
            &[("a", noon(), None), ("b", next_month, None), ("s1", noon(), Some("s")), ("s2", next_month, Some("s"))],
        )
        .await;
    let mut today = setting.seen_today().await;
    today.sort();
    assert_eq!(today, ["a", "s1"]);
    assert_eq!(setting.seen(noon() + TimeDelta::hours(2), noon() + TimeDelta::hours(3)).await.len(), 0);

    let (tenant, integration) = (setting.tenant, setting.integration);
    let asked = (["a".to_owned(), "x".to_owned()], ["s".to_owned()]);
    let mut stored: Vec<_> =
        setting.store.stored_entries(tenant, integration, own, &asked.0, &asked.1).await.unwrap().into_iter().collect();
    stored.sort();
    assert_eq!(stored, ["a", "s1", "s2"]);

    let again = Uuid::new_v4();
    setting.put(own, 0, again, &[("a", noon(), None)]).await;
    assert_eq!(setting.store.entries_not_seen(tenant, integration, own, again).await.unwrap(), 3);
    setting.write(vec![CalendarChange::RemoveEntriesNotSeen { calendar: own, sync: again }]).await;
    assert_eq!(setting.seen(noon(), next_month + TimeDelta::days(1)).await, ["a"]);
    setting.write(vec![CalendarChange::RemoveEntriesOver { before: noon() + TimeDelta::hours(2) }]).await;
    assert_eq!(setting.seen(noon(), next_month).await.len(), 0);
    setting.database.drop().await;
}

#[tokio::test]
async fn a_calendar_that_may_not_be_read_is_not_shown_and_comes_back_as_it_was() {
    let setting = Setting::make().await;
    let own = setting.list(&["own"]).await[0];
    setting.put(own, 0, Uuid::new_v4(), &[("kept", noon(), None)]).await;
    let of = (setting.tenant, setting.integration, own);
    let progress = CalendarProgress { sync_token: Some("one".to_owned()), underway: None };
    let state = async || {
        let calendars = setting.store.calendars(setting.tenant, setting.integration).await.unwrap();
        (calendars[0].readable, calendars[0].checked_at)
    };
    assert_eq!(state().await, (true, None), "chosen, and not read yet");
    for (minute, readable) in [(1, false), (2, true)] {
        let at = noon() + TimeDelta::minutes(minute);
        let change = progress.seal(&setting.key, of, 0, Some(CalendarRead { at, readable })).unwrap();
        setting.write_all(vec![change]).await;
        assert_eq!(state().await, (readable, Some(at)));
        assert_eq!(setting.seen_today().await.len(), usize::from(readable));
        assert_eq!(setting.progress(own).await.as_deref(), Some("one"));
    }
    for wanted in [false, true] {
        setting.store.choose_calendar(setting.tenant, setting.integration, own, wanted).await.unwrap();
    }
    assert_eq!(state().await, (true, None), "chosen anew, and not read since");
    setting.database.drop().await;
}

#[tokio::test]
async fn a_choice_and_a_page_that_is_being_stored_wait_for_each_other() {
    let setting = Setting::make().await;
    let own = setting.list(&["own"]).await[0];
    setting.put(own, 0, Uuid::new_v4(), &[("stored", noon(), None)]).await;
    // Somebody is leaving the calendar out: its row is held.
    let mut choosing = setting.database.owner().await;
    let begin = format!("begin; select set_config('app.tenants', '{{{}}}', true)", setting.tenant);
    sqlx::raw_sql(sqlx::AssertSqlSafe(begin)).execute(&mut choosing).await.unwrap();
    sqlx::raw_sql("update calendars set chosen = false, choice = choice + 1").execute(&mut choosing).await.unwrap();
    let rows = ["stored", "new"].map(|id| {
        let of = (setting.tenant, setting.integration, own);
        entry(id, noon(), None).seal(&setting.key, of, id.to_owned(), (noon(), None)).unwrap()
    });
    let put = CalendarChange::PutEntries { calendar: own, choice: 0, sync: Uuid::new_v4(), rows: rows.into() };
    let page = setting.write_all(vec![setting.reached(own, 0, "two"), put.of(setting.integration)]);
    let choice = async {
        // The page has written nothing by now, or the deletion would wait for it and it for the row: a deadlock.
        sqlx::raw_sql("set local lock_timeout = '2s'; delete from calendar_entries; commit")
            .execute(&mut choosing)
            .await
            .unwrap();
    };
    tokio::join!(page, choice);
    let left: i64 = sqlx::query_scalar("select count(*) from calendar_entries").fetch_one(&mut choosing).await.unwrap();
    assert_eq!(left, 0, "nothing of what was left out comes back");
    drop(choosing);
    setting.database.drop().await;
}

#[tokio::test]
async fn an_exception_is_found_with_its_series_however_early_it_was() {
    let setting = Setting::make().await;
    let own = setting.list(&["own"]).await[0];
    let sync = Uuid::new_v4();
    let series = entry("series", noon(), None);
    let of = (setting.tenant, setting.integration, own);
    let rows = vec![series.seal(&setting.key, of, "s".to_owned(), (noon(), None)).unwrap()];
    setting.write(vec![CalendarChange::PutEntries { calendar: own, choice: 0, sync, rows }]).await;
    setting.put(own, 0, sync, &[("cancelled", noon(), Some("s")), ("other", noon(), Some("gone"))]).await;
    let later = noon() + TimeDelta::hours(3);
    let mut seen = setting.seen(later, later + TimeDelta::hours(1)).await;
    seen.sort();
    assert_eq!(seen, ["cancelled", "series"]);
    setting.database.drop().await;
}

#[tokio::test]
async fn a_disconnect_forgets_calendars_entries_and_what_was_shown() {
    let setting = Setting::make().await;
    let own = setting.list(&["own"]).await[0];
    setting.put(own, 0, Uuid::new_v4(), &[("a", noon(), None)]).await;
    setting.write(vec![CalendarChange::PutAge { stored: 1, checked_at: Some(noon()) }]).await;
    let ids = ["m1".to_owned()];
    setting.store.remember_shown_mail(setting.tenant, setting.integration, &ids, noon()).await.unwrap();
    let left = async || {
        let mut owner = setting.database.owner().await;
        let mut left = 0;
        for table in ["calendars", "calendar_entries", "calendar_syncs", "shown_mail"] {
            let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
            left += sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut owner).await.unwrap();
        }
        left
    };
    assert_eq!(left().await, 4);
    let disconnect = Command::Disconnect { shared_account: false };
    let request = Request::new(context(setting.tenant), noon(), setting.integration, disconnect);
    setting.store.execute(&request).await.unwrap();
    assert_eq!(left().await, 0);
    setting.database.drop().await;
}

#[tokio::test]
async fn a_button_stands_for_a_message_until_it_is_too_old() {
    let setting = Setting::make().await;
    let (store, tenant, integration) = (&setting.store, setting.tenant, setting.integration);
    let ids = ["18c9".to_owned(), "a long id of another provider".to_owned(), "18c9".to_owned()];
    store.remember_shown_mail(tenant, integration, &ids, noon()).await.unwrap();
    let found = async |id: &str| store.shown_mail(tenant, integration, mail_handle(id)).await.unwrap();
    assert_eq!(found(&ids[1]).await.as_ref(), Some(&ids[1]));
    assert_eq!(found("never shown").await, None);
    store.remember_shown_mail(tenant, integration, &ids[..1], noon() + TimeDelta::days(1)).await.unwrap();
    assert_eq!(store.sweep_shown_mail(noon() + SHOWN_MAIL_KEPT + TimeDelta::seconds(1)).await.unwrap(), 1);
    assert_eq!((found(&ids[0]).await.as_ref(), found(&ids[1]).await), (Some(&ids[0]), None));
    setting.database.drop().await;
}

#[tokio::test]
async fn what_somebody_settles_is_sealed_and_read_back() {
    let setting = Setting::make().await;
    let (store, tenant, owner) = (&setting.store, setting.tenant, setting.owner);
    assert!(store.owner_settings(tenant, owner).await.unwrap() == OwnerSettings::default());
    let settled = OwnerSettings {
        time_zone: Some("Asia/Tokyo".to_owned()),
        working_hours: Some((510, 1020)),
        working_days: None,
        slot_minutes: Some(45),
    };
    store.put_owner_settings(tenant, owner, &settled).await.unwrap();
    assert!(store.owner_settings(tenant, owner).await.unwrap() == settled);
    let mut connection = setting.database.owner().await;
    let sealed: Vec<u8> =
        sqlx::query_scalar("select sealed from owner_settings").fetch_one(&mut connection).await.unwrap();
    assert!(!sealed.windows(5).any(|window| window == b"Tokyo"));
    // Another's row does not open in their place, and counts as nothing settled.
    let other = new_owner(&setting.database, tenant).await;
    sqlx::query("select set_config('app.tenants', $1, false)")
        .bind(format!("{{{tenant}}}"))
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("insert into owner_settings (owner, tenant, sealed) values ($1, $2, $3)")
        .bind(other.uuid())
        .bind(tenant.uuid())
        .bind(sealed)
        .execute(&mut connection)
        .await
        .unwrap();
    assert!(store.owner_settings(tenant, other).await.unwrap() == OwnerSettings::default());
    drop(connection);
    setting.database.drop().await;
}
