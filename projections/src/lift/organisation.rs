//! What happens to an organisation, in `organisations`.

use annals_domain::lift::organisation::{Event, OrganisationStatus};

use super::tables::ORGANISATIONS;
use crate::{change::Change, recorded::Recorded};

/// What an organisation's event does to rows. Counting places does nothing: the counts are for
/// decisions.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    let change = match &recorded.event {
        Event::OrganisationRegistered(registered) => {
            ORGANISATIONS.put(id, registered).with("created_at", at).with("deleted_at", ())
        }
        Event::OrganisationDetailsUpdated(updated) => ORGANISATIONS.patch(id, updated),
        Event::OrganisationSettingsChanged(changed) => ORGANISATIONS.patch(id, changed),
        Event::SubscriptionPlanChanged(changed) => ORGANISATIONS.patch(id, changed),
        Event::OrganisationLimitsSet(set) => ORGANISATIONS.patch(id, set),
        Event::OrganisationSuspended(_) => status(id, OrganisationStatus::Suspended),
        Event::OrganisationReactivated(_) => status(id, OrganisationStatus::Active),
        Event::OrganisationDeactivated(_) => status(id, OrganisationStatus::Inactive),
        Event::OrganisationArchived(_) => ORGANISATIONS.patch(id, ()).with("deleted_at", at),
        Event::ChildNumberAllocated(_)
        | Event::ChildPlaceFreed(_)
        | Event::StaffAdmitted(_)
        | Event::StaffDismissed(_) => return vec![],
    };
    vec![change.with("updated_at", at)]
}

fn status(id: &str, status: OrganisationStatus) -> Change {
    ORGANISATIONS.patch(id, ()).with("status", status)
}

#[cfg(test)]
mod tests {
    use annals_domain::lift::organisation::{
        ChildNumberAllocated, OrganisationArchived, OrganisationDetailsUpdated,
        OrganisationRegistered, OrganisationSuspended, OrganisationType, SubscriptionPlan,
    };
    use serde_json::{Map, json};
    use uuid::Uuid;

    use super::*;
    use crate::{
        change::Operation,
        lift::testing::{ID, at, changes, columns, documented, written},
    };

    #[test]
    fn a_registration_writes_every_documented_column() {
        let registered = OrganisationRegistered {
            name: "Hill".into(),
            r#type: OrganisationType::AcademyTrust,
            address_line_1: None,
            address_line_2: None,
            city: None,
            postcode: None,
            country: Some("UK".into()),
            phone: None,
            email: None,
            website: None,
            status: OrganisationStatus::Trial,
            subscription_plan: SubscriptionPlan::Professional,
            max_children: Some(50),
            max_practitioners: None,
            settings: Map::new(),
        };
        let changes = changes(project, registered);
        assert_eq!((changes.len(), changes[0].operation), (1, Operation::Put));
        assert_eq!(written(&changes[0]), documented(&ORGANISATIONS));
        let row = &changes[0].columns;
        assert_eq!((&row["type"], &row["status"]), (&json!("academy-trust"), &json!("trial")));
        assert_eq!((&row["created_at"], &row["deleted_at"]), (&at(), &json!(null)));
    }

    #[test]
    fn a_change_writes_its_columns_and_when() {
        let details = OrganisationDetailsUpdated {
            phone: Some(None),
            ..OrganisationDetailsUpdated::default()
        };
        assert_eq!(changes(project, details)[0].columns, columns(json!({"phone": null})));
        let suspended = changes(project, OrganisationSuspended {});
        assert_eq!(suspended[0].columns, columns(json!({"status": "suspended"})));
        let archived = changes(project, OrganisationArchived {});
        assert_eq!(archived[0].columns, columns(json!({"deleted_at": at()})));
        assert_eq!(archived[0].key["id"], ID);
    }

    #[test]
    fn counting_places_writes_nothing() {
        let child_id = Uuid::from_u128(1);
        let allocated = ChildNumberAllocated { child_id, display_id: 1, children: 1 };
        assert_eq!(changes(project, allocated), []);
    }
}
