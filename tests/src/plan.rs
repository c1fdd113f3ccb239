//! What a house is to be like before it is built.

use crate::house::House;
use crate::process::Environment;
use crate::servers::Servers;
use crate::trouble::Story;

/// What a house is to be like.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub(crate) settings: Environment,
    pub(crate) sandbox: Vec<String>,
    pub(crate) is_gated: bool,
    pub(crate) is_without_redis: bool,
    pub(crate) redis_number: Option<u8>,
    pub(crate) is_quiet: bool,
    pub(crate) servers: Option<Servers>,
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

    /// Builds on these servers instead of those that the environment names.
    #[must_use]
    pub fn on(mut self, servers: &Servers) -> Self {
        self.servers = Some(servers.clone());
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
