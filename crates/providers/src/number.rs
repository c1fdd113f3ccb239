//! Numbers as providers send them. Google's JSON writes 64-bit numbers as strings
//! (<https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages>), stand-ins often as numbers, and
//! both have been seen to add a `.0`.

use serde_json::Value;

/// A whole number in any of its spellings; fractions are cut off. `None` where it is none or does not fit.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| cut(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok().or_else(|| cut(text.trim().parse().ok()?)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The same for numbers that cannot be negative and use all 64 bits.
pub(crate) fn unsigned(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn cut(number: f64) -> Option<i64> {
    // Up to 2^53 a float is exact; nothing we read is larger.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation)] // the bound was just checked, cutting off is what is wanted
    (number.abs() <= EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_spelling_is_the_same_number() {
        for value in [json!(3599), json!("3599"), json!(3599.0), json!(" 3599 "), json!("3599.9")] {
            assert_eq!(whole(&value), Some(3599), "{value}");
        }
        for value in [json!(null), json!("soon"), json!(""), json!(1e300), json!("NaN"), json!([1]), json!(true)] {
            assert_eq!(whole(&value), None, "{value}");
        }
        assert_eq!(unsigned(&json!("18446744073709551615")), Some(u64::MAX));
        assert_eq!(unsigned(&json!(-1)), None);
    }
}
