//! What happens to a resident, in `residents`; and what erasing one does to all that was written about
//! them.

use annals_domain::carenotes::resident::Event;
use chrono::{DateTime, Utc};

use super::{
    begun, changed,
    tables::{ASSESSMENTS, CARE_PLANS, DAILY_RECORDS, INCIDENTS, RESIDENTS},
};
use crate::{change::Change, recorded::Recorded, table::Table};

/// Columns of an erased resident that read as null.
const FORGOTTEN: [&str; 9] = [
    "first_name",
    "last_name",
    "date_of_birth",
    "nhs_number",
    "room_number",
    "medical_details",
    "contact_details",
    "preferences",
    "encrypted_medical_notes",
];

/// What was written about a resident, and the columns of it that read as null then.
static WRITTEN: [(&Table, &[&str]); 4] = [
    (&CARE_PLANS, &["details"]),
    (&ASSESSMENTS, &["findings", "recommendations"]),
    (&DAILY_RECORDS, &["care_delivered", "observations"]),
    (&INCIDENTS, &["details", "actions_taken"]),
];

/// What a resident's event does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::ResidentAdmitted(admitted) => {
            let row = RESIDENTS.put(id, admitted).with("discharge_date", ());
            begun(row.with("encrypted_medical_notes", ()), at)
        }
        Event::ResidentDetailsUpdated(updated) => changed(RESIDENTS.patch(id, updated), at),
        Event::ResidentMoved(moved) => changed(RESIDENTS.patch(id, moved).without("moved_on"), at),
        Event::MedicalDetailsRecorded(new) => changed(RESIDENTS.patch(id, new), at),
        Event::MedicalNotesRecorded(kept) => changed(RESIDENTS.patch(id, kept), at),
        Event::ResidentPreferencesRecorded(new) => changed(RESIDENTS.patch(id, new), at),
        Event::ResidentDischarged(discharged) => changed(RESIDENTS.patch(id, discharged), at),
        Event::ResidentDied(died) => changed(RESIDENTS.patch(id, died), at),
        Event::ResidentReadmitted(back) => changed(RESIDENTS.patch(id, back), at),
        Event::ResidentErased(_) => erased(id, at),
        Event::Imported(row) => vec![RESIDENTS.imported(row)],
    }
}

fn erased(id: &str, at: DateTime<Utc>) -> Vec<Change> {
    let forget = |row: Change, columns: &[&'static str]| {
        columns.iter().fold(row, |row, column| row.with(*column, ())).with("updated_at", at)
    };
    let written = WRITTEN
        .iter()
        .map(|(table, columns)| forget(table.patch_where("resident_id", id), columns));
    [forget(RESIDENTS.patch(id, ()), &FORGOTTEN)].into_iter().chain(written).collect()
}
