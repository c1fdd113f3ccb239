//! Bringing the stored calendars up to date: the list of them, and of each that its owner chose what changed since the
//! last time.
//!
//! Each page is recorded as it comes, with the progress that a restart resumes from, and each calendar's news when it has
//! been read to its end. One that is gone is emptied, one that may not be read at the moment is kept and
//! not shown, and neither keeps the others from being read. A run that is asked to wait goes on with the calendars that it had
//! not come to.

mod calendars;
mod entry;
mod page;

use std::time::Duration;

use bellhop_domain::{Capability, Command, FetchMode};
use bellhop_store::{
    Calendar, CalendarChange, CalendarProgress, CalendarRead, CalendarUnderway, Change, DataKey, Outcome, Purpose,
    Request,
};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use uuid::Uuid;

use self::calendars::{Calendars, Reading};
use super::fetch::{Stop, unless_outlived, verdict_of_fetch};
use super::{Effect, Run, Verdict};
use crate::app::App;
use crate::calendar::BACK;
use crate::held::{Held, HeldBy};

/// How often calendars are looked at without anybody asking.
const EVERY: Duration = Duration::from_mins(5);

/// For how long a calendar that was read is left alone by a round that is not over.
const ROUND: TimeDelta = TimeDelta::minutes(5);

/// The most pages one run reads of a calendar: half a million entries. More is a provider that sends us round.
const PAGES_AT_MOST: u32 = 2_000;

/// Fetches what is new.
pub async fn run(app: &App, run: &Run) -> Verdict {
    verdict_of_fetch(app, run, Capability::Calendar, fetch(app, run).await).await
}

async fn fetch(app: &App, run: &Run) -> Result<Verdict, Stop> {
    let (tenant, integration) = (run.tenant, run.integration);
    let key = app.store.integration_key(tenant, integration).await?;
    let key = key.ok_or_else(|| Stop::with(Verdict::Done(Effect::default())))?;
    let mut fetch = Fetch { app, run, key, calendars: Calendars::open(app, run).await?, stored: 0 };
    let before = app.store.calendars(tenant, integration).await?;
    fetch.list(&before).await?;
    let mut stopped = None;
    let round = app.store.calendar_age(tenant, integration).await?.checked_at;
    for calendar in &still_to_read(app.store.calendars(tenant, integration).await?, round, app.clock.now()) {
        match fetch.bring_up_to_date(calendar).await {
            Ok(()) => {}
            // One that fails does not keep the others from being read; the first of them speaks for the run.
            Err(stop) if is_about_one(&stop) => stopped = stopped.or(Some(stop)),
            Err(stop) => return Err(in_favour_of(stopped, stop)),
        }
    }
    if let Some(stop) = stopped {
        return Err(stop);
    }
    let now = app.clock.now();
    let changes = vec![
        CalendarChange::RemoveEntriesOver { before: now - BACK }.of(integration),
        CalendarChange::PutAge { stored: 0, checked_at: Some(now) }.of(integration),
    ];
    Ok(Verdict::Again { after: EVERY, effect: Effect { command: Some(Command::EndCalendarFetch), changes } })
}

/// Whether others may fare better. Not so where the run lost its job or the access, or is asked to wait.
fn is_about_one(stop: &Stop) -> bool {
    match stop {
        Stop::StartAgain => true,
        Stop::NotAllowed | Stop::Held(_) => false,
        Stop::Verdict(verdict) => matches!(**verdict, Verdict::Retry { .. } | Verdict::Bury { .. }),
    }
}

/// The chosen calendars that this round has not come to, those first that were read longest ago. A round ends when all were
/// read; the last one ended then. What was read too long ago is due again all the same, or one calendar that can never be
/// read would keep the others as they are.
fn still_to_read(calendars: Vec<Calendar>, ended: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Vec<Calendar> {
    let is_read = |calendar: &Calendar| {
        let since = |checked| ended.is_none_or(|ended| checked > ended) && checked <= now && now - checked < ROUND;
        calendar.checked_at.is_some_and(since)
    };
    let mut left: Vec<_> = calendars.into_iter().filter(|calendar| calendar.chosen && !is_read(calendar)).collect();
    left.sort_by_key(|calendar| calendar.checked_at);
    left
}

/// What a run that cannot go on says, if a calendar failed before. Too few units do not hide a failure that may pass, or it
/// would be repeated without an end; one that buries the job speaks when the others have been read.
fn in_favour_of(failed: Option<Stop>, stop: Stop) -> Stop {
    match (failed, &stop) {
        (Some(Stop::Verdict(verdict)), Stop::Held(Held { by: HeldBy::Quota, .. }))
            if matches!(*verdict, Verdict::Retry { .. }) =>
        {
            Stop::Verdict(verdict)
        }
        _ => stop,
    }
}

/// One fetch under one run.
struct Fetch<'a> {
    app: &'a App,
    run: &'a Run,
    key: DataKey,
    calendars: Calendars<'a>,
    stored: u32,
}

