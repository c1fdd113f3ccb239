//! The scopes Google knows, and how it spells them back.

use std::collections::BTreeSet;

/// Every scope that a client may ask for here. Others are refused as `invalid_scope`.
/// <https://developers.google.com/identity/protocols/oauth2/scopes>
const KNOWN: [&str; 32] = [
    "openid",
    "email",
    "profile",
    EMAIL,
    PROFILE,
    GMAIL_ALL,
    GMAIL_MODIFY,
    GMAIL_READONLY,
    GMAIL_METADATA,
    GMAIL_SEND,
    GMAIL_COMPOSE,
    GMAIL_LABELS,
    CALENDAR,
    CALENDAR_READONLY,
    CALENDAR_EVENTS,
    CALENDAR_EVENTS_READONLY,
    CALENDAR_EVENTS_OWNED,
    CALENDAR_EVENTS_OWNED_READONLY,
    CALENDAR_EVENTS_FREEBUSY,
    CALENDAR_FREEBUSY,
    CALENDAR_LIST,
    CALENDAR_LIST_READONLY,
    CALENDAR_CALENDARS,
    CALENDAR_CALENDARS_READONLY,
    CALENDAR_SETTINGS,
    CALENDAR_SETTINGS_READONLY,
    "https://www.googleapis.com/auth/calendar.acls",
    "https://www.googleapis.com/auth/calendar.acls.readonly",
    "https://www.googleapis.com/auth/calendar.app.created",
    "https://www.googleapis.com/auth/calendar.events.public.readonly",
    "https://www.googleapis.com/auth/contacts",
    "https://www.googleapis.com/auth/contacts.readonly",
];

pub const OPENID: &str = "openid";
pub const EMAIL: &str = "https://www.googleapis.com/auth/userinfo.email";
pub const PROFILE: &str = "https://www.googleapis.com/auth/userinfo.profile";
pub const GMAIL_ALL: &str = "https://mail.google.com/";
pub const GMAIL_MODIFY: &str = "https://www.googleapis.com/auth/gmail.modify";
pub const GMAIL_READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";
pub const GMAIL_METADATA: &str = "https://www.googleapis.com/auth/gmail.metadata";
pub const GMAIL_SEND: &str = "https://www.googleapis.com/auth/gmail.send";
pub const GMAIL_COMPOSE: &str = "https://www.googleapis.com/auth/gmail.compose";
pub const GMAIL_LABELS: &str = "https://www.googleapis.com/auth/gmail.labels";
pub const CALENDAR: &str = "https://www.googleapis.com/auth/calendar";
pub const CALENDAR_READONLY: &str = "https://www.googleapis.com/auth/calendar.readonly";
pub const CALENDAR_EVENTS: &str = "https://www.googleapis.com/auth/calendar.events";
pub const CALENDAR_EVENTS_READONLY: &str = "https://www.googleapis.com/auth/calendar.events.readonly";
pub const CALENDAR_EVENTS_OWNED: &str = "https://www.googleapis.com/auth/calendar.events.owned";
pub const CALENDAR_EVENTS_OWNED_READONLY: &str = "https://www.googleapis.com/auth/calendar.events.owned.readonly";
pub const CALENDAR_EVENTS_FREEBUSY: &str = "https://www.googleapis.com/auth/calendar.events.freebusy";
pub const CALENDAR_FREEBUSY: &str = "https://www.googleapis.com/auth/calendar.freebusy";
pub const CALENDAR_LIST: &str = "https://www.googleapis.com/auth/calendar.calendarlist";
pub const CALENDAR_LIST_READONLY: &str = "https://www.googleapis.com/auth/calendar.calendarlist.readonly";
pub const CALENDAR_CALENDARS: &str = "https://www.googleapis.com/auth/calendar.calendars";
pub const CALENDAR_CALENDARS_READONLY: &str = "https://www.googleapis.com/auth/calendar.calendars.readonly";
pub const CALENDAR_SETTINGS: &str = "https://www.googleapis.com/auth/calendar.settings";
pub const CALENDAR_SETTINGS_READONLY: &str = "https://www.googleapis.com/auth/calendar.settings.readonly";

/// Splits a scope parameter and spells each as Google's answers do: `email` and `profile` come back as
/// their `userinfo` addresses. `Err` holds the first unknown one.
pub fn parse(text: &str) -> Result<BTreeSet<String>, String> {
    text.split_ascii_whitespace()
        .map(|scope| if KNOWN.contains(&scope) { Ok(canonical(scope).to_owned()) } else { Err(scope.to_owned()) })
        .collect()
}

pub fn canonical(scope: &str) -> &str {
    match scope {
        "email" => EMAIL,
        "profile" => PROFILE,
        other => other,
    }
}

/// Sign-in scopes come together with the account: a person cannot untick them.
/// <https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions>
pub fn is_sign_in(scope: &str) -> bool {
    matches!(scope, OPENID | EMAIL | PROFILE)
}

/// Which scopes let a client read messages with bodies.
/// <https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/get>
pub const READ_MAIL: [&str; 3] = [GMAIL_READONLY, GMAIL_MODIFY, GMAIL_ALL];

/// What the consent page says a scope means.
pub fn in_words(scope: &str) -> &'static str {
    match scope {
        OPENID => "Know who you are on Google",
        EMAIL => "See your primary Google Account e-mail address",
        PROFILE => "See your personal info, including any you have made public",
        GMAIL_READONLY => "View your e-mail messages and settings",
        GMAIL_METADATA => "View your e-mail message metadata such as labels and headers, but not the body",
        GMAIL_MODIFY => "Read, compose and send e-mails from your Gmail account",
        GMAIL_ALL => "Read, compose, send and permanently delete all your e-mail from Gmail",
        scope if scope.ends_with("gmail.send") => "Send e-mail on your behalf",
        scope if scope.ends_with("gmail.compose") => "Manage drafts and send e-mails",
        scope if scope.ends_with("gmail.labels") => "See and edit your e-mail labels",
        scope if scope.ends_with("calendar.readonly") => {
            "See and download any calendar you can access using your Google Calendar"
        }
        scope if scope.contains("acls") => "See and change the sharing permissions of Google calendars you own",
        scope if scope.ends_with("app.created") => {
            "Make secondary Google calendars, and see, create, change and delete events on them"
        }
        scope if scope.ends_with("calendars") => "See and change the properties of Google calendars you have access to",
        scope if scope.ends_with("calendars.readonly") => {
            "See the title, description and other properties of your calendars"
        }
        scope if scope.ends_with("events.owned") => "See, create, change and delete events on Google calendars you own",
        scope if scope.ends_with("events.owned.readonly") => "See the events on Google calendars you own",
        scope if scope.ends_with("events.public.readonly") => "See the events on public calendars",
        scope if scope.ends_with("events.readonly") => "View events on all your calendars",
        scope if scope.ends_with("calendar.events") => "View and edit events on all your calendars",
        scope if scope.ends_with("freebusy") => "View your availability in your calendars",
        scope if scope.contains("calendarlist") => "See the list of Google calendars you're subscribed to",
        scope if scope.contains("calendar.settings") => "View your Calendar settings",
        scope if scope.ends_with("calendar") => {
            "See, edit, share and permanently delete all the calendars you can access using Google Calendar"
        }
        scope if scope.ends_with("contacts.readonly") => "See and download your contacts",
        _ => "See, edit, download and permanently delete your contacts",
    }
}

/// As answers carry it: one text, separated by spaces.
pub fn joined(scopes: &BTreeSet<String>) -> String {
    scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}
