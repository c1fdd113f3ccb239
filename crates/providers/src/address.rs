//! Where a provider is reached, and which addresses may stand in for it.
//!
//! Tokens are posted to these addresses: one that is plain http, or that smuggles in credentials, must never get as far
//! as a request. So [`Endpoints`] cannot hold an unacceptable one. Whether a stand-in is *wanted* is the configuration's
//! question, which asks [`Endpoints::is_providers_own`].

use url::{Host, Url};

/// What one address of a provider is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Where the person's browser is sent to consent (RFC 6749, section 3.1).
    Authorize,
    /// Where codes and refresh tokens are exchanged (RFC 6749, section 3.2).
    Token,
    /// Where a token is given back (RFC 7009).
    Revoke,
    /// Who a token belongs to (OIDC Core 1.0, section 5.3).
    Userinfo,
    /// The folder under which the mail API lives; ends in `/`.
    Mail,
    /// The folder under which the calendar API lives; ends in `/`.
    Calendar,
}

impl Endpoint {
    /// Every endpoint, for a configuration that offers each of them alone.
    pub const ALL: [Self; 6] = [Self::Authorize, Self::Token, Self::Revoke, Self::Userinfo, Self::Mail, Self::Calendar];
}

/// An address that tokens must not be sent to. Tell the operator which setting it came from; the address itself is left
/// out because it may hold credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address must be https (http on loopback only), without user, password, query or fragment")]
pub struct AddressRefused;

/// Whether tokens may be sent to an address: https anywhere, http on this machine only, and no user, password, query or
/// fragment in it.
///
/// Loopback is `127.0.0.0/8`, `::1` and `localhost` (RFC 6761, section 6.3).
///
/// ```
/// use bellhop_providers::is_acceptable_address;
/// assert!(is_acceptable_address(&"http://127.0.0.1:9000".parse().unwrap()));
/// assert!(!is_acceptable_address(&"http://sandbox.example".parse().unwrap()));
/// ```
#[must_use]
pub fn is_acceptable_address(address: &Url) -> bool {
    let loopback = match address.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    let plain = address.username().is_empty()
        && address.password().is_none()
        && address.query().is_none()
        && address.fragment().is_none();
    plain && (address.scheme() == "https" || (address.scheme() == "http" && loopback))
}

/// The addresses of one provider, each either its own or a stand-in's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    current: Addresses,
    own: Addresses,
}

/// One address for each [`Endpoint`]. A provider that offers no revocation (Microsoft) has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) authorize: Url,
    pub(crate) token: Url,
    pub(crate) revoke: Option<Url>,
    pub(crate) userinfo: Url,
    pub(crate) mail: Url,
    pub(crate) calendar: Url,
}

impl Endpoints {
    /// The provider's own addresses.
    pub(crate) fn own(own: Addresses) -> Self {
        Self { current: own.clone(), own }
    }

    /// The address now in use, `None` where the provider has no such endpoint.
    #[must_use]
    pub fn get(&self, endpoint: Endpoint) -> Option<&Url> {
        self.current.get(endpoint)
    }

    /// Points one endpoint elsewhere. Folders get their trailing slash if it is missing.
    pub fn set(&mut self, endpoint: Endpoint, mut address: Url) -> Result<(), AddressRefused> {
        if !is_acceptable_address(&address) {
            return Err(AddressRefused);
        }
        match endpoint {
            Endpoint::Authorize => self.current.authorize = address,
            Endpoint::Token => self.current.token = address,
            Endpoint::Revoke => self.current.revoke = Some(address),
            Endpoint::Userinfo => self.current.userinfo = address,
            Endpoint::Mail => {
                end_with_slash(&mut address);
                self.current.mail = address;
            }
            Endpoint::Calendar => {
                end_with_slash(&mut address);
                self.current.calendar = address;
            }
        }
        Ok(())
    }

    /// Whether an endpoint is still the provider's own. Anything else needs the operator's explicit permission.
    #[must_use]
    pub fn is_providers_own(&self, endpoint: Endpoint) -> bool {
        self.current.get(endpoint) == self.own.get(endpoint)
    }

    pub(crate) fn current(&self) -> &Addresses {
        &self.current
    }
}

impl Addresses {
    fn get(&self, endpoint: Endpoint) -> Option<&Url> {
        match endpoint {
            Endpoint::Authorize => Some(&self.authorize),
            Endpoint::Token => Some(&self.token),
            Endpoint::Revoke => self.revoke.as_ref(),
            Endpoint::Userinfo => Some(&self.userinfo),
            Endpoint::Mail => Some(&self.mail),
            Endpoint::Calendar => Some(&self.calendar),
        }
    }
}

/// `Url::join` drops a last segment that does not end in a slash.
fn end_with_slash(address: &mut Url) {
    if !address.path().ends_with('/') {
        let path = format!("{}/", address.path());
        address.set_path(&path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (address, acceptable) in [
            ("https://oauth2.googleapis.com/token", true),
            ("https://localhost.example/token", true),
            ("http://127.0.0.1:9000/token", true),
            ("http://127.8.9.1/token", true),
            ("http://[::1]:9000/token", true),
            ("http://localhost:9000/", true),
            ("http://LOCALHOST:9000/", true),
            ("http://localhost.example/token", false),
            ("http://127.0.0.1.example/token", false),
            ("http://10.0.0.1/token", false),
            ("http://[::ffff:10.0.0.1]/token", false),
            ("ftp://127.0.0.1/token", false),
            ("file:///token", false),
            ("https://user@oauth2.googleapis.com/token", false),
            ("https://:word@oauth2.googleapis.com/token", false),
            ("https://oauth2.googleapis.com/token?a=b", false),
            ("https://oauth2.googleapis.com/token#a", false),
        ] {
            assert_eq!(is_acceptable_address(&address.parse().unwrap()), acceptable, "{address}");
        }
    }
}
