//! What an answer says about whoever gave it: the one place where a failed call is told from a failing provider.

use std::time::Duration;

use bellhop_providers::{ProviderError, Timeouts};

use super::breaker::Answer;
use crate::jobs::failure::failure_of;

/// What a call that took so long says. A no is an answer: whoever refuses a token, a request or a pace works. Somebody who waits
/// in the chat gives up when their own patience is over; a provider is not blamed before it has had its usual time.
pub fn meaning(answer: Result<(), &ProviderError>, took: Duration) -> Answer {
    let Err(error) = answer else { return Answer::Works };
    match error {
        ProviderError::Timeout if took < Timeouts::default().total => Answer::Unknown,
        // Nothing was sent.
        ProviderError::Misconfigured => Answer::Unknown,
        ProviderError::Unreachable
        | ProviderError::Timeout
        | ProviderError::ConnectionLost
        | ProviderError::Unavailable { .. }
        | ProviderError::Redirected { .. }
        | ProviderError::MissingAccessToken
        | ProviderError::Malformed => Answer::Fails(failure_of(error)),
        ProviderError::RateLimited { .. }
        | ProviderError::Unauthorized
        | ProviderError::Forbidden(_)
        | ProviderError::NotFound
        | ProviderError::Gone
        | ProviderError::CursorTooOld
        | ProviderError::InvalidGrant
        | ProviderError::InvalidClient
        | ProviderError::Refused(_)
        | ProviderError::Rejected { .. }
        | ProviderError::TooLarge
        | ProviderError::InvalidIdentity(_) => Answer::Works,
    }
}

#[cfg(test)]
mod tests {
    use bellhop_domain::JobFailure;
    use bellhop_providers::Forbidden;

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn a_no_is_an_answer_and_silence_is_none() {
        let unavailable = ProviderError::Unavailable { status: 503, retry_after: Some(LONG) };
        for error in [unavailable, ProviderError::Unreachable, ProviderError::ConnectionLost, ProviderError::Malformed]
        {
            assert_eq!(meaning(Err(&error), Duration::ZERO), Answer::Fails(failure_of(&error)), "{error}");
        }
        for error in [
            ProviderError::RateLimited { retry_after: None },
            ProviderError::Unauthorized,
            ProviderError::InvalidGrant,
            ProviderError::InvalidClient,
            ProviderError::Forbidden(Forbidden::InsufficientScope),
            ProviderError::NotFound,
            ProviderError::Rejected { status: 400 },
        ] {
            assert_eq!(meaning(Err(&error), Duration::ZERO), Answer::Works, "{error}");
        }
    }

    #[test]
    fn a_provider_has_its_usual_time_before_it_counts_as_silent() {
        assert_eq!(meaning(Err(&ProviderError::Timeout), LONG), Answer::Fails(JobFailure::ProviderTimeout));
        assert_eq!(meaning(Err(&ProviderError::Timeout), Duration::from_millis(9_999)), Answer::Unknown);
    }
}
