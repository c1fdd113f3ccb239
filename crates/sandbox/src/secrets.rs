//! Every raw secret that was ever issued, kept for one purpose: canary scans.
//!
//! A test reads this list and searches the program's database, logs and pages for each entry. Nothing here is ever used to
//! decide anything.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::State;

/// What was issued since the start; a reset of the ledger leaves it alone.
#[derive(Debug, Default)]
pub struct Secrets {
    pub codes: BTreeSet<String>,
    pub access_tokens: BTreeSet<String>,
    pub refresh_tokens: BTreeSet<String>,
    pub id_tokens: BTreeSet<String>,
    /// Content of mails that are gone again.
    pub former: BTreeSet<String>,
}

pub fn view(state: &State) -> Value {
    let accounts = || state.google.accounts.values();
    let messages = || accounts().flat_map(|account| account.mailbox.messages.values());
    let headers = |name: &'static str| -> BTreeSet<&str> {
        messages().filter_map(|message| message.header(name)).filter(|value| !value.is_empty()).collect()
    };
    let snippets: BTreeSet<String> = messages().map(super::google::mailbox::Message::snippet).collect();
    let attachments: BTreeSet<&str> = messages()
        .flat_map(|message| message.parsed().walk())
        .map(|part| part.filename.as_str())
        .filter(|name| !name.is_empty())
        .collect();
    let events = || state.google.calendars.values().flat_map(|calendar| calendar.events.values());
    let of_events = |name: &'static str| -> BTreeSet<&str> {
        events().filter_map(|event| event.fields.get(name).and_then(Value::as_str)).collect()
    };
    let calendars = || state.google.calendars.values();
    let calendar_titles: BTreeSet<&str> = calendars()
        .flat_map(|calendar| {
            let own_names = calendar.entries.values().filter_map(|entry| entry.summary_override.as_deref());
            own_names.chain([calendar.summary.as_str()])
        })
        .collect();
    let invited: BTreeSet<&str> = events()
        .flat_map(|event| {
            let attendees = event.fields.get("attendees").and_then(Value::as_array).into_iter().flatten();
            let written = attendees
                .flat_map(|attendee| ["email", "displayName"].into_iter().filter_map(|name| attendee[name].as_str()));
            written.chain([event.organizer.email.as_str(), event.organizer.name.as_str()])
        })
        .filter(|name| !name.is_empty())
        .collect();
    let addresses: BTreeSet<&str> = accounts().map(|account| account.email.as_str()).collect();
    json!({
        "codes": state.secrets.codes,
        "access_tokens": state.secrets.access_tokens,
        "refresh_tokens": state.secrets.refresh_tokens,
        "id_tokens": state.secrets.id_tokens,
        "subs": accounts().map(|account| account.sub.as_str()).collect::<Vec<_>>(),
        "addresses": addresses,
        "names": accounts().map(|account| account.display_name.as_str()).collect::<Vec<_>>(),
        "senders": headers("From"),
        "subjects": headers("Subject"),
        "snippets": snippets,
        "attachments": attachments,
        "calendar_ids": calendars().map(|calendar| calendar.id.as_str()).collect::<Vec<_>>(),
        "calendar_titles": calendar_titles,
        "event_titles": of_events("summary"),
        "event_places": of_events("location"),
        "event_descriptions": of_events("description"),
        "event_people": invited,
        "webhook_secrets": state.telegram.updates.webhook.iter().filter_map(|webhook| webhook.secret_token.as_deref()).collect::<Vec<_>>(),
        "former": state.secrets.former,
    })
}
