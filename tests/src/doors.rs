//! The ways into a house, and what is seen of it from outside: people, browsers, programs, the clock and the counters.

use chrono::{DateTime, TimeDelta, Utc};
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use url::Url;

use crate::api::Api;
use crate::browser::Browser;
use crate::chat::{Group, Person};
use crate::house::House;
use crate::metrics;
use crate::trouble::Story;
use crate::wait::PATIENCE;

impl House {
    /// Somebody on Telegram.
    pub fn person(&self, id: i64, name: &str) -> Person {
        Person::new(self.sandbox.clone(), id, name)
    }

    /// A group on Telegram that the bot is in.
    pub async fn group(&self, id: i64, title: &str) -> Story<Group> {
        Group::found(self.sandbox.clone(), id, title).await
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
        Ok(Some(patient_redis(url.as_str()).await?))
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
}

/// A connection to a Redis that may be busy: by itself the client gives an answer up after half a second.
pub async fn patient_redis(address: &str) -> Story<MultiplexedConnection> {
    let patient =
        AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
    Ok(redis::Client::open(address)?.get_multiplexed_async_connection_with_config(&patient).await?)
}
