//! The canary scan: nothing secret and nothing personal may be found where it could leak from.
//!
//! Looked for is every token, code, address, subject, sender and snippet that the sandbox ever gave out, and every cookie,
//! link and key of the story itself. Looked through are all tables, all of Redis, all logs, all metrics and all pages.

use std::collections::BTreeSet;

use base64::Engine;
use serde_json::Value;

use crate::house::House;
use crate::trouble::{Story, ensure};

/// Shorter ones occur by chance.
const SHORTEST: usize = 6;

impl House {
    /// Trouble if anything that must stay hidden can be found.
    pub async fn scan_for_canaries(&self) -> Story {
        let canaries = self.canaries().await?;
        ensure(canaries.len() > 20, "a scan for next to nothing proves nothing")?;
        let mut found = vec![];
        for (place, content) in self.haystack().await? {
            for canary in &canaries {
                if contains(&content, canary.as_bytes()) {
                    // Not in full: this report goes into a log, too.
                    let start: String = canary.chars().take(12).collect();
                    found.push(format!("{start}… ({} characters) in {place}", canary.chars().count()));
                }
            }
        }
        found.dedup();
        found.truncate(20);
        ensure(found.is_empty(), format_args!("what must be hidden was found: {found:#?}"))
    }

    async fn canaries(&self) -> Story<BTreeSet<String>> {
        let mut canaries = self.evidence().secrets();
        gather(&self.sandbox.secrets().await?, &mut canaries);
        Ok(canaries.into_iter().filter(|canary| canary.len() >= SHORTEST).collect())
    }

    async fn haystack(&self) -> Story<Vec<(String, Vec<u8>)>> {
        let mut haystack = vec![];
        for (table, row) in self.database.dump().await? {
            for bytes in bytes_of(&serde_json::from_str(&row)?) {
                haystack.push((format!("table {table}"), bytes));
            }
            haystack.push((format!("table {table}"), row.into_bytes()));
        }
        haystack.extend(self.redis_dump().await?.into_iter().map(|(key, value)| (format!("Redis {key}"), value)));
        for (name, log) in self.logs()? {
            haystack.push((format!("log {name}"), log.into_bytes()));
        }
        for (name, page) in self.evidence().pages() {
            haystack.push((format!("page {name}"), page.into_bytes()));
        }
        Ok(haystack)
    }

    /// Every key of Redis with what it holds.
    async fn redis_dump(&self) -> Story<Vec<(String, Vec<u8>)>> {
        let Some(mut redis) = self.redis().await? else { return Ok(vec![]) };
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await?;
        let mut dump = vec![];
        for key in keys {
            let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut redis).await?;
            let read: &[&str] = match kind.as_str() {
                "string" => &["GET"],
                "hash" => &["HGETALL"],
                "list" => &["LRANGE", "0", "-1"],
                "set" => &["SMEMBERS"],
                "zset" => &["ZRANGE", "0", "-1"],
                "stream" => &["XRANGE", "-", "+"],
                _ => continue,
            };
            let mut command = redis::cmd(read[0]);
            command.arg(&key);
            for argument in &read[1..] {
                command.arg(argument);
            }
            let value: redis::Value = command.query_async(&mut redis).await?;
            let mut bytes = key.clone();
            flatten(&value, &mut bytes);
            dump.push((String::from_utf8_lossy(&key).into_owned(), bytes));
        }
        Ok(dump)
    }
}

fn contains(content: &[u8], canary: &[u8]) -> bool {
    // The first byte is found fast; what follows is compared only there.
    let Some((first, rest)) = canary.split_first() else { return false };
    let mut from = 0;
    while let Some(at) = content[from..].iter().position(|byte| byte == first).map(|at| from + at) {
        if content[at + 1..].starts_with(rest) {
            return true;
        }
        from = at + 1;
    }
    false
}

fn flatten(value: &redis::Value, into: &mut Vec<u8>) {
    into.push(b'\n');
    match value {
        redis::Value::BulkString(bytes) => into.extend(bytes),
        redis::Value::SimpleString(text) => into.extend(text.as_bytes()),
        redis::Value::Array(values) | redis::Value::Set(values) => values.iter().for_each(|value| flatten(value, into)),
        redis::Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            flatten(key, into);
            flatten(value, into);
        }),
        _ => {}
    }
}

/// Every text inside.
fn gather(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            into.insert(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| gather(value, into)),
        Value::Object(fields) => fields.values().for_each(|value| gather(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What the texts of a row say once hexadecimal or base64 is undone.
fn bytes_of(row: &Value) -> Vec<Vec<u8>> {
    let mut texts = BTreeSet::new();
    gather(row, &mut texts);
    let mut found = vec![];
    for text in texts {
        if let Some(bytes) = text.strip_prefix("\\x").and_then(from_hex) {
            if let Ok(inner) = serde_json::from_slice::<Value>(&bytes) {
                found.extend(bytes_of(&inner));
            }
            found.push(bytes);
        } else if text.len() > 16 {
            found.extend(base64::engine::general_purpose::STANDARD.decode(&text).ok());
            found.extend(base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&text).ok());
        }
    }
    found
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_in_bytes_is_found() {
        let row = serde_json::json!({ "sealed": "\\x7b2261223a22736563726574207468696e67227d", "n": 1 });
        let inside = bytes_of(&row);
        assert!(inside.iter().any(|bytes| contains(bytes, b"secret thing")));
        assert!(!contains(b"a secret", b"a secret thing"));
    }
}
