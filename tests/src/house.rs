//! A whole house of its own for each story: a database, a sandbox, one clock, and as many Bellhops as it takes.
//!
//! Houses share two servers and nothing else, so stories run side by side. A house that is dropped before its story came
//! to [`House::end`] prints the last words of every program; nothing it started outlives it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use redis::aio::MultiplexedConnection;
use reqwest::Client;
use tokio::process::Command;
use url::Url;
use uuid::Uuid;

use crate::api::Api;
use crate::browser::{Browser, http_client};
use crate::chat::Person;
use crate::database::{Database, Servers};
use crate::evidence::Evidence;
use crate::gate::Gate;
use crate::metrics;
use crate::process::{Environment, Program, free_port, program};
use crate::sandbox::Sandbox;
use crate::trouble::{Story, Trouble, ensure};
use crate::wait::until;

/// How many lines of each log are shown when a story fails.
const LAST_LINES: usize = 60;

/// What a house is to be like.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    settings: Environment,
    sandbox: Vec<String>,
    is_gated: bool,
    is_without_redis: bool,
    redis_number: Option<u8>,
    is_quiet: bool,
}

/// A Bellhop of the house.
struct Service {
    program: Program,
    origin: Url,
}

/// Programs, database and clock of one story.
pub struct House {
    /// What can be made to happen outside.
    pub sandbox: Sandbox,
    /// What lies behind.
    pub database: Database,
    /// Where Bellhop is reached.
    pub origin: Url,
    /// Between Bellhop and Postgres, in a house that was planned with gates.
    pub postgres_gate: Option<Gate>,
    /// Between Bellhop and Redis, likewise.
    pub redis_gate: Option<Gate>,
    settings: Environment,
    redis: Option<Url>,
    folder: PathBuf,
    services: BTreeMap<String, Service>,
    sandbox_program: Option<Program>,
    client: Client,
    evidence: Evidence,
    is_quiet: bool,
}

impl Plan {
    /// Changes a setting of Bellhop. An empty value takes it away.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Starts the sandbox with these arguments too.
    #[must_use]
    pub fn sandbox(mut self, arguments: &[&str]) -> Self {
        self.sandbox.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Puts gates before Postgres and Redis.
    #[must_use]
    pub fn gated(mut self) -> Self {
        self.is_gated = true;
        self
    }

    /// Gives Bellhop the address of a Redis that never was.
    #[must_use]
    pub fn without_redis(mut self) -> Self {
        self.is_without_redis = true;
        self
    }

    /// Uses a numbered database of the Redis, so that flushing it touches no other house.
    #[must_use]
    pub fn redis_number(mut self, number: u8) -> Self {
        self.redis_number = Some(number);
        self
    }

    /// Leaves the last words of its programs to whoever asks for them.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.is_quiet = true;
        self
    }

    /// Builds the house and migrates its database. No Bellhop serves yet.
    pub async fn build(self) -> Story<House> {
        House::build(self).await
    }

    /// Builds the house with one Bellhop that does everything.
    pub async fn open(self) -> Story<House> {
        let mut house = self.build().await?;
        house.serve("bellhop", &[]).await?;
        Ok(house)
    }
}

impl House {
    /// A house like most: everything up, one Bellhop that does everything.
    pub async fn open() -> Story<Self> {
        Plan::default().open().await
    }

    /// A house that is to be different.
    pub fn plan() -> Plan {
        Plan::default()
    }

