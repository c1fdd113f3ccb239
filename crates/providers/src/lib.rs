//! How we speak to the people's providers: authorize, exchange, refresh, revoke, identify, read mail and calendars.
//!
//! Without this crate every job would carry its own idea of what a 403 means. Three things keep it honest:
//!
//! - A provider *describes* itself ([`Description`]; Google's is made in `google.rs`) and [`Client`] *executes* the
//!   description. Where a provider would need an `if`, it needs a field.
//! - No clock, no environment, no randomness, no database: `now`, state, nonce and verifier are parameters, and what an
//!   answer means for an integration is decided elsewhere.
//! - Nothing here can print a secret. Tokens, codes, subjects, addresses and mail are [`secrecy::SecretString`]s, and
//!   [`ProviderError`] is made of bounded words and numbers only: no URL, no body, no provider's prose.
//!
//! TLS needs a process-wide default: install rustls' ring provider before the first [`Client::new`].

#[cfg(test)]
mod any_json;

mod address;
mod calendar;
mod calendar_answer;
mod client;
mod description;
mod error;
mod google;
mod identity;
mod identity_token;
mod lenient;
mod mail;
mod mail_answer;
mod mail_charset;
mod mail_full;
mod mail_full_answer;
mod mail_text;
mod number;
mod oauth;
mod oauth_error;
mod quota;
mod refusal;
mod retry_after;
mod token_answer;
mod transport;
mod wall_clock;

pub use address::{AddressRefused, Endpoint, Endpoints, is_acceptable_address};
pub use calendar::{
    CALENDAR_PAGE_LIMIT, CalendarAccess, CalendarEntry, CalendarEvent, CalendarEventPage, CalendarPage, EventChange,
    EventDetails, EventKind, EventStatus, EventTime, EventsFrom, PEOPLE_LIMIT, Person, Response,
};
pub use client::{Client, Credentials};
pub use description::{ClientAuthentication, Description, RefusalReasons, ScopeSubstitute, Scopes};
pub use error::{Forbidden, IdentityCheck, ProviderError};
pub use google::{GOOGLE_ISSUERS, google};
pub use identity::Identity;
pub use identity_token::{Expected, verify_id_token};
pub use mail::{
    HistoryPage, LIST_MESSAGES_LIMIT, MailChange, MailMetadata, MailPage, MailProfile, SEARCH_LIMIT_CHARACTERS,
};
pub use mail_charset::decode_text;
pub use mail_full::{Disposition, FullMessage, MailPart, PART_COUNT_LIMIT, PART_DEPTH_LIMIT, PartContent};
pub use oauth::{AuthorizeRequest, Revocation};
pub use oauth_error::OAuthErrorCode;
pub use quota::{Allowance, Operation, Quota};
pub use retry_after::RETRY_AFTER_LIMIT;
pub use token_answer::{EXPIRES_IN_LIMIT, TokenAnswer};
pub use transport::{
    API_ANSWER_LIMIT_BYTES, CALENDAR_ANSWER_LIMIT_BYTES, MESSAGE_ANSWER_LIMIT_BYTES, TOKEN_ANSWER_LIMIT_BYTES, Timeouts,
};
pub use wall_clock::moment_on_the_wall;
