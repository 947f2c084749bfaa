//! One archive: read in one snapshot, written beside, and put in its place whole.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    time::{Duration, SystemTime},
};

use annals_commands::export::{Archive, Wanted};
use annals_projections::tenant;
use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{ExportError, Shelf, file};
use crate::{
    engine::failpoint,
    transfer::{Tables, TransferError, export_alone},
};

/// How an archive's name ends.
const ENDING: &str = "jsonl";
/// How the name of one ends that is still being written.
const PART: &str = "part";
/// Nobody writes at a file for longer.
const ABANDONED: Duration = Duration::from_secs(86_400);
const DAY: u64 = 86_400;

/// Makes the archive of an export that was asked for at a position; none while the tables do not show
/// that position yet, or somebody is being forgotten in them. One that is there already stays as it is.
pub(super) async fn make(
    pool: &PgPool,
    tables: &Tables<'_>,
    wanted: &Wanted,
    position: i64,
    shelf: &Shelf,
    at: DateTime<Utc>,
) -> Result<Option<Archive>, ExportError> {
    let path = shelf.folder.join(format!("{}.{ENDING}", wanted.export_id));
    if !path.exists() {
        let mut connection = pool.acquire().await?;
        let beside = shelf.folder.join(format!("{}-{}.{PART}", wanted.export_id, Uuid::now_v7()));
        let written = write(&mut connection, tables, wanted, position, &beside, at).await;
        let settled = match written {
            Ok(Some(written)) => {
                failpoint("archive_written");
                let (beside, path) = (beside.clone(), path.clone());
                blocking(move || settle(&written, &beside, &path)).await
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        let _ = fs::remove_file(&beside);
        settled?;
        if !path.exists() {
            return Ok(None);
        }
        failpoint("archive_there");
    }
    Ok(Some(blocking(move || digest(&path).map_err(file(&path))).await?))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ExportError> + Send + 'static,
) -> Result<T, ExportError> {
    let failed = |error| TransferError::File(io::Error::other(error));
    spawn_blocking(work).await.map_err(failed)?
}

async fn write(
    connection: &mut PgConnection,
    tables: &Tables<'_>,
    wanted: &Wanted,
    position: i64,
    beside: &Path,
    at: DateTime<Utc>,
) -> Result<Option<File>, ExportError> {
    let name = tables.context.name;
    let of = tenant::handed_out(name, wanted.part).ok_or_else(|| {
        TransferError::Usage(format!("{name} does not say which rows of it are handed out"))
    })?;
    let mut snapshot = connection.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut *snapshot)
        .await?;
    let ready: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM annals.projections WHERE name = $1 AND position >= $2)
            AND NOT EXISTS (SELECT FROM annals.erasures WHERE redacted_at IS NULL)",
    )
    .bind(name)
    .bind(position)
    .fetch_one(&mut *snapshot)
    .await?;
    if !ready {
        return Ok(None);
    }
    let new = File::options().write(true).create_new(true).mode(0o600).open(beside);
    let mut out = BufWriter::new(new.map_err(file(beside))?);
    export_alone(&mut snapshot, tables, of, wanted.of, at, &mut out).await?;
    snapshot.rollback().await?;
    let whole = out.into_inner().map_err(|error| file(beside)(error.into_error()))?;
    Ok(Some(whole))
}

/// Puts a whole file in its place, for good. Where one is already, that one stays.
fn settle(written: &File, beside: &Path, path: &Path) -> Result<(), ExportError> {
    written.sync_all().map_err(file(beside))?;
    match fs::hard_link(beside, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(file(path)(error));
        }
        _ => {}
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|it| it.sync_all()).map_err(file(folder))
}

/// Which archive it is.
fn digest(path: &Path) -> io::Result<Archive> {
    let (mut input, mut hash) = (File::open(path)?, Context::new(&SHA256));
    let (mut buffer, mut bytes) = (vec![0; 1 << 16], 0);
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
    let digits = hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Archive { sha256: digits, bytes })
}

/// Makes the folder, where it is not there, and tries whether it can be written to.
pub(super) fn prepare(shelf: &Shelf) -> io::Result<()> {
    let folder = &shelf.folder;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let probe = folder.join(format!("{}.{PART}", Uuid::now_v7()));
    let tried = File::options().write(true).create_new(true).mode(0o600).open(&probe);
    tried.and_then(|mut it| it.write_all(b"annals"))?;
    fs::remove_file(probe)
}

/// Removes archives that lay there long enough, and what nobody finished. Other files stay.
pub(super) fn tidy(shelf: &Shelf, now: SystemTime) -> io::Result<u64> {
    let mut removed = 0;
    for entry in fs::read_dir(&shelf.folder)? {
        let entry = entry?;
        let longest = match kind(&entry.path()) {
            Some(Kind::Archive) => Duration::from_secs(shelf.days.saturating_mul(DAY)),
            Some(Kind::Part) => ABANDONED,
            None => continue,
        };
        let age = now.duration_since(entry.metadata()?.modified()?).unwrap_or_default();
        if age > longest {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

enum Kind {
    Archive,
    Part,
}

/// What a file is, by a name that only this gives.
fn kind(path: &Path) -> Option<Kind> {
    let name = path.file_stem()?.to_str()?;
    let begins_with_id = name.get(..36).is_some_and(|it| Uuid::try_parse(it).is_ok());
    match path.extension()?.to_str()? {
        ENDING if begins_with_id && name.len() == 36 => Some(Kind::Archive),
        PART if begins_with_id => Some(Kind::Part),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lay_there_long_enough_goes_and_what_is_not_ours_stays() {
        let folder = std::env::temp_dir().join(format!("annals-shelf-{}", Uuid::now_v7()));
        let shelf = Shelf { folder: folder.clone(), days: 7 };
        prepare(&shelf).unwrap();
        let ours = [format!("{}.jsonl", Uuid::now_v7()), format!("{}-x.part", Uuid::now_v7())];
        let others = ["notes.jsonl", "keep.part", "readme"].map(str::to_owned);
        for name in ours.iter().chain(&others) {
            fs::write(folder.join(name), "x").unwrap();
        }
        let day = Duration::from_secs(DAY);
        assert_eq!(tidy(&shelf, SystemTime::now()).unwrap(), 0);
        assert_eq!(tidy(&shelf, SystemTime::now() + day * 2).unwrap(), 1);
        assert_eq!(tidy(&shelf, SystemTime::now() + day * 8).unwrap(), 1);
        let left = fs::read_dir(&folder).unwrap().count();
        assert_eq!(left, others.len());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_archive_that_is_there_is_never_written_over() {
        let folder = std::env::temp_dir().join(format!("annals-shelf-{}", Uuid::now_v7()));
        prepare(&Shelf { folder: folder.clone(), days: 7 }).unwrap();
        let (first, second) = (folder.join("1.part"), folder.join("2.part"));
        let path = folder.join("archive");
        for (part, text) in [(&first, "one"), (&second, "two")] {
            fs::write(part, text).unwrap();
            settle(&File::open(part).unwrap(), part, &path).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        let archive = digest(&path).unwrap();
        assert_eq!(archive.bytes, 3);
        assert!(archive.sha256.starts_with("7692c3ad3540bb80"), "{}", archive.sha256);
        fs::remove_dir_all(folder).unwrap();
    }
}
