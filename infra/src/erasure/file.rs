//! What the notary's folder keeps of erasures: it is on no disk of the databases', so that it outlives the
//! restoring of both.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::EraseError;
use crate::{keys::Order, proof::write_whole};

/// The file with all orders, one JSON object a line.
const ORDERS: &str = "erasures";
/// The folder with receipts, one file a person.
pub const RECEIPTS: &str = "receipts";

/// Every order that the folder knows of; what is related to a person may have been added by later lines.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read(folder: &Path) -> Result<Vec<Order>, EraseError> {
    let path = folder.join(ORDERS);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(EraseError::File { path, source }),
    };
    let mut orders: Vec<Order> = Vec::new();
    // A line that a crash cut off was not acknowledged, and is written again.
    for order in text.lines().filter_map(|line| serde_json::from_str::<Order>(line).ok()) {
        match orders.iter_mut().find(|known| known.subject == order.subject) {
            None => orders.push(order),
            Some(known) => {
                known.related.extend(order.related);
                known.related.sort_unstable();
                known.related.dedup();
            }
        }
    }
    Ok(orders)
}

/// Adds orders that the file does not hold, and waits until they are on disk.
///
/// # Errors
/// When the file cannot be written.
pub fn add(folder: &Path, orders: &[Order]) -> Result<(), EraseError> {
    let known = read(folder)?;
    let new: Vec<&Order> = orders.iter().filter(|order| !known.contains(order)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let path = folder.join(ORDERS);
    let mut text = String::new();
    for order in new {
        // The first character ends a line that a crash may have cut off.
        text.push('\n');
        text.push_str(&serde_json::to_string(order).unwrap_or_default());
        text.push('\n');
    }
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|source| EraseError::File { path, source })
}

/// Keeps a receipt.
///
/// # Errors
/// When it cannot be written.
pub fn keep_receipt(folder: &Path, subject: &str, receipt: &str) -> Result<PathBuf, EraseError> {
    let path = folder.join(RECEIPTS).join(name(subject));
    let written =
        fs::create_dir_all(folder.join(RECEIPTS)).and_then(|()| write_whole(&path, receipt));
    written.map_err(|source| EraseError::File { path: path.clone(), source })?;
    Ok(path)
}

/// A file's name of a person's id, which is a UUID nearly always.
fn name(subject: &str) -> String {
    let plain = |it: char| if it.is_ascii_alphanumeric() || it == '-' { it } else { '_' };
    subject.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    fn order(subject: &str, related: &[&str]) -> Order {
        Order {
            subject: subject.to_owned(),
            ordered_by: Uuid::from_u128(1),
            position: 7,
            ground: "subject_request".to_owned(),
            ordered_at: DateTime::from_timestamp(1_767_225_600, 0).unwrap(),
            related: related.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    #[test]
    fn orders_are_kept_once_and_what_is_found_later_is_added() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), []);
        add(folder.path(), &[order("a", &[]), order("b", &["i"])]).unwrap();
        add(folder.path(), &[order("a", &[]), order("b", &["i"])]).unwrap();
        add(folder.path(), &[order("a", &["j"])]).unwrap();
        assert_eq!(read(folder.path()).unwrap(), [order("a", &["j"]), order("b", &["i"])]);
        let text = fs::read_to_string(folder.path().join(ORDERS)).unwrap();
        assert_eq!(text.lines().filter(|line| !line.is_empty()).count(), 3);
    }

    #[test]
    fn a_line_that_was_cut_off_is_no_order_and_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(ORDERS), "{\"subject\": \"a\", \"ord").unwrap();
        add(folder.path(), &[order("b", &[])]).unwrap();
        assert_eq!(read(folder.path()).unwrap(), [order("b", &[])]);
    }
}
