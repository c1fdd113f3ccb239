//! Tokens and grants: what was spent at the provider, under whose lease, and whether both sides agree on who is connected.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::chronicle::Fault;
use super::facts::{Event, Facts};
use super::outside::TokenRequest;
use super::report::Finding;

/// How long after a refresh at the provider its event may come, where no later refresh bounds it.
const UNTIL_RECORDED: TimeDelta = TimeDelta::seconds(120);

/// What is found about tokens.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let accounts = facts.streams_of_accounts();
    vec![
        refresh_token_once(facts, &accounts),
        refreshed_under_lease(facts, &accounts),
        code_once(facts),
        expiry_explained(facts, &accounts),
        grants_agree(facts, &accounts),
    ]
}

/// The streams of each account.
type Accounts<'a> = BTreeMap<&'a str, BTreeSet<Uuid>>;

/// The uses of each refresh token that was brought more than once although the first use had replaced it.
fn reused(facts: &Facts) -> Vec<(&str, Vec<&TokenRequest>)> {
    let mut uses: BTreeMap<&str, Vec<&TokenRequest>> = BTreeMap::new();
    for request in &facts.outside.token_requests {
        if let Some(token) = &request.refresh_token_used {
            uses.entry(token).or_default().push(request);
        }
    }
    uses.into_iter()
        .filter_map(|(token, uses)| {
            let spent = uses.iter().position(|one| one.is_issued() && one.refresh_token_issued.is_some())?;
            let uses = uses[spent..].to_vec();
            (uses.len() > 1).then_some((token, uses))
        })
        .collect()
}

/// How many times an answer was lost and the old token was tried once more.
pub fn crash_windows(facts: &Facts) -> usize {
    reused(facts).iter().map(|(_, uses)| uses.len() - 1).sum()
}

/// A refresh token that was replaced is not brought again, unless the answer was lost: then something was broken before it
/// is tried once more, or the one who asked says that no answer came, and the integration ends healthy or expired for that
/// reason. That it is tried yet again, where that answer is lost too, is part of the same window.
fn refresh_token_once(facts: &Facts, accounts: &Accounts<'_>) -> Finding {
    let none = BTreeSet::new();
    let mut wrong = vec![];
    for (token, uses) in reused(facts) {
        let (first, second) = (uses[0], uses[1]);
        let account = first.account.as_deref().unwrap_or("nobody");
        let streams = accounts.get(account).unwrap_or(&none);
        let is_lost = first.answer_lost
            || facts.was_broken(Fault::can_fail_a_refresh, first.at, second.at)
            || no_answer_came(facts, streams, first.at, second.at);
        let mut say = |what: &str| wrong.push(format!("refresh token {token} of {account}: {what}"));
        if recorded(facts, first, streams).is_some_and(|event| leases_before(facts, event) < uses.len()) {
            say("brought again although its replacement had been recorded");
        } else if !is_lost {
            say(&format!("brought {} times, and nothing was broken in between", uses.len()));
        } else {
            for stream in streams.iter().filter(|stream| !ends_well(facts, **stream, first.at)) {
                say(&format!("its answer was lost, and stream {stream} ended neither healthy nor as such"));
            }
        }
    }
    Finding::of("refresh_token_once", wrong)
}

/// Whether somebody who refreshed one of these between then and then says that the answer did not come.
fn no_answer_came(facts: &Facts, streams: &BTreeSet<Uuid>, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
    facts.events.iter().any(|event| {
        let says_so =
            event.kind == "RefreshFailed" || (event.kind == "JobFailed" && event.word("kind") == "refresh_access");
        let is_lost = matches!(event.word("reason"), "provider_timeout" | "provider_unreachable");
        streams.contains(&event.stream) && says_so && is_lost && (from..=until).contains(&event.time)
    })
}

