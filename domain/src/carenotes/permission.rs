//! What staff may do: eight codes, of which an administrator holds all (F080).

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A permission code of a member of staff (carenotes.users.permissions).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Permission {
    /// Open facilities and keep what is known of them.
    #[serde(rename = "facilities.manage")]
    FacilitiesManage,
    /// Add, change and remove staff.
    #[serde(rename = "users.manage")]
    UsersManage,
    /// Admit, move and discharge residents, and keep what is known of them.
    #[serde(rename = "residents.manage")]
    ResidentsManage,
    /// Draft, revise and close plans of care.
    #[serde(rename = "care_plans.manage")]
    CarePlansManage,
    /// Record assessments.
    #[serde(rename = "assessments.record")]
    AssessmentsRecord,
    /// Record what was done and seen in a shift.
    #[serde(rename = "daily_records.record")]
    DailyRecordsRecord,
    /// Audit facilities.
    #[serde(rename = "audits.conduct")]
    AuditsConduct,
    /// Report incidents.
    #[serde(rename = "incidents.report")]
    IncidentsReport,
}

impl Permission {
    /// Every code there is.
    pub const ALL: [Self; 8] = [
        Self::FacilitiesManage,
        Self::UsersManage,
        Self::ResidentsManage,
        Self::CarePlansManage,
        Self::AssessmentsRecord,
        Self::DailyRecordsRecord,
        Self::AuditsConduct,
        Self::IncidentsReport,
    ];
}

/// A set of permission codes, in the documented order.
pub type Permissions = BTreeSet<Permission>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_documented() {
        let all = Permissions::from(Permission::ALL);
        let documented = serde_json::json!([
            "facilities.manage",
            "users.manage",
            "residents.manage",
            "care_plans.manage",
            "assessments.record",
            "daily_records.record",
            "audits.conduct",
            "incidents.report"
        ]);
        assert_eq!(serde_json::to_value(all).unwrap(), documented);
    }
}
