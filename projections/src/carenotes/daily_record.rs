//! What happens to a daily record, in `daily_records`: a row is found by its id and its day, which
//! tells the partition.

use annals_domain::carenotes::daily_record::Event;
use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{begun, changed, tables::DAILY_RECORDS};
use crate::{change::Change, recorded::Recorded};

/// What a daily record's event does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::DailyCareRecorded(new) => {
            begun(DAILY_RECORDS.put(key(id, new.date), new).without("date"), at)
        }
        Event::DailyRecordAmended(amended) => {
            let row = DAILY_RECORDS.patch(key(id, amended.date), amended);
            changed(row.without("resident_id").without("date"), at)
        }
        Event::Imported(row) => vec![DAILY_RECORDS.imported(row)],
    }
}

fn key(id: &str, date: NaiveDate) -> [Value; 2] {
    [json!(id), json!(date)]
}
