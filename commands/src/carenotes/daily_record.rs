//! Daily records: written and amended by staff with daily_records.record.

use std::sync::Arc;

use annals_domain::carenotes::daily_record::{
    AmendDailyRecord, DailyRecord, OfDailyCare, RecordDailyCare, Refusal,
};

use super::{
    access::resident_of,
    record::{amend, begin},
};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a daily record, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const MANAGE: &[&str] = &["carenotes.policy.daily_records.manage.org"];
    vec![
        command::<DailyRecord, RecordDailyCare>(Target::New, MANAGE, record),
        command::<DailyRecord, AmendDailyRecord>(Target::Given, MANAGE, amend::<OfDailyCare, _>),
    ]
}

fn record(work: &mut Work<'_>, id: &Arc<str>, new: &RecordDailyCare) -> Result<(), Stop> {
    let organization = begin::<OfDailyCare>(work, id)?;
    if let Some(resident_id) = new.resident_id {
        let resident = resident_of(work, organization, resident_id)?;
        let resident = resident.ok_or(Refusal::WrongOrganization)?;
        if new.date.is_some_and(|day| !resident.was_in_care(day, work.moment)) {
            return Err(Refusal::ResidentNotInCare.into());
        }
    }
    work.decide::<DailyRecord>(id, new.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::super::home::{BOSS, EDITH, MANORS_RESIDENT, NEW, home};

    #[test]
    fn daily_care_is_of_a_resident_in_care_on_a_day_that_has_begun_in_a_shift() {
        let mut world = home();
        let record = "carenotes.cmd.record_daily_care";
        let of = |resident: Uuid, date: Value| json!({"resident_id": resident, "date": date});
        let today = || json!("2026-01-01");
        world.as_person(BOSS);
        world.send(record, NEW, json!({"date": "2026-01-01"})).refused("reference_required");
        world.send(record, NEW, of(EDITH, Value::Null)).refused("date_required");
        world.send(record, NEW, of(MANORS_RESIDENT, today())).refused("wrong_organization");
        world.send(record, NEW, of(EDITH, json!("2026-01-02"))).refused("resident_not_in_care");
        world.send(record, NEW, of(EDITH, json!("2025-11-30"))).refused("resident_not_in_care");
        let noon = json!({"resident_id": EDITH, "date": "2026-01-01", "shift": "noon"});
        world.send(record, NEW, noon).refused("unknown_shift");
        world.send(record, NEW, of(EDITH, today())).accepted(&["DailyCareRecorded"]);
        let shift = json!({"shift": "noon"});
        world.send("carenotes.cmd.amend_daily_record", NEW, shift).refused("unknown_shift");
    }
}
