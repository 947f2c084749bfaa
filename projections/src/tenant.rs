//! Which rows belong to one tenant: the one organisation, family or person that an export is of.
//!
//! Each table has a condition in which `$1` is the tenant's id; a table that is not listed belongs to
//! no tenant (reference data, settings and measurements of the platform) and comes along only as far
//! as the tenant's rows refer to it.

/// The rows of one tenant of a context.
#[derive(Debug, Clone, Copy)]
pub struct Tenant {
    /// What a tenant is called.
    pub is: &'static str,
    /// Tables and conditions.
    pub rows: &'static [(&'static str, &'static str)],
}

const OF_CHILD: &str = "child_id IN (SELECT id FROM lift.children WHERE org_id = $1)";
const OF_FAMILY: &str = "family_id = $1";
const OF_USER: &str = "user_id = $1";

static RESTORATIVE: Tenant = Tenant { is: "person", rows: &[("restorative_records", OF_USER)] };

static LIFT: Tenant = Tenant {
    is: "organisation",
    rows: &[
        ("organisations", "id = $1"),
        ("profiles", "org_id = $1"),
        ("children", "org_id = $1"),
        ("wellbeing_sessions", OF_CHILD),
        ("wellbeing_responses", OF_CHILD),
        ("garden_items", OF_CHILD),
        ("stickers_earned", OF_CHILD),
        ("alerts", OF_CHILD),
        ("invitations", "org_id = $1"),
    ],
};

const OF_FACILITY: &str =
    "facility_id IN (SELECT id FROM carenotes.facilities WHERE organization_id = $1)";
const OF_RESIDENT: &str = "resident_id IN (SELECT resident.id FROM carenotes.residents AS resident
     JOIN carenotes.facilities AS facility ON facility.id = resident.facility_id
     WHERE facility.organization_id = $1)";

static CARENOTES: Tenant = Tenant {
    is: "organization",
    rows: &[
        ("organizations", "id = $1"),
        ("facilities", "organization_id = $1"),
        ("users", "organization_id = $1"),
        ("residents", OF_FACILITY),
        ("care_plans", OF_RESIDENT),
        ("assessments", OF_RESIDENT),
        ("daily_records", OF_RESIDENT),
        ("audits", OF_FACILITY),
        (
            "incidents",
            "facility_id IN (SELECT id FROM carenotes.facilities WHERE organization_id = $1)
             OR resident_id IN (SELECT resident.id FROM carenotes.residents AS resident
                JOIN carenotes.facilities AS facility ON facility.id = resident.facility_id
                WHERE facility.organization_id = $1)",
        ),
    ],
};

static SAMIA: Tenant = Tenant {
    is: "user",
    rows: &[
        ("users", "id = $1"),
        ("user_profiles", OF_USER),
        ("payment_methods", OF_USER),
        ("user_wallets", OF_USER),
        ("transactions", OF_USER),
        ("tarot_spreads", "created_by = $1"),
        ("reading_sessions", "client_id = $1"),
        ("chat_rooms", "$1 = ANY (participants)"),
        (
            "chat_messages",
            "room_id IN (SELECT id FROM samia.chat_rooms WHERE $1 = ANY (participants))",
        ),
        ("video_call_sessions", "$1 = ANY (participants)"),
        ("user_analytics", OF_USER),
        ("audit_logs", OF_USER),
        ("security_events", OF_USER),
    ],
};

static NESTSYNC: Tenant = Tenant {
    is: "family",
    rows: &[
        ("users", "id IN (SELECT user_id FROM nestsync.family_members WHERE family_id = $1)"),
        ("families", "id = $1"),
        ("family_members", OF_FAMILY),
        ("children", OF_FAMILY),
        ("emergency_profiles", OF_FAMILY),
        ("inventory_items", OF_FAMILY),
        ("usage_logs", OF_FAMILY),
        ("reorder_suggestions", OF_FAMILY),
        ("usage_analytics", OF_FAMILY),
        ("analytics_events", OF_FAMILY),
        ("notification_preferences", OF_FAMILY),
        ("notification_logs", OF_FAMILY),
        ("payment_methods", OF_FAMILY),
        ("subscriptions", OF_FAMILY),
    ],
};

static LIFT_CHILD: Tenant = Tenant {
    is: "child",
    rows: &[
        ("profiles", "id = $1"),
        ("children", "id = $1"),
        ("wellbeing_sessions", "child_id = $1"),
        ("wellbeing_responses", "child_id = $1"),
        ("garden_items", "child_id = $1"),
        ("stickers_earned", "child_id = $1"),
        ("alerts", "child_id = $1"),
    ],
};

/// A family's rows, as its owner gets them: people's accounts are their own (nestsync.policy.users).
static NESTSYNC_HANDED: Tenant = Tenant { is: "family", rows: NESTSYNC.rows.split_at(1).1 };

/// The rows that are handed out to whoever asked for an export: of a whole tenant, or of a part of one
/// (`child` of an organisation). Rows that only lead elsewhere stay behind.
#[must_use]
pub fn handed_out(context: &str, part: Option<&str>) -> Option<&'static Tenant> {
    match (context, part) {
        ("lift", None) => Some(&LIFT),
        ("lift", Some("child")) => Some(&LIFT_CHILD),
        ("nestsync", None) => Some(&NESTSYNC_HANDED),
        _ => None,
    }
}

/// The rows of one tenant of a context; none where it has no tenants, or cannot be exported yet.
#[must_use]
pub fn of(context: &str) -> Option<&'static Tenant> {
    match context {
        "restorative" => Some(&RESTORATIVE),
        "lift" => Some(&LIFT),
        "samia" => Some(&SAMIA),
        "nestsync" => Some(&NESTSYNC),
        "carenotes" => Some(&CARENOTES),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    #[test]
    fn every_table_of_a_tenant_is_documented() {
        for context in Catalogue::new().contexts() {
            let known = |name: &str| context.tables.iter().any(|table| table.name == name);
            let all = [
                of(context.name),
                handed_out(context.name, None),
                handed_out(context.name, Some("child")),
            ];
            for (table, _) in all.into_iter().flatten().flat_map(|tenant| tenant.rows) {
                assert!(known(table), "{}.{table}", context.name);
            }
        }
    }

    #[test]
    fn a_child_gets_every_table_that_says_whose_child_a_row_is_about() {
        let catalogue = Catalogue::new();
        let lift = catalogue.context("lift").unwrap();
        let child = handed_out("lift", Some("child")).unwrap();
        for table in lift.tables.iter().filter(|it| !it.name.contains("summary")) {
            let about = table.columns().iter().any(|column| column.name == "child_id");
            let listed = child.rows.iter().any(|(name, _)| *name == table.name);
            assert!(listed || !about, "{}", table.name);
        }
        let family = handed_out("nestsync", None).unwrap();
        assert_eq!(family.rows.len(), NESTSYNC.rows.len() - 1);
        assert!(family.rows.iter().all(|(table, _)| *table != "users"));
    }
}
