//! What happens to a plan of care, in `care_plans`.

use annals_domain::carenotes::care_plan::Event;

use super::{begun, changed, tables::CARE_PLANS};
use crate::{change::Change, recorded::Recorded};

/// What a plan's event does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::CarePlanDrafted(drafted) => begun(CARE_PLANS.put(id, drafted), at),
        Event::CarePlanActivated(activated) => changed(CARE_PLANS.patch(id, activated), at),
        Event::CarePlanRevised(revised) => {
            changed(CARE_PLANS.patch(id, revised).without("resident_id"), at)
        }
        Event::CarePlanReviewScheduled(scheduled) => changed(CARE_PLANS.patch(id, scheduled), at),
        Event::CarePlanClosed(closed) => changed(CARE_PLANS.patch(id, closed), at),
        Event::Imported(row) => vec![CARE_PLANS.imported(row)],
    }
}