/// The event that took in what a refresh yielded, if one did.
fn recorded<'a>(facts: &'a Facts, request: &TokenRequest, streams: &BTreeSet<Uuid>) -> Option<&'a Event> {
    let same = |other: &&TokenRequest| other.account == request.account && other.grant_type == "refresh_token";
    let later =
        facts.outside.token_requests.iter().filter(same).filter(|other| other.is_issued() && other.at > request.at);
    let bound = later.map(|other| other.at).min().unwrap_or(request.at + UNTIL_RECORDED);
    let mut refreshed = facts.of_kind("AccessRefreshed").filter(|event| streams.contains(&event.stream));
    refreshed.find(|event| event.time >= request.at && event.time < bound)
}

/// How many leases were taken to replace what this event replaced, before it was written. An answer may be recorded late:
/// whoever took the lease meanwhile could not know of it.
fn leases_before(facts: &Facts, refreshed: &Event) -> usize {
    let written = facts.writings.iter().find(|writing| writing.event == refreshed.id);
    let replaced = refreshed.number("generation") - 1;
    let taken = facts.refreshings.iter().filter(|taken| {
        taken.integration == refreshed.stream
            && taken.generation == replaced
            && written.is_some_and(|writing| taken.taken_at < writing.written_at)
    });
    taken.count()
}

/// Whether a stream from which an answer was lost is healthy, was ended by somebody, or has expired for that reason.
fn ends_well(facts: &Facts, stream: Uuid, since: DateTime<Utc>) -> bool {
    let status = facts.integrations.iter().find(|row| row.id == stream).map_or("", |row| row.status.as_str());
    let mut expiries = facts.of_kind("AccessExpired").filter(|event| event.stream == stream && event.time >= since);
    match status {
        "active" | "degraded" | "disconnected" | "erased" => true,
        "expired" => expiries.any(|event| event.word("reason") == "answer_lost"),
        _ => false,
    }
}

/// Nobody takes the refresh lease while somebody has it, and nobody refreshes without it.
fn refreshed_under_lease(facts: &Facts, accounts: &Accounts<'_>) -> Finding {
    let mut wrong = vec![];
    for taken in &facts.refreshings {
        if taken.held_until.is_some_and(|until| until > taken.taken_at) {
            let (stream, generation) = (taken.integration, taken.generation);
            wrong.push(format!(
                "stream {stream}: the lease to replace generation {generation} was taken from its holder"
            ));
        }
    }
    for (account, streams) in accounts {
        let used = facts
            .outside
            .token_requests
            .iter()
            .filter(|request| request.grant_type == "refresh_token" && request.account.as_deref() == Some(account));
        let taken = facts.refreshings.iter().filter(|taken| streams.contains(&taken.integration));
        let (used, taken) = (used.count(), taken.count());
        if used > taken {
            wrong.push(format!("account {account}: refreshed {used} times under {taken} leases"));
        }
    }
    Finding::of("refreshed_under_lease", wrong)
}

/// A code is brought to the provider at most once.
fn code_once(facts: &Facts) -> Finding {
    let mut uses: BTreeMap<&str, u32> = BTreeMap::new();
    for code in facts.outside.token_requests.iter().filter_map(|request| request.code_used.as_deref()) {
        *uses.entry(code).or_default() += 1;
    }
    let twice = uses.iter().filter(|(_, count)| **count > 1);
    Finding::of("code_once", twice.map(|(code, count)| format!("code {code}: brought {count} times")).collect())
}

