//! A person's record: one row, as long as there is one.

use annals_domain::restorative::record::Event;

use super::tables::RESTORATIVE_RECORDS;
use crate::{change::Change, recorded::Recorded};

/// What happens to a record does to its row.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (person, at) = (recorded.id, recorded.at);
    vec![match &recorded.event {
        Event::RestorativeRecordCreated(created) => {
            RESTORATIVE_RECORDS.put(person, created).with("created_at", at).with("updated_at", at)
        }
        Event::RestorativeRecordRevised(revised) => {
            RESTORATIVE_RECORDS.patch(person, revised).with("updated_at", at)
        }
        Event::RestorativeRecordErased(_) => RESTORATIVE_RECORDS.drop(person),
        Event::Imported(row) => RESTORATIVE_RECORDS.imported(row),
    }]
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        restorative::record::{
            RestorativeRecordCreated, RestorativeRecordErased, RestorativeRecordRevised,
        },
        testing::{ADA, day},
    };
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::{table::Key, testing::changes};

    fn what(event: impl Into<Event>) -> Vec<Value> {
        changes(project, ADA.values()[0].as_str().unwrap(), event)
    }

    #[test]
    fn a_record_is_a_row_that_is_made_changed_and_gone() {
        let (id, key) = (Uuid::from_u128(7), json!({ "user_id": ADA }));
        let introduction = Some("I am Ada".to_owned());
        let created = RestorativeRecordCreated { id, introduction, narrative: None };
        let row = json!({"id": id, "introduction": "I am Ada", "narrative": null,
                         "created_at": day(2), "updated_at": day(2)});
        assert_eq!(
            what(created),
            [json!({"put": "restorative_records", "key": key, "columns": row})]
        );
        let revised = RestorativeRecordRevised { introduction: Some(None), narrative: None };
        let row = json!({"introduction": null, "updated_at": day(2)});
        assert_eq!(
            what(revised),
            [json!({"patch": "restorative_records", "key": key, "columns": row})]
        );
        assert_eq!(
            what(RestorativeRecordErased {}),
            [json!({"drop": "restorative_records", "key": key, "columns": {}})]
        );
    }
}
