//! The demonstration: Bellhop's main job, played visibly and checked against what the sandbox was asked.
//!
//! `ops/demo` starts the servers and hands over to this program. It acts only through the chat, the browser's HTTP and the
//! command line, on a database and with keys of its own. With `--once` it ends after the story, non-zero if a step failed;
//! without, it stays up to be tried by hand.

use std::process::ExitCode;

use bellhop_tests::{House, Message, Person, Story, Trouble, Walk, ensure, until};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use url::Url;

/// How long the first access tokens live, so that one is refreshed while somebody watches.
const SHORT_LIFE_SECONDS: u32 = 14;

/// How long they live from then on, as Google's do.
const USUAL_LIFE_SECONDS: u32 = 3600;

/// Who plays the person on Telegram, as the chat page names them too.
const PERSON: i64 = 1001;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let once = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => false,
        ["--once"] => true,
        _ => {
            eprintln!("usage: demo [--once]");
            return ExitCode::from(2);
        }
    };
    let ended = tokio::select! {
        ended = demonstrate(once) => ended,
        // Everything that was started ends with the future that started it.
        stopped = interruption() => stopped.map(|()| ExitCode::from(130)),
    };
    match ended {
        Ok(code) => code,
        Err(trouble) => {
            eprintln!("\nFAILED: {trouble}");
            ExitCode::FAILURE
        }
    }
}

async fn interruption() -> Story {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    println!("\nstopping");
    Ok(())
}

