//! What happens to an audit, in `audits`.

use annals_domain::carenotes::audit::Event;

use super::{begun, changed, tables::AUDITS};
use crate::{change::Change, recorded::Recorded};

/// What an audit's event does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::AuditConducted(conducted) => begun(AUDITS.put(id, conducted), at),
        Event::AuditActionPlanUpdated(new) => changed(AUDITS.patch(id, new), at),
        Event::Imported(row) => vec![AUDITS.imported(row)],
    }
}
