//! Check-ins and the answers in them.

use annals_domain::lift::wellbeing_session::Event;

use super::tables::{WELLBEING_RESPONSES, WELLBEING_SESSIONS};
use crate::{change::Change, recorded::Recorded, table::imported};

/// What happens to a session does to its row and to the rows of its answers.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    let change = match &recorded.event {
        Event::SessionStarted(started) => {
            let row = WELLBEING_SESSIONS.put(id, started).with("created_at", at);
            let unfinished = ["completed_at", "duration_seconds", "overall_mood", "notes"];
            unfinished.into_iter().fold(row, |row, column| row.with(column, ()))
        }
        Event::ResponseRecorded(answer) => {
            let row = WELLBEING_RESPONSES
                .put(answer.id, answer)
                .without("id")
                .without("activities_completed")
                .with("session_id", id)
                .with("created_at", at)
                .with("updated_at", at);
            let session = WELLBEING_SESSIONS.patch(id, answer).only(&["activities_completed"]);
            return vec![row, session.with("updated_at", at)];
        }
        Event::SessionCompleted(completed) => {
            WELLBEING_SESSIONS.patch(id, completed).without("child_id")
        }
        Event::SessionAbandoned(abandoned) => {
            WELLBEING_SESSIONS.patch(id, abandoned).without("child_id")
        }
        Event::Imported(row) => return imported([&WELLBEING_SESSIONS, &WELLBEING_RESPONSES], row),
    };
    vec![change.with("updated_at", at)]
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        lift::wellbeing_session::{
            ActivityType, Answer, ResponseRecorded, ResponseType, SessionAbandoned,
            SessionCompleted, SessionStarted, SessionStatus, SessionType,
        },
        testing::{ADA, day},
    };
    use serde_json::json;
    use uuid::Uuid;

    use super::{super::testing::changes, *};

    const RESPONSE: Uuid = Uuid::from_u128(0xa9);

    #[test]
    fn a_started_session_is_a_row() {
        let started = SessionStarted {
            child_id: ADA,
            session_type: SessionType::WeeklyReview,
            status: SessionStatus::InProgress,
            started_at: day(1),
            activities_completed: Some(vec![]),
        };
        assert_eq!(
            changes(project, "s", started),
            [json!({ "put": "wellbeing_sessions", "key": { "id": "s" }, "columns": {
                "child_id": ADA,
                "session_type": "weekly_review",
                "status": "in_progress",
                "started_at": day(1),
                "completed_at": null,
                "duration_seconds": null,
                "activities_completed": [],
                "overall_mood": null,
                "notes": null,
                "created_at": day(2),
                "updated_at": day(2),
            } })]
        );
    }

    #[test]
    fn an_answer_is_a_row_and_lengthens_the_sessions_list() {
        let answer = ResponseRecorded {
            id: RESPONSE,
            child_id: ADA,
            activity_type: ActivityType::MoodWheel,
            question_key: "mood".into(),
            question_text: None,
            response_type: ResponseType::Scale,
            response_value: Answer::try_from(json!({ "step": 4 })).unwrap(),
            response_score: Some(4),
            flags: Some(vec!["tired".into()]),
            activities_completed: Some(vec![ActivityType::WorrySpace, ActivityType::MoodWheel]),
        };
        assert_eq!(
            changes(project, "s", answer),
            [
                json!({ "put": "wellbeing_responses", "key": { "id": RESPONSE }, "columns": {
                    "session_id": "s",
                    "child_id": ADA,
                    "activity_type": "mood_wheel",
                    "question_key": "mood",
                    "question_text": null,
                    "response_type": "scale",
                    "response_value": { "step": 4 },
                    "response_score": 4,
                    "flags": ["tired"],
                    "created_at": day(2),
                    "updated_at": day(2),
                } }),
                json!({ "patch": "wellbeing_sessions", "key": { "id": "s" }, "columns": {
                    "activities_completed": ["worry_space", "mood_wheel"],
                    "updated_at": day(2),
                } }),
            ]
        );
    }

    #[test]
    fn a_completed_session_tells_when_how_long_and_how_it_was() {
        let completed = SessionCompleted {
            child_id: ADA,
            status: SessionStatus::Completed,
            completed_at: day(2),
            duration_seconds: 86_400,
            overall_mood: Some(5),
            notes: None,
        };
        assert_eq!(
            changes(project, "s", completed),
            [json!({ "patch": "wellbeing_sessions", "key": { "id": "s" }, "columns": {
                "status": "completed",
                "completed_at": day(2),
                "duration_seconds": 86_400,
                "overall_mood": 5,
                "notes": null,
                "updated_at": day(2),
            } })]
        );
    }

    #[test]
    fn an_abandoned_session_has_no_end_and_no_duration() {
        let abandoned = SessionAbandoned { child_id: ADA, status: SessionStatus::Abandoned };
        assert_eq!(
            changes(project, "s", abandoned),
            [json!({ "patch": "wellbeing_sessions", "key": { "id": "s" }, "columns": {
                "status": "abandoned",
                "updated_at": day(2),
            } })]
        );
    }
}
