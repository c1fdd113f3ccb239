//! What a page of a calendar changes: rows to be stored, and those that go.

use bellhop_providers::{CalendarEvent, EventChange};
use bellhop_store::{Calendar, CalendarChange, CalendarUnderway, Change, EntryRow};
use uuid::Uuid;

use super::{Fetch, entry};
use crate::calendar::BACK;
use crate::calendar::occurrences::found_between;
use crate::jobs::fetch::{Stop, count};

impl Fetch<'_> {
    /// What a page changes. Counts what is new, changed and gone.
    pub(super) async fn page(
        &self,
        calendar: &Calendar,
        underway: &mut CalendarUnderway,
        events: &[CalendarEvent],
    ) -> Result<Vec<Change>, Stop> {
        let (tenant, integration) = (self.run.tenant, self.run.integration);
        let (rows, gone) = self.rows(calendar, events)?;
        // With a series go the exceptions to it: those that are stored, and those that are named beside it.
        let ended =
            events.iter().filter(|event| matches!(event.change, EventChange::Removed) && event.series.is_none());
        let ended: Vec<String> = ended.map(|event| event.id.clone()).filter(|id| gone.contains(id)).collect();
        let (orphans, rows): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.series.as_ref().is_some_and(|series| ended.contains(series)));
        let named = rows.iter().chain(&orphans).map(|row| row.entry_id.clone());
        let ids: Vec<String> = named.chain(gone).collect();
        let mut stored = self.app.store.stored_entries(tenant, integration, calendar.handle, &ids, &ended).await?;
        let (known, new): (Vec<_>, Vec<_>) = rows.iter().partition(|row| stored.remove(&row.entry_id));
        let gone: Vec<String> = stored.into_iter().collect();
        underway.added = underway.added.saturating_add(count(&new));
        underway.updated = underway.updated.saturating_add(count(&known));
        underway.removed = underway.removed.saturating_add(count(&gone));
        let (calendar, choice, sync) = (calendar.handle, calendar.choice, underway.sync);
        Ok(vec![
            CalendarChange::RemoveEntries { calendar, entry_ids: gone }.of(integration),
            CalendarChange::PutEntries { calendar, choice, sync, rows }.of(integration),
        ])
    }

    /// The rows to be stored, and the ids of those that are not to be any more. Of one that comes twice the last word counts.
    fn rows(&self, calendar: &Calendar, events: &[CalendarEvent]) -> Result<(Vec<EntryRow>, Vec<String>), Stop> {
        let of = (self.run.tenant, self.run.integration, calendar.handle);
        let zone = calendar.content.time_zone.as_deref();
        let horizon = self.app.clock.now() - BACK;
        let (mut rows, mut gone): (Vec<EntryRow>, Vec<String>) = (vec![], vec![]);
        for event in events {
            rows.retain(|row| row.entry_id != event.id);
            gone.retain(|id| *id != event.id);
            let content = match &event.change {
                EventChange::Removed => entry::cancelled(event),
                EventChange::Present(details) => Some(entry::content(event, details)),
            };
            let content = content.map(|content| (found_between(&content, zone), content));
            match content {
                // What was over a month ago is not kept.
                Some(((_, Some(end)), _)) if end < horizon => gone.push(event.id.clone()),
                Some((between, content)) => rows.push(content.seal(&self.key, of, event.id.clone(), between)?),
                None => gone.push(event.id.clone()),
            }
        }
        Ok((rows, gone))
    }

    /// How many entries the last page of a full fetch leaves unseen.
    pub(super) async fn unseen(&self, calendar: &Calendar, sync: Uuid, last_page: &[Change]) -> Result<u32, Stop> {
        let (tenant, integration) = (self.run.tenant, self.run.integration);
        let unseen = self.app.store.entries_not_seen(tenant, integration, calendar.handle, sync).await?;
        let mut about_to_be_seen = vec![];
        for change in last_page {
            match change {
                Change::Calendar { change: CalendarChange::PutEntries { rows, .. }, .. } => {
                    about_to_be_seen.extend(rows.iter().map(|row| row.entry_id.clone()));
                }
                Change::Calendar { change: CalendarChange::RemoveEntries { entry_ids, .. }, .. } => {
                    about_to_be_seen.extend(entry_ids.iter().cloned());
                }
                _ => {}
            }
        }
        let store = &self.app.store;
        let stored = store.stored_entries(tenant, integration, calendar.handle, &about_to_be_seen, &[]).await?;
        Ok(unseen.saturating_sub(u32::try_from(stored.len()).unwrap_or(u32::MAX)))
    }
}
