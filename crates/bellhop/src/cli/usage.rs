//! `bellhop usage`: what of everything that providers allow is used at this moment.

use bellhop_domain::Provider;
use clap::Args;

use crate::app::App;
use crate::cli::Failure;
use crate::limits::usage::{ApiUsage, MailboxUsage};

/// What is shown.
#[derive(Debug, Args)]
pub struct UsageArguments {
    /// How many of the busiest mailboxes of each API.
    #[arg(long, default_value_t = 10)]
    mailboxes: usize,
    /// One JSON object a line, for each API, instead of sentences.
    #[arg(long)]
    json: bool,
}

/// Shows it.
pub async fn run(arguments: UsageArguments, app: &App) -> Result<(), Failure> {
    for provider in Provider::ALL {
        for usage in app.limits.usage(app.provider(provider).description(), arguments.mailboxes).await? {
            if arguments.json {
                let line = serde_json::to_string(&usage).map_err(|_| Failure::new("the usage cannot be shown"))?;
                say!("{line}");
            } else {
                show(&usage);
            }
        }
    }
    Ok(())
}

fn show(usage: &ApiUsage) {
    let ApiUsage { provider, api, project, mailbox, at_once, .. } = usage;
    let (allowed, seconds) = (project.allowed, project.window_seconds);
    if let Some(used) = project.used {
        say!("{provider} {api}: {used} of {allowed} units in {seconds} s, counted by all processes together");
    } else {
        say!(
            "{provider} {api}: {allowed} units in {seconds} s; Redis does not answer, so each process keeps to its share, \
             and what it spent is in its metrics"
        );
    }
    let (allowed, seconds) = (mailbox.allowed, mailbox.window_seconds);
    say!("  each mailbox: {allowed} units in {seconds} s, {at_once} calls at once");
    for mailbox in &usage.mailboxes {
        say!("  {}: {} units, {} calls at once", whose(mailbox), mailbox.used, mailbox.at_once);
    }
}

/// Which integrations a mailbox belongs to: more than one where an account was connected more than once.
fn whose(mailbox: &MailboxUsage) -> String {
    if mailbox.integrations.is_empty() {
        return "connected no longer".to_owned();
    }
    let holders: Vec<String> = mailbox.integrations.iter().map(ToString::to_string).collect();
    holders.join(" and ")
}

#[cfg(test)]
mod tests {
    use bellhop_domain::IntegrationId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_mailbox_is_shown_as_everybody_who_holds_it_and_as_nobodys_after_that() {
        let of = |holders: &[u128]| {
            let holders = holders.iter().map(|number| IntegrationId::new(Uuid::from_u128(*number)));
            whose(&MailboxUsage { integrations: holders.collect(), used: 20, at_once: 0 })
        };
        let id = |number: u8| format!("00000000-0000-0000-0000-00000000000{number}");
        assert_eq!(of(&[1]), id(1));
        assert_eq!(of(&[2, 1]), format!("{} and {}", id(1), id(2)));
        assert_eq!(of(&[]), "connected no longer");
    }
}
