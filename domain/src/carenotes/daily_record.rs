//! A daily record: what was done for a resident in a shift, and what was seen of them.
//! (carenotes.aggregate.DailyRecord, stream: daily record id)

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Form,
    permission::Permission,
    record::{About, Kind, Record},
};
use crate::{Moment, commands, events, refusals, text};

/// A third of the day. (carenotes.rule.daily_record.shift)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// The morning's.
    Early,
    /// The afternoon's.
    Late,
    /// The night's.
    Night,
}

impl Shift {
    /// The shift of this name.
    ///
    /// # Errors
    /// [`Refusal::UnknownShift`].
    pub fn named(name: &str) -> Result<Self, Refusal> {
        match name {
            "early" => Ok(Self::Early),
            "late" => Ok(Self::Late),
            "night" => Ok(Self::Night),
            _ => Err(Refusal::UnknownShift),
        }
    }
}

/// Records the care of a shift. (carenotes.command.RecordDailyCare)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordDailyCare {
    /// Resident it is about; needed.
    #[serde(default)]
    pub resident_id: Option<Uuid>,
    /// Day of the shift, within the stay; needed, and fixed from then on.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub date: Option<NaiveDate>,
    /// `early`, `late` or `night`.
    #[serde(default)]
    pub shift: Option<String>,
    /// What was done.
    #[serde(default)]
    pub care_delivered: Option<Form>,
    /// What was seen.
    #[serde(default)]
    pub observations: Option<Form>,
}

/// Amends a daily record; what is absent stays, null clears. (carenotes.command.AmendDailyRecord)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AmendDailyRecord {
    /// `early`, `late` or `night`.
    #[serde(deserialize_with = "text::some")]
    pub shift: Option<Option<String>>,
    /// What was done.
    #[serde(deserialize_with = "text::some")]
    pub care_delivered: Option<Option<Form>>,
    /// What was seen.
    #[serde(deserialize_with = "text::some")]
    pub observations: Option<Option<Form>>,
}

commands! {
    /// What may be asked of a daily record.
    pub enum Command { RecordDailyCare, AmendDailyRecord }
}

/// The care of a shift was recorded. (carenotes.event.DailyCareRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DailyCareRecorded {
    /// Resident it is about.
    pub resident_id: Uuid,
    /// Day of the shift.
    pub date: NaiveDate,
    /// The shift.
    pub shift: Option<Shift>,
    /// What was done.
    pub care_delivered: Option<Form>,
    /// What was seen.
    pub observations: Option<Form>,
    /// Member of staff who recorded it.
    pub created_by: Uuid,
}

/// A daily record reads otherwise; only what changed is there. (carenotes.event.DailyRecordAmended)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DailyRecordAmended {
    /// Resident it is about.
    pub resident_id: Uuid,
    /// Day of the shift, which tells where the row is.
    pub date: NaiveDate,
    /// The shift, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub shift: Option<Option<Shift>>,
    /// What was done, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub care_delivered: Option<Option<Form>>,
    /// What was seen, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub observations: Option<Option<Form>>,
}

events! {
    /// What happens to a daily record.
    pub enum Event {
        DailyCareRecorded of resident_id { care_delivered: null, observations: null },
        DailyRecordAmended of resident_id { care_delivered: null, observations: null },
    }
    Imported { DailyRecordImported from daily_records at [id] of [resident_id] { care_delivered: null, observations: null } }
}

refusals! {
    /// What a daily record refuses.
    pub enum Refusal {
        /// carenotes.rule.daily_record.date
        DateRequired => "a daily record is of a day", at "date";
        /// carenotes.rule.daily_record.shift
        UnknownShift => "a shift is early, late or night", at "shift";
        /// carenotes.rule.record.in_stay
        ResidentNotInCare => "the resident was not in care on that day, or it has not come yet", at "date";
        /// carenotes.rule.tenancy.required
        ReferenceRequired => "a daily record is about a resident", at "resident_id";
        /// carenotes.rule.actor.org
        WrongOrganization => "this resident is another organization's", at "resident_id";
        /// The record is there.
        DailyCareAlreadyRecorded => "this care was recorded already";
        /// There is none.
        DailyRecordUnknown => "no such daily record";
    }
}

/// What tells daily records from other records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OfDailyCare;

/// A daily record.
pub type DailyRecord = Record<OfDailyCare>;