impl Fetch<'_> {
    /// Which calendars there are. Those that are gone from the list go with what was stored of them, unless the answer makes
    /// no sense: every account has a primary calendar.
    async fn list(&mut self, before: &[Calendar]) -> Result<(), Stop> {
        let (tenant, integration) = (self.run.tenant, self.run.integration);
        let listed = self.app.new_id();
        let mut rows = vec![];
        for content in self.calendars.list(before).await? {
            rows.push(content.seal(&self.app.store, &self.key, tenant, integration)?);
        }
        let is_whole = rows.iter().any(|row| row.is_primary);
        let mut changes = vec![CalendarChange::PutCalendars { listed, rows }.of(integration)];
        if is_whole {
            changes.push(CalendarChange::RemoveNotListed { listed }.of(integration));
        }
        self.record(&format!("list {listed}"), vec![], changes).await
    }

    async fn bring_up_to_date(&mut self, calendar: &Calendar) -> Result<(), Stop> {
        let (tenant, integration) = (self.run.tenant, self.run.integration);
        let store = &self.app.store;
        let progress = store.calendar_progress(tenant, integration, calendar.handle, &self.key).await?;
        match self.read(calendar, progress).await {
            Err(Stop::StartAgain) => {
                let abandoned = store.calendar_progress(tenant, integration, calendar.handle, &self.key).await?;
                self.read(calendar, again(self.app.new_id(), abandoned)).await
            }
            read => read,
        }
    }

    /// Reads a calendar from where it was left, page by page, to its end.
    async fn read(&mut self, calendar: &Calendar, progress: CalendarProgress) -> Result<(), Stop> {
        // A page token that this run did not get itself.
        let mut kept = progress.underway.as_ref().is_some_and(|underway| underway.page_token.is_some());
        let before = progress.clone();
        let mut underway = progress.underway.unwrap_or_else(|| CalendarUnderway {
            sync: self.app.new_id(),
            page_token: None,
            added: 0,
            updated: 0,
            removed: 0,
            pages: 0,
        });
        let since = progress.sync_token;
        loop {
            if underway.pages >= PAGES_AT_MOST {
                return Err(Stop::StartAgain);
            }
            let reading = self.calendars.page(&calendar.content.id, since.as_deref(), underway.page_token.as_deref());
            let page = match unless_outlived(reading.await, std::mem::take(&mut kept))? {
                Reading::Page(page) => page,
                Reading::Gone => return self.empty(calendar).await,
                Reading::Refused => return self.refused(calendar, &before).await,
            };
            underway.pages += 1;
            let page_changes = self.page(calendar, &mut underway, &page.events).await?;
            if let Some(next) = page.next_page_token {
                underway.page_token = Some(next);
                let progress = CalendarProgress { sync_token: since.clone(), underway: Some(underway.clone()) };
                self.record_page(calendar, &progress, &underway, page_changes).await?;
                continue;
            }
            let token = page.next_sync_token.map(|token| token.expose_secret().to_owned());
            return self.end(calendar, since.as_deref(), &underway, token, page_changes).await;
        }
    }

    async fn record_page(
        &mut self,
        calendar: &Calendar,
        progress: &CalendarProgress,
        underway: &CalendarUnderway,
        page: Vec<Change>,
    ) -> Result<(), Stop> {
        let of = (self.run.tenant, self.run.integration, calendar.handle);
        let mut changes = vec![progress.seal(&self.key, of, calendar.choice, None)?];
        changes.extend(page);
        let stored = i32::try_from(self.stored.saturating_add(underway.added)).unwrap_or(i32::MAX);
        changes.push(CalendarChange::PutAge { stored, checked_at: None }.of(self.run.integration));
        self.record(&format!("page {} of {}", underway.pages, underway.sync), vec![], changes).await
    }

    /// Records the last page with the cursor it came with and with the news of the whole calendar.
    async fn end(
        &mut self,
        calendar: &Calendar,
        since: Option<&str>,
        underway: &CalendarUnderway,
        sync_token: Option<String>,
        page: Vec<Change>,
    ) -> Result<(), Stop> {
        let read = CalendarRead { at: self.app.clock.now(), readable: true };
        let progress = CalendarProgress { sync_token, underway: None };
        let mode = if since.is_none() { FetchMode::Full } else { FetchMode::Incremental };
        self.record_end(calendar, mode, underway, &progress, read, page).await
    }

    async fn record_end(
        &mut self,
        calendar: &Calendar,
        mode: FetchMode,
        underway: &CalendarUnderway,
        progress: &CalendarProgress,
        read: CalendarRead,
        page: Vec<Change>,
    ) -> Result<(), Stop> {
        let (tenant, integration) = (self.run.tenant, self.run.integration);
        let mut removed = underway.removed;
        let mut last = vec![];
        if mode == FetchMode::Full {
            // A full list tells nothing of what is gone: it is what the list did not name.
            let sync = underway.sync;
            removed = removed.saturating_add(self.unseen(calendar, sync, &page).await?);
            last.push(CalendarChange::RemoveEntriesNotSeen { calendar: calendar.handle, sync }.of(integration));
        }
        let of = (tenant, integration, calendar.handle);
        let mut changes = vec![progress.seal(&self.key, of, calendar.choice, Some(read))?];
        changes.extend(page);
        changes.extend(last);
        self.stored = self.stored.saturating_add(underway.added);
        let command = Command::RecordCalendar {
            calendar: base64_of(&calendar.handle.to_be_bytes()),
            mode,
            added: underway.added,
            // A full fetch stores again what was known; only an incremental one knows that it changed.
            updated: if mode == FetchMode::Full { 0 } else { underway.updated },
            removed,
            cursor: self.fingerprint(progress.sync_token.as_deref().unwrap_or_default()),
        };
        self.record(&format!("end of {}", underway.sync), vec![command], changes).await
    }

    /// A calendar that is gone holds nothing.
    async fn empty(&mut self, calendar: &Calendar) -> Result<(), Stop> {
        let sync = self.app.new_id();
        let nothing = CalendarUnderway { sync, page_token: None, added: 0, updated: 0, removed: 0, pages: 0 };
        let read = CalendarRead { at: self.app.clock.now(), readable: false };
        self.record_end(calendar, FetchMode::Full, &nothing, &CalendarProgress::default(), read, vec![]).await
    }

    /// A calendar that we may not read at the moment keeps what it holds, which is not shown meanwhile.
    async fn refused(&self, calendar: &Calendar, progress: &CalendarProgress) -> Result<(), Stop> {
        let of = (self.run.tenant, self.run.integration, calendar.handle);
        let read = CalendarRead { at: self.app.clock.now(), readable: false };
        let change = progress.seal(&self.key, of, calendar.choice, Some(read))?;
        self.record(&format!("refusal {}", self.app.new_id()), vec![], vec![change]).await
    }

    /// Records something on the way, if this run still holds the job.
    async fn record(&self, step: &str, commands: Vec<Command>, changes: Vec<Change>) -> Result<(), Stop> {
        let commands: Vec<_> = commands.into_iter().map(|command| (self.run.integration, command)).collect();
        let request = Request {
            context: self.run.context(step),
            at: self.app.clock.now(),
            commands,
            settlement: Some(self.run.settlement(Outcome::Underway)),
            changes,
            needs_events: false,
            intent: None,
        };
        self.app.store.execute(&request).await?;
        Ok(())
    }

    fn fingerprint(&self, cursor: &str) -> String {
        let integration = self.run.integration.uuid();
        let parts: [&[u8]; 2] = [integration.as_bytes(), cursor.as_bytes()];
        base64_of(&self.app.store.keyring().keyed_hash(Purpose::Cursor, &parts)[..12])
    }
}

/// A reading from the beginning, which also tells what the one that it replaces has already stored and removed.
fn again(sync: Uuid, abandoned: CalendarProgress) -> CalendarProgress {
    let underway = abandoned.underway.map(|told| CalendarUnderway { sync, page_token: None, pages: 0, ..told });
    CalendarProgress { sync_token: None, underway }
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
#[path = "fetch_calendar_tests.rs"]
mod tests;
