//! Readings, and what they count for: the spread's use, the client's history and day.

use annals_domain::samia::reading::Event;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    analytics,
    tables::{READING_SESSIONS, TAROT_SPREADS, USER_PROFILES},
};
use crate::{change::Change, recorded::Recorded};

/// What happens to a reading does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let at = recorded.at;
    match &recorded.event {
        Event::ReadingRequested(requested) => vec![
            asked_for(recorded, requested),
            // samia.rule.spread.usage
            TAROT_SPREADS
                .add(requested.spread_id, json!({ "usage_count": 1 }))
                .with("updated_at", at),
        ],
        Event::ReaderAssigned(assigned) => vec![changed(recorded, assigned)],
        Event::ReadingStarted(started) => vec![changed(recorded, started)],
        Event::CardsDrawn(drawn) => vec![changed(recorded, drawn)],
        Event::AiInterpretationRecorded(interpreted) => vec![changed(recorded, interpreted)],
        Event::ReaderInterpretationRecorded(interpreted) => vec![changed(recorded, interpreted)],
        Event::ReadingCompleted(completed) => {
            let row = changed(recorded, completed)
                .without("counts_for")
                .without("in_profile")
                .with("completed_at", at);
            let mut changes = vec![row];
            if let Some(client) = completed.counts_for {
                let day = at.date_naive();
                changes.push(analytics::one_more(client, day, "readings_completed"));
                if completed.in_profile {
                    let count = json!({ "reading_history_count": 1 });
                    changes.push(USER_PROFILES.add(client, count).with("updated_at", at));
                }
            }
            changes
        }
        Event::ReadingCancelled(cancelled) => vec![changed(recorded, cancelled)],
        Event::ReadingRated(rated) => vec![changed(recorded, rated)],
        Event::Imported(row) => vec![READING_SESSIONS.imported(row)],
    }
}

/// A row of a reading that has neither begun nor cards (F116).
fn asked_for(recorded: &Recorded<'_, Event>, payload: impl Serialize) -> Change {
    let mut row = READING_SESSIONS
        .put(recorded.id, payload)
        .without("card_count")
        .with("cards_drawn", json!([]))
        .with("created_at", recorded.at)
        .with("updated_at", recorded.at);
    for column in [
        "ai_interpretation",
        "ai_model_version",
        "reader_notes",
        "reader_interpretation",
        "duration_minutes",
        "satisfaction_rating",
        "client_feedback",
        "started_at",
        "completed_at",
    ] {
        row = row.with(column, Value::Null);
    }
    row
}

fn changed(recorded: &Recorded<'_, Event>, payload: impl Serialize) -> Change {
    READING_SESSIONS
        .patch(recorded.id, payload)
        .without("client_id")
        .with("updated_at", recorded.at)
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        samia::reading::{
            ReaderAssigned, ReadingCompleted, ReadingRated, ReadingRequested, SessionType, Status,
        },
        testing::{ADA, BOB, day},
    };
    use uuid::Uuid;

    use super::*;
    use crate::{
        Operation,
        samia::testing::{NULL, changes, fits, of},
    };

    #[test]
    fn a_reading_begins_as_a_whole_row_without_cards_and_counts_for_its_spread() {
        let spread_id = Uuid::from_u128(5);
        let requested = ReadingRequested {
            client_id: ADA,
            reader_id: None,
            spread_id,
            card_count: 3,
            question: None,
            session_type: SessionType::Standard,
            status: Status::Pending,
        };
        let changes = changes(project, requested);
        let row = of(&changes, "reading_sessions");
        fits(row);
        assert_eq!((&row.columns["cards_drawn"], &row.columns["started_at"]), (&json!([]), &NULL));
        let spread = of(&changes, "tarot_spreads");
        fits(spread);
        assert_eq!((spread.operation, &spread.key["id"]), (Operation::Add, &json!(spread_id)));
    }

    #[test]
    fn the_client_of_a_reading_never_changes() {
        let assigned = changes(project, ReaderAssigned { client_id: ADA, reader_id: BOB });
        let row = of(&assigned, "reading_sessions");
        assert_eq!(row.columns.keys().collect::<Vec<_>>(), ["reader_id", "updated_at"]);
        let rated = ReadingRated { client_id: ADA, satisfaction_rating: 5, client_feedback: None };
        fits(of(&changes(project, rated), "reading_sessions"));
    }

    #[test]
    fn a_completed_reading_counts_for_its_client_as_far_as_there_is_one() {
        let completed = |counts_for, in_profile| ReadingCompleted {
            counts_for,
            in_profile,
            status: Status::Completed,
            duration_minutes: 12,
        };
        let counted = changes(project, completed(Some(ADA), true));
        let row = of(&counted, "reading_sessions");
        fits(row);
        assert_eq!(row.columns["completed_at"], json!(day(1)));
        assert_eq!(of(&counted, "user_analytics").columns["readings_completed"], 1);
        let profile = of(&counted, "user_profiles");
        fits(profile);
        assert_eq!(profile.columns["reading_history_count"], 1);
        assert_eq!(changes(project, completed(Some(ADA), false)).len(), 2);
        assert_eq!(changes(project, completed(None, false)).len(), 1);
    }
}
