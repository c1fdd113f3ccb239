//! What a person has settled for themselves, and what counts where they have not: their zone, their working hours, the
//! shortest slot worth mentioning.
//!
//! Whoever never named a zone lives where their calendar says, and where there is none either, times are UTC and say so.

use bellhop_domain::{OwnerId, TenantId};
use bellhop_store::{OwnerSettings, Store, StoreError};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;

use super::understand::span::Hours;

/// Where a person's zone is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZoneFrom {
    /// They said so.
    Settled,
    /// Their first account's primary calendar.
    Calendar,
    /// Nobody: it is UTC.
    Nobody,
}

/// The working hours of whoever has settled none.
const NINE_TO_SIX: Hours = Hours::whole(9, 18);

/// How a person wants their times. Has no `Debug`: it says where somebody lives.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Their time zone.
    pub zone: Tz,
    /// Where it is known from.
    pub zone_from: ZoneFrom,
    /// When their working day begins and ends.
    pub working_hours: Hours,
    /// The days they work, Monday first.
    pub working_days: [bool; 7],
    /// The shortest free slot worth mentioning, in minutes.
    pub slot_minutes: u32,
}

impl Person {
    /// The owner's own settings, filled up with what counts where there are none.
    pub async fn of(store: &Store, tenant: TenantId, owner: OwnerId) -> Result<Self, StoreError> {
        let settings = store.owner_settings(tenant, owner).await?;
        let settled = settings.time_zone.as_deref().and_then(|name| name.parse().ok());
        let (zone, zone_from) = match settled {
            Some(zone) => (zone, ZoneFrom::Settled),
            None => unsettled(store, tenant, owner).await?,
        };
        Ok(Self::with(&settings, zone, zone_from))
    }

    /// These settings in this zone.
    #[must_use]
    pub fn with(settings: &OwnerSettings, zone: Tz, zone_from: ZoneFrom) -> Self {
        let settled = settings.working_hours.and_then(|(from, until)| Hours::minutes(from, until));
        Self {
            zone,
            zone_from,
            working_hours: settled.unwrap_or(NINE_TO_SIX),
            working_days: settings.working_days.unwrap_or([true, true, true, true, true, false, false]),
            slot_minutes: settings.slot_minutes.unwrap_or(30),
        }
    }

    /// Somebody of whom nothing is known.
    #[cfg(test)]
    pub fn unknown() -> Self {
        Self::with(&OwnerSettings::default(), Tz::UTC, ZoneFrom::Nobody)
    }

    /// The day it is for them.
    #[must_use]
    pub fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        now.with_timezone(&self.zone).date_naive()
    }

    /// A point in time with its date, as their clock shows it: what is shown stays in the chat, and tomorrow "13:16" would
    /// be taken for tomorrow's.
    #[must_use]
    pub fn at(&self, now: DateTime<Utc>, then: DateTime<Utc>) -> String {
        let (now, then) = (now.with_timezone(&self.zone), then.with_timezone(&self.zone));
        let time = if self.zone_from == ZoneFrom::Nobody { "%H:%M UTC" } else { "%H:%M" };
        let date = if now.year() == then.year() { "%-d %b" } else { "%-d %b %Y" };
        then.format(&format!("{time}, {date}")).to_string()
    }
}

/// The zone that counts for whoever has not settled one, and where it is known from.
pub async fn unsettled(store: &Store, tenant: TenantId, owner: OwnerId) -> Result<(Tz, ZoneFrom), StoreError> {
    let zone = calendar_zone(store, tenant, owner).await?;
    Ok(zone.map_or((Tz::UTC, ZoneFrom::Nobody), |zone| (zone, ZoneFrom::Calendar)))
}

/// The zone of the first account's primary calendar.
async fn calendar_zone(store: &Store, tenant: TenantId, owner: OwnerId) -> Result<Option<Tz>, StoreError> {
    for row in store.integrations(tenant, Some(owner)).await? {
        if !row.status.is_linked() {
            continue;
        }
        let zone = store.primary_zone(tenant, row.id).await?;
        if let Some(zone) = zone.and_then(|name| name.parse().ok()) {
            return Ok(Some(zone));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};

    use super::*;

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
    }

    #[test]
    fn a_time_carries_its_date_even_on_the_same_day() {
        let words = |seconds| Person::unknown().at(noon(), noon() - TimeDelta::seconds(seconds));
        assert_eq!(words(3), "11:59 UTC, 20 Nov");
        assert_eq!(words(86_400), "12:00 UTC, 19 Nov");
        assert_eq!(words(86_400 * 365), "12:00 UTC, 20 Nov 2025");
        assert_eq!(words(-86_400), "12:00 UTC, 21 Nov");
    }

    #[test]
    fn a_time_is_the_one_on_the_persons_own_clock() {
        let settings = OwnerSettings::default();
        let kolkata = Person::with(&settings, Tz::Asia__Kolkata, ZoneFrom::Settled);
        assert_eq!(kolkata.at(noon(), noon()), "17:30, 20 Nov");
        let auckland = Person::with(&settings, Tz::Pacific__Auckland, ZoneFrom::Calendar);
        assert_eq!(auckland.at(noon(), noon()), "01:00, 21 Nov");
        assert_eq!(auckland.today(noon()), NaiveDate::from_ymd_opt(2026, 11, 21).unwrap());
    }

    #[test]
    fn hours_that_make_no_sense_count_as_none() {
        let settings = OwnerSettings { working_hours: Some((1020, 540)), ..OwnerSettings::default() };
        assert_eq!(Person::with(&settings, Tz::UTC, ZoneFrom::Nobody).working_hours, NINE_TO_SIX);
    }
}
