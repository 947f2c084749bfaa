//! Exports have no documented table; whoever looks for one reads the log.

use annals_domain::lift::data_export::Event;

use crate::{change::Change, recorded::Recorded};

/// What happens to an export does nothing to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    match &recorded.event {
        Event::DataExportRequested(_) | Event::DataExportCompleted(_) => vec![],
    }
}
