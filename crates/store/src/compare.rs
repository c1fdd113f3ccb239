//! Holding what is derived against the log: the state row, the view's row and the job rows of a tenant.

use std::collections::BTreeMap;

use bellhop_domain::{Integration, IntegrationId, Job, JobId, Jobs, Payload, TenantId};
use chrono::{DateTime, Utc};

use crate::Store;
use crate::error::StoreError;
use crate::integrations::reason;

impl Store {
    /// The first difference between the stored state or view of an integration and this fold of its events.
    pub async fn compare_state(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        folded: &Integration,
    ) -> Result<Option<String>, StoreError> {
        let loaded = self.load(tenant, integration).await?;
        if loaded.state != *folded {
            return Ok(Some("the state row differs".to_owned()));
        }
        let Some(row) = self.integration(tenant, integration).await? else {
            return Ok(Some("the view has no row".to_owned()));
        };
        let granted = folded.granted.iter().map(|one| one.name().to_owned()).collect();
        let missing = folded.missing.iter().map(|one| one.name().to_owned()).collect();
        let checks = [
            ("owner", Some(row.owner) == folded.owner),
            ("provider", Some(row.provider) == folded.provider),
            ("status", row.status == folded.status),
            ("generation", row.generation == folded.generation),
            ("scopes", row.scopes == folded.scopes),
            ("granted", row.granted == granted),
            ("missing", row.missing == missing),
            ("expires_at", row.expires_at == folded.expires_at),
            ("refreshed_at", row.refreshed_at == folded.refreshed_at),
            ("reason", row.reason == reason(folded)),
        ];
        Ok(checks.iter().find(|(_, same)| !same).map(|(name, _)| format!("the view differs in {name}")))
    }

    /// The differences between the job rows of a tenant and this fold of its log: ids, kinds, payloads and whether each is
    /// open or dead. Due times, attempts and leases belong to the table.
    pub async fn compare_jobs(&self, tenant: TenantId, folded: &Jobs) -> Result<Vec<String>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let rows = sqlx::query!(
            "select id, integration, payload, state from jobs where tenant = $1 and state in ('open', 'dead')",
            tenant.uuid()
        )
        .fetch_all(&mut *transaction)
        .await?;
        let mut stored: [BTreeMap<JobId, Job>; 2] = Default::default();
        for row in rows {
            let payload: Payload =
                serde_json::from_value(row.payload).map_err(|_| StoreError::Unreadable("the payload of a job"))?;
            let job = Job {
                id: JobId::new(row.id),
                integration: IntegrationId::new(row.integration),
                payload,
                due_at: DateTime::<Utc>::UNIX_EPOCH,
            };
            stored[usize::from(row.state == "dead")].insert(job.id, job);
        }
        let mut differences = vec![];
        for (state, rows, folded) in [("open", &stored[0], &folded.open), ("dead", &stored[1], &folded.dead)] {
            for (id, job) in folded {
                match rows.get(id) {
                    None => differences.push(format!("{} {id} should be {state}", job.payload.kind())),
                    Some(row) if row.payload != job.payload || row.integration != job.integration => {
                        differences.push(format!("{} {id} has another payload", job.payload.kind()));
                    }
                    Some(_) => {}
                }
            }
            for (id, job) in rows {
                if !folded.contains_key(id) {
                    differences.push(format!("{} {id} should not be {state}", job.payload.kind()));
                }
            }
        }
        Ok(differences)
    }

    /// What Postgres's clock says.
    pub async fn database_time(&self) -> Result<DateTime<Utc>, StoreError> {
        Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&self.pool).await?)
    }
}
