//! Where somebody is, as a time zone: by the zone's name, by a place's, or by coordinates.

use chrono_tz::Tz;

/// A place and the zone that its clocks show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What people call it, with its country where that helps: `Lisbon, Portugal`.
    pub name: String,
    /// Its zone.
    pub zone: Tz,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This place.
    One(Place),
    /// Any of these, at most five, the likeliest first.
    Several(Vec<Place>),
    /// No place that is known.
    Nothing {
        /// Places with names nearly like it, at most three.
        near: Vec<Place>,
    },
}
