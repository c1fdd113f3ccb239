//! A whole house of its own for each story: a database, a sandbox, one clock, and as many Bellhops as it takes.
//!
//! Houses share two servers and nothing else, so stories run side by side. A house that is dropped before its story came
//! to [`House::end`] prints the last words of every program; nothing it started outlives it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use rand::Rng;
use reqwest::Client;
use tokio::process::Command;
use url::Url;
use uuid::Uuid;

use crate::browser::http_client;
use crate::database::Database;
use crate::evidence::Evidence;
use crate::gate::Gate;
use crate::plan::Plan;
use crate::process::{Environment, Program, free_port, program};
use crate::sandbox::{Sandbox, start_sandbox};
use crate::servers::Servers;
use crate::trouble::{Story, Trouble, ensure};
use crate::wait::until;

/// How many lines of each log are shown when a story fails.
const LAST_LINES: usize = 60;

/// A Bellhop of the house.
pub(crate) struct Service {
    pub(crate) program: Program,
    pub(crate) origin: Url,
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
    pub(crate) redis: Option<Url>,
    pub(crate) folder: PathBuf,
    pub(crate) services: BTreeMap<String, Service>,
    sandbox_program: Option<Program>,
    pub(crate) client: Client,
    pub(crate) evidence: Evidence,
    is_quiet: bool,
    keeps_folder: bool,
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

    pub(crate) async fn build(plan: Plan) -> Story<Self> {
        let servers = plan.servers.clone().map_or_else(Servers::given, Ok)?;
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
            keeps_folder: false,
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

    /// Keeps something that must appear in no table, log or metric.
    pub fn keep_secret(&self, secret: &str) {
        self.evidence.keep_secret(secret);
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
        let service = self.launch(name, roles, speaks && !is_taken)?;
        self.services.insert(name.to_owned(), service);
        Ok(())
    }

    /// Starts a Bellhop, at the house's own address or at another, for whoever looks after it.
    pub(crate) fn launch(&self, name: &str, roles: &[&str], at_the_door: bool) -> Story<Service> {
        let origin =
            if at_the_door { self.origin.clone() } else { Url::parse(&format!("http://127.0.0.1:{}", free_port()?))? };
        let mut environment = self.settings.clone();
        let port = origin.port().unwrap_or_default();
        environment.insert("LISTEN_ADDR".to_owned(), format!("127.0.0.1:{port}"));
        let mut arguments = vec!["serve".to_owned()];
        if !roles.is_empty() {
            arguments.extend(["--only".to_owned(), roles.join(",")]);
        }
        let log = self.folder.join(format!("{name}.log"));
        let program = Program::start("bellhop", &arguments, &environment, &self.folder, log)?;
        Ok(Service { program, origin })
    }

    /// Looks after a Bellhop from now on that somebody else launched.
    pub(crate) fn take_in(&mut self, name: &str, service: Service) {
        self.services.insert(name.to_owned(), service);
    }

    /// Leaves logs and clock where they are when the house goes; answers the folder.
    pub fn keep_folder(&mut self) -> PathBuf {
        self.keeps_folder = true;
        self.folder.clone()
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
        if !self.keeps_folder {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
