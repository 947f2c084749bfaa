//! The read model of the context `carenotes`: what its events do to the documented tables.

pub mod assessment;
pub mod audit;
pub mod care_plan;
pub mod daily_record;
pub mod facility;
pub mod incident;
pub mod organization;
pub mod resident;
pub mod staff_member;
pub mod tables;

#[cfg(test)]
mod story;

use annals_domain::carenotes::{
    assessment::Assessment, audit::Audit, care_plan::CarePlan, daily_record::DailyRecord,
    facility::Facility, incident::Incident, organization::Organization, resident::Resident,
    staff_member::StaffMember,
};
use chrono::{DateTime, Utc};

use crate::{
    catalogue::{Context, projection},
    change::Change,
};

/// The read model.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "carenotes",
        tables: tables::TABLES,
        functions: tables::FUNCTIONS,
        views: tables::VIEWS,
        projections: vec![
            projection::<Organization>(organization::project),
            projection::<Facility>(facility::project),
            projection::<StaffMember>(staff_member::project),
            projection::<Resident>(resident::project),
            projection::<CarePlan>(care_plan::project),
            projection::<Assessment>(assessment::project),
            projection::<DailyRecord>(daily_record::project),
            projection::<Audit>(audit::project),
            projection::<Incident>(incident::project),
        ],
        every: None,
        before: None,
    }
}

/// A row that begins now.
fn begun(row: Change, at: DateTime<Utc>) -> Vec<Change> {
    vec![row.with("created_at", at).with("updated_at", at)]
}

/// A row that changes now.
fn changed(row: Change, at: DateTime<Utc>) -> Vec<Change> {
    vec![row.with("updated_at", at)]
}
