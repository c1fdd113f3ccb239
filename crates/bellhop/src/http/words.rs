//! What the connect pages say when a walk has ended or cannot go on: what happened, and what to do next.
//!
//! Words only. Each is written for somebody who has never heard of OAuth; the reason in the log is bounded and shorter.

use bellhop_domain::{AuthorizationFailure, Provider};
use poem::http::StatusCode;

use super::page::Tone;
use crate::connect::{Ending, InvalidState, LinkProblem};

/// The words of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The HTTP status.
    pub status: StatusCode,
    /// How it feels.
    pub tone: Tone,
    /// The heading.
    pub title: String,
    /// What happened, in a sentence or two.
    pub text: String,
    /// Whether a fresh link helps.
    pub fresh_link: bool,
}

impl Words {
    fn stopped(status: StatusCode, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { status, tone: Tone::Stopped, title: title.into(), text: text.into(), fresh_link: true }
    }

    fn for_the_operator(self) -> Self {
        Self { fresh_link: false, ..self }
    }
}

/// Why a link leads nowhere.
pub fn of_link(problem: LinkProblem) -> Words {
    match problem {
        LinkProblem::Unknown => Words::stopped(
            StatusCode::NOT_FOUND,
            "This link is not known",
            "It may be cut off, or older than a day. Links are good for ten minutes.",
        ),
        LinkProblem::Expired => Words::stopped(
            StatusCode::GONE,
            "This link is too old",
            "For your safety a link is good for ten minutes only.",
        ),
        LinkProblem::Used => Words::stopped(
            StatusCode::GONE,
            "This link was used already",
            "For your safety a link works once, in one browser. If that was not you, somebody else has seen it: \
             nothing is connected until the last step in your own chat.",
        ),
        LinkProblem::JustUsed => Words::stopped(
            StatusCode::CONFLICT,
            "This link is being used right now",
            "If that was you, go back and wait a moment. If it was not, do not go on: ask for a fresh link.",
        ),
        LinkProblem::ProviderDisabled => provider_disabled(),
        LinkProblem::NotConfigured => not_configured(),
        LinkProblem::Ended => Words::stopped(
            StatusCode::GONE,
            "This connection was ended",
            "The account that it was to mend has been disconnected since, or the program that asked for it may not ask any \
             more. You can connect the account anew.",
        ),
    }
}

/// Why what the provider sent back was refused.
pub fn of_state(invalid: InvalidState) -> Words {
    match invalid {
        InvalidState::Unknown => Words::stopped(
            StatusCode::BAD_REQUEST,
            "This is not a connection we know",
            "The page was opened with an answer that belongs to no connection under way. Nothing was connected.",
        ),
        InvalidState::Expired => Words::stopped(
            StatusCode::GONE,
            "That took too long",
            "The ten minutes for signing in are over. Nothing was connected.",
        ),
        InvalidState::OtherBrowser => Words::stopped(
            StatusCode::FORBIDDEN,
            "This began in another browser",
            "Or you began again in this one, and then only the newer connection goes on. For your safety a connection must \
             end in the browser it began in, with cookies allowed. Nothing was connected.",
        ),
        InvalidState::OtherProvider => Words::stopped(
            StatusCode::BAD_REQUEST,
            "The answer came from the wrong place",
            "Another provider answered than the one that was asked. Nothing was connected.",
        ),
    }
}

/// How a walk ended.
pub fn of_ending(provider: Provider, ending: Ending) -> Words {
    let name = provider.title();
    let good = |title: String, text: &str| Words {
        status: StatusCode::OK,
        tone: Tone::Good,
        title,
        text: text.to_owned(),
        fresh_link: false,
    };
    match ending {
        Ending::Connected(_) => good(format!("{name} is connected"), "All done. You can close this page."),
        Ending::AlreadyConnected(_) => good(
            format!("{name} is connected"),
            "You had connected this account before; its access was renewed. You can close this page.",
        ),
        Ending::Rejected => Words::stopped(
            StatusCode::FORBIDDEN,
            "This connection was stopped",
            format!(
                "The last step came from somebody other than the one who asked for the link. Nothing was read, and \
                 {name} gave out no access. If somebody sent you the link, do not trust it."
            ),
        ),
        Ending::Failed(reason) => of_failure(name, reason),
    }
}