/// Whoever is told to connect again is told for a reason that the provider knows of: the grant was ended, or an answer was
/// lost that had replaced the refresh token.
fn expiry_explained(facts: &Facts, accounts: &Accounts<'_>) -> Finding {
    let mut wrong = vec![];
    for event in facts.of_kind("AccessExpired") {
        let of = accounts.iter().filter(|(_, streams)| streams.contains(&event.stream)).map(|(account, _)| *account);
        let of: Vec<&str> = of.collect();
        let about = |account: Option<&str>| account.is_some_and(|account| of.contains(&account));
        let mut revocations = facts.outside.revocations.iter().filter(|one| one.at <= event.time);
        let is_explained = match event.word("reason") {
            "no_refresh_token" => facts
                .outside
                .token_requests
                .iter()
                .rfind(|request| about(request.account.as_deref()) && request.is_issued() && request.at <= event.time)
                .is_some_and(|request| request.refresh_token_issued.is_none()),
            _ if revocations.any(|revocation| about(revocation.account.as_deref())) => true,
            "answer_lost" => facts.outside.token_requests.iter().any(|request| {
                about(request.account.as_deref())
                    && request.refresh_token_used.is_some()
                    && request.is_issued()
                    && request.at <= event.time
                    && was_not_recorded_before(facts, request, event)
            }),
            _ => false,
        };
        if !is_explained {
            let (stream, version, reason) = (event.stream, event.version, event.word("reason"));
            wrong.push(format!(
                "stream {stream}: expired at version {version} as {reason}, and the provider knows of nothing"
            ));
        }
    }
    Finding::of("expiry_explained", wrong)
}

fn was_not_recorded_before(facts: &Facts, request: &TokenRequest, expiry: &Event) -> bool {
    recorded(facts, request, &[expiry.stream].into()).is_none_or(|event| event.version > expiry.version)
}

/// Who is connected here has a grant there with the same scopes, and the other way round. A grant may be left over where a
/// revocation was given up, where access has expired, and where somebody consented and the walk was not finished.
fn grants_agree(facts: &Facts, accounts: &Accounts<'_>) -> Finding {
    let mut wrong = vec![];
    let rows = |streams: &BTreeSet<Uuid>| {
        let rows = facts.integrations.iter().filter(|row| streams.contains(&row.id));
        rows.collect::<Vec<_>>()
    };
    for (account, streams) in accounts {
        let rows = rows(streams);
        let grant = facts.outside.grants.iter().find(|grant| grant.account == *account);
        let Some(grant) = grant else {
            // What was taken back at the provider is found out by the next call.
            for row in rows.iter().filter(|row| row.is_usable()) {
                wrong.push(format!("stream {}: is {}, and {account} has no grant", row.id, row.status));
            }
            continue;
        };
        for row in rows.iter().filter(|row| row.is_usable() && row.scopes != grant.scopes) {
            wrong.push(format!("stream {}: has other scopes than the grant of {account}", row.id));
        }
        let is_held = rows.iter().any(|row| row.is_usable() || row.status == "expired");
        if !is_held && !is_left_over(facts, account, streams) {
            wrong.push(format!("account {account}: has a grant that nobody holds"));
        }
    }
    Finding::of("grants_agree", wrong)
}

/// Whether a grant that nobody holds is explained: somebody consented and never came to the end of the walk, a revocation
/// was given up, or the newest tokens never reached the log, as their answer was lost or came after the end: then there is
/// nothing that could still be revoked.
fn is_left_over(facts: &Facts, account: &str, streams: &BTreeSet<Uuid>) -> bool {
    let consents = facts.outside.authorizations.iter().filter(|consent| consent.account == account);
    let allowed = consents.filter(|consent| consent.decision == "allow");
    let granted = facts.of_kind("AccessGranted").filter(|event| streams.contains(&event.stream));
    let mut revocations = facts.of_kind("JobBuried").filter(|event| streams.contains(&event.stream));
    let given_up = revocations.any(|event| event.payload["payload"]["kind"] == "revoke_access");
    let issued = facts.outside.token_requests.iter().filter(|one| one.is_issued());
    let newest = issued.filter(|one| one.account.as_deref() == Some(account)).max_by_key(|one| one.at);
    let is_lost =
        newest.is_some_and(|one| one.grant_type == "refresh_token" && recorded(facts, one, streams).is_none());
    allowed.count() > granted.count() || given_up || is_lost
}
