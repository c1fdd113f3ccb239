//! What people were told: every update handled, every press answered, every message sent once but where a crash risks it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::chronicle::Fault;
use super::facts::{Facts, Update};
use super::report::Finding;

/// What is found about people.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    vec![update_handled(facts), press_once(facts), message_once(facts)]
}

/// Until when handling an update could be disturbed.
fn ended_at(facts: &Facts, update: &Update) -> DateTime<Utc> {
    update.handled_at.unwrap_or(facts.now.app)
}

/// Whether handling this update may have been begun more than once, or broken off.
fn was_disturbed(facts: &Facts, update: &Update) -> bool {
    update.starts > 1 || facts.was_broken(Fault::can_repeat_an_answer, update.received_at, ended_at(facts, update))
}

/// Every update that there ever was is written down and handled to its end. Given up is only what was disturbed.
fn update_handled(facts: &Facts) -> Finding {
    let written: BTreeMap<i64, &Update> = facts.updates.iter().map(|update| (update.id, update)).collect();
    let mut wrong = vec![];
    for made in &facts.outside.telegram.updates {
        let id = made.id;
        match written.get(&id) {
            None => wrong.push(format!("update {id} ({}): was never written down", made.kind)),
            Some(update) => match update.outcome.as_deref() {
                None => wrong.push(format!("update {id} ({}): is not handled", made.kind)),
                Some("gave_up") if !was_disturbed(facts, update) => {
                    wrong.push(format!("update {id} ({}): was given up although nothing disturbed it", made.kind));
                }
                Some(_) => {}
            },
        }
    }
    Finding::of("update_handled", wrong)
}

/// Every press is answered once.
fn press_once(facts: &Facts) -> Finding {
    let written: BTreeMap<i64, &Update> = facts.updates.iter().map(|update| (update.id, update)).collect();
    let telegram = &facts.outside.telegram;
    let mut wrong = vec![];
    for made in &telegram.updates {
        let (Some(query), Some(update)) = (&made.query, written.get(&made.id)) else { continue };
        let answers = telegram.presses_answered.get(query).copied().unwrap_or(0);
        if update.outcome.as_deref() == Some("done") && answers != 1 && !was_disturbed(facts, update) {
            wrong.push(format!("update {}: its press {query} was answered {answers} times", made.id));
        }
    }
    Finding::of("press_once", wrong)
}

/// What the bot may have sent into a chat.
#[derive(Default)]
struct Expected {
    least: u64,
    most: u64,
}

/// Each private chat has one new message for every message that was handled and for every notice that was sent. More may be
/// only where a press was answered in a message, where handling or sending was disturbed, and where something was given up.
fn message_once(facts: &Facts) -> Finding {
    let mut chats: BTreeMap<i64, Expected> = BTreeMap::new();
    let written: BTreeMap<i64, &Update> = facts.updates.iter().map(|update| (update.id, update)).collect();
    for made in &facts.outside.telegram.updates {
        let (Some(chat), Some(update)) = (made.chat.filter(|chat| *chat > 0), written.get(&made.id)) else {
            continue;
        };
        let expected = chats.entry(chat).or_default();
        let is_answered = made.kind == "message" && update.outcome.as_deref() == Some("done");
        expected.least += u64::from(is_answered);
        expected.most += u64::from(is_answered) + u64::from(made.kind == "callback_query");
        expected.most += u64::from(update.outcome.as_deref() == Some("gave_up"));
        if was_disturbed(facts, update) {
            expected.most += update.starts.unsigned_abs().max(1);
        }
    }
    let mut wrong = vec![];
    for person in facts.people.iter().filter(|person| !person.blocked) {
        let Some(chat) = person.chat_id else { continue };
        let mut expected = chats.remove(&chat).unwrap_or_default();
        let notices = notices(facts, person.owner);
        expected.least += notices.least;
        expected.most += notices.most;
        let sent = facts.outside.telegram.messages_sent.get(&chat.to_string()).copied().unwrap_or(0);
        if !(expected.least..=expected.most).contains(&sent) {
            let Expected { least, most } = expected;
            wrong.push(format!("chat {chat}: {sent} messages were sent, and {least} to {most} should have been"));
        }
    }
    Finding::of("message_once", wrong)
}

/// Notices to an owner: as many as the log says were sent, and at most as many as there were runs that could send.
fn notices(facts: &Facts, owner: Uuid) -> Expected {
    let streams: BTreeSet<Uuid> =
        facts.integrations.iter().filter(|row| row.owner == owner).map(|row| row.id).collect();
    let notified: Vec<_> = facts.of_kind("OwnerNotified").filter(|event| streams.contains(&event.stream)).collect();
    let sent: BTreeSet<Uuid> = notified
        .iter()
        .filter(|event| event.word("delivery") == "sent")
        .filter_map(|event| event.uuid("job"))
        .collect();
    let opened_in: BTreeMap<Uuid, Uuid> = facts.events.iter().map(|event| (event.id, event.stream)).collect();
    let stream_of: BTreeMap<Uuid, Uuid> =
        facts.openings.iter().filter_map(|opening| Some((opening.job, *opened_in.get(&opening.opened_by)?))).collect();
    let of_owner = |job: &Uuid| stream_of.get(job).is_some_and(|stream| streams.contains(stream));
    let runs = facts.runs.iter().filter(|run| run.kind == "notify_owner" && of_owner(&run.job));
    // A run of a job whose one notice was not sent may have sent it and been lost.
    let in_vain: BTreeSet<Uuid> = notified
        .iter()
        .filter(|event| event.word("delivery") != "sent")
        .filter_map(|event| event.uuid("job"))
        .filter(|job| facts.runs.iter().filter(|run| run.job == *job).count() == 1)
        .collect();
    let could_send = runs.filter(|run| !in_vain.contains(&run.job)).count();
    Expected { least: sent.len() as u64, most: could_send as u64 }
}
