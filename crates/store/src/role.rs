//! What must be so before anything is served: a role that cannot step around row-level security, a schema of this release,
//! and the master key that this database was sealed with.

use thiserror::Error;

use crate::error::StoreError;
use crate::{Store, migrate};

/// Why this database cannot be served from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoleProblem {
    /// Superusers see every tenant's rows.
    #[error("the serving role is a superuser and would see every tenant; use a plain role in DATABASE_URL")]
    Superuser,
    /// So do roles with BYPASSRLS.
    #[error("the serving role may bypass row-level security; run: alter role … nobypassrls")]
    BypassesRowSecurity,
    /// An owner could switch the policies off.
    #[error("the serving role owns the tables or is a member of their owner; serve as another role")]
    OwnsTables,
    /// A guarded table is not guarded.
    #[error("row-level security is not forced on the table {0}; run `bellhop migrate`")]
    Unguarded(String),
    /// The schema is older than this release.
    #[error("the database is not migrated; run `bellhop migrate`")]
    NotMigrated,
    /// The schema is newer than this release.
    #[error("the database was migrated by a newer release; upgrade this one")]
    Newer,
    /// The master key is not the one that this database was sealed with.
    #[error("MASTER_KEY is not the one this database was sealed with; set that one, or nothing stored can be opened")]
    OtherMasterKey,
    /// A dump from another cluster was restored.
    #[error("the log was restored from another cluster; run `bellhop migrate --after-restore`")]
    LogAhead,
}

impl Store {
    /// What is wrong with the role, the schema or the master key, if anything. To be asked before serving.
    pub async fn role_problem(&self) -> Result<Option<RoleProblem>, StoreError> {
        match self.keyless_role_problem().await? {
            None => Ok((!self.is_own_master_key().await?).then_some(RoleProblem::OtherMasterKey)),
            problem => Ok(problem),
        }
    }

    /// What is wrong with the role or the schema, if anything, for whoever has no master key yet.
    pub async fn keyless_role_problem(&self) -> Result<Option<RoleProblem>, StoreError> {
        let role = sqlx::query!(
            // Of the role itself and of every role it could become by `set role`.
            r#"select bool_or(rolsuper) as "superuser!", bool_or(rolbypassrls) as "bypasses!"
               from pg_roles where pg_has_role(current_user, oid, 'MEMBER')"#
        )
        .fetch_one(&self.pool)
        .await?;
        if role.superuser {
            return Ok(Some(RoleProblem::Superuser));
        }
        if role.bypasses {
            return Ok(Some(RoleProblem::BypassesRowSecurity));
        }
        let migrated = sqlx::query_scalar!(r#"select to_regclass('public._sqlx_migrations') is not null as "there!""#)
            .fetch_one(&self.pool)
            .await?;
        if !migrated {
            return Ok(Some(RoleProblem::NotMigrated));
        }
        self.schema_problem().await
    }

    /// Whether the master key is the one of this database. The first to ask makes it so.
    async fn is_own_master_key(&self) -> Result<bool, StoreError> {
        let check = self.keyring.seal_check()?;
        sqlx::query!("insert into keys.master_check (sealed) values ($1) on conflict do nothing", check)
            .execute(&self.pool)
            .await?;
        let sealed = sqlx::query_scalar!("select sealed from keys.master_check").fetch_one(&self.pool).await?;
        Ok(self.keyring.is_own_check(&sealed))
    }

    async fn schema_problem(&self) -> Result<Option<RoleProblem>, StoreError> {
        let applied =
            match sqlx::query_scalar!(r#"select version from _sqlx_migrations where success order by version"#)
                .fetch_all(&self.pool)
                .await
            {
                Ok(applied) => applied,
                // Not granted yet: the migrations were applied by something that does not know the serving role.
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => {
                    return Ok(Some(RoleProblem::NotMigrated));
                }
                Err(error) => return Err(error.into()),
            };
        let known = migrate::known();
        if known.iter().any(|version| !applied.contains(version)) {
            return Ok(Some(RoleProblem::NotMigrated));
        }
        if applied.iter().any(|version| !known.contains(version)) {
            return Ok(Some(RoleProblem::Newer));
        }
        let owned = sqlx::query_scalar!(
            r#"select 1 as one from pg_class
               where relnamespace in ('public'::regnamespace, 'keys'::regnamespace) and relkind = 'r'
                 and pg_has_role(current_user, relowner, 'MEMBER')
               limit 1"#
        )
        .fetch_optional(&self.pool)
        .await?;
        if owned.is_some() {
            return Ok(Some(RoleProblem::OwnsTables));
        }
        let unguarded = sqlx::query_scalar!(
            r#"select c.relname::text as "name!" from pg_class c
               join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped
               where c.relnamespace in ('public'::regnamespace, 'keys'::regnamespace) and c.relkind = 'r'
                 and not (
                     c.relrowsecurity and c.relforcerowsecurity
                     and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant')
                 )
               limit 1"#
        )
        .fetch_optional(&self.pool)
        .await?;
        if let Some(name) = unguarded {
            return Ok(Some(RoleProblem::Unguarded(name)));
        }
        let ahead = sqlx::query_scalar!(r#"select log_is_ahead() as "ahead!""#).fetch_one(&self.pool).await?;
        Ok(ahead.then_some(RoleProblem::LogAhead))
    }
}
