//! Which calendars somebody has, what one calendar is, and their settings.
//!
//! <https://developers.google.com/workspace/calendar/api/v3/reference/calendarList>, `…/calendars` and `…/settings`.

use std::sync::Arc;

use poem::{Request, Response, handler, web::Data, web::Path};
use serde_json::{Value, json};

use super::{
    Calendar, Entry, READ_CALENDARS, READ_LIST, READ_SETTINGS, Role, asked, caller, errors, open, precondition,
    token::{self, PageToken, SyncToken},
};
use crate::{
    Sandbox,
    answer::Refused,
    fields::Fields,
    google::{Google, gmail},
    ledger::fingerprint,
};

/// "By default the value is 100 entries. The page size can never be larger than 250 entries."
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 250;

const LIST_PARAMETERS: [&str; 7] =
    ["maxResults", "minAccessRole", "pageToken", "showDeleted", "showHidden", "showOwnOrganizationOnly", "syncToken"];

const ROLES: [&str; 5] = ["freeBusyReader", "owner", "reader", "writer", "writerWithoutPrivateAccess"];

#[handler]
pub fn list(request: &Request, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let mut state = sandbox.state();
    let account = caller(sandbox, &mut state, request, &READ_LIST)?;
    let google = &state.google;
    let fields = gmail::parameters(request, &LIST_PARAMETERS)?;
    let show_deleted = asked::flag(&fields, "showDeleted")?;
    let show_hidden = asked::flag(&fields, "showHidden")?;
    asked::flag(&fields, "showOwnOrganizationOnly")?;
    let least = asked::word(&fields, "minAccessRole", &ROLES)?.and_then(Role::parse);
    let name = format!("{account}/calendarList");
    let since = sync_token(&fields, &name, google, |fields| {
        // "it is not allowed to set showDeleted neither showHidden to False. To ensure client state consistency
        // minAccessRole and showOwnOrganizationOnly query parameters cannot be specified together with nextSyncToken."
        show_deleted == Some(false)
            || show_hidden == Some(false)
            || ["minAccessRole", "showOwnOrganizationOnly"].iter().any(|name| fields.first(name).is_some())
    })?;
    let print = asked::fingerprint(&fields, &["minAccessRole", "showDeleted", "showHidden", "syncToken"]);
    let found: Vec<((i64, String), Value)> = google
        .calendars
        .values()
        .filter_map(|calendar| Some((calendar, calendar.entries.get(&account)?)))
        .filter(|(_, entry)| match &since {
            Some(since) => entry.changed > since.change,
            None => (show_deleted == Some(true) || !entry.deleted) && (show_hidden == Some(true) || !entry.hidden),
        })
        .filter(|(_, entry)| least.is_none_or(|least| entry.role >= least))
        .map(|(calendar, entry)| ((0, calendar.id.clone()), calendar.entry_view(entry)))
        .collect();
    collection(request, &fields, google, "calendar#calendarList", &name, print, found)
}

#[handler]
pub fn get(request: &Request, Path(id): Path<String>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let mut state = sandbox.state();
    let account = caller(sandbox, &mut state, request, &READ_LIST)?;
    gmail::parameters(request, &[])?;
    let (id, _) = open(&state.google, &account, &id)?;
    let calendar = state.google.calendars.get(&id).ok_or_else(errors::not_found)?;
    let entry = calendar.entries.get(&account).ok_or_else(errors::not_found)?;
    Ok(precondition::unless_known(request, &calendar.entry_view(entry)))
}

#[handler]
pub fn get_calendar(
    request: &Request,
    Path(id): Path<String>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let mut state = sandbox.state();
    let account = caller(sandbox, &mut state, request, &READ_CALENDARS)?;
    gmail::parameters(request, &[])?;
    let (id, _) = open(&state.google, &account, &id)?;
    let calendar = state.google.calendars.get(&id).ok_or_else(errors::not_found)?;
    let mut body = json!({
        "kind": "calendar#calendar",
        "etag": format!("\"c{}\"", fingerprint(&format!("{} {}", calendar.summary, calendar.zone))),
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.zone.name(),
        "conferenceProperties": { "allowedConferenceSolutionTypes": ["hangoutsMeet"] },
    });
    if !calendar.description.is_empty() {
        body["description"] = calendar.description.clone().into();
    }
    Ok(precondition::unless_known(request, &body))
}

