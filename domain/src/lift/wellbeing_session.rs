//! A child's check-in: started, answered activity by activity, then completed or abandoned for good.
//! (lift.aggregate.WellbeingSession, stream: session id)

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Decider, Moment, commands, events, refusals};

/// The rhythm a session belongs to (lift.wellbeing_sessions.session_type.check).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionType {
    /// The short one of every day.
    DailyCheckin,
    /// A look back over the week.
    WeeklyReview,
    /// The long one of every month.
    MonthlyAssessment,
}

/// Where a session stands (lift.wellbeing_sessions.status.check).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// Open: it takes answers.
    InProgress,
    /// Finished by the child; final.
    Completed,
    /// Left open, or left without consent; final.
    Abandoned,
}

/// What the child did to answer (lift.wellbeing_responses.activity_type.check).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityType {
    /// Picked a mood.
    MoodWheel,
    /// Named a feeling.
    EmotionWheel,
    /// Tended the garden.
    GardenActivity,
    /// Thought about a question.
    ReflectionQuestion,
    /// Put down a worry.
    WorrySpace,
}

/// The form of an answer (lift.wellbeing_responses.response_type.check).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseType {
    /// A step from 1 to 5; the only form with a score.
    Scale,
    /// One or several of the choices offered.
    MultipleChoice,
    /// Words.
    Text,
    /// A picture sign.
    Emoji,
    /// A drawing.
    Drawing,
}

/// An answer as the app has it: any JSON but null, since its column holds no null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Answer(Value);

impl TryFrom<Value> for Answer {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        if value.is_null() { Err("an answer is not null") } else { Ok(Self(value)) }
    }
}

impl JsonSchema for Answer {
    fn schema_name() -> Cow<'static, str> {
        "Answer".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean", "object", "array"] })
    }
}

/// Starts a check-in of the child that asks. (lift.command.StartSession)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartSession {
    /// The rhythm it belongs to.
    pub session_type: SessionType,
}

/// Gives an answer inside an open check-in. (lift.command.RecordResponse)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordResponse {
    /// What the child did.
    pub activity_type: ActivityType,
    /// The question's name in the app.
    pub question_key: String,
    /// The question as the child read it.
    #[serde(default)]
    pub question_text: Option<String>,
    /// The form of the answer.
    pub response_type: ResponseType,
    /// The answer.
    pub response_value: Answer,
    /// 1 to 5 with a scale's answer; nothing with any other.
    #[serde(default)]
    #[schemars(range(min = 1, max = 5))]
    pub response_score: Option<i32>,
    /// What the app noticed in the answer, such as `self_harm`; nothing where none is given.
    #[serde(default)]
    pub flags: Option<Vec<String>>,
}

/// Finishes a check-in. (lift.command.CompleteSession)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteSession {
    /// How the child felt altogether, from 1 (worst) to 5 (best).
    #[serde(default)]
    #[schemars(range(min = 1, max = 5))]
    pub overall_mood: Option<i32>,
    /// What the child adds.
    #[serde(default)]
    pub notes: Option<String>,
}

/// Leaves a check-in unfinished. (lift.command.AbandonSession)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AbandonSession {}

commands! {
    /// What may be asked of a session.
    pub enum Command { StartSession, RecordResponse, CompleteSession, AbandonSession }
}

/// A child began a check-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionStarted {
    /// The child.
    pub child_id: Uuid,
    /// The rhythm it belongs to.
    pub session_type: SessionType,
    /// In progress.
    pub status: SessionStatus,
    /// When.
    pub started_at: DateTime<Utc>,
    /// No activity yet; null once the child is erased.
    pub activities_completed: Option<Vec<ActivityType>>,
}

