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
            for (table, _) in of(context.name).map_or(&[][..], |tenant| tenant.rows) {
                assert!(known(table), "{}.{table}", context.name);
            }
        }
    }
}
