//! Whether this process lives, whether it can do its work, and what it has counted.

use std::time::Duration;

use poem::web::Data;
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use tokio::time::timeout;

use super::Site;
use super::problem::{Problem, ProblemCode};
use crate::work;

/// How long a health check waits for anybody.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum HealthStatus {
    /// All is well.
    Ok,
    /// It works, but not as well as it should.
    Degraded,
}

/// What a process depends on and can do without for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum Part {
    /// The belt is away: jobs run straight from Postgres, more slowly.
    Redis,
}

/// How a process is.
#[derive(Debug, Object)]
pub struct Health {
    /// In a word.
    status: HealthStatus,
    /// What is away.
    #[oai(skip_serializing_if_is_empty)]
    degraded: Vec<Part>,
}

/// Whether requests can be sent here.
#[derive(ApiResponse)]
pub enum Readiness {
    /// They can.
    #[oai(status = 200)]
    Ready(Json<Health>),
}

/// Health and metrics. No API key is needed.
pub struct HealthApi;

#[OpenApi]
#[expect(clippy::unused_async, reason = "the macro takes async functions only")]
impl HealthApi {
    /// Whether the process lives
    ///
    /// Asks nobody. If this fails, restart the process.
    #[oai(path = "/health/live", method = "get")]
    async fn live(&self) -> Json<Health> {
        Json(Health { status: HealthStatus::Ok, degraded: vec![] })
    }

    /// Whether the process can do its work
    ///
    /// 200 also while Redis is away, which is then named: everything works without it, only more slowly. 503 while
    /// Postgres is away.
    #[oai(path = "/health/ready", method = "get")]
    async fn ready(&self, Data(site): Data<&Site>) -> Result<Readiness, Problem> {
        let (postgres, redis) = tokio::join!(
            timeout(PATIENCE, site.app.store.ping()),
            timeout(PATIENCE, work::is_belt_reachable(&site.app))
        );
        if !matches!(postgres, Ok(Ok(()))) {
            return Err(ProblemCode::DatabaseUnavailable.into());
        }
        let degraded = if redis == Ok(true) { vec![] } else { vec![Part::Redis] };
        let status = if degraded.is_empty() { HealthStatus::Ok } else { HealthStatus::Degraded };
        Ok(Readiness::Ready(Json(Health { status, degraded })))
    }

    /// What was counted
    ///
    /// In the text format of Prometheus. Counters are of this process.
    #[oai(path = "/metrics", method = "get")]
    async fn metrics(&self, Data(site): Data<&Site>) -> Result<PlainText<String>, Problem> {
        site.app.metrics.text().map(PlainText).map_err(|_| ProblemCode::Internal.into())
    }
}
