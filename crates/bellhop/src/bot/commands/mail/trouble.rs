//! Why a mailbox could not be asked, in words that say what to do.

use std::time::Duration;

use bellhop_providers::{Forbidden, ProviderError};
use bellhop_store::StoreError;

use crate::access::AccessError;
use crate::bot::account::{Account, expired};
use crate::calls::CallError;
use crate::held::{Held, HeldBy};

/// Why there is no answer, and what would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What happened, in a whole sentence.
    pub what: String,
    /// What to do, in a whole sentence.
    pub advice: String,
    /// What helps, as a button.
    pub remedy: Remedy,
}

/// What helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Asking again.
    Again,
    /// Connecting the account anew, or with more allowed.
    Mend,
    /// Nothing that a person could do here.
    Nothing,
}

/// How long to wait where a provider asks us to slow down without saying for how long.
const UNSAID_PAUSE: Duration = Duration::from_mins(1);

/// What is said where a mail is no longer there.
pub const GONE: &str = "This mail is no longer there: it was deleted for good after I saw it.";

impl Trouble {
    /// What a failed call means for the person. A failure of our own store is passed on.
    pub fn of(account: &Account, error: CallError) -> Result<Self, StoreError> {
        match error {
            CallError::Access(AccessError::Store(error)) => Err(error),
            CallError::Access(error) => Ok(Self::without_access(account, &error)),
            CallError::Provider(error) => Ok(Self::at_provider(account, &error)),
            CallError::Held(held) => Ok(Self::held(account, held)),
        }
    }

    /// What a failed search means: there was no one mail that could be gone or too large.
    pub fn of_search(account: &Account, error: CallError) -> Result<Self, StoreError> {
        match error {
            CallError::Provider(ProviderError::NotFound | ProviderError::Gone | ProviderError::TooLarge) => {
                Ok(Self::at_provider(account, &ProviderError::Malformed))
            }
            error => Self::of(account, error),
        }
    }

    /// The account may not read mail, whatever else it may.
    #[must_use]
    pub fn not_allowed(account: &Account) -> Self {
        let what = "I am not allowed to read this account's mail.".to_owned();
        Self { what, advice: format!("To change that, tap “{}”.", account.remedy(None)), remedy: Remedy::Mend }
    }

    /// Too many mails are being fetched.
    #[must_use]
    pub fn busy() -> Self {
        Self::new("I am fetching many mails at this moment.".to_owned(), "Try again in a moment.", Remedy::Again)
    }

    /// Both sentences.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} {}", self.what, self.advice).trim_end().to_owned()
    }

    fn new(what: String, advice: &str, remedy: Remedy) -> Self {
        Self { what, advice: advice.to_owned(), remedy }
    }

    fn without_access(account: &Account, error: &AccessError) -> Self {
        match error {
            AccessError::Expired => Self::new(expired(account.row.provider, None), "", Remedy::Mend),
            AccessError::NotConnected => Self::new(super::super::NOT_YOURS.to_owned(), "", Remedy::Nothing),
            AccessError::RefreshLocked => Self::new(
                "The access is being renewed at this moment.".to_owned(),
                "Try again in half a minute.",
                Remedy::Again,
            ),
            AccessError::Provider(error) => Self::at_provider(account, error),
            AccessError::Held(held) => Self::held(account, *held),
            AccessError::Store(_) => Self::new("Something of mine failed.".to_owned(), "Try again.", Remedy::Again),
        }
    }

    fn held(account: &Account, held: Held) -> Self {
        let provider = account.row.provider.title();
        let what = match held.by {
            HeldBy::Breaker { .. } => format!("{provider} keeps failing, so I leave it alone for a moment."),
            HeldBy::Quota => format!("I have asked {provider} as much as it allows for the moment."),
        };
        Self { what, advice: try_again(held.after), remedy: Remedy::Again }
    }

    fn at_provider(account: &Account, error: &ProviderError) -> Self {
        let provider = account.row.provider.title();
        let again = |what: String| Self::new(what, "Try again in a moment.", Remedy::Again);
        match error {
            ProviderError::Unreachable => again(format!("{provider} could not be reached.")),
            ProviderError::Timeout | ProviderError::ConnectionLost => again(format!("{provider} did not answer.")),
            ProviderError::Unavailable { .. } | ProviderError::Malformed => {
                again(format!("{provider} is not answering properly."))
            }
            ProviderError::RateLimited { retry_after } => {
                let advice = try_again(retry_after.unwrap_or(UNSAID_PAUSE));
                Self { what: format!("{provider} asks me to slow down."), advice, remedy: Remedy::Again }
            }
            ProviderError::Unauthorized | ProviderError::InvalidGrant => {
                Self::new(expired(account.row.provider, None), "", Remedy::Mend)
            }
            ProviderError::Forbidden(Forbidden::InsufficientScope) => Self::not_allowed(account),
            ProviderError::Forbidden(Forbidden::DomainPolicy) => Self::new(
                "Your organisation does not let me read this mailbox.".to_owned(),
                "Whoever administers its accounts can allow it.",
                Remedy::Nothing,
            ),
            ProviderError::NotFound | ProviderError::Gone => Self::new(GONE.to_owned(), "", Remedy::Nothing),
            ProviderError::TooLarge => Self::new(
                "This mail is larger than I can read.".to_owned(),
                "Open it in your mail program.",
                Remedy::Nothing,
            ),
            ProviderError::Misconfigured
            | ProviderError::InvalidClient
            | ProviderError::Forbidden(Forbidden::ApiNotEnabled | Forbidden::Other)
            | ProviderError::CursorTooOld
            | ProviderError::Refused(_)
            | ProviderError::Rejected { .. }
            | ProviderError::Redirected { .. }
            | ProviderError::MissingAccessToken
            | ProviderError::InvalidIdentity(_) => Self::new(
                format!("{provider} does not let me ask."),
                "Only whoever runs this bot can mend that; your mail is safe.",
                Remedy::Nothing,
            ),
        }
    }
}

fn try_again(after: Duration) -> String {
    match after.as_secs().max(1) {
        1 => "Try again in a second.".to_owned(),
        seconds @ 2..=90 => format!("Try again in {seconds} seconds."),
        seconds => format!("Try again in {} minutes.", seconds.div_ceil(60)),
    }
}
