//! What goes on all the while: mail and calendars change, people ask, programs read and refresh, some disconnect and come
//! back, Telegram repeats itself, and an operator replays what was buried.
//!
//! Each runs until the stage's end and survives whatever is away. What was asked for is in the record; whether it was
//! done is found out later, from that.

use std::time::Duration;

use futures::future::{LocalBoxFuture, join_all};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::guests::Guest;
use super::recovery::Probe;
use super::stage::Stage;
use crate::api::Api;
use crate::chat::Person;
use crate::invariants::{Answer, Deed, FaultKind, Moment};
use crate::trouble::{Story, Trouble};

/// The longest pause between two changes of any mailbox or calendar, in milliseconds.
const MAIL_CHANGES: u64 = 500;
const ENTRY_CHANGES: u64 = 1_000;

/// Between two questions of one person: long enough that the inbox is a minute old by the house's clock, so that each
/// question asks for a fetch.
const QUESTIONS: std::ops::Range<u64> = 7_000..10_000;

/// Between two calls of one program, and two programs or people that disconnect.
const CALLS: u64 = 1_500;
const DEPARTURES: Duration = Duration::from_secs(9);

/// Between two looks for connections that have to be mended, repeats of an update, and looks of the operator.
const MENDING: Duration = Duration::from_secs(2);
const REPEATS: Duration = Duration::from_secs(3);
const OPERATOR: Duration = Duration::from_secs(15);

/// How many people only come and go; the others ask and never leave.
const LEAVING_PEOPLE: usize = 2;

/// How long somebody waits for the fetch that a question asked for.
const FETCHED_WITHIN: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(200);

/// How many of the newest updates may be repeated.
const RECENT: usize = 40;

/// Mails that arrive during one run are deleted again by one in this many changes.
const DELETED_ONE_IN: u32 = 4;