impl Kind for OfDailyCare {
    const TYPE: &'static str = "carenotes.daily_record";
    const CODE: Permission = Permission::DailyRecordsRecord;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(
        about: Option<&About>,
        command: Command,
        moment: &Moment,
    ) -> Result<Option<Event>, Refusal> {
        let known = about.and_then(|about| Some((about.resident_id?, about.day?)));
        match (command, known) {
            (Command::RecordDailyCare(new), None) => {
                let recorded = DailyCareRecorded {
                    resident_id: new.resident_id.ok_or(Refusal::ReferenceRequired)?,
                    date: new.date.ok_or(Refusal::DateRequired)?,
                    shift: new.shift.as_deref().map(Shift::named).transpose()?,
                    care_delivered: new.care_delivered,
                    observations: new.observations,
                    created_by: moment.actor,
                };
                Ok(Some(recorded.into()))
            }
            (Command::RecordDailyCare(_), Some(_)) => Err(Refusal::DailyCareAlreadyRecorded),
            (Command::AmendDailyRecord(_), None) => Err(Refusal::DailyRecordUnknown),
            (Command::AmendDailyRecord(change), Some(_))
                if change == AmendDailyRecord::default() =>
            {
                Ok(None)
            }
            (Command::AmendDailyRecord(change), Some((resident_id, date))) => {
                let AmendDailyRecord { shift, care_delivered, observations } = change;
                let named = |shift: Option<String>| shift.as_deref().map(Shift::named).transpose();
                let shift = shift.map(named).transpose()?;
                let amended =
                    DailyRecordAmended { resident_id, date, shift, care_delivered, observations };
                Ok(Some(amended.into()))
            }
        }
    }

    fn about(event: &Event) -> Option<About> {
        match event {
            Event::DailyCareRecorded(recorded) => Some(About {
                resident_id: Some(recorded.resident_id),
                day: Some(recorded.date),
                ..About::default()
            }),
            Event::DailyRecordAmended(_) => None,
            Event::Imported(row) => Some(About {
                resident_id: row.get("resident_id"),
                day: row.get("date"),
                ..About::default()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{ADA, day, given};

    const EDITH: Uuid = Uuid::from_u128(0xed);

    fn record() -> RecordDailyCare {
        RecordDailyCare {
            resident_id: Some(EDITH),
            date: Some(day(3).date_naive()),
            shift: Some("night".into()),
            care_delivered: Some(json!({"turned": 2})),
            observations: None,
        }
    }

    fn recorded() -> Event {
        DailyCareRecorded {
            resident_id: EDITH,
            date: day(3).date_naive(),
            shift: Some(Shift::Night),
            care_delivered: Some(json!({"turned": 2})),
            observations: None,
            created_by: ADA,
        }
        .into()
    }

    #[test]
    fn care_is_recorded_once_of_a_resident_and_a_day() {
        given::<DailyRecord>([])
            .when(RecordDailyCare { resident_id: None, ..record() })
            .refused("ReferenceRequired")
            .when(RecordDailyCare { date: None, ..record() })
            .refused("DateRequired")
            .when(record())
            .then([recorded()])
            .when(record())
            .refused("DailyCareAlreadyRecorded");
    }

    #[test]
    fn there_are_three_shifts() {
        for (name, shift) in
            [("early", Shift::Early), ("late", Shift::Late), ("night", Shift::Night)]
        {
            assert_eq!(Shift::named(name), Ok(shift));
            assert_eq!(json!(shift), json!(name));
        }
        let noon = || Some("noon".to_owned());
        given::<DailyRecord>([])
            .when(RecordDailyCare { shift: noon(), ..record() })
            .refused("UnknownShift")
            .and(recorded())
            .when(AmendDailyRecord { shift: Some(noon()), ..Default::default() })
            .refused("UnknownShift");
    }

    #[test]
    fn a_daily_record_is_amended_and_keeps_its_day() {
        let observations = Some(Some(json!({"mood": "bright"})));
        let change = AmendDailyRecord {
            shift: Some(Some("late".into())),
            observations: observations.clone(),
            ..Default::default()
        };
        given::<DailyRecord>([])
            .when(change.clone())
            .refused("DailyRecordUnknown")
            .and(recorded())
            .at(day(9))
            .when(change)
            .then([DailyRecordAmended {
                resident_id: EDITH,
                date: day(3).date_naive(),
                shift: Some(Some(Shift::Late)),
                care_delivered: None,
                observations,
            }])
            .when(AmendDailyRecord::default())
            .then_nothing();
    }
}