impl Calendar {
    /// <https://developers.google.com/workspace/calendar/api/v3/reference/calendarList#resource>
    fn entry_view(&self, entry: &Entry) -> Value {
        let mut view = json!({
            "kind": "calendar#calendarListEntry",
            "etag": format!("\"{}\"", 1_000_000_000_000_000_u64.saturating_add(entry.changed.saturating_mul(1_000))),
            "id": self.id,
            "summary": self.summary,
            "timeZone": self.zone.name(),
            "colorId": entry.color.id,
            "backgroundColor": entry.color.background,
            "foregroundColor": "#000000",
            "accessRole": entry.role.name(),
            "defaultReminders": if entry.role == Role::Owner { json!([{ "method": "popup", "minutes": 10 }]) } else { json!([]) },
            "conferenceProperties": { "allowedConferenceSolutionTypes": ["hangoutsMeet"] },
        });
        if !self.description.is_empty() {
            view["description"] = self.description.clone().into();
        }
        if let Some(summary) = &entry.summary_override {
            view["summaryOverride"] = summary.clone().into();
        }
        // Flags that do not hold are left out.
        let flags = [
            ("primary", entry.primary),
            ("selected", entry.selected),
            ("hidden", entry.hidden),
            ("deleted", entry.deleted),
        ];
        for (name, _) in flags.into_iter().filter(|(_, holds)| *holds) {
            view[name] = true.into();
        }
        view
    }
}

/// What people set in the web page. <https://developers.google.com/workspace/calendar/api/v3/reference/settings#resource>
fn settings(google: &Google, account: &str) -> Vec<(&'static str, String)> {
    let zone = google.primary_of(account).and_then(|id| google.calendars.get(id)).map_or("UTC", |own| own.zone.name());
    [
        ("autoAddHangouts", "true"),
        ("dateFieldOrder", "DMY"),
        ("defaultEventLength", "60"),
        ("format24HourTime", "true"),
        ("hideInvitations", "false"),
        ("hideWeekends", "false"),
        ("locale", "en"),
        ("remindOnRespondedEventsOnly", "false"),
        ("showDeclinedEvents", "true"),
        ("timezone", zone),
        ("useKeyboardShortcuts", "true"),
        ("weekStart", "1"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

fn setting_view((name, value): &(&'static str, String)) -> Value {
    json!({ "kind": "calendar#setting", "etag": format!("\"s-{name}-{value}\""), "id": name, "value": value })
}

#[handler]
pub fn list_settings(request: &Request, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let mut state = sandbox.state();
    let account = caller(sandbox, &mut state, request, &READ_SETTINGS)?;
    let fields = gmail::parameters(request, &["maxResults", "pageToken", "syncToken"])?;
    let name = format!("{account}/settings");
    let since = sync_token(&fields, &name, &state.google, |_| false)?;
    let print = asked::fingerprint(&fields, &["syncToken"]);
    // They never change here: an incremental answer is empty.
    let all = if since.is_some() { Vec::new() } else { settings(&state.google, &account) };
    let found = all.iter().map(|setting| ((0, setting.0.to_owned()), setting_view(setting))).collect();
    collection(request, &fields, &state.google, "calendar#settings", &name, print, found)
}

#[handler]
pub fn get_setting(
    request: &Request,
    Path(id): Path<String>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let mut state = sandbox.state();
    let account = caller(sandbox, &mut state, request, &READ_SETTINGS)?;
    gmail::parameters(request, &[])?;
    let all = settings(&state.google, &account);
    let setting = all.iter().find(|(name, _)| *name == id).ok_or_else(errors::not_found)?;
    Ok(precondition::unless_known(request, &setting_view(setting)))
}

fn sync_token(
    fields: &Fields,
    name: &str,
    google: &Google,
    forbids: impl FnOnce(&Fields) -> bool,
) -> Result<Option<SyncToken>, Refused> {
    let Some(text) = asked::one(fields, "syncToken")? else { return Ok(None) };
    if forbids(fields) {
        return Err(errors::bad_request("Sync token cannot be used with these parameters."));
    }
    SyncToken::read(text, name, "", google.list_generation).map(Some)
}

/// One page, and the token of the next page or of the next synchronisation.
fn collection(
    request: &Request,
    fields: &Fields,
    google: &Google,
    kind: &str,
    name: &str,
    print: String,
    found: Vec<((i64, String), Value)>,
) -> Result<Response, Refused> {
    let page = match asked::one(fields, "pageToken")? {
        None => None,
        Some(text) => Some(PageToken::read(text, name, &print)?),
    };
    let size = asked::page_size(fields, PAGE, LARGEST_PAGE, google.calendar_page_size)?;
    let (items, last) = token::page(found, page.as_ref(), size);
    let change = page.map_or(google.list_changes, |page| page.change);
    let state = asked::fingerprint(fields, &LIST_PARAMETERS);
    let mut body = json!({ "kind": kind, "etag": format!("\"p{}{state}\"", google.list_changes), "items": items });
    if let Some(after) = last {
        let next = PageToken { page: name.to_owned(), after, change, asked: print };
        body["nextPageToken"] = next.text().into();
    } else if fields.first("minAccessRole").is_none() {
        let next = SyncToken {
            sync: name.to_owned(),
            change,
            generation: google.list_generation,
            asked: String::new(),
            from: None,
            until: None,
        };
        body["nextSyncToken"] = next.text().into();
    }
    Ok(precondition::unless_known(request, &body))
}
