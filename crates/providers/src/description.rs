//! What a provider says about itself, so that the flow needs no `if` for any of them.
//!
//! Only what differs between providers and is executed here. That a refresh answer may leave out the refresh token is
//! no field: RFC 6749, section 6 allows it to everybody, so [`crate::TokenAnswer::refresh_token`] is optional for
//! everybody.

use std::collections::BTreeSet;

use bellhop_domain::{Capabilities, Capability, Provider};

use crate::address::Endpoints;
use crate::quota::{Operation, Quota};

/// The scopes in the provider's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes {
    /// What it takes to know whose account it is. Asked for every time.
    pub sign_in: &'static [&'static str],
    /// What [`Capability::Mail`] takes.
    pub mail: &'static [&'static str],
    /// What [`Capability::Calendar`] takes.
    pub calendar: &'static [&'static str],
}

/// Scopes that together allow everything another one does here: older grants may hold wider scopes than are asked for
/// today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeSubstitute {
    /// The scope that is asked for.
    pub asked: &'static str,
    /// What does as well, if all of it is granted.
    pub together: &'static [&'static str],
}

/// How the client proves itself at the token endpoint (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// Id and secret as fields of the form.
    RequestBody,
    /// Id and secret in an `Authorization: Basic` header.
    BasicHeader,
}

/// The provider's machine-readable reasons in a refused API call, sorted by what the caller does about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusalReasons {
    /// Slow down, whatever the status says.
    pub rate_limited: &'static [&'static str],
    /// The token lacks a scope.
    pub insufficient_scope: &'static [&'static str],
    /// An administrator forbids the application.
    pub domain_policy: &'static [&'static str],
    /// The API is not switched on for our own project.
    pub api_not_enabled: &'static [&'static str],
}

/// A provider, as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Which provider this is.
    pub provider: Provider,
    /// Where it is reached. One without an address for revoking offers no revocation.
    pub endpoints: Endpoints,
    /// Who it may say it is, in an ID token and in the callback's `iss` (RFC 9207).
    pub issuers: Vec<String>,
    /// Its scopes, by what they are for.
    pub scopes: Scopes,
    /// Scopes that are granted under another name than they are asked for: (asked, granted).
    pub scope_synonyms: &'static [(&'static str, &'static str)],
    /// Scopes that do in place of those asked for.
    pub scope_substitutes: &'static [ScopeSubstitute],
    /// What the authorize address carries beyond the standard's own parameters.
    pub authorize_parameters: &'static [(&'static str, &'static str)],
    /// How we prove ourselves at the token endpoint.
    pub client_authentication: ClientAuthentication,
    /// What its API's refusals mean.
    pub refusal_reasons: RefusalReasons,
    /// What each of its APIs allows. Every operation belongs to one of them.
    pub quotas: Vec<Quota>,
}

impl Description {
    /// The API that this operation belongs to. None: nothing is known to limit it.
    #[must_use]
    pub fn quota_of(&self, operation: Operation) -> Option<&Quota> {
        self.quotas.iter().find(|quota| quota.cost(operation).is_some())
    }

    /// The scopes to ask for: those for knowing whose account it is, and those the capabilities take. Each once.
    #[must_use]
    pub fn scopes(&self, capabilities: &Capabilities) -> Vec<&'static str> {
        let mut scopes = self.scopes.sign_in.to_vec();
        for scope in capabilities.iter().flat_map(|capability| self.scopes_of(*capability)) {
            if !scopes.contains(scope) {
                scopes.push(*scope);
            }
        }
        scopes
    }

    /// The capabilities for which the granted scopes are enough, whatever name the provider grants them under, and
    /// wider ones included. People can untick scopes
    /// (<https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions>).
    #[must_use]
    pub fn capabilities(&self, granted: &BTreeSet<String>) -> Capabilities {
        let is_granted = |asked: &&str| {
            granted.contains(*asked)
                || self.scope_synonyms.iter().any(|(name, other)| name == asked && granted.contains(*other))
                || self.scope_substitutes.iter().any(|substitute| {
                    substitute.asked == *asked && substitute.together.iter().all(|scope| granted.contains(*scope))
                })
        };
        Capability::ALL.into_iter().filter(|capability| self.scopes_of(*capability).iter().all(is_granted)).collect()
    }

    fn scopes_of(&self, capability: Capability) -> &'static [&'static str] {
        match capability {
            Capability::Mail => self.scopes.mail,
            Capability::Calendar => self.scopes.calendar,
        }
    }

    /// Whether this is a name the provider goes by. Compare with the callback's `iss`, where it is present.
    #[must_use]
    pub fn is_issuer(&self, issuer: &str) -> bool {
        self.issuers.iter().any(|known| known == issuer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unticked_scope_costs_its_capability_only() {
        let google = crate::google(None).unwrap();
        let all: Capabilities = Capability::ALL.into();
        let asked: Vec<String> = google.scopes(&all).into_iter().map(str::to_owned).collect();
        assert_eq!(asked[..2], ["openid", "email"]);
        assert_eq!(google.capabilities(&asked.iter().cloned().collect()), all);
        let without_mail = asked.into_iter().filter(|scope| !scope.contains("gmail")).collect();
        assert_eq!(google.capabilities(&without_mail), [Capability::Calendar].into());
        assert_eq!(google.capabilities(&BTreeSet::new()), Capabilities::new());
    }

    #[test]
    fn older_grants_with_wider_scopes_keep_working() {
        let google = crate::google(None).unwrap();
        let granted = |scopes: &[&str]| {
            let named = |scope: &&str| match *scope {
                "mail" => "https://mail.google.com/".to_owned(),
                scope => format!("https://www.googleapis.com/auth/{scope}"),
            };
            google.capabilities(&scopes.iter().map(named).collect())
        };
        for wide in ["mail", "gmail.modify"] {
            assert_eq!(granted(&[wide]), [Capability::Mail].into(), "{wide}");
        }
        assert_eq!(granted(&["calendar"]), [Capability::Calendar].into());
        assert_eq!(granted(&["calendar", "gmail.modify"]), Capability::ALL.into());
        for events in ["calendar.events", "calendar.events.readonly"] {
            for list in ["calendar.calendarlist", "calendar.calendarlist.readonly"] {
                assert_eq!(granted(&[events, list]), [Capability::Calendar].into(), "{events} {list}");
                assert_eq!(granted(&[list]), Capabilities::new());
            }
            assert_eq!(granted(&[events]), Capabilities::new());
        }
        for narrow in
            ["gmail.metadata", "gmail.send", "gmail.labels", "calendar.freebusy", "calendar.events.owned", "calendar."]
        {
            assert_eq!(granted(&[narrow, "calendar.calendarlist"]), Capabilities::new(), "{narrow}");
        }
    }

    #[test]
    fn a_scope_granted_under_its_other_name_counts() {
        let mut google = crate::google(None).unwrap();
        google.scopes.mail = &["email"];
        let granted = ["https://www.googleapis.com/auth/userinfo.email".to_owned()].into();
        assert_eq!(google.capabilities(&granted), [Capability::Mail].into());
    }
}
