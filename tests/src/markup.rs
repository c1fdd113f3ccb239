//! Just enough HTML to do without JavaScript what a person does with a page: follow links and send forms.

/// An element's start tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its name, in lower case.
    pub name: String,
    attributes: Vec<(String, String)>,
    /// Where the tag ends in the page.
    end: usize,
}

impl Tag {
    /// The value of an attribute; empty where it has none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(attribute, _)| attribute == name).map(|(_, value)| value.as_str())
    }
}

/// A form and what it would send if nothing in it were touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Where it goes, as written.
    pub action: String,
    /// `get` or `post`.
    pub method: String,
    /// Hidden fields, filled inputs, chosen radios and ticked boxes.
    pub fields: Vec<(String, String)>,
    /// Its buttons: name, value and what is written on it.
    pub buttons: Vec<(String, String, String)>,
}

/// Every start tag of a page, in order. Comments, scripts and styles hold none.
pub fn tags(page: &str) -> Vec<Tag> {
    let mut found = vec![];
    let mut rest = 0;
    while let Some(start) = page[rest..].find('<').map(|at| rest + at) {
        let inside = &page[start + 1..];
        if inside.starts_with("!--") {
            rest = inside.find("-->").map_or(page.len(), |at| start + 1 + at + 3);
            continue;
        }
        if !inside.starts_with(|first: char| first.is_ascii_alphabetic()) {
            rest = start + 1;
            continue;
        }
        let Some(tag) = read_tag(page, start + 1) else { break };
        rest = tag.end;
        if tag.name == "script" || tag.name == "style" {
            rest = page[rest..].find(&format!("</{}", tag.name)).map_or(page.len(), |at| rest + at);
        }
        found.push(tag);
    }
    found
}

fn read_tag(page: &str, from: usize) -> Option<Tag> {
    let mut rest = &page[from..];
    let name_end = rest.find(|end: char| end.is_whitespace() || end == '>' || end == '/')?;
    let name = rest[..name_end].to_ascii_lowercase();
    rest = &rest[name_end..];
    let mut attributes = vec![];
    loop {
        rest = rest.trim_start_matches(|skip: char| skip.is_whitespace() || skip == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return Some(Tag { name, attributes, end: page.len() - after.len() });
        }
        let end = rest.find(|end: char| end.is_whitespace() || matches!(end, '=' | '>' | '/'))?;
        let attribute = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let quote = after.chars().next()?;
            let (text, left) = if matches!(quote, '"' | '\'') {
                after[1..].split_once(quote)?
            } else {
                after.split_at(after.find(|end: char| end.is_whitespace() || end == '>')?)
            };
            value = unescape(text);
            rest = left;
        }
        attributes.push((attribute, value));
    }
}

/// The forms of a page.
pub fn forms(page: &str) -> Vec<Form> {
    let tags = tags(page);
    let starts: Vec<usize> = (0..tags.len()).filter(|index| tags[*index].name == "form").collect();
    starts
        .iter()
        .map(|start| {
            let form = &tags[*start];
            let end = page[form.end..].find("</form").map_or(page.len(), |at| form.end + at);
            let inside: Vec<&Tag> = tags[*start + 1..].iter().take_while(|tag| tag.end <= end).collect();
            Form {
                action: form.get("action").unwrap_or_default().to_owned(),
                method: form.get("method").unwrap_or("get").to_ascii_lowercase(),
                fields: inside.iter().filter_map(|tag| field(tag)).collect(),
                buttons: inside.iter().filter(|tag| tag.name == "button").map(|tag| button(page, tag)).collect(),
            }
        })
        .collect()
}

fn field(tag: &Tag) -> Option<(String, String)> {
    let name = tag.get("name").filter(|name| !name.is_empty() && tag.name == "input")?;
    let kind = tag.get("type").unwrap_or("text");
    let sent = match kind {
        "radio" | "checkbox" => tag.get("checked").is_some(),
        "submit" | "button" | "reset" => false,
        _ => true,
    };
    sent.then(|| (name.to_owned(), tag.get("value").unwrap_or_default().to_owned()))
}

fn button(page: &str, tag: &Tag) -> (String, String, String) {
    let label = page[tag.end..].split("</button").next().map(text).unwrap_or_default();
    (tag.get("name").unwrap_or_default().to_owned(), tag.get("value").unwrap_or_default().to_owned(), label)
}

/// Where the links of a page lead.
pub fn links(page: &str) -> Vec<String> {
    let tags = tags(page);
    tags.iter().filter(|tag| tag.name == "a").filter_map(|tag| tag.get("href")).map(str::to_owned).collect()
}

/// What is shown to be copied.
pub fn codes(page: &str) -> Vec<String> {
    let tags = tags(page);
    let codes = tags.iter().filter(|tag| tag.name == "code");
    codes.map(|tag| page[tag.end..].split("</code").next().map(text).unwrap_or_default()).collect()
}

/// What a person reads, with single spaces.
pub fn text(page: &str) -> String {
    let mut plain = String::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        plain.push_str(&rest[..start]);
        plain.push(' ');
        let unread = ["style", "script", "head"].into_iter().find(|name| rest[start + 1..].starts_with(name));
        let end = unread
            .and_then(|name| rest[start..].find(&format!("</{name}>")).map(|at| start + at + name.len() + 3))
            .or_else(|| rest[start..].find('>').map(|at| start + at + 1));
        rest = &rest[end.unwrap_or(rest.len())..];
    }
    plain.push_str(rest);
    unescape(&plain).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Character references as our pages and the sandbox's write them.
pub fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<!DOCTYPE html><html><head><title>T</title><style>a > b { }</style></head><body>
        <p>One &amp; <b>two</b></p><a class=x href="/next?a=1&amp;b=2">on</a>
        <form method="post" action="/go"><input type="hidden" name="request" value="r">
        <input type="radio" name="account" value="a"><input type="radio" name="account" value="b" checked>
        <input type="checkbox" name="scope" value="s" checked><input type=checkbox name=scope value=t>
        <button type="submit" name="decision" value="deny">No, <i>thanks</i></button></form><form></form></body></html>"#;

    #[test]
    fn a_form_sends_what_a_browser_would() {
        let forms = forms(PAGE);
        assert_eq!(forms.len(), 2);
        assert_eq!((forms[0].method.as_str(), forms[0].action.as_str()), ("post", "/go"));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(forms[0].fields, [pair("request", "r"), pair("account", "b"), pair("scope", "s")]);
        assert_eq!(forms[0].buttons, [("decision".to_owned(), "deny".to_owned(), "No, thanks".to_owned())]);
    }

    #[test]
    fn links_and_words_are_read_without_their_markup() {
        assert_eq!(links(PAGE), ["/next?a=1&b=2"]);
        assert_eq!(text(PAGE), "One & two on No, thanks");
    }
}
