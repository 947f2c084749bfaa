//! Commands of the context `carenotes`: who may ask, and what each leads to.
//!
//! Rights are asked in [`access`]; what all kinds of record share is in [`record`]; each aggregate has
//! its file beside them.

pub mod access;
pub mod assessment;
pub mod audit;
pub mod care_plan;
pub mod daily_record;
pub mod facility;
pub mod import;
pub mod incident;
pub mod organization;
pub mod reactions;
pub mod record;
pub mod resident;
pub mod staff_member;

#[cfg(test)]
mod home;
#[cfg(test)]
mod rights;

use annals_domain::carenotes::{
    assessment::Assessment, audit::Audit, care_plan::CarePlan, daily_record::DailyRecord,
    facility::Facility, incident::Incident, organization::Organization, resident::Resident,
    staff_member::StaffMember,
};

use crate::{aggregate::AggregateType, catalogue::Context};

/// The context's commands and aggregates.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "carenotes",
        about: "Care homes, the people who live in them, and what staff plan, do and see there.",
        aggregates: vec![
            AggregateType::of::<Organization>(),
            AggregateType::of::<Facility>(),
            AggregateType::of::<StaffMember>(),
            AggregateType::of::<Resident>(),
            AggregateType::of::<CarePlan>(),
            AggregateType::of::<Assessment>(),
            AggregateType::of::<DailyRecord>(),
            AggregateType::of::<Audit>(),
            AggregateType::of::<Incident>(),
        ],
        commands: [
            organization::commands(),
            facility::commands(),
            staff_member::commands(),
            resident::commands(),
            care_plan::commands(),
            assessment::commands(),
            daily_record::commands(),
            audit::commands(),
            incident::commands(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        on_refused: None,
        region_of: None,
        reactions: Some(reactions::reactions()),
    }
}
