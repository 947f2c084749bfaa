//! What happens to an incident, in `incidents`.

use annals_domain::carenotes::incident::Event;

use super::{begun, changed, tables::INCIDENTS};
use crate::{change::Change, recorded::Recorded};

/// What an incident's event does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::IncidentReported(new) => begun(INCIDENTS.put(id, new), at),
        Event::IncidentActionsRecorded(new) => {
            changed(INCIDENTS.patch(id, new).without("resident_id"), at)
        }
        Event::IncidentAmended(amended) => {
            changed(INCIDENTS.patch(id, amended).without("resident_id"), at)
        }
        Event::Imported(row) => vec![INCIDENTS.imported(row)],
    }
}
