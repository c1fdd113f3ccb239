//! Addresses shown in part: enough for their owner to recognise, too little for anybody else.

use secrecy::{ExposeSecret, SecretString};

/// What is shown where there is no address, or none that can be shown.
const UNKNOWN: &str = "an account without a known address";

/// The first character and the domain: `a•••@example.org`.
#[must_use]
pub fn masked(address: Option<&SecretString>) -> String {
    let Some((local, domain)) = address.and_then(|address| address.expose_secret().rsplit_once('@')) else {
        return UNKNOWN.to_owned();
    };
    match local.chars().next() {
        Some(first) if !first.is_control() && !domain.is_empty() && !domain.contains(char::is_control) => {
            format!("{first}•••@{domain}")
        }
        _ => UNKNOWN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_its_first_character_and_its_domain() {
        for (address, shown) in [
            ("anna@example.org", "a•••@example.org"),
            ("a@example.org", "a•••@example.org"),
            ("\"a@b\"@example.org", "\"•••@example.org"),
            ("ünal@example.org", "ü•••@example.org"),
            ("@example.org", UNKNOWN),
            ("anna@", UNKNOWN),
            ("anna", UNKNOWN),
            ("anna@exa\nmple.org", UNKNOWN),
            ("", UNKNOWN),
        ] {
            assert_eq!(masked(Some(&address.into())), shown);
        }
        assert_eq!(masked(None), UNKNOWN);
    }
}
