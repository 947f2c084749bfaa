//! What happens to an assessment, in `assessments`.

use annals_domain::carenotes::assessment::Event;

use super::{begun, changed, tables::ASSESSMENTS};
use crate::{change::Change, recorded::Recorded};

/// What an assessment's event does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::AssessmentRecorded(new) => begun(ASSESSMENTS.put(id, new), at),
        Event::AssessmentAmended(amended) => {
            changed(ASSESSMENTS.patch(id, amended).without("resident_id"), at)
        }
        Event::Imported(row) => vec![ASSESSMENTS.imported(row)],
    }
}
