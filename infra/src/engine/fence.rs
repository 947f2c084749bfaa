//! The fence around whoever was erased: nothing more is asked about them.

use super::Submission;
use crate::keys::Keys;

/// What may still be noted of somebody erased, since it frees what others wait for and says nothing of who
/// they were.
const AFTERWARDS: &[&str] = &["discharge_resident", "record_resident_death"];

/// Whether a command is about somebody who was erased, and nothing that belongs to erasing them. What the
/// system itself sends is let through: contexts clean up after an erasure.
pub fn is_fenced(keys: &Keys, submission: &Submission, id: &str) -> bool {
    let command = &*submission.command;
    keys.is_erased(id)
        && !submission.actor.is_system()
        && !command.starts_with("erase_")
        && !AFTERWARDS.contains(&command)
}
