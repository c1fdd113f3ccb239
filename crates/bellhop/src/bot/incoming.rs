//! What matters of an update: who, where, and what they wrote or pressed.
//!
//! Read from Telegram's JSON and not from a library's types, so that an update with something new in it is still
//! understood as far as it goes. Only this is kept until it is handled; everything else of an update is not our business.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who sent an update.
#[derive(Clone, PartialEq, Eq)]
pub struct Sender {
    /// Telegram's id of the person.
    pub user: i64,
    /// What they go by.
    pub name: String,
}

/// What somebody sent. Has no `Debug`: it is what somebody wrote.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Incoming {
    /// In which chat.
    pub chat: i64,
    /// Whether that is the person's own chat with the bot.
    pub private: bool,
    /// What it is.
    pub what: What,
}

/// The kinds of things that are sent.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A command, by its name, with what follows it.
    Command {
        /// The name, in lower case and without the slash.
        name: String,
        /// The rest of the text.
        rest: String,
    },
    /// Words.
    Words(String),
    /// A picture, a voice message and the like.
    Media,
    /// A place, in degrees.
    Location {
        /// North of the equator, from -90 to 90.
        latitude: f64,
        /// East of Greenwich, from -180 to 180.
        longitude: f64,
    },
    /// A button.
    Press {
        /// What is to be answered.
        query: String,
        /// What the button carried.
        data: String,
        /// The message it is under, where it can still be edited.
        message: Option<i32>,
    },
    /// The person blocked the bot.
    Blocked,
    /// The person took the bot back.
    Unblocked,
}

/// What people send that is neither words nor a change of the chat itself.
const MEDIA: [&str; 12] = [
    "photo",
    "sticker",
    "voice",
    "video",
    "document",
    "audio",
    "animation",
    "location",
    "contact",
    "video_note",
    "poll",
    "dice",
];

/// The id of an update, without which it can be neither kept nor confirmed.
#[must_use]
pub fn update_id(update: &Value) -> Option<i64> {
    update["update_id"].as_i64()
}

/// What an update says to the bot of this name, if anything.
#[must_use]
pub fn read(update: &Value, username: &str) -> Option<(Sender, Incoming)> {
    if let Some(message) = update.get("message") {
        let (chat, private) = chat(&message["chat"])?;
        let what = match message["text"].as_str() {
            Some(text) => words(text, username)?,
            None if let Some(place) = location(&message["location"]) => place,
            None if MEDIA.iter().any(|kind| message.get(kind).is_some()) => What::Media,
            None => return None,
        };
        // In a group only what is meant for a bot is answered.
        let meant = private || matches!(what, What::Command { .. });
        return meant.then_some(()).and_then(|()| Some((sender(&message["from"])?, Incoming { chat, private, what })));
    }
    if let Some(query) = update.get("callback_query") {
        let sender = sender(&query["from"])?;
        let message = &query["message"];
        let (chat, private) = chat(&message["chat"]).unwrap_or((sender.user, true));
        // Telegram dates a message that can no longer be edited at 0.
        let editable = message["date"].as_i64().is_some_and(|date| date > 0);
        let what = What::Press {
            query: query["id"].as_str()?.to_owned(),
            data: query["data"].as_str().unwrap_or_default().to_owned(),
            message: message["message_id"].as_i64().and_then(|id| i32::try_from(id).ok()).filter(|_| editable),
        };
        return Some((sender, Incoming { chat, private, what }));
    }
    let change = update.get("my_chat_member")?;
    let (chat, private) = chat(&change["chat"])?;
    let what = match change["new_chat_member"]["status"].as_str()? {
        "kicked" => What::Blocked,
        "member" => What::Unblocked,
        _ => return None,
    };
    if !private {
        return None;
    }
    Some((sender(&change["from"])?, Incoming { chat, private, what }))
}

/// A place on Earth. Numbers that name none are as good as a picture.
fn location(location: &Value) -> Option<What> {
    let (latitude, longitude) = (location["latitude"].as_f64()?, location["longitude"].as_f64()?);
    let is_on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    is_on_earth.then_some(What::Location { latitude, longitude })
}

fn chat(chat: &Value) -> Option<(i64, bool)> {
    Some((chat["id"].as_i64()?, chat["type"].as_str()? == "private"))
}

fn sender(user: &Value) -> Option<Sender> {
    if user["is_bot"].as_bool().unwrap_or(false) {
        return None;
    }
    let name = [&user["first_name"], &user["last_name"]];
    let name: Vec<&str> = name.into_iter().filter_map(Value::as_str).filter(|part| !part.is_empty()).collect();
    Some(Sender { user: user["id"].as_i64()?, name: name.join(" ") })
}

