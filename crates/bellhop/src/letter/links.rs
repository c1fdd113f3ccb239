//! What is said of where a link leads. In a mail the words of a link are the sender's choice and the address is where the
//! person would end up: where the two differ, the address is said too.

use url::Url;

/// The longest address that is written out, in bytes. What is longer leads past a counter and says nothing to people:
/// of it the host is named.
const LONGEST_ADDRESS: usize = 60;

/// The longest address that is left as it is in plain text, where it is the only way to follow the link.
const LONGEST_PLAIN: usize = 300;

/// The longest address that is looked at.
const LONGEST_READ: usize = 8 * 1024;

/// What to write behind the words of a link, if anything.
#[must_use]
pub fn mention(address: &str, words: &str) -> Option<String> {
    let (address, words) = (address.trim(), words.trim());
    if address.is_empty() || words.is_empty() || address.len() > LONGEST_READ {
        return None;
    }
    let url = Url::parse(address).ok()?;
    match url.scheme() {
        "http" | "https" => {
            let host = url.host_str()?.to_owned();
            if host_of(words).is_some_and(|said| same_host(&said, &host)) {
                return None;
            }
            // Before an @ anything can be written, another host's name for one.
            let is_plain = url.username().is_empty() && url.password().is_none();
            Some(if is_plain && address.len() <= LONGEST_ADDRESS { address.to_owned() } else { host })
        }
        "mailto" => {
            let to = url.path().to_owned();
            let is_said = to.is_empty() || words.to_lowercase().contains(&to.to_lowercase());
            (!is_said && to.len() <= LONGEST_ADDRESS).then_some(to)
        }
        _ => None,
    }
}

/// A line of plain text in which addresses of monstrous length are named by their host.
#[must_use]
pub fn without_monsters(line: &str) -> String {
    if line.len() <= LONGEST_PLAIN {
        return line.to_owned();
    }
    let mut short = String::with_capacity(line.len());
    for word in line.split_inclusive(char::is_whitespace) {
        let address = word.trim_end();
        let begin = address.find("http://").or_else(|| address.find("https://"));
        let host = begin
            .filter(|_| address.len() > LONGEST_PLAIN && address.len() <= LONGEST_READ)
            .and_then(|begin| Url::parse(address.get(begin..)?.trim_end_matches(['>', ')', ']', ','])).ok())
            .and_then(|url| url.host_str().map(str::to_owned));
        match (begin, host) {
            (Some(begin), Some(host)) => {
                short.push_str(&address[..begin]);
                short.push_str(&host);
                short.push_str("/… ");
            }
            _ => short.push_str(word),
        }
    }
    short
}

/// Whether some of the words look like an address.
#[must_use]
pub fn names_a_host(words: &str) -> bool {
    words.split_whitespace().any(|word| host_of(word).is_some())
}

/// The host that words name, where they look like an address.
fn host_of(words: &str) -> Option<String> {
    if words.contains(char::is_whitespace) || words.len() > LONGEST_READ || !words.contains('.') {
        return None;
    }
    let url = if words.contains("://") { Url::parse(words) } else { Url::parse(&format!("https://{words}")) }.ok()?;
    url.host_str().map(str::to_owned)
}

fn same_host(one: &str, other: &str) -> bool {
    let bare = |host: &str| host.strip_prefix("www.").unwrap_or(host).to_owned();
    bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_said_where_the_words_are_not_the_address() {
        for (address, words, said) in [
            ("https://example.org/", "example.org", None),
            ("https://www.example.org/a", "https://example.org/a", None),
            ("https://example.org/report", "The report", Some("https://example.org/report")),
            ("https://evil.example/", "www.bank.example", Some("https://evil.example/")),
            ("https://bank.example@evil.example/", "Your bank", Some("evil.example")),
            ("mailto:anna@example.org?subject=x", "Write to me", Some("anna@example.org")),
            ("mailto:anna@example.org", "Anna <anna@example.org>", None),
            ("javascript:alert(1)", "Tap", None),
            ("#top", "Up", None),
            ("https://example.org", "", None),
        ] {
            assert_eq!(mention(address, words).as_deref(), said, "{address}");
        }
        let counter = format!("https://click.news.example/{}", "x".repeat(200));
        assert_eq!(mention(&counter, "Read more").as_deref(), Some("click.news.example"));
    }

    #[test]
    fn in_plain_text_only_monsters_are_shortened() {
        let link = format!("https://a.example/{}", "x".repeat(100));
        assert_eq!(without_monsters(&format!("See {link} now")), format!("See {link} now"));
        let monster = format!("https://a.example/{}", "x".repeat(400));
        assert_eq!(without_monsters(&format!("See <{monster}> now")), "See <a.example/… now");
    }
}
