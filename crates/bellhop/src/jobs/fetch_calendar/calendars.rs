//! The provider's side of a fetch of calendars.

use bellhop_domain::JobFailure;
use bellhop_providers::{
    CalendarAccess, CalendarEntry, CalendarEventPage, Client, EventsFrom, Forbidden, Operation, ProviderError,
};
use bellhop_store::{Calendar, CalendarContent};
use secrecy::{ExposeSecret, SecretString};

use crate::app::App;
use crate::calls::{CallError, Caller};
use crate::jobs::fetch::Stop;
use crate::jobs::{Run, Verdict};
use crate::limits::Urgency;

/// The most calendars of one account that are listed.
const MOST: usize = 500;

/// The longest title of a calendar that is kept, in characters.
const LONGEST_TITLE: usize = 200;

/// What came of asking for a page.
pub enum Reading {
    /// It came.
    Page(CalendarEventPage),
    /// There is no such calendar any more.
    Gone,
    /// It may not be read, for a reason that may pass.
    Refused,
}

/// One person's calendars, for one run.
pub struct Calendars<'a>(Caller<'a>);

impl<'a> Calendars<'a> {
    /// Finds the token to call with.
    pub async fn open(app: &'a App, run: &Run) -> Result<Self, Stop> {
        Ok(Self(Caller::open(app, run.context("token"), run.integration, Urgency::Background).await?))
    }

    /// The calendars on the person's list. Of those that they hid at the provider, the primary one and what they had chosen
    /// before.
    pub async fn list(&mut self, before: &[Calendar]) -> Result<Vec<CalendarContent>, Stop> {
        let is_chosen = |id: &str| before.iter().any(|calendar| calendar.chosen && calendar.content.id.as_str() == id);
        let mut found = vec![];
        let mut page_token: Option<String> = None;
        loop {
            let from = page_token.as_deref();
            let list = |client: Client, token| async move { client.calendars(&token, from).await };
            let page = self.0.call(Operation::CalendarList, list).await?;
            let wanted = page.calendars.iter().filter(|entry| {
                !entry.is_deleted && (!entry.is_hidden || entry.is_primary || is_chosen(entry.id.expose_secret()))
            });
            found.extend(wanted.map(content));
            let Some(next) = page.next_page_token else { return Ok(found) };
            if found.len() >= MOST {
                found.truncate(MOST);
                return Ok(found);
            }
            if Some(&next) == page_token.as_ref() {
                // Sent round: what is not listed then is not gone.
                return Err(Stop::with(Verdict::Retry { reason: JobFailure::MalformedAnswer }));
            }
            page_token = Some(next);
        }
    }

    /// A page of what changed in a calendar since a sync token, or of all of it.
    pub async fn page(
        &mut self,
        calendar: &str,
        since: Option<&str>,
        page_token: Option<&str>,
    ) -> Result<Reading, Stop> {
        let (id, since) = (SecretString::from(calendar), since.map(SecretString::from));
        let (id, since) = (&id, since.as_ref());
        let events = |client: Client, token| async move {
            client.calendar_events(&token, id, EventsFrom { sync_token: since, page_token }).await
        };
        match self.0.call(Operation::CalendarEvents, events).await {
            Ok(page) => Ok(Reading::Page(page)),
            Err(CallError::Provider(ProviderError::NotFound)) => Ok(Reading::Gone),
            Err(CallError::Provider(ProviderError::Forbidden(Forbidden::Other))) => Ok(Reading::Refused),
            Err(error) => Err(error.into()),
        }
    }
}

fn content(entry: &CalendarEntry) -> CalendarContent {
    let title = entry.title.as_ref().unwrap_or(&entry.id).expose_secret();
    CalendarContent {
        id: entry.id.expose_secret().to_owned(),
        title: title.chars().take(LONGEST_TITLE).collect(),
        time_zone: entry.time_zone.clone(),
        is_primary: entry.is_primary,
        only_busy: entry.access == CalendarAccess::FreeBusyReader,
    }
}
