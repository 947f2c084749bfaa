use chrono::Duration;
use serde_json::json;

use super::*;
use crate::{
    DomainEvent, Subject,
    testing::{ADA, day, given},
};

fn start() -> StartSession {
    StartSession { session_type: SessionType::DailyCheckin }
}

fn started() -> SessionStarted {
    SessionStarted {
        child_id: ADA,
        session_type: SessionType::DailyCheckin,
        status: SessionStatus::InProgress,
        started_at: day(1),
        activities_completed: Some(vec![]),
    }
}

fn answer(activity_type: ActivityType) -> RecordResponse {
    RecordResponse {
        activity_type,
        question_key: "how_are_you".into(),
        question_text: Some("How are you?".into()),
        response_type: ResponseType::Scale,
        response_value: Answer(json!(4)),
        response_score: Some(4),
        flags: None,
    }
}

fn in_words(response_score: Option<i32>) -> RecordResponse {
    RecordResponse {
        response_type: ResponseType::Text,
        response_value: Answer(json!("my dog ran away")),
        response_score,
        flags: Some(vec!["sadness".into()]),
        ..answer(ActivityType::WorrySpace)
    }
}

fn completed() -> SessionCompleted {
    SessionCompleted {
        child_id: ADA,
        status: SessionStatus::Completed,
        completed_at: day(1),
        duration_seconds: 0,
        overall_mood: None,
        notes: None,
    }
}

fn abandoned() -> SessionAbandoned {
    SessionAbandoned { child_id: ADA, status: SessionStatus::Abandoned }
}

fn response(events: &[Event]) -> &ResponseRecorded {
    match events {
        [Event::ResponseRecorded(recorded)] => recorded,
        other => panic!("expected one answer, got {other:?}"),
    }
}

#[test]
fn a_child_starts_a_session_of_its_own_once() {
    given::<WellbeingSession>([])
        .when(start())
        .then([started()])
        .when(start())
        .refused("SessionAlreadyStarted");
}

#[test]
fn an_answer_belongs_to_the_sessions_child_and_has_an_id_of_its_own() {
    let (given, first) = given::<WellbeingSession>([started().into()])
        .by(crate::testing::BOB)
        .when(answer(ActivityType::MoodWheel))
        .events();
    let first = response(&first).clone();
    assert_eq!(first.child_id, ADA);
    assert_eq!(first.flags, Some(vec![]), "the documented default");
    let (given, second) = given.when(in_words(None)).events();
    let second = response(&second).clone();
    assert_eq!(second.flags, Some(vec!["sadness".into()]));
    assert_ne!(first.id, second.id);
    let held = given.state.started().map(|started| started.responses.clone());
    assert_eq!(held, Some(vec![first.id, second.id]));
}

#[test]
fn activities_are_listed_in_order_and_without_repeats() {
    let asked =
        [ActivityType::WorrySpace, ActivityType::MoodWheel, ActivityType::WorrySpace].map(answer);
    let mut session = given::<WellbeingSession>([started().into()]);
    let mut listed = vec![];
    for command in asked {
        let (next, events) = session.when(command).events();
        listed.push(response(&events).activities_completed.clone().unwrap());
        session = next;
    }
    let (worry, mood) = (ActivityType::WorrySpace, ActivityType::MoodWheel);
    assert_eq!(listed, [vec![worry], vec![worry, mood], vec![worry, mood]]);
}

#[test]
fn a_scales_answer_has_a_score_from_one_to_five_and_any_other_has_none() {
    let mut session = given::<WellbeingSession>([started().into()]);
    for response_score in [None, Some(0), Some(6), Some(-1)] {
        let command = RecordResponse { response_score, ..answer(ActivityType::MoodWheel) };
        session = session.when(command).refused("ScoreOutOfRange");
    }
    for response_score in [Some(3), Some(0)] {
        session = session.when(in_words(response_score)).refused("ScoreOutOfRange");
    }
    for response_score in [Some(1), Some(5)] {
        let command = RecordResponse { response_score, ..answer(ActivityType::MoodWheel) };
        let (next, events) = session.when(command).events();
        assert_eq!(response(&events).response_score, response_score);
        session = next;
    }
}

