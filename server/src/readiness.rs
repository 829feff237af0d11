//! The checks of `/readyz`: `log` and `store`. Pure but for looking at the store.

use std::future::ready;

use kivi_process::health::{Check, Health};
use kivi_store::{ReplayProgress, StoreError, StoreStatus};
use tokio_util::sync::CancellationToken;

use crate::routes::StoreCell;

/// Adds the checks. Startup and liveness have none: a server that listens has started, however long its
/// log is, and no state of the log is mended by a restart in a loop.
pub(crate) fn register(
    health: &Health,
    store: StoreCell,
    progress: ReplayProgress,
    shutdown: CancellationToken,
) {
    let of_log = StoreCell::clone(&store);
    health.ready_check("log", move || {
        let status = of_log.get().map(|store| store.status());
        Box::pin(ready(log(status.as_ref(), &progress)))
    });
    health.ready_check("store", move || {
        let status = store.get().map(|store| store.status());
        Box::pin(ready(serving(status.as_ref(), shutdown.is_cancelled())))
    });
}

fn log(status: Option<&StoreStatus>, progress: &ReplayProgress) -> Check {
    match status {
        None => {
            let (records, (reached, last)) = (progress.records(), progress.reached());
            Check::pending(format!(
                "the log is being read: {records} records so far, at revision {reached} of {last}"
            ))
        }
        Some(StoreStatus { writable: Ok(()), last_revision, .. }) => {
            Check::ok(format!("the log takes writes and is at revision {last_revision}"))
        }
        // A full volume fails writes only, and mends itself by the writes that are tried; a server out of
        // service would get none.
        Some(StoreStatus { writable: Err(reason @ StoreError::LogFull), .. }) => {
            Check::ok(format!("reads only: {reason}"))
        }
        Some(StoreStatus { writable: Err(reason), .. }) => Check::failing(reason.to_string()),
    }
}

fn serving(status: Option<&StoreStatus>, shutting_down: bool) -> Check {
    match status {
        _ if shutting_down => Check::failing("the server is shutting down"),
        None => Check::pending("the store is filled from the log"),
        Some(status) => Check::ok(format!("serving; keys: {}, bytes: {}", status.keys, status.memory_bytes)),
    }
}

#[cfg(test)]
mod tests {
    use kivi_process::health::State;
    use kivi_store::StateHash;

    use super::*;

    fn status(writable: Result<(), StoreError>) -> StoreStatus {
        StoreStatus {
            keys: 2,
            memory_bytes: 300,
            last_revision: 7,
            hash: StateHash(0),
            log: None,
            compactions: 0,
            failed_compactions: 0,
            writable,
        }
    }

    #[test]
    fn while_the_log_is_read_both_are_pending_and_tell_how_far_it_is() {
        let check = log(None, &ReplayProgress::default());
        assert_eq!(check.state, State::Pending);
        assert!(check.message.contains("0 records so far, at revision 0 of 0"), "{}", check.message);
        assert_eq!(serving(None, false).state, State::Pending);
    }

    #[test]
    fn a_failed_log_takes_the_server_out_of_service_a_full_one_does_not() {
        assert_eq!(log(Some(&status(Ok(()))), &ReplayProgress::default()).state, State::Ok);
        let failed = log(
            Some(&status(Err(StoreError::LogFailed { message: "fsync failed".to_owned() }))),
            &ReplayProgress::default(),
        );
        assert_eq!((failed.state, failed.message.as_str()), (State::Failing, "fsync failed"));
        let full = log(Some(&status(Err(StoreError::LogFull))), &ReplayProgress::default());
        assert_eq!(full.state, State::Ok);
        assert!(full.message.starts_with("reads only: the log volume is full"), "{}", full.message);
    }

    #[test]
    fn a_server_that_ends_is_not_ready() {
        assert_eq!(serving(Some(&status(Ok(()))), false).state, State::Ok);
        assert_eq!(serving(Some(&status(Ok(()))), true).state, State::Failing);
    }
}