/// A child answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResponseRecorded {
    /// The answer's own id.
    pub id: Uuid,
    /// The session's child.
    pub child_id: Uuid,
    /// What the child did.
    pub activity_type: ActivityType,
    /// The question's name in the app.
    pub question_key: String,
    /// The question as the child read it.
    pub question_text: Option<String>,
    /// The form of the answer.
    pub response_type: ResponseType,
    /// The answer; `{}` once the child is erased.
    pub response_value: Answer,
    /// 1 to 5 with a scale's answer.
    pub response_score: Option<i32>,
    /// What the app noticed in the answer; null once the child is erased.
    pub flags: Option<Vec<String>>,
    /// The session's activities so far, in order and without repeats; null once the child is erased.
    pub activities_completed: Option<Vec<ActivityType>>,
}

/// A child finished its check-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionCompleted {
    /// The child.
    pub child_id: Uuid,
    /// Completed.
    pub status: SessionStatus,
    /// When.
    pub completed_at: DateTime<Utc>,
    /// Whole seconds since the start, never negative.
    pub duration_seconds: i32,
    /// How the child felt altogether, from 1 to 5.
    pub overall_mood: Option<i32>,
    /// What the child added.
    pub notes: Option<String>,
}

/// A check-in was left unfinished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionAbandoned {
    /// The child.
    pub child_id: Uuid,
    /// Abandoned.
    pub status: SessionStatus,
}

events! {
    /// What happens to a session.
    pub enum Event {
        SessionStarted of child_id { activities_completed: null },
        ResponseRecorded of child_id {
            question_text: null,
            response_value: object,
            response_score: null,
            flags: null,
            activities_completed: null,
        },
        SessionCompleted of child_id { overall_mood: null, notes: null },
        SessionAbandoned of child_id,
    }
    Imported {
        SessionImported from wellbeing_sessions at [id] of [child_id] {
            activities_completed: null, overall_mood: null, notes: null,
        },
        ResponseImported from wellbeing_responses at [session_id] of [child_id] {
            question_text: null, response_value: object, response_score: null, flags: null,
        },
    }
}

refusals! {
    /// What a session refuses.
    pub enum Refusal {
        /// lift.rule.session.transitions, lift.rule.response.open_session
        SessionNotInProgress => "this session is not in progress";
        /// lift.rule.session.mood
        MoodOutOfRange => "a mood is 1 to 5", at "overall_mood";
        /// lift.rule.response.score
        ScoreOutOfRange => "a scale's answer has a score from 1 to 5, any other has none",
            at "response_score";
        /// A session starts once.
        SessionAlreadyStarted => "this session was started already";
    }
}

/// What decisions need to know of a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum WellbeingSession {
    /// Nothing happened yet.
    #[default]
    Unstarted,
    /// A child started it.
    Started(Started),
}

/// A session that a child started. Of its answers it knows which kinds there were, not what they say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The child.
    pub child_id: Uuid,
    /// Where the session stands.
    pub status: SessionStatus,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Kinds of activity answered, in order and without repeats.
    pub activities: Vec<ActivityType>,
    /// The answers' ids.
    pub responses: Vec<Uuid>,
}

impl WellbeingSession {
    /// The session as a child started it, if one did.
    #[must_use]
    pub fn started(&self) -> Option<&Started> {
        match self {
            Self::Unstarted => None,
            Self::Started(started) => Some(started),
        }
    }

    fn in_progress(&self) -> Result<&Started, Refusal> {
        self.started()
            .filter(|started| started.status == SessionStatus::InProgress)
            .ok_or(Refusal::SessionNotInProgress)
    }
}

