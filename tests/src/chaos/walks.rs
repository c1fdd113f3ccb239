//! Connecting and disconnecting while everything breaks, by both doors, with what came back written down.
//!
//! Whatever cannot be done now is left to a later try: trouble here is the weather and says nothing about Bellhop.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use url::Url;
use uuid::Uuid;

use super::guests::{Door, Guest};
use super::stage::Stage;
use crate::api::{Answer as Answered, Api};
use crate::chat::{Message, Person, Said};
use crate::invariants::{Answer, Deed, FaultKind};
use crate::trouble::{Story, Trouble, ensure};
use crate::walk::Consent;

/// How long a program waits for an answer, and a browser for a page.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const PAGE_WITHIN: Duration = Duration::from_secs(30);

/// How long somebody looks at the chat for an answer, and how often.
const HEARD_WITHIN: Duration = Duration::from_secs(30);
const LISTEN: Duration = Duration::from_millis(250);

/// How often the same is asked again, and after how long.
const TRIES: usize = 4;
const TRY_AGAIN: Duration = Duration::from_millis(700);

impl Stage<'_> {
    /// Connects an account, or brings it back. Once; trouble where that does not work now.
    pub async fn connect(&self, guest: &Guest) -> Story {
        match &guest.door {
            Door::Chat(person) => self.connect_in_chat(guest, person).await,
            Door::Program(api) => self.connect_by_program(guest, api).await,
        }
    }

    /// Ends a connection. Once; trouble where that does not work now.
    pub async fn disconnect(&self, guest: &Guest) -> Story {
        let integration = guest.integration().ok_or_else(|| Trouble::new("nothing to disconnect"))?;
        match &guest.door {
            Door::Chat(person) => self.disconnect_in_chat(person, integration).await,
            Door::Program(api) => {
                let path = format!("v1/integrations/{integration}");
                let deed = Deed::Disconnect { integration };
                self.insist(api, Method::DELETE, &path, &Uuid::new_v4().to_string(), &deed).await
            }
        }
    }

    async fn connect_by_program(&self, guest: &Guest, api: &Api) -> Story {
        let mends = guest.integration().filter(|id| self.standing(*id).is_some_and(|it| it.status == "expired"));
        let query = mends.map(|id| format!("?integration={id}")).unwrap_or_default();
        let asked = self.answer(api.get(&format!("oauth/google/authorize{query}"))).await?;
        asked.expect(200)?;
        let link = Url::parse(&asked.field("connect_url")?)?;
        let (state, code) = self.consent(&link, &guest.account).await?;
        let deed = Deed::Connect { state };
        for _ in 0..TRIES {
            let at = self.now()?;
            let finish = api.post("oauth/google/finish", Some(json!({ "finish_code": code })));
            let finished = self.answer(finish).await;
            let answer = promise(finished.as_ref());
            self.asked(deed.clone(), at, answer);
            match (answer, finished) {
                (Answer::Accepted, Ok(finished)) => {
                    let id = finished.body["integration"]["id"].as_str().unwrap_or_default();
                    guest.is_connected_as(id.parse()?);
                    return Ok(());
                }
                (Answer::Refused, Ok(finished)) => return Err(Trouble::new(finished.text)),
                _ => sleep(TRY_AGAIN).await,
            }
        }
        Err(Trouble::new("the connection could not be finished"))
    }

    async fn connect_in_chat(&self, guest: &Guest, person: &Person) -> Story {
        let said = self.say(person, "/connect").await?;
        let offered = self.hears(person, &said, |message| message.link().is_some()).await?;
        let link = offered.link().ok_or_else(|| Trouble::new("no link"))?;
        let (state, code) = self.consent(&link, &guest.account).await?;
        let at = self.now()?;
        let said = self.say(person, &format!("/start {code}")).await?;
        let address = format!("{}@", guest.account);
        // Other messages may name the account meanwhile.
        let told = self.hears(person, &said, |message| message.says("✅") && message.says(&address)).await;
        let answer = if told.is_ok() { Answer::Accepted } else { Answer::Unknown };
        self.asked(Deed::Connect { state }, at, answer);
        told?;
        let sql = format!(
            "select i.id from integrations i join telegram_people p on p.owner = i.owner
             where p.user_id = {} and i.connected_at is not null",
            person.id
        );
        let rows = self.house.database.rows(&sql).await?;
        let row = rows.first().ok_or_else(|| Trouble::new("what was connected is not there"))?;
        guest.is_connected_as(serde_json::from_value(row["id"].clone())?);
        Ok(())
    }

    async fn disconnect_in_chat(&self, person: &Person, integration: Uuid) -> Story {
        let said = self.say(person, "/disconnect").await?;
        let asked = self.hears(person, &said, |message| message.button("Yes").is_some()).await?;
        let at = self.now()?;
        let pressed = person.press(&asked, "Yes").await?;
        self.note(&pressed)?;
        let told = self.waits(async || {
            let messages = person.heard().await?;
            Ok(messages.into_iter().find(|message| message.id >= asked.id && message.says("disconnected")))
        });
        let told = told.await;
        let answer = if told.is_ok() { Answer::Accepted } else { Answer::Unknown };
        self.asked(Deed::Disconnect { integration }, at, answer);
        told.map(drop)
    }

    /// The way through consent; answers the walk's state and the finish code. The browser comes back with the same callback
    /// twice: it sees the same page and changes nothing.
    async fn consent(&self, link: &Url, account: &str) -> Story<(String, String)> {
        let mut walk = self.house.walker(1, "Nobody")?;
        let consent = in_time(PAGE_WITHIN, walk.to_consent(link)).await?;
        let state = consent.url.query_pairs().find_map(|(name, value)| (name == "state").then(|| value.into_owned()));
        let state = state.ok_or_else(|| Trouble::new("a consent page without a state"))?;
        let callback = in_time(PAGE_WITHIN, walk.decide_and_stop(&consent, account, Consent::All)).await?;
        let mut code = None;
        let (mut comes, mut came_well) = (0, 0);
        while comes < TRIES && came_well < 2 {
            comes += 1;
            let at = self.now()?;
            let page = in_time(PAGE_WITHIN, walk.browser.open(&callback)).await;
            if came_well == 1 {
                self.broke(FaultKind::CallbackRepeated, "callback", at)?;
            }
            let shown = page.as_ref().ok().and_then(crate::browser::Page::finish_code);
            let answer = if shown.is_some() { Answer::Accepted } else { Answer::Unknown };
            self.asked(Deed::Callback { state: state.clone() }, at, answer);
            if let (Some(before), Some(now)) = (&code, &shown)
                && before != now
            {
                self.finds(format!("a browser that came back twice was shown two finish codes for {account}"));
            }
            came_well += usize::from(shown.is_some());
            code = code.or(shown);
            if came_well == 0 {
                sleep(TRY_AGAIN).await;
            }
        }
        Ok((state, code.ok_or_else(|| Trouble::new("no page after consent"))?))
    }

    /// Asks the same under the same `Idempotency-Key` until it is answered one way or the other.
    pub async fn insist(&self, api: &Api, method: Method, path: &str, key: &str, deed: &Deed) -> Story {
        let mut answer = Answer::Unknown;
        for _ in 0..TRIES {
            let at = self.now()?;
            let answered = self.answer(api.once(method.clone(), path, key)).await;
            answer = promise(answered.as_ref());
            self.asked(deed.clone(), at, answer);
            if answer != Answer::Unknown {
                break;
            }
            sleep(TRY_AGAIN).await;
        }
        ensure(answer == Answer::Accepted, format_args!("{path} was not accepted"))
    }

    /// What a program is answered, in time. An answer that no outage excuses is a finding.
    pub async fn answer(&self, call: impl Future<Output = Story<Answered>>) -> Story<Answered> {
        let answered = in_time(ANSWER_WITHIN, call).await?;
        let status = answered.status.as_u16();
        let is_typed = answered.content_type.starts_with("application/problem+json");
        if matches!(status, 401 | 404 | 500) || (status >= 400 && !is_typed) {
            self.finds(format!("a program was answered {status}: {}", answered.text));
        }
        Ok(answered)
    }

    /// Somebody writes to the bot.
    pub async fn say(&self, person: &Person, text: &str) -> Story<Said> {
        let said = person.say(text).await?;
        self.note(&said)?;
        Ok(said)
    }

    fn note(&self, said: &Said) -> Story {
        if let Some(update) = said.update_id {
            self.asked(Deed::Update { update }, self.now()?, Answer::Accepted);
        }
        Ok(())
    }

    /// What the bot says to this, below it.
    pub async fn hears(&self, person: &Person, said: &Said, is_it: impl Fn(&Message) -> bool) -> Story<Message> {
        let after = said.message_id.unwrap_or_default();
        let look = async || Ok(person.heard().await?.into_iter().find(|message| message.id > after && is_it(message)));
        self.waits(look).await
    }

    async fn waits<T>(&self, mut look: impl AsyncFnMut() -> Story<Option<T>>) -> Story<T> {
        let give_up = Instant::now() + HEARD_WITHIN;
        while Instant::now() < give_up {
            if let Some(seen) = look().await? {
                return Ok(seen);
            }
            sleep(LISTEN).await;
        }
        Err(Trouble::new("nothing was heard"))
    }
}

/// What an answer promises.
fn promise(answered: Result<&Answered, &Trouble>) -> Answer {
    match answered.map(|answered| answered.status.as_u16()) {
        Ok(200..=299) => Answer::Accepted,
        Ok(400..=499) => Answer::Refused,
        _ => Answer::Unknown,
    }
}

async fn in_time<T>(within: Duration, call: impl Future<Output = Story<T>>) -> Story<T> {
    timeout(within, call).await.map_err(|_| Trouble::new("no answer in time"))?
}
