//! Whether the key store answers, and whether our key-encryption key opens what is in it.

use std::{path::Path, time::Duration};

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use super::finding::Finding;
use crate::{
    keys::{Kek, KekError, Keys},
    ops::{setup::Setup, text::count},
};

/// How long the key store may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is in the key store.
#[derive(Debug, Clone, Default)]
struct Census {
    /// Key-encryption keys, and how many keys each wraps.
    wrapped: Vec<(String, i64)>,
    destroyed: i64,
    /// Persons whose keys are tried.
    sample: Vec<String>,
}

/// Looks at the key store and the key-encryption key.
pub(super) async fn check(setup: &Setup) -> Vec<Finding> {
    let mut findings = vec![of_file(setup.kek_file().as_deref())];
    let url = match setup.keys_url() {
        Ok(url) => url,
        Err(error) => {
            findings.push(Finding::failed("key store", error.to_string(), "set ANNALS_KEYS_URL"));
            return findings;
        }
    };
    if setup.database_url().is_ok_and(|events| events == url) {
        findings.push(Finding::warning(
            "key store",
            "it is the database of the events",
            "whoever restores a backup of both brings erased persons back: use a database of its own, \
             with backups of its own that are kept for at most 30 days",
        ));
    }
    let census = match timeout(PATIENCE, census(url)).await {
        Ok(Ok(census)) => census,
        Ok(Err(error)) => {
            let missing = error.as_database_error().and_then(|it| it.code());
            let advice = match missing.as_deref() {
                Some("42P01" | "3F000" | "3D000") => "run annals migrate",
                _ => {
                    "nothing personal can be stored or read without it: start it, or set \
                      ANNALS_KEYS_URL"
                }
            };
            findings.push(Finding::failed("key store", error.to_string(), advice));
            return findings;
        }
        Err(_) => {
            findings.push(Finding::failed("key store", "no answer in time", "start it"));
            return findings;
        }
    };
    let live: i64 = census.wrapped.iter().map(|it| it.1).sum();
    let seen = format!("answers: {}, {} destroyed", keys(live), census.destroyed);
    findings.push(Finding::ok("key store", seen));
    match setup.kek() {
        Ok(kek) => findings.push(fits(url, kek, &census).await),
        Err(_) => findings.push(Finding::skipped("kek fits", "there is none at hand")),
    }
    findings
}

/// Whether the key-encryption key's file is there, and closed to others.
fn of_file(path: Option<&Path>) -> Finding {
    let Some(path) = path else {
        return Finding::skipped("kek file", "ANNALS_KEK_FILE is not set");
    };
    match Kek::open(path) {
        Ok(_) => Finding::ok("kek file", format!("{} can be read", path.display())),
        Err(error @ KekError::Exposed(_)) => Finding::failed(
            "kek file",
            error.to_string(),
            "close it, and if somebody may have read it, begin a new key below the present one",
        ),
        Err(error) => Finding::failed(
            "kek file",
            error.to_string(),
            "put the file back from where it is kept; nothing sealed opens without it",
        ),
    }
}

async fn census(url: &str) -> Result<Census, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let wrapped = sqlx::query_as(
        "SELECT kek_id, count(*) FROM annals_keys.subject_keys WHERE kek_id IS NOT NULL
         GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await?;
    let destroyed = sqlx::query_scalar(
        "SELECT count(*) FROM annals_keys.subject_keys WHERE destroyed_at IS NOT NULL",
    )
    .fetch_one(&mut connection)
    .await?;
    let sample = sqlx::query_scalar(
        "SELECT subject FROM annals_keys.subject_keys WHERE kek_id IS NOT NULL LIMIT 20",
    )
    .fetch_all(&mut connection)
    .await?;
    connection.close().await?;
    Ok(Census { wrapped, destroyed, sample })
}

/// Whether the keys of the file open what is in the key store; some keys are tried.
async fn fits(url: &str, kek: Kek, census: &Census) -> Finding {
    let wrapped_by = |wrong: &dyn Fn(&str) -> bool| -> i64 {
        census.wrapped.iter().filter(|(id, _)| wrong(id)).map(|it| it.1).sum()
    };
    let unknown = wrapped_by(&|id| !kek.ids().any(|known| known == id));
    let former = wrapped_by(&|id| id != kek.id());
    if unknown > 0 {
        return Finding::failed(
            "kek fits",
            format!("{} wrapped by a key-encryption key that is not in the file", keys(unknown)),
            "set ANNALS_KEK_FILE to the key that this key store belongs to, or put the former key back \
             above the present one",
        );
    }
    let opened = async {
        let keys = Keys::open(url, kek).await?;
        keys.load(&census.sample).await
    };
    match opened.await {
        Ok(()) => {
            let tried = keys(i64::try_from(census.sample.len()).unwrap_or(i64::MAX));
            let seen = match former {
                0 => format!("{tried} opened on trial"),
                _ => format!("{tried} opened on trial; a former one still wraps {}", keys(former)),
            };
            Finding::ok("kek fits", seen)
        }
        Err(error) => Finding::failed(
            "kek fits",
            error.to_string(),
            "keys were altered: restore the key store from its backup",
        ),
    }
}

fn keys(amount: i64) -> String {
    count(amount, "key")
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::{super::finding::Verdict, *};

    #[test]
    fn the_key_file_is_there_and_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kek");
        assert_eq!(of_file(None).verdict, Verdict::Skipped);
        assert_eq!(of_file(Some(&path)).verdict, Verdict::Failed);
        Kek::open_or_create(&path).unwrap();
        assert_eq!(of_file(Some(&path)).verdict, Verdict::Ok);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(of_file(Some(&path)).advice.unwrap().contains("a new key"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short").unwrap();
        let found = of_file(Some(&path));
        assert!(found.verdict == Verdict::Failed && !found.seen.contains("short"));
    }
}
