//! Google, described. Only data: what is done with it stands in the files that execute a [`Description`].

use std::time::Duration;

use bellhop_domain::Provider;
use url::Url;

use crate::{
    address::{AddressRefused, Addresses, Endpoint, Endpoints},
    description::{ClientAuthentication, Description, RefusalReasons, ScopeSubstitute, Scopes},
    quota::{Allowance, Operation, Quota},
};

/// Who Google says it is in an ID token: its issuer, and the same without a scheme. Google documents both
/// (<https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload>).
pub const GOOGLE_ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

const GMAIL_READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";
const CALENDAR_READONLY: &str = "https://www.googleapis.com/auth/calendar.readonly";
const CALENDAR_EVENTS: &str = "https://www.googleapis.com/auth/calendar.events";
const CALENDAR_EVENTS_READONLY: &str = "https://www.googleapis.com/auth/calendar.events.readonly";
const CALENDAR_LIST: &str = "https://www.googleapis.com/auth/calendar.calendarlist";
const CALENDAR_LIST_READONLY: &str = "https://www.googleapis.com/auth/calendar.calendarlist.readonly";

/// What each method accepts stands at its page. For mail: listing with a question, whole messages, attachments and
/// history; not `gmail.metadata`, which has neither questions nor bodies
/// (<https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/list>). For calendars both are
/// needed: the list (<https://developers.google.com/workspace/calendar/api/v3/reference/calendarList/list>) and the
/// events of all of them (<https://developers.google.com/workspace/calendar/api/v3/reference/events/list>), which
/// scopes for some calendars only, or for when somebody is busy, do not give.
const SUBSTITUTES: [ScopeSubstitute; 7] = [
    ScopeSubstitute { asked: GMAIL_READONLY, together: &["https://mail.google.com/"] },
    ScopeSubstitute { asked: GMAIL_READONLY, together: &["https://www.googleapis.com/auth/gmail.modify"] },
    ScopeSubstitute { asked: CALENDAR_READONLY, together: &["https://www.googleapis.com/auth/calendar"] },
    ScopeSubstitute { asked: CALENDAR_READONLY, together: &[CALENDAR_EVENTS, CALENDAR_LIST] },
    ScopeSubstitute { asked: CALENDAR_READONLY, together: &[CALENDAR_EVENTS, CALENDAR_LIST_READONLY] },
    ScopeSubstitute { asked: CALENDAR_READONLY, together: &[CALENDAR_EVENTS_READONLY, CALENDAR_LIST] },
    ScopeSubstitute { asked: CALENDAR_READONLY, together: &[CALENDAR_EVENTS_READONLY, CALENDAR_LIST_READONLY] },
];

