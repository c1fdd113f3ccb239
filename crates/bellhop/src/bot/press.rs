//! What a button carries, in Telegram's 64 bytes: which command, which of its actions, about which account, a number,
//! and one thing of the account.
//!
//! Buttons outlive releases and come back garbled: what cannot be read is nothing, never a panic. What a press means is
//! said by its command.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bellhop_domain::IntegrationId;
use uuid::Uuid;

/// The most that a button carries. <https://core.telegram.org/bots/api#inlinekeyboardbutton>
pub const MOST_BYTES: usize = 64;

/// The longest name of a command that a button can carry: what the other parts leave.
pub const LONGEST_COMMAND: usize = 12;

const SEPARATOR: char = '.';

/// A press, or the button for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Press {
    /// Whose action it is.
    pub command: String,
    /// Which action of that command.
    pub action: char,
    /// About which account.
    pub integration: Option<IntegrationId>,
    /// What else the action needs to know.
    pub number: u32,
    /// Which thing of the account: the handle of a message or a calendar.
    pub item: Option<i64>,
}

impl Press {
    /// A button for this action of a command.
    #[must_use]
    pub fn new(command: &str, action: char) -> Self {
        Self { command: command.to_owned(), action, integration: None, number: 0, item: None }
    }

    /// The same about an account.
    #[must_use]
    pub fn about(self, integration: IntegrationId) -> Self {
        Self { integration: Some(integration), ..self }
    }

    /// The same with a number.
    #[must_use]
    pub fn number(self, number: u32) -> Self {
        Self { number, ..self }
    }

    /// The same about one thing of the account.
    #[must_use]
    pub fn item(self, handle: i64) -> Self {
        Self { item: Some(handle), ..self }
    }

    /// Reads what a button carried.
    #[must_use]
    pub fn read(data: &str) -> Option<Self> {
        if data.len() > MOST_BYTES {
            return None;
        }
        let mut parts = data.split(SEPARATOR);
        let (command, action, integration, number) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let mut action = action.chars();
        let press = Self {
            command: command.to_owned(),
            action: action.next()?,
            integration: match integration {
                "" => None,
                text => Some(IntegrationId::new(Uuid::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?)),
            },
            number: number.parse().ok()?,
            item: match parts.next() {
                None => None,
                Some(text) => Some(i64::from_be_bytes(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?)),
            },
        };
        // Only what we would have written ourselves.
        (action.next().is_none() && parts.next().is_none() && press.to_string() == data).then_some(press)
    }
}

impl fmt::Display for Press {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let integration = self.integration.map(|id| URL_SAFE_NO_PAD.encode(id.uuid().as_bytes())).unwrap_or_default();
        write!(formatter, "{}.{}.{integration}.{}", self.command, self.action, self.number)?;
        match self.item {
            Some(item) => write!(formatter, ".{}", URL_SAFE_NO_PAD.encode(item.to_be_bytes())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_press_fits_into_a_button() {
        let press = Press::new(&"c".repeat(LONGEST_COMMAND), 'p')
            .about(IntegrationId::new(Uuid::from_u128(u128::MAX)))
            .number(u32::MAX)
            .item(i64::MIN);
        assert!(press.to_string().len() <= MOST_BYTES);
        assert_eq!(Press::read(&press.to_string()), Some(press));
    }

    #[test]
    fn what_another_release_wrote_is_nothing() {
        for data in [
            "",
            ".",
            "inbox",
            "inbox.p",
            "inbox.p.",
            "inbox.p..",
            "inbox.pp..0",
            "inbox.p..0.",
            "inbox.p..0.AA",
            "inbox.p..0.AAAAAAAAAAA.",
            "inbox.p..0.AAAAAAAAAAB",
            "inbox.p..00",
            "inbox.p.AA.0",
        ] {
            assert_eq!(Press::read(data), None, "{data}");
        }
    }

    proptest! {
        #[test]
        fn a_press_comes_back_as_it_was(
            command in "[a-z_]{1,12}", action in "[a-z]", id: Option<u128>, number: u32, item: Option<i64>
        ) {
            let mut press = Press::new(&command, action.chars().next().unwrap()).number(number);
            press.integration = id.map(|id| IntegrationId::new(Uuid::from_u128(id)));
            press.item = item;
            prop_assert!(press.to_string().len() <= MOST_BYTES);
            prop_assert_eq!(Press::read(&press.to_string()), Some(press));
        }

        #[test]
        fn garbage_never_panics(data in ".{0,80}") {
            if let Some(press) = Press::read(&data) {
                prop_assert_eq!(press.to_string(), data);
            }
        }
    }
}