async fn demonstrate(once: bool) -> Story<ExitCode> {
    println!("Bellhop, from an empty database to a mailbox in the chat:\n");
    let mut demo = Demo::prepare().await?;
    if let Err(trouble) = demo.tell().await {
        demo.house.print_last_words();
        return Err(trouble);
    }
    println!("\nEvery step done in {:.1} s.", demo.began.elapsed().as_secs_f64());
    if once {
        demo.house.close().await?;
    } else {
        demo.stay_up().await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The house, the person, and how far the story has come.
struct Demo {
    house: House,
    walk: Walk,
    steps: u32,
    began: Instant,
    step_began: Instant,
}

impl Demo {
    async fn prepare() -> Story<Self> {
        let began = Instant::now();
        let life = SHORT_LIFE_SECONDS.to_string();
        let house = House::plan().quiet().sandbox(&["--access-token-seconds", &life]).build().await?;
        let walk = house.walker(PERSON, "Ada")?;
        let migrations = house.database.number("select count(*) from _sqlx_migrations where success").await?;
        let mut demo = Self { house, walk, steps: 0, began, step_began: began };
        demo.done("migrated", &format!("{migrations} migrations, by the role that owns the tables"));
        Ok(demo)
    }

    async fn tell(&mut self) -> Story {
        self.serve().await?;
        self.greet().await?;
        self.connect().await?;
        self.read_mail().await?;
        self.page().await?;
        self.plan().await?;
        self.refresh().await?;
        let letter = self.lose_a_job().await?;
        self.replay(&letter).await?;
        self.disconnect().await?;
        self.prove().await
    }

    /// One line for one step.
    fn done(&mut self, step: &str, what: &str) {
        self.steps += 1;
        let took = self.step_began.elapsed().as_secs_f64();
        println!("  {:>2}  {step:<20} {what}  ({took:.1} s)", self.steps);
        self.step_began = Instant::now();
    }

    fn person(&self) -> &Person {
        &self.walk.person
    }

    async fn serve(&mut self) -> Story {
        self.house.serve("bellhop", &[]).await?;
        self.house.command(&["doctor"]).await?;
        self.done("serving", "HTTP, relay, worker and bot in one process; doctor has nothing to mend");
        Ok(())
    }

    async fn greet(&mut self) -> Story {
        self.person().ask("/start", "a welcome", |message| message.says("Bellhop")).await?;
        self.person().ask("good morning", "a helpful answer", |message| message.says("/help")).await?;
        self.done("greeted", "the bot says what it is, and answers words it does not know");
        Ok(())
    }

    async fn connect(&mut self) -> Story {
        self.walk.connect("alice").await?;
        // The first refresh answer brings a token that lives as long as Google's do.
        self.house.sandbox.set_google(json!({ "access_token_seconds": USUAL_LIFE_SECONDS })).await?;
        let ledger = self.house.sandbox.ledger().await?;
        let exchanges = ledger.exchanges();
        ensure(
            ledger.authorizations.len() == 1
                && exchanges.len() == 1
                && exchanges.iter().all(|exchange| exchange.outcome == "issued")
                && ledger.grant("alice").is_some_and(|grant| grant.scopes.len() == 4),
            format_args!("the sandbox gave something else: {:?} {exchanges:?}", ledger.grants),
        )?;
        self.done(
            "connected",
            "link, consent page, finish in Telegram; the sandbox counts 1 consent, 1 exchange, 1 grant",
        );
        Ok(())
    }

    async fn read_mail(&mut self) -> Story {
        let shown = self.open_inbox("alice").await?;
        let ledger = self.house.sandbox.ledger().await?;
        let read = ledger.calls_of("/gmail/v1/users/{user}/messages/{id}", Some("200"));
        let inbox = ledger.inbox("alice").len();
        ensure(
            inbox == 125 && read >= 125 && shown.says(&format!("of {inbox}")),
            format_args!("{inbox} mails in the inbox, {read} read, shown: {}", shown.text),
        )?;
        self.done(
            "mail read",
            &format!("{inbox} mails read and sealed; the chat shows the newest; the sandbox served {read}"),
        );
        Ok(())
    }

    /// Asks for the inbox until the first fetch has been shown in place.
    async fn open_inbox(&self, account: &str) -> Story<Message> {
        let count = self.house.sandbox.ledger().await?.inbox(account).len();
        let newest = self.house.sandbox.subjects(account).await?.into_iter().next().unwrap_or_default();
        let what = format!("the inbox of {account}");
        self.person()
            .ask("/inbox", &what, |message| {
                message.says(&format!("of {count}")) && message.text.contains(newest.trim())
            })
            .await
    }

    async fn page(&mut self) -> Story {
        let first = self.open_inbox("alice").await?;
        let subjects = self.house.sandbox.subjects("alice").await?;
        let shown = |message: &Message, subject: &String| message.text.contains(subject.trim());
        let per_page =
            subjects.iter().take_while(|subject| subject.trim().is_empty() || shown(&first, subject)).count();
        let next = subjects.iter().skip(per_page).find(|subject| !subject.trim().is_empty());
        let next = next.ok_or_else(|| Trouble::new("there is no second page"))?;
        self.person().press(&first, "Older").await?;
        let second = self.person().sees_change(first.id, "the second page", |message| shown(message, next)).await?;
        self.person().press(&second, "Newer").await?;
        self.person().sees_change(first.id, "the first page again", |message| shown(message, &subjects[0])).await?;
        self.done("paged", &format!("{per_page} mails a page, older and newer by buttons, in the same message"));
        Ok(())
    }

    async fn refresh(&mut self) -> Story {
        let sandbox = &self.house.sandbox;
        let ledger = until("the token to be refreshed by itself", async || {
            let ledger = sandbox.ledger().await?;
            Ok((!ledger.refreshes().is_empty()).then_some(ledger))
        })
        .await?;
        let refreshes = ledger.refreshes();
        ensure(
            refreshes.iter().all(|refresh| refresh.outcome == "issued" && refresh.account.as_deref() == Some("alice")),
            format_args!("refreshed otherwise: {refreshes:?}"),
        )?;
        let integration = self.house.connected_integration().await?;
        let house = &self.house;
        until("the refresh to be in the log", async || {
            let log = house.audit(&integration).await?;
            Ok(log.iter().any(|entry| entry["event"]["event"] == "AccessRefreshed").then_some(()))
        })
        .await?;
        let count = refreshes.len();
        self.done(
            "token refreshed",
            &format!("by itself, before its {SHORT_LIFE_SECONDS} s were over; the sandbox counts {count}"),
        );
        Ok(())
    }

    /// A second account, whose mail Google refuses in a way that no repetition can mend.
    async fn lose_a_job(&mut self) -> Story<String> {
        let refusal = json!({
            "path": "/gmail/v1/users/me/profile", "exact": true, "status": 400, "times": 1,
            "body": json!({ "error": { "code": 400, "message": "Precondition check failed.", "status": "FAILED_PRECONDITION",
                "errors": [{ "reason": "failedPrecondition", "message": "Precondition check failed.", "domain": "global" }] } })
                .to_string(),
        });
        self.house.sandbox.fault(refusal).await?;
        self.walk.connect("bob").await?;
        let house = &self.house;
        let letters = until("a dead letter", async || {
            let list = house.command(&["dead", "list", "--json"]).await?;
            let list: Value = serde_json::from_str(&list.out)?;
            Ok(list["letters"].as_array().filter(|letters| !letters.is_empty()).cloned())
        })
        .await?;
        ensure(letters.len() == 1, format_args!("one letter was expected: {letters:?}"))?;
        let job = letters[0]["job"].as_str().unwrap_or_default().to_owned();
        let reason = letters[0]["reason"].as_str().unwrap_or_default().to_owned();
        self.house.command(&["dead", "show", &job]).await?;
        self.done(
            "a dead letter",
            &format!("bob connected, his first fetch answered with 400: buried at once ({reason}), never retried"),
        );
        Ok(job)
    }

    async fn replay(&mut self, job: &str) -> Story {
        self.house.command(&["dead", "replay", job, "--dry-run"]).await?;
        self.house.command(&["dead", "replay", job, "--because", "Google answers again"]).await?;
        let integration = self.house.connected_integration().await?;
        let house = &self.house;
        let inbox = house.sandbox.ledger().await?.inbox("bob").len();
        until("the replayed job's mail", async || {
            let log = house.audit(&integration).await?;
            let fetched = log.iter().find(|entry| entry["event"]["event"] == "MailFetched");
            Ok(fetched.is_some_and(|entry| entry["event"]["added"] == inbox).then_some(()))
        })
        .await?;
        let again = house.command(&["dead", "replay", job, "--because", "again"]).await?;
        ensure(again.out.contains("nothing to do"), format_args!("a second replay did something: {}", again.out))?;
        self.done(
            "replayed",
            &format!("bellhop dead replay: {inbox} of bob's mails read; a second replay has nothing to do"),
        );
        Ok(())
    }

    async fn plan(&mut self) -> Story {
        let week = self
            .person()
            .ask("what's on next week?", "a week of alice's calendar", |message| {
                message.says("Checked at") && message.button("Picture").is_some()
            })
            .await?;
        self.person().press(&week, "Picture").await?;
        let house = &self.house;
        until("the week as a picture", async || {
            Ok((house.sandbox.ledger().await?.calls_of("/bot/sendPhoto", Some("200")) == 1).then_some(()))
        })
        .await?;
        let free = self
            .person()
            .ask("am I free next tuesday afternoon?", "free time", |message| message.says("12:00–18:00"))
            .await?;
        let slots = free.text.lines().filter(|line| line.contains("  (")).count();
        self.done(
            "planned",
            &format!("a week of her calendar in words and as a picture; {slots} free times on a Tuesday"),
        );
        Ok(())
    }

    async fn disconnect(&mut self) -> Story {
        let chooser = self
            .person()
            .ask("/disconnect", "a choice of accounts", |message| message.button("bob@").is_some())
            .await?;
        self.person().press(&chooser, "bob@").await?;
        let asked = self
            .person()
            .sees_change(chooser.id, "to be asked first", |message| message.button("Yes").is_some())
            .await?;
        self.person().press(&asked, "Yes").await?;
        self.person().sees_change(chooser.id, "the revocation", |message| message.says("confirmed")).await?;
        let ledger = self.house.sandbox.ledger().await?;
        let revoked: Vec<_> = ledger.revocations.iter().filter(|revocation| revocation.by == "client").collect();
        ensure(
            revoked.len() == 1 && ledger.grant("bob").is_none() && ledger.grant("alice").is_some(),
            format_args!("the sandbox says otherwise: {revoked:?} {:?}", ledger.grants),
        )?;
        self.done(
            "disconnected",
            "bob's grant revoked at the sandbox and his mail deleted here; alice stays connected",
        );
        Ok(())
    }

    async fn prove(&mut self) -> Story {
        let house = &self.house;
        // Between two jobs nothing moves; while one runs, the check may look at it half-way.
        let proof = until("the log to agree with everything", async || {
            let ran = house.try_command(&["audit", "verify"]).await?;
            Ok((ran.code == Some(0)).then_some(ran.out))
        })
        .await?;
        self.house.scan_for_canaries().await?;
        self.done(
            "proved",
            &format!("bellhop audit verify: {} No token, code or address in any table, log or metric.", proof.trim()),
        );
        Ok(())
    }

    /// Three addresses, and patience until somebody stops it.
    async fn stay_up(self) -> Story {
        let link = self.walk.link().await?;
        let key = self.house.command(&["api-key", "add", "demo"]).await?;
        let show = |name: &str, address: &Url| println!("  {name:<18} {address}");
        println!("\nIt stays up. To try by hand:\n");
        show("connect page", &link);
        show("chat with the bot", &self.house.sandbox.origin.join("chat")?);
        show("API documentation", &self.house.origin.join("docs")?);
        println!("\nThe connect page works once and for ten minutes; /connect in the chat makes a new one.");
        println!("An API key for Authorize in the documentation: {}", key.out.trim());
        println!("\nCtrl-C stops everything.");
        std::future::pending().await
    }
}
