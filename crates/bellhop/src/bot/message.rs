//! A message before it is sent: text and buttons, as a value that tests can look at.

use teloxide::types::{InlineKeyboardButton, InlineKeyboardMarkup};
use url::Url;

use super::press::Press;
use super::text::{Text, label};

/// The longest label of a button; Telegram allows more, but phones do not show it.
const LONGEST_LABEL: usize = 48;

/// Something to tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Button {
    /// Comes back to us as a press.
    Press {
        /// What it says.
        label: String,
        /// What it carries.
        press: Press,
    },
    /// Opens an address.
    Link {
        /// What it says.
        label: String,
        /// Where it leads.
        url: Url,
    },
}

impl Button {
    /// A button that comes back.
    #[must_use]
    pub fn press(text: &str, press: Press) -> Self {
        Self::Press { label: button_label(text), press }
    }

    /// A button that opens an address.
    #[must_use]
    pub fn link(text: &str, url: Url) -> Self {
        Self::Link { label: button_label(text), url }
    }
}

fn button_label(text: &str) -> String {
    match label(text, LONGEST_LABEL) {
        // Telegram refuses a message for a button without words.
        empty if empty.is_empty() => "…".to_owned(),
        label => label,
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// What it says.
    pub text: Text,
    /// Rows of buttons.
    pub buttons: Vec<Vec<Button>>,
}

impl Message {
    /// A message without buttons.
    #[must_use]
    pub fn new(text: Text) -> Self {
        Self { text, buttons: vec![] }
    }

    /// The same with one more row of buttons.
    #[must_use]
    pub fn row(mut self, buttons: Vec<Button>) -> Self {
        if !buttons.is_empty() {
            self.buttons.push(buttons);
        }
        self
    }

    /// The buttons in Telegram's shape. No buttons takes away those that an edited message had.
    #[must_use]
    pub fn keyboard(&self) -> InlineKeyboardMarkup {
        let rows = self.buttons.iter().map(|row| {
            row.iter().map(|button| match button {
                Button::Press { label, press } => InlineKeyboardButton::callback(label.clone(), press.to_string()),
                Button::Link { label, url } => InlineKeyboardButton::url(label.clone(), url.clone()),
            })
        });
        InlineKeyboardMarkup::new(rows)
    }
}

impl From<Text> for Message {
    fn from(text: Text) -> Self {
        Self::new(text)
    }
}