    async fn build(plan: Plan) -> Story<Self> {
        let servers = Servers::given()?;
        let folder = std::env::temp_dir().join(format!("bellhop-story-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&folder)?;
        std::fs::write(folder.join("clock"), "0")?;
        let database = Database::create(&servers).await?;
        let client = http_client()?;
        let origin = Url::parse(&format!("http://127.0.0.1:{}", free_port()?))?;
        let (sandbox_program, sandbox_origin) = start_sandbox(&folder, &origin, &plan.sandbox).await?;
        let mut redis_url = servers.redis;
        if let Some(number) = plan.redis_number {
            redis_url.set_path(&number.to_string());
        }
        let mut house = Self {
            sandbox: Sandbox::at(sandbox_origin, client.clone()),
            database,
            origin,
            postgres_gate: None,
            redis_gate: None,
            settings: Environment::new(),
            redis: (!plan.is_without_redis).then(|| redis_url.clone()),
            folder,
            services: BTreeMap::new(),
            sandbox_program: Some(sandbox_program),
            client,
            evidence: Evidence::default(),
            is_quiet: plan.is_quiet,
        };
        house.furnish(&plan, &redis_url).await?;
        house.migrate().await?;
        Ok(house)
    }

    /// Fixes the settings that every Bellhop of the house shares.
    async fn furnish(&mut self, plan: &Plan, redis: &Url) -> Story {
        let (mut serving, mut redis) = (self.database.serving.clone(), redis.clone());
        if plan.is_gated {
            let (postgres_gate, redis_gate) = (Gate::before(&serving, 5432).await?, Gate::before(&redis, 6379).await?);
            (serving, redis) = (postgres_gate.address().clone(), redis_gate.address().clone());
            (self.postgres_gate, self.redis_gate) = (Some(postgres_gate), Some(redis_gate));
        }
        if plan.is_without_redis {
            redis = Url::parse(&format!("redis://127.0.0.1:{}", free_port()?))?;
        }
        let mut key = [0; 32];
        rand::rng().fill_bytes(&mut key);
        let key = base64::engine::general_purpose::STANDARD.encode(key);
        let outside = self.sandbox.origin.as_str().trim_end_matches('/').to_owned();
        for secret in [&key, &"sandbox-bot-token".to_owned(), &"sandbox-secret".to_owned()] {
            self.evidence.keep_secret(secret);
        }
        for address in [&serving, &redis] {
            self.evidence.keep_secret(address.password().unwrap_or_default());
        }
        let settings = [
            ("DATABASE_URL", serving.to_string()),
            ("REDIS_URL", redis.to_string()),
            ("PUBLIC_BASE_URL", self.origin.to_string()),
            ("MASTER_KEY", key),
            ("GOOGLE_CLIENT_ID", "sandbox-client".to_owned()),
            ("GOOGLE_CLIENT_SECRET", "sandbox-secret".to_owned()),
            ("GOOGLE_BASE_URL", outside.clone()),
            ("GOOGLE_ISSUER", outside.clone()),
            ("TELEGRAM_BOT_TOKEN", "sandbox-bot-token".to_owned()),
            ("TELEGRAM_API_URL", outside.clone()),
            ("TELEGRAM_LINK_URL", outside),
            ("ALLOW_PROVIDER_OVERRIDES", "true".to_owned()),
            ("CLOCK_OFFSET_FILE", self.folder.join("clock").display().to_string()),
        ];
        self.settings.extend(settings.map(|(name, value)| (name.to_owned(), value)));
        for (name, value) in &plan.settings {
            self.set(name, value);
        }
        Ok(())
    }

    /// Runs `bellhop migrate`, the only command that is given the owner's address.
    async fn migrate(&self) -> Story {
        let migrated = Command::new(program("bellhop")?)
            .arg("migrate")
            .env_clear()
            .envs(&self.settings)
            // Not through a gate: that is Bellhop's way, not the operator's.
            .env("DATABASE_URL", self.database.serving.as_str())
            .env("MIGRATE_DATABASE_URL", self.database.owner.as_str())
            .current_dir(&self.folder)
            .output()
            .await?;
        let words = String::from_utf8_lossy(&migrated.stderr);
        ensure(migrated.status.success(), format_args!("the database cannot be migrated: {words}"))
    }

    /// Changes a setting for whatever is started from now on. An empty value takes it away.
    pub fn set(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.settings.remove(name);
        } else {
            self.settings.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The settings of every Bellhop of the house.
    pub fn settings(&self) -> &Environment {
        &self.settings
    }

    /// Where its logs and its clock are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Starts a Bellhop with these roles, or all, and waits until it is ready. A name that was stopped or killed can be
    /// started again.
    pub async fn serve(&mut self, name: &str, roles: &[&str]) -> Story {
        self.start(name, roles)?;
        self.is_ready(name).await
    }

    /// Starts a Bellhop and does not wait.
    pub fn start(&mut self, name: &str, roles: &[&str]) -> Story {
        self.services.remove(name);
        let speaks = roles.is_empty() || roles.contains(&"http");
        let is_taken = self.services.values().any(|service| service.origin == self.origin);
        let origin = if speaks && !is_taken {
            self.origin.clone()
        } else {
            Url::parse(&format!("http://127.0.0.1:{}", free_port()?))?
        };
        let mut environment = self.settings.clone();
        let port = origin.port().unwrap_or_default();
        environment.insert("LISTEN_ADDR".to_owned(), format!("127.0.0.1:{port}"));
        let mut arguments = vec!["serve".to_owned()];
        if !roles.is_empty() {
            arguments.extend(["--only".to_owned(), roles.join(",")]);
        }
        let log = self.folder.join(format!("{name}.log"));
        let program = Program::start("bellhop", &arguments, &environment, &self.folder, log)?;
        self.services.insert(name.to_owned(), Service { program, origin });
        Ok(())
    }

    /// Waits until a Bellhop says that it is ready.
    pub async fn is_ready(&mut self, name: &str) -> Story {
        let client = self.client.clone();
        let service = self.service(name)?;
        let ready = service.origin.join("health/ready")?;
        until(&format!("{name} to be ready"), async || {
            if let Some(status) = service.program.ended()? {
                return Err(Trouble::new(format!("{name} ended with {status}: {}", service.program.printed())));
            }
            let answer = client.get(ready.clone()).send().await;
            Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
        })
        .await
    }

    /// `kill -9`.
    pub fn kill(&mut self, name: &str) -> Story {
        let mut service = self.services.remove(name).ok_or_else(|| Trouble::new(format!("there is no {name}")))?;
        service.program.kill();
        Ok(())
    }

    /// Asks a Bellhop to end, as a supervisor does, and waits for that.
    pub async fn stop(&mut self, name: &str) -> Story {
        let mut service = self.services.remove(name).ok_or_else(|| Trouble::new(format!("there is no {name}")))?;
        let status = service.program.stop(Duration::from_secs(35)).await?;
        ensure(status.success(), format_args!("{name} ended with {status}"))
    }

    /// Sends a signal by its name to a Bellhop: `STOP`, `CONT`.
    pub fn signal(&mut self, name: &str, signal: &str) -> Story {
        self.service(name)?.program.signal(signal)
    }

    /// What a Bellhop has logged, over all its runs.
    pub fn log_of(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(format!("{name}.log"))).unwrap_or_default()
    }

    /// Where a Bellhop is reached.
    pub fn origin_of(&self, name: &str) -> Story<Url> {
        let service = self.services.get(name).ok_or_else(|| Trouble::new(format!("there is no {name}")))?;
        Ok(service.origin.clone())
    }

    fn service(&mut self, name: &str) -> Story<&mut Service> {
        self.services.get_mut(name).ok_or_else(|| Trouble::new(format!("there is no {name}")))
    }

    /// Somebody on Telegram.
    pub fn person(&self, id: i64, name: &str) -> Person {
        Person::new(self.sandbox.clone(), id, name)
    }

    /// A browser that nobody has used.
    pub fn browser(&self) -> Story<Browser> {
        Browser::new(&self.origin, self.evidence.clone())
    }

    /// A program without a key.
    pub fn stranger(&self) -> Api {
        Api::new(self.client.clone(), self.origin.clone(), None, self.evidence.clone())
    }

    /// A program with this key, at a Bellhop.
    pub fn program(&self, key: &str) -> Api {
        self.program_at(&self.origin, key)
    }

    /// A program with this key that calls this address.
    pub fn program_at(&self, origin: &Url, key: &str) -> Api {
        self.evidence.keep_secret(key);
        Api::new(self.client.clone(), origin.clone(), Some(key.to_owned()), self.evidence.clone())
    }

    /// The time, by the clock that every program of the house reads.
    pub async fn now(&self) -> Story<DateTime<Utc>> {
        Ok(serde_json::from_value(self.sandbox.get("clock").await?["now"].clone())?)
    }

    /// Lets time pass for every program of the house at once.
    pub fn advance(&self, by: TimeDelta) -> Story {
        let clock = self.folder.join("clock");
        let offset: i64 = std::fs::read_to_string(&clock)?.trim().parse()?;
        let next = self.folder.join("clock.next");
        std::fs::write(&next, (offset + by.num_milliseconds()).to_string())?;
        // Renamed, so that nobody reads half a number.
        Ok(std::fs::rename(next, clock)?)
    }

    /// A metric summed over every Bellhop that lives, and over all series with these labels.
    pub async fn counted(&self, name: &str, labels: &[(&str, &str)]) -> Story<f64> {
        let mut sum = 0.0;
        for service in self.services.values() {
            let answer = self.client.get(service.origin.join("metrics")?).send().await?;
            let text = answer.text().await?;
            sum += metrics::sum(&text, name, labels);
            self.evidence.keep_page("/metrics", text);
        }
        Ok(sum)
    }

    /// How often something happened with OAuth, in the Bellhops that live.
    pub async fn oauth_counted(&self, event: &str) -> Story<f64> {
        self.counted("oauth_events_total", &[("provider", "google"), ("event", event)]).await
    }

    /// A connection to the house's Redis, past any gate.
    pub async fn redis(&self) -> Story<Option<MultiplexedConnection>> {
        let Some(url) = &self.redis else { return Ok(None) };
        Ok(Some(redis::Client::open(url.as_str())?.get_multiplexed_async_connection().await?))
    }

    /// What Bellhop's processes logged, by name.
    pub fn logs(&self) -> Story<Vec<(String, String)>> {
        let mut logs = vec![];
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            // The sandbox is no part of Bellhop and may log what it likes.
            if path.extension().is_some_and(|extension| extension == "log") && name != "sandbox" {
                logs.push((name, String::from_utf8_lossy(&std::fs::read(&path)?).into_owned()));
            }
        }
        Ok(logs)
    }

    /// The end of every story, from a crash of everything at once: the log still proves that states, views and jobs are
    /// what it says, and nothing secret lies anywhere.
    pub async fn end(mut self) -> Story {
        if !self.services.is_empty() {
            self.counted("oauth_events_total", &[]).await?;
        }
        self.services.clear();
        if let Some(gate) = &self.postgres_gate {
            gate.open();
        }
        self.command(&["audit", "verify"]).await?;
        self.scan_for_canaries().await?;
        self.is_quiet = true;
        Ok(())
    }

    /// Stops everything in good order, as the end of a demonstration does.
    pub async fn close(mut self) -> Story {
        let names: Vec<String> = self.services.keys().cloned().collect();
        for name in names {
            self.stop(&name).await?;
        }
        self.is_quiet = true;
        Ok(())
    }

    /// Prints the end of every log.
    pub fn print_last_words(&self) {
        for (name, log) in self.logs().unwrap_or_default() {
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- {name} ({} lines)", lines.len());
            for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
                eprintln!("{line}");
            }
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.services.clear();
        self.sandbox_program = None;
        if !self.is_quiet {
            self.print_last_words();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn start_sandbox(folder: &Path, house: &Url, more: &[String]) -> Story<(Program, Url)> {
    let mut environment = Environment::new();
    environment.insert("CLOCK_OFFSET_FILE".to_owned(), folder.join("clock").display().to_string());
    let callback = house.join("oauth/google/callback")?;
    let mut arguments = ["--listen", "127.0.0.1:0", "--redirect-uri", callback.as_str()].map(str::to_owned).to_vec();
    arguments.extend(more.iter().cloned());
    let log = folder.join("sandbox.log");
    let mut program = Program::start("bellhop-sandbox", &arguments, &environment, folder, log)?;
    let origin = until("the sandbox to listen", async || {
        if let Some(status) = program.ended()? {
            return Err(Trouble::new(format!("the sandbox ended with {status}: {}", program.printed())));
        }
        let printed = program.printed();
        let said = printed.lines().find_map(|line| line.strip_prefix("listening on "));
        said.map(|origin| Ok(Url::parse(origin.trim())?)).transpose()
    })
    .await?;
    Ok((program, origin))
}
