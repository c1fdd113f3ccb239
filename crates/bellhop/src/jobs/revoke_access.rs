//! Ending a grant at the provider after its owner has disconnected.

use bellhop_domain::{Command, Generation, JobFailure, Provider, RevocationOutcome};
use bellhop_providers::Revocation;
use bellhop_store::StoreError;

use super::{Run, Verdict, held, verdict_of};
use crate::app::App;
use crate::breakers::{self, Service};

/// Revokes the grant of this generation. The tokens go from the vault with the event that records the answer.
pub async fn run(generation: Generation, app: &App, run: &Run) -> Verdict {
    let done = |outcome| Verdict::Done(Command::RecordRevocation { job: run.job, outcome }.into());
    let state = match app.store.load(run.tenant, run.integration).await {
        Ok(loaded) => loaded.state,
        Err(error) => return failed(run, &error),
    };
    let tokens = match app.store.tokens(run.tenant, run.integration).await {
        Ok(tokens) => tokens.filter(|(stored, _)| *stored == generation),
        Err(error) => return failed(run, &error),
    };
    let (Some(provider), Some((_, tokens))) = (state.provider, tokens) else {
        return done(RevocationOutcome::AlreadyInvalid);
    };
    // Ending the grant now would end the connection of whoever has connected the same account in the meantime.
    match is_held_by_another(app, run, provider).await {
        Ok(false) => {}
        Ok(true) => return done(RevocationOutcome::KeptForAnother),
        Err(error) => return failed(run, &error),
    }
    // Revoking the refresh token ends the access tokens made from it (RFC 7009 section 2.1), not the other way round.
    let token = tokens.refresh.as_ref().unwrap_or(&tokens.access);
    let passage = match breakers::enter(app, run.tenant, provider, Service::Tokens, run.integration).await {
        Ok(passage) => passage,
        Err(held) => return held::wait(held, run, app.clock.now()),
    };
    let answer = app.provider(provider).revoke(token).await;
    passage.leave(answer.as_ref().map(drop)).await;
    match answer {
        Ok(Revocation::Revoked) => done(RevocationOutcome::Revoked),
        Ok(Revocation::AlreadyInvalid | Revocation::NotOffered) => done(RevocationOutcome::AlreadyInvalid),
        Err(error) => verdict_of(&error),
    }
}

async fn is_held_by_another(app: &App, run: &Run, provider: Provider) -> Result<bool, StoreError> {
    let Some(subject) = app.store.subject_of(run.tenant, run.integration).await? else { return Ok(false) };
    let holders = app.store.holders_of_subject(provider, &subject).await?;
    Ok(holders.iter().any(|(_, holder)| *holder != run.integration))
}

fn failed(run: &Run, error: &StoreError) -> Verdict {
    tracing::warn!(job = %run.job, %error, "the grant could not be revoked");
    Verdict::Retry { reason: JobFailure::Internal }
}