impl Decider for WellbeingSession {
    const TYPE: &'static str = "lift.wellbeing_session";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::StartSession(start) => self.start(&start, moment),
            Command::RecordResponse(answer) => {
                Ok(vec![self.in_progress()?.record(answer, moment)?.into()])
            }
            Command::CompleteSession(end) => {
                Ok(vec![self.in_progress()?.complete(end, moment)?.into()])
            }
            Command::AbandonSession(AbandonSession {}) => self.abandon(),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match (event, self) {
            (Event::SessionStarted(event), state) => {
                *state = Self::Started(Started {
                    child_id: event.child_id,
                    status: event.status,
                    started_at: event.started_at,
                    activities: Vec::new(),
                    responses: Vec::new(),
                });
            }
            (Event::ResponseRecorded(event), Self::Started(started)) => {
                started.activities = started.activities_with(event.activity_type);
                started.responses.push(event.id);
            }
            (Event::SessionCompleted(event), Self::Started(started)) => {
                started.status = event.status;
            }
            (Event::SessionAbandoned(event), Self::Started(started)) => {
                started.status = event.status;
            }
            (Event::Imported(row), Self::Started(started)) => {
                if let Some(activity) = row.get("activity_type") {
                    started.activities = started.activities_with(activity);
                }
                started.responses.push(row.or_default("id"));
            }
            (Event::Imported(row), state) => {
                let Some(status) = row.get("status") else { return };
                *state = Self::Started(Started {
                    child_id: row.or_default("child_id"),
                    status,
                    started_at: row.or_default("started_at"),
                    activities: Vec::new(),
                    responses: Vec::new(),
                });
            }
            (
                Event::ResponseRecorded(_)
                | Event::SessionCompleted(_)
                | Event::SessionAbandoned(_),
                Self::Unstarted,
            ) => {}
        }
    }
}

impl WellbeingSession {
    fn start(&self, start: &StartSession, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        if self.started().is_some() {
            return Err(Refusal::SessionAlreadyStarted);
        }
        let started = SessionStarted {
            child_id: moment.actor,
            session_type: start.session_type,
            status: SessionStatus::InProgress,
            started_at: moment.now,
            activities_completed: Some(Vec::new()),
        };
        Ok(vec![started.into()])
    }

    /// Several timers and a withdrawn consent may ask for the same end: the second finds it done.
    fn abandon(&self) -> Result<Vec<Event>, Refusal> {
        if self.started().is_some_and(|started| started.status == SessionStatus::Abandoned) {
            return Ok(vec![]);
        }
        let child_id = self.in_progress()?.child_id;
        Ok(vec![SessionAbandoned { child_id, status: SessionStatus::Abandoned }.into()])
    }
}

impl Started {
    fn record(&self, answer: RecordResponse, moment: &Moment) -> Result<ResponseRecorded, Refusal> {
        let scored = answer.response_score.map(is_one_to_five);
        let scale = answer.response_type == ResponseType::Scale;
        if scored != scale.then_some(true) {
            return Err(Refusal::ScoreOutOfRange);
        }
        Ok(ResponseRecorded {
            id: moment.new_id(),
            child_id: self.child_id,
            activity_type: answer.activity_type,
            question_key: answer.question_key,
            question_text: answer.question_text,
            response_type: answer.response_type,
            response_value: answer.response_value,
            response_score: answer.response_score,
            flags: Some(answer.flags.unwrap_or_default()),
            activities_completed: Some(self.activities_with(answer.activity_type)),
        })
    }

    fn complete(&self, end: CompleteSession, moment: &Moment) -> Result<SessionCompleted, Refusal> {
        if end.overall_mood.is_some_and(|mood| !is_one_to_five(mood)) {
            return Err(Refusal::MoodOutOfRange);
        }
        let seconds = (moment.now - self.started_at).num_seconds().max(0);
        Ok(SessionCompleted {
            child_id: self.child_id,
            status: SessionStatus::Completed,
            completed_at: moment.now,
            duration_seconds: i32::try_from(seconds).unwrap_or(i32::MAX),
            overall_mood: end.overall_mood,
            notes: end.notes,
        })
    }

    /// The activities after one more answer (lift.rule.session.activities).
    fn activities_with(&self, activity: ActivityType) -> Vec<ActivityType> {
        let mut activities = self.activities.clone();
        if !activities.contains(&activity) {
            activities.push(activity);
        }
        activities
    }
}

fn is_one_to_five(number: i32) -> bool {
    (1..=5).contains(&number)
}

#[cfg(test)]
mod tests;
