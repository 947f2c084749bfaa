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
        | Event::StaffDismissed(_)
        | Event::InvitationPlaceReserved(_)
        | Event::InvitationPlaceReleased(_) => return vec![],
        Event::Imported(row) => return vec![ORGANISATIONS.imported(row)],
    };
    vec![change.with("updated_at", at)]
}

fn status(id: &str, status: OrganisationStatus) -> Change {
    ORGANISATIONS.patch(id, ()).with("status", status)
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        lift::organisation::{
            ChildNumberAllocated, OrganisationArchived, OrganisationDetailsUpdated,
            OrganisationRegistered, OrganisationSuspended, OrganisationType, SubscriptionPlan,
        },
        testing::{ADA, day},
    };
    use serde_json::{Map, Value, json};

    use super::{super::testing::changes, *};

    fn patched(event: impl Into<Event>) -> Value {
        let [change] = &changes(project, "hill", event)[..] else { panic!("one change") };
        assert_eq!(
            (&change["patch"], &change["key"]["id"]),
            (&json!("organisations"), &json!("hill"))
        );
        change["columns"].clone()
    }

    #[test]
    fn a_registration_writes_a_whole_row() {
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
        let [row] = &changes(project, "hill", registered)[..] else { panic!("one change") };
        assert_eq!(row["put"], "organisations");
        let row = &row["columns"];
        assert_eq!((&row["type"], &row["status"]), (&json!("academy-trust"), &json!("trial")));
        assert_eq!((&row["created_at"], &row["updated_at"]), (&json!(day(2)), &json!(day(2))));
        assert_eq!((&row["max_practitioners"], &row["deleted_at"]), (&json!(null), &json!(null)));
    }

    #[test]
    fn a_change_writes_its_columns_and_when() {
        let details = OrganisationDetailsUpdated {
            phone: Some(None),
            ..OrganisationDetailsUpdated::default()
        };
        assert_eq!(patched(details), json!({"phone": null, "updated_at": day(2)}));
        let suspended = json!({"status": "suspended", "updated_at": day(2)});
        assert_eq!(patched(OrganisationSuspended {}), suspended);
        let archived = json!({"deleted_at": day(2), "updated_at": day(2)});
        assert_eq!(patched(OrganisationArchived {}), archived);
    }

    #[test]
    fn counting_places_writes_nothing() {
        let allocated = ChildNumberAllocated { child_id: ADA, display_id: 1, children: 1 };
        assert_eq!(changes(project, "hill", allocated), Vec::<Value>::new());
    }
}