/// Google as documented, or the same paths under one other origin.
///
/// With a base, the paths are `/o/oauth2/v2/auth`, `/token`, `/revoke`, `/v1/userinfo`, `/gmail/v1/` and
/// `/calendar/v3/`. Without one, the addresses are those of
/// <https://accounts.google.com/.well-known/openid-configuration>,
/// <https://developers.google.com/workspace/gmail/api/reference/rest> and
/// <https://developers.google.com/workspace/calendar/api/v3/reference>.
///
/// To set one endpoint alone: [`Endpoints::set`] on the description's `endpoints`. To expect another issuer: replace
/// `issuers`.
///
/// ```
/// let mut google = bellhop_providers::google(Some(&"http://127.0.0.1:9000".parse().unwrap())).unwrap();
/// google.issuers = vec!["http://127.0.0.1:9000".to_owned()];
/// assert!(!google.endpoints.is_providers_own(bellhop_providers::Endpoint::Token));
/// ```
pub fn google(base: Option<&Url>) -> Result<Description, AddressRefused> {
    let mut endpoints = Endpoints::own(own_addresses()?);
    if let Some(base) = base {
        for (endpoint, path) in [
            (Endpoint::Authorize, "o/oauth2/v2/auth"),
            (Endpoint::Token, "token"),
            (Endpoint::Revoke, "revoke"),
            (Endpoint::Userinfo, "v1/userinfo"),
            (Endpoint::Mail, "gmail/v1/"),
            (Endpoint::Calendar, "calendar/v3/"),
        ] {
            let mut address = base.clone();
            address.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
            endpoints.set(endpoint, address)?;
        }
    }
    Ok(Description {
        provider: Provider::Google,
        endpoints,
        issuers: GOOGLE_ISSUERS.map(str::to_owned).to_vec(),
        // https://developers.google.com/identity/protocols/oauth2/scopes
        scopes: Scopes { sign_in: &["openid", "email"], mail: &[GMAIL_READONLY], calendar: &[CALENDAR_READONLY] },
        // Asked for by the short names, granted by the long ones.
        scope_synonyms: &[
            ("email", "https://www.googleapis.com/auth/userinfo.email"),
            ("profile", "https://www.googleapis.com/auth/userinfo.profile"),
        ],
        scope_substitutes: &SUBSTITUTES,
        // A refresh token comes with offline access only, and after the first consent only when consent is asked for
        // again: https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
        //
        // What was granted before stays granted, so that one missing scope can be asked for alone:
        // https://developers.google.com/identity/protocols/oauth2/web-server#incrementalAuth
        authorize_parameters: &[("access_type", "offline"), ("prompt", "consent"), ("include_granted_scopes", "true")],
        client_authentication: ClientAuthentication::RequestBody,
        // https://developers.google.com/workspace/gmail/api/guides/handle-errors and
        // https://cloud.google.com/apis/design/errors#error_info for the capitals.
        refusal_reasons: RefusalReasons {
            rate_limited: &[
                "rateLimitExceeded",
                "userRateLimitExceeded",
                "quotaExceeded",
                "dailyLimitExceeded",
                "RATE_LIMIT_EXCEEDED",
            ],
            insufficient_scope: &["insufficientPermissions", "insufficient_scope", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"],
            domain_policy: &["domainPolicy"],
            api_not_enabled: &["accessNotConfigured", "SERVICE_DISABLED"],
        },
        quotas: quotas().to_vec(),
    })
}

/// What Google allows projects that began to use an API in May 2026 or later; older ones keep what they had, which their
/// pages in the console show. How many requests about one mailbox may be under way is not published for either API, only
/// that there is such a limit (<https://developers.google.com/workspace/gmail/api/guides/handle-errors>): a few are safe.
fn quotas() -> [Quota; 2] {
    let a_minute = |units| Allowance { units, window: Duration::from_mins(1) };
    [
        // https://developers.google.com/workspace/gmail/api/reference/quota
        Quota {
            api: "gmail",
            project: a_minute(1_200_000),
            mailbox: a_minute(6_000),
            at_once: 8,
            costs: vec![
                (Operation::MailProfile, 1),
                (Operation::MailList, 5),
                (Operation::MailGet, 20),
                (Operation::MailHistory, 2),
                (Operation::MailAttachment, 20),
            ],
        },
        // https://developers.google.com/workspace/calendar/api/guides/quota
        Quota {
            api: "calendar",
            project: a_minute(10_000),
            mailbox: a_minute(600),
            at_once: 4,
            costs: vec![(Operation::CalendarList, 1), (Operation::CalendarEvents, 1)],
        },
    ]
}

fn own_addresses() -> Result<Addresses, AddressRefused> {
    let address = |text: &str| Url::parse(text).map_err(|_| AddressRefused);
    Ok(Addresses {
        authorize: address("https://accounts.google.com/o/oauth2/v2/auth")?,
        token: address("https://oauth2.googleapis.com/token")?,
        revoke: Some(address("https://oauth2.googleapis.com/revoke")?),
        userinfo: address("https://openidconnect.googleapis.com/v1/userinfo")?,
        mail: address("https://gmail.googleapis.com/gmail/v1/")?,
        calendar: address("https://www.googleapis.com/calendar/v3/")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn google_is_its_own_until_pointed_elsewhere() {
        let mut google = google(None).unwrap();
        for endpoint in Endpoint::ALL {
            assert!(google.endpoints.is_providers_own(endpoint), "{endpoint:?}");
        }
        google.endpoints.set(Endpoint::Mail, "http://127.0.0.1:1/mail".parse().unwrap()).unwrap();
        assert!(!google.endpoints.is_providers_own(Endpoint::Mail));
        assert!(google.endpoints.is_providers_own(Endpoint::Token));
        google.endpoints.set(Endpoint::Mail, "https://gmail.googleapis.com/gmail/v1".parse().unwrap()).unwrap();
        assert!(google.endpoints.is_providers_own(Endpoint::Mail));
    }

    #[test]
    fn every_operation_belongs_to_one_api_under_a_name_of_its_own() {
        let google = google(None).unwrap();
        let mut names = std::collections::BTreeSet::new();
        for operation in Operation::ALL {
            let of: Vec<_> = google.quotas.iter().filter(|quota| quota.cost(operation).is_some()).collect();
            assert_eq!(of.len(), 1, "{operation:?}");
            assert!(names.insert((of[0].api, operation.name())), "{operation:?}");
        }
    }

    #[test]
    fn one_base_serves_every_path() {
        for base in ["http://127.0.0.1:9000", "http://127.0.0.1:9000/"] {
            let endpoints = google(Some(&base.parse().unwrap())).unwrap().endpoints;
            let addresses = Endpoint::ALL.map(|endpoint| endpoints.get(endpoint).unwrap().as_str().to_owned());
            assert_eq!(
                addresses,
                [
                    "http://127.0.0.1:9000/o/oauth2/v2/auth",
                    "http://127.0.0.1:9000/token",
                    "http://127.0.0.1:9000/revoke",
                    "http://127.0.0.1:9000/v1/userinfo",
                    "http://127.0.0.1:9000/gmail/v1/",
                    "http://127.0.0.1:9000/calendar/v3/",
                ]
            );
        }
    }

    #[test]
    fn a_base_that_would_leak_tokens_is_refused() {
        assert_eq!(google(Some(&"http://sandbox.example".parse().unwrap())).err(), Some(AddressRefused));
    }
}