/// Nothing, where the words are a command for another bot.
fn words(text: &str, username: &str) -> Option<What> {
    let Some(command) = text.trim_start().strip_prefix('/') else { return Some(What::Words(text.to_owned())) };
    let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let (name, addressed) = match name.split_once('@') {
        Some((name, bot)) => (name, bot.eq_ignore_ascii_case(username)),
        None => (name, true),
    };
    addressed.then(|| What::Command { name: name.to_lowercase(), rest: rest.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(chat: &Value, content: &Value) -> Option<(Sender, Incoming)> {
        let mut message = json!({
            "message_id": 1, "date": 1, "chat": chat,
            "from": { "id": 1001, "is_bot": false, "first_name": "Ada", "last_name": "L" },
        });
        for (key, value) in content.as_object().unwrap() {
            message[key] = value.clone();
        }
        read(&json!({ "update_id": 1, "message": message }), "bellhop_bot")
    }

    fn private(content: &Value) -> Option<What> {
        message(&json!({ "id": 1001, "type": "private" }), content).map(|(_, incoming)| incoming.what)
    }

    fn is_command(what: Option<&What>, name: &str, rest: &str) -> bool {
        what == Some(&What::Command { name: name.to_owned(), rest: rest.to_owned() })
    }

    #[test]
    fn a_command_is_read_with_what_follows_and_for_whom_it_is() {
        assert!(is_command(private(&json!({ "text": "/Start abc_DEF-1 " })).as_ref(), "start", "abc_DEF-1"));
        assert!(is_command(private(&json!({ "text": "/inbox@Bellhop_bot" })).as_ref(), "inbox", ""));
        assert!(private(&json!({ "text": "/inbox@other_bot" })).is_none());
        assert!(is_command(private(&json!({ "text": "/" })).as_ref(), "", ""));
    }

    #[test]
    fn people_have_names_and_bots_are_not_answered() {
        let (sender, _) = message(&json!({ "id": 1, "type": "private" }), &json!({ "text": "hi" })).unwrap();
        assert_eq!((sender.user, sender.name.as_str()), (1001, "Ada L"));
        assert!(private(&json!({ "text": "hi", "from": { "id": 5, "is_bot": true, "first_name": "B" } })).is_none());
    }

    #[test]
    fn a_group_is_heard_only_where_a_command_is_given() {
        let group = json!({ "id": -5, "type": "supergroup" });
        assert!(message(&group, &json!({ "text": "hello all" })).is_none());
        assert!(message(&group, &json!({ "photo": [] })).is_none());
        assert!(!message(&group, &json!({ "text": "/connect" })).unwrap().1.private);
    }

    #[test]
    fn a_picture_is_noticed_and_a_pinned_message_is_not() {
        assert!(private(&json!({ "photo": [] })) == Some(What::Media));
        assert!(private(&json!({ "pinned_message": {} })).is_none());
    }

    #[test]
    fn a_place_is_kept_as_it_was_sent_and_one_that_is_not_on_earth_is_a_picture() {
        let sent = private(&json!({ "location": { "latitude": 48.2082, "longitude": 16.3738, "live_period": 60 } }));
        assert!(sent == Some(What::Location { latitude: 48.2082, longitude: 16.3738 }));
        let kept = serde_json::to_vec(&sent).unwrap();
        assert!(serde_json::from_slice::<Option<What>>(&kept).unwrap() == sent);
        for location in
            [json!({}), json!({ "latitude": 91, "longitude": 0 }), json!({ "latitude": "a", "longitude": 0 })]
        {
            assert!(private(&json!({ "location": location })) == Some(What::Media), "{location}");
        }
        let group = json!({ "id": -5, "type": "supergroup" });
        assert!(message(&group, &json!({ "location": { "latitude": 1, "longitude": 1 } })).is_none());
    }

    #[test]
    fn what_an_earlier_release_has_written_down_is_still_read() {
        for (kept, what) in [
            (r#"{"command":{"name":"inbox","rest":""}}"#, What::Command { name: "inbox".into(), rest: String::new() }),
            (r#"{"words":"hello"}"#, What::Words("hello".into())),
            (r#""media""#, What::Media),
            (r#""blocked""#, What::Blocked),
        ] {
            let kept = format!(r#"{{"chat":7,"private":true,"what":{kept}}}"#);
            assert!(serde_json::from_str::<Incoming>(&kept).unwrap().what == what, "{kept}");
        }
    }

    #[test]
    fn a_press_under_a_message_too_old_to_edit_has_no_message() {
        let press = |date| {
            json!({ "update_id": 2, "callback_query": {
                "id": "77", "from": { "id": 9, "is_bot": false, "first_name": "B" }, "data": "inbox.p..0",
                "message": { "message_id": 4, "date": date, "chat": { "id": 9, "type": "private" } } } })
        };
        let message = |date| match read(&press(date), "").unwrap().1.what {
            What::Press { message, .. } => message,
            _ => None,
        };
        assert_eq!(message(5), Some(4));
        assert_eq!(message(0), None);
    }

    #[test]
    fn what_is_not_understood_is_nothing() {
        for update in [json!({}), json!([]), json!({ "message": 5 }), json!({ "edited_message": {} }), json!(null)] {
            assert!(read(&update, "").is_none());
        }
    }
}
