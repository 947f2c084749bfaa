//! Writing a copy into a folder: JSON Lines, Parquet, the page, the proof, and the manifest.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Dossier, manifest, page, parquet};
use crate::proof::note::SigningKey;

/// The manifest's file.
pub const MANIFEST: &str = "manifest";

/// The proof that the events stand in the signed log, where it is signed that far.
pub const PROOF: &str = "events.proof";

/// Why a copy is not there.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Writes a copy into a folder that is not there yet, which its owner alone may read. `proof` holds the
/// lines of a proof of its events. Returns the SHA-256 of the text that was signed.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    folder: &Path,
    dossier: &Dossier,
    proof: &[String],
    origin: &str,
    keys: &[SigningKey],
) -> Result<String, WriteError> {
    let done = write_all(folder, dossier, proof, origin, keys);
    done.map_err(|source| WriteError { path: folder.to_owned(), source })
}

fn write_all(
    folder: &Path,
    dossier: &Dossier,
    proof: &[String],
    origin: &str,
    keys: &[SigningKey],
) -> io::Result<String> {
    fs::DirBuilder::new().mode(0o700).create(folder)?;
    lines(folder, "events.jsonl", &dossier.events)?;
    let rows: Vec<Value> =
        dossier.rows.iter().map(|(table, row)| json!({ "table": table, "row": row })).collect();
    lines(folder, "rows.jsonl", &rows)?;
    lines(folder, "history.jsonl", &dossier.versions)?;
    lines(folder, "actors.jsonl", &dossier.people)?;
    lines(folder, "withheld.jsonl", &dossier.withheld)?;
    if !proof.is_empty() {
        let mut file = private(folder, PROOF)?;
        for line in proof {
            writeln!(file, "{line}")?;
        }
        file.sync_all()?;
    }
    tables(folder, dossier)?;
    private(folder, "index.html")?.write_all(page::page(dossier).as_bytes())?;
    let body = manifest::body(origin, dossier, folder)?;
    private(folder, MANIFEST)?.write_all(manifest::signed(&body, keys).as_bytes())?;
    Ok(manifest::digest_of(&body))
}

/// One Parquet file of all events, and for each table one of its rows and one of its history.
fn tables(folder: &Path, dossier: &Dossier) -> io::Result<()> {
    let mut files: BTreeMap<String, Vec<Map<String, Value>>> = BTreeMap::new();
    let of = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let events = dossier.events.iter().map(|event| of(&json!(event))).collect();
    files.insert("events.parquet".to_owned(), events);
    for (table, row) in &dossier.rows {
        let name = format!("rows.{}.parquet", table.replace('.', "_"));
        files.entry(name).or_default().push(row.clone());
    }
    for version in &dossier.versions {
        let mut row = version.row.clone();
        row.insert("annals_from_position".into(), json!(version.from_position));
        row.insert("annals_from".into(), json!(version.from));
        row.insert("annals_event".into(), json!(version.event_id));
        row.insert("annals_until".into(), json!(version.until));
        files.entry(format!("history.{}.parquet", version.table)).or_default().push(row);
    }
    for (name, rows) in files.iter().filter(|(_, rows)| !rows.is_empty()) {
        let mut fields: Vec<String> = Vec::new();
        for field in rows.iter().flat_map(Map::keys) {
            if !fields.contains(field) {
                fields.push(field.clone());
            }
        }
        parquet::write(private(folder, name)?, &fields, rows)?;
    }
    Ok(())
}

fn lines<T: Serialize>(folder: &Path, name: &str, items: &[T]) -> io::Result<()> {
    let mut file = BufWriter::new(private(folder, name)?);
    for item in items {
        writeln!(file, "{}", json!(item))?;
    }
    file.flush()?;
    file.get_ref().sync_all()
}

fn private(folder: &Path, name: &str) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(name))
}