fn of_failure(name: &str, reason: AuthorizationFailure) -> Words {
    use AuthorizationFailure as Failure;
    match reason {
        Failure::Denied => Words {
            tone: Tone::Plain,
            ..Words::stopped(
                StatusCode::FORBIDDEN,
                "You did not allow access",
                format!(
                    "That is fine: {name} gave nothing out, and nothing was connected. If it was a slip, start again."
                ),
            )
        },
        Failure::ProviderError => Words::stopped(
            StatusCode::BAD_GATEWAY,
            format!("{name} reported an error"),
            format!(
                "{name} did not let this connection through. It often works the second time; if not, the account's \
                     administrator may have forbidden it."
            ),
        ),
        Failure::Abandoned => Words::stopped(
            StatusCode::GONE,
            "That took too long",
            "The last step was not done within five minutes. Nothing was connected.",
        ),
        Failure::WrongIssuer => Words::stopped(
            StatusCode::BAD_REQUEST,
            "The answer came from the wrong place",
            format!("It did not come from {name}, so it was not used. Nothing was connected."),
        ),
        Failure::ProviderUnavailable => Words::stopped(
            StatusCode::BAD_GATEWAY,
            format!("{name} cannot be reached just now"),
            "You did nothing wrong. Nothing was connected; try again in a few minutes.",
        ),
        Failure::ExchangeTimedOut => Words::stopped(
            StatusCode::GATEWAY_TIMEOUT,
            format!("{name} did not answer in time"),
            "Nobody knows whether it would have worked, so it was not used. Nothing was connected; try again.",
        ),
        Failure::InvalidCode => Words::stopped(
            StatusCode::BAD_GATEWAY,
            format!("{name} no longer accepts this sign-in"),
            "It was perhaps too old. Nothing was connected; try again.",
        ),
        Failure::InvalidClient => Words::stopped(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("This Bellhop is not set up for {name}"),
            format!("{name} does not accept its client id or secret. The person who runs this Bellhop must mend that."),
        )
        .for_the_operator(),
        Failure::MissingAccessToken | Failure::MalformedAnswer => Words::stopped(
            StatusCode::BAD_GATEWAY,
            format!("{name} sent an answer that cannot be used"),
            "You did nothing wrong. Nothing was connected; try again.",
        ),
        Failure::InvalidIdentity => Words::stopped(
            StatusCode::BAD_GATEWAY,
            "It is not certain whose account this is",
            format!(
                "What {name} said about the account did not pass our checks, so it was not used. Nothing was \
                     connected; try again."
            ),
        ),
        Failure::ProviderDisabled => provider_disabled(),
        Failure::NotConfigured => not_configured(),
        Failure::AlreadyConnected => Words {
            tone: Tone::Good,
            fresh_link: false,
            ..Words::stopped(
                StatusCode::OK,
                format!("{name} is connected"),
                "You had connected this account before; its access was renewed. You can close this page.",
            )
        },
        Failure::WrongAccount => Words::stopped(
            StatusCode::CONFLICT,
            "That was another account",
            "You were asked to reconnect one account and signed in with another, so it was not used. Start again and \
             choose the same account, or connect the other one as a new one.",
        ),
        Failure::Disconnected => Words::stopped(
            StatusCode::GONE,
            "This connection was ended",
            "It was disconnected while you were signing in. You can connect the account anew.",
        ),
    }
}

fn provider_disabled() -> Words {
    Words::stopped(
        StatusCode::NOT_IMPLEMENTED,
        "Connecting is switched off here",
        "The person who runs this Bellhop has switched off new connections to this provider. What is connected stays \
         connected, and disconnecting still works.",
    )
    .for_the_operator()
}

fn not_configured() -> Words {
    Words::stopped(
        StatusCode::SERVICE_UNAVAILABLE,
        "This Bellhop is not set up yet",
        "The client id and secret for this provider are missing. The person who runs this Bellhop must set them; then \
         ask for a fresh link.",
    )
    .for_the_operator()
}