#[test]
fn a_session_lasts_the_whole_seconds_from_its_start_to_its_end() {
    given::<WellbeingSession>([started().into()])
        .at(day(1) + Duration::milliseconds(90_999))
        .when(CompleteSession { overall_mood: Some(4), notes: Some("better".into()) })
        .then([SessionCompleted {
            completed_at: day(1) + Duration::milliseconds(90_999),
            duration_seconds: 90,
            overall_mood: Some(4),
            notes: Some("better".into()),
            ..completed()
        }]);
}

#[test]
fn a_clock_that_went_back_makes_no_negative_duration() {
    given::<WellbeingSession>([started().into()])
        .at(day(0))
        .when(CompleteSession::default())
        .then([SessionCompleted { completed_at: day(0), ..completed() }]);
}

#[test]
fn a_mood_is_one_to_five_when_given() {
    let mut session = given::<WellbeingSession>([started().into()]);
    for mood in [0, 6, -3] {
        let command = CompleteSession { overall_mood: Some(mood), notes: None };
        session = session.when(command).refused("MoodOutOfRange");
    }
    session.when(CompleteSession::default()).then([completed()]);
}

#[test]
fn a_completed_session_stays_as_it_is() {
    given::<WellbeingSession>([started().into(), completed().into()])
        .when(answer(ActivityType::MoodWheel))
        .refused("SessionNotInProgress")
        .when(CompleteSession::default())
        .refused("SessionNotInProgress")
        .when(AbandonSession {})
        .refused("SessionNotInProgress");
}

#[test]
fn an_abandoned_session_stays_abandoned_and_abandoning_it_again_changes_nothing() {
    given::<WellbeingSession>([started().into()])
        .when(AbandonSession {})
        .then([abandoned()])
        .when(AbandonSession {})
        .then_nothing()
        .when(answer(ActivityType::MoodWheel))
        .refused("SessionNotInProgress")
        .when(CompleteSession::default())
        .refused("SessionNotInProgress");
}

#[test]
fn a_session_that_nobody_started_is_not_in_progress() {
    given::<WellbeingSession>([])
        .when(answer(ActivityType::MoodWheel))
        .refused("SessionNotInProgress")
        .when(CompleteSession::default())
        .refused("SessionNotInProgress")
        .when(AbandonSession {})
        .refused("SessionNotInProgress");
}

#[test]
fn an_answer_is_never_null() {
    assert!(serde_json::from_value::<Answer>(Value::Null).is_err());
    for value in [json!({}), json!("sad"), json!(false), json!([1, 2])] {
        let answer = serde_json::from_value::<Answer>(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(answer).unwrap(), value);
    }
}

/// What is read of an event once the child is erased.
fn erased(event: &Event) -> Event {
    let kind = event.event_type();
    assert_eq!(kind.subject, Subject::Field("child_id"));
    let mut payload = event.payload_value().unwrap();
    for field in kind.personal {
        payload[field.name] = field.tombstone.value(&ADA.to_string());
    }
    Event::read(kind.name, payload).unwrap().unwrap()
}

#[test]
fn an_erased_childs_session_is_remembered_alike() {
    let (alive, answered) =
        given::<WellbeingSession>([started().into()]).when(in_words(None)).events();
    let (alive, done) =
        alive.when(CompleteSession { overall_mood: Some(2), notes: Some("sad".into()) }).events();
    let clear: Vec<Event> =
        [Event::from(started())].into_iter().chain(answered).chain(done).collect();
    let gone: Vec<Event> = clear.iter().map(erased).collect();
    let told = gone.iter().map(|event| event.payload().unwrap()).collect::<String>();
    for word in ["my dog", "How are you", "sadness", "\"sad\"", "worry_space\"]"] {
        assert!(!told.contains(word), "{word} is still there: {told}");
    }
    assert_eq!(given::<WellbeingSession>(gone).state, alive.state);
}