impl Stage<'_> {
    /// All of it, until the stage's end.
    pub async fn load(&self, guests: &[Guest], seed: u64) -> Story {
        let mut seeds = (seed..).map(StdRng::seed_from_u64);
        let mut dice = || seeds.next().unwrap_or_else(|| StdRng::seed_from_u64(seed));
        let mut loads: Vec<LocalBoxFuture<'_, Story>> = vec![
            self.mail(guests, dice()).boxed_local(),
            self.entries(guests, dice()).boxed_local(),
            self.departures(guests, dice()).boxed_local(),
            self.mending(guests).boxed_local(),
            self.repeats(dice()).boxed_local(),
            self.operator().boxed_local(),
        ];
        let people = guests.iter().filter_map(|guest| Some((guest, guest.person()?)));
        for (guest, person) in people.skip(LEAVING_PEOPLE) {
            loads.push(self.questions(guest, person, dice()).boxed_local());
        }
        for guest in guests {
            if let Some(api) = guest.program() {
                loads.push(self.calls(guest, api, dice()).boxed_local());
            }
        }
        join_all(loads).await.into_iter().collect()
    }

    /// Mail arrives, and some of it is deleted. The sandbox is never broken, so that this never fails.
    async fn mail(&self, guests: &[Guest], mut dice: StdRng) -> Story {
        let sandbox = &self.house.sandbox;
        let mut arrived: Vec<(&str, String)> = vec![];
        for number in 0.. {
            if !self.rest(Duration::from_millis(dice.random_range(50..MAIL_CHANGES))).await {
                break;
            }
            if dice.random_ratio(1, DELETED_ONE_IN) && !arrived.is_empty() {
                let (account, id) = arrived.swap_remove(dice.random_range(0..arrived.len()));
                sandbox.delete_mail(account, &id).await?;
            } else if let Some(guest) = guests.choose(&mut dice) {
                let subject = format!("During {number}");
                let id = sandbox.mail_arrives(&guest.account, "B <b@sender.example>", &subject, "Hello again.").await?;
                arrived.push((&guest.account, id));
            }
        }
        Ok(())
    }

    /// Calendars change.
    async fn entries(&self, guests: &[Guest], mut dice: StdRng) -> Story {
        let mut put: Vec<(&Guest, String)> = vec![];
        while self.rest(Duration::from_millis(dice.random_range(100..ENTRY_CHANGES))).await {
            match dice.random_range(0..4) {
                0 if !put.is_empty() => {
                    let (guest, entry) = put.swap_remove(dice.random_range(0..put.len()));
                    guest.diary.delete(&entry).await?;
                }
                1 if !put.is_empty() => {
                    let (guest, entry) = &put[dice.random_range(0..put.len())];
                    guest.diary.change(entry, json!({ "summary": "Changed" })).await?;
                }
                _ => {
                    if let Some(guest) = guests.choose(&mut dice) {
                        put.push((guest, guest.diary.put(self.entry("Planned during")?).await?));
                    }
                }
            }
        }
        Ok(())
    }

    /// A person asks for the inbox and now and then for the agenda, whether or not the last question has been served. Each
    /// that ends well is a probe.
    async fn questions(&self, guest: &Guest, person: &Person, mut dice: StdRng) -> Story {
        let mut asked = FuturesUnordered::new();
        loop {
            let pause = Duration::from_millis(dice.random_range(QUESTIONS));
            let goes_on = {
                let mut rest = std::pin::pin!(self.rest(pause));
                loop {
                    tokio::select! {
                        goes_on = &mut rest => break goes_on,
                        Some(served) = asked.next() => served?,
                    }
                }
            };
            if !goes_on {
                break;
            }
            asked.push(self.question(guest, person));
            if dice.random_ratio(1, 3) {
                let _ = self.say(person, "/agenda").await;
            }
        }
        while let Some(served) = asked.next().await {
            served?;
        }
        Ok(())
    }

    async fn question(&self, guest: &Guest, person: &Person) -> Story {
        let from = self.now()?;
        if self.is_served(guest, person, from).await.is_ok() {
            self.beat(Probe::Question, from)?;
        }
        Ok(())
    }

    async fn is_served(&self, guest: &Guest, person: &Person, from: Moment) -> Story {
        let said = self.say(person, "/inbox").await?;
        self.hears(person, &said, |message| !message.text.is_empty()).await?;
        let give_up = from.real + FETCHED_WITHIN;
        loop {
            let standing = guest.integration().and_then(|integration| self.standing(integration));
            if standing.is_some_and(|standing| standing.mail_checked_at.is_some_and(|at| at >= from.app)) {
                return Ok(());
            }
            if self.is_over() || self.now()?.real > give_up {
                return Err(Trouble::new("the mail was not fetched"));
            }
            sleep(LOOK).await;
        }
    }

    /// A program reads, and now and then asks for a newer access token.
    async fn calls(&self, guest: &Guest, api: &Api, mut dice: StdRng) -> Story {
        while self.rest(Duration::from_millis(dice.random_range(CALLS..CALLS * 4))).await {
            let Some(integration) = guest.integration() else { continue };
            let path = match dice.random_range(0..8) {
                0 => {
                    let key = Uuid::new_v4().to_string();
                    let deed = Deed::Refresh { integration, key: Some(key.clone()) };
                    let path = format!("v1/integrations/{integration}/refresh");
                    let _ = self.insist(api, Method::POST, &path, &key, &deed).await;
                    continue;
                }
                1 | 2 => "v1/integrations".to_owned(),
                3 | 4 => format!("oauth/google/status?integration={integration}"),
                _ => format!("v1/integrations/{integration}"),
            };
            let from = self.now()?;
            if self.answer(api.get(&path)).await.is_ok_and(|answered| answered.status.is_success()) {
                self.beat(Probe::Read, from)?;
            }
        }
        Ok(())
    }

    /// Some disconnect, and are connected again by whoever mends.
    async fn departures(&self, guests: &[Guest], mut dice: StdRng) -> Story {
        let people = guests.iter().filter(|guest| guest.person().is_some()).take(LEAVING_PEOPLE);
        let leaving: Vec<&Guest> = people.chain(guests.iter().filter(|guest| guest.program().is_some())).collect();
        while self.rest(DEPARTURES).await {
            if let Some(guest) = leaving.choose(&mut dice) {
                let _ = self.disconnect(guest).await;
            }
        }
        Ok(())
    }

    /// Whoever has lost access or left is connected again.
    async fn mending(&self, guests: &[Guest]) -> Story {
        while self.rest(MENDING).await {
            for guest in guests {
                let standing = guest.integration().and_then(|integration| self.standing(integration));
                let is_broken = standing.is_some_and(|it| it.status == "expired" || it.status == "disconnected");
                if is_broken && !self.is_over() {
                    let _ = self.connect(guest).await;
                }
            }
        }
        Ok(())
    }

    /// Telegram brings again what it brought before.
    async fn repeats(&self, mut dice: StdRng) -> Story {
        while self.rest(REPEATS).await {
            let recent: Vec<i64> = {
                let chronicle = self.chronicle();
                let updates = chronicle.asked.iter().rev().filter_map(|asked| match asked.deed {
                    Deed::Update { update } => Some(update),
                    _ => None,
                });
                updates.take(RECENT).collect()
            };
            if let Some(update) = recent.choose(&mut dice) {
                let from = self.now()?;
                self.house.sandbox.repeat_update(*update).await?;
                self.broke(FaultKind::UpdateRepeated, "/bot/getUpdates", from)?;
            }
        }
        Ok(())
    }

    async fn operator(&self) -> Story {
        while self.rest(OPERATOR).await {
            let _ = self.replay_letters().await;
        }
        Ok(())
    }

    /// An operator takes up every dead letter again.
    pub async fn replay_letters(&self) -> Story {
        let list = self.house.command(&["dead", "list", "--json"]).await?;
        let list: Value = serde_json::from_str(&list.out)?;
        let letters = list["letters"].as_array().into_iter().flatten();
        let jobs: Vec<&str> = letters.filter_map(|letter| letter["job"].as_str()).collect();
        if jobs.is_empty() {
            return Ok(());
        }
        let at = self.now()?;
        let arguments = [&["dead", "replay"], &*jobs, &["--because", "what failed works again"]].concat();
        let replayed = self.house.try_command(&arguments).await?;
        for job in jobs {
            let line = replayed.out.lines().find(|line| line.starts_with(job)).unwrap_or_default();
            let answer = match line {
                "" => Answer::Unknown,
                line if line.ends_with("nothing to do") => Answer::Refused,
                // Also where the work had been done another way: then the letter is closed.
                _ => Answer::Accepted,
            };
            self.asked(Deed::Replay { job: job.parse::<Uuid>()? }, at, answer);
        }
        Ok(())
    }
}
