//! A call between participants of a room, from ringing to rating.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::words::{Object, Text};
use crate::{Decider, Imported, Moment, commands, events, refusals};

/// What is transmitted (samia.video_call_sessions.call_type.check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallType {
    /// Pictures and sound.
    #[default]
    Video,
    /// Sound.
    Audio,
    /// A screen.
    ScreenShare,
}

/// Where a call stands (samia.video_call_sessions.status.check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Somebody calls.
    #[default]
    Initiated,
    /// It rings with the others.
    Ringing,
    /// They talk.
    Active,
    /// They have talked.
    Ended,
    /// It came to nothing.
    Failed,
}

/// Calls others of a room. (samia.command.InitiateCall)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitiateCall {
    /// The room.
    pub room_id: Uuid,
    /// Who takes part, whoever calls included; everyone in the room where it is left out.
    #[serde(default)]
    pub participants: Option<Vec<Uuid>>,
    /// What is transmitted; `video` where it is left out.
    #[serde(default)]
    pub call_type: CallType,
    /// Who is in the room; the handler sets it.
    #[serde(skip)]
    pub in_room: Vec<Uuid>,
    /// Whether the room is active; the handler sets it.
    #[serde(skip)]
    pub room_active: bool,
}

/// It rings with the others. (samia.command.MarkCallRinging)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkCallRinging {}

/// Takes a call. (samia.command.AnswerCall)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerCall {}

/// Hangs up. (samia.command.EndCall)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndCall {
    /// Whether whoever called is there to be counted for; the handler sets it.
    #[serde(skip)]
    pub initiator_counts: bool,
}

/// A call came to nothing. (samia.command.FailCall)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailCall {}

/// Says how good a call was; the last rating stands. (samia.command.RateCall)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateCall {
    /// From 1 to 5.
    pub quality_rating: i32,
}

/// The media service reports how a call went over the wire. (samia.command.RecordCallQuality)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordCallQuality {
    /// In figures.
    #[serde(default)]
    pub connection_quality: Option<Object>,
    /// Over which region.
    #[serde(default)]
    pub server_region: Option<Text<50>>,
    /// Over which servers.
    #[serde(default)]
    pub ice_servers_used: Option<Value>,
}

commands! {
    /// What may be asked of a call.
    pub enum Command {
        InitiateCall, MarkCallRinging, AnswerCall, EndCall, FailCall, RateCall, RecordCallQuality,
    }
}

/// Somebody calls. (samia.event.CallInitiated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallInitiated {
    /// The room.
    pub room_id: Uuid,
    /// Who calls.
    pub initiator_id: Uuid,
    /// Who takes part.
    pub participants: Vec<Uuid>,
    /// What is transmitted.
    pub call_type: CallType,
    /// Always initiated.
    pub status: Status,
}

/// It rings. (samia.event.CallRinging)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallRinging {
    /// Always ringing.
    pub status: Status,
}

/// They talk. (samia.event.CallAnswered)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallAnswered {
    /// Always active.
    pub status: Status,
    /// Since when.
    pub started_at: DateTime<Utc>,
}

/// They have talked. (samia.event.CallEnded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallEnded {
    /// Whoever called, if still there to be counted for.
    pub counts_for: Option<Uuid>,
    /// Always ended.
    pub status: Status,
    /// Whole seconds since somebody answered.
    pub duration_seconds: i32,
}

/// It came to nothing. (samia.event.CallFailed)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallFailed {
    /// Always failed.
    pub status: Status,
}

/// Somebody rated. (samia.event.CallRated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallRated {
    /// From 1 to 5.
    pub quality_rating: i32,
}

/// How it went over the wire; what was not reported is left out. (samia.event.CallQualityRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallQualityRecorded {
    /// In figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_quality: Option<Object>,
    /// Over which region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_region: Option<Text<50>>,
    /// Over which servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ice_servers_used: Option<Value>,
}

events! {
    /// What happens to a call.
    pub enum Event {
        CallInitiated, CallRinging, CallAnswered, CallEnded, CallFailed, CallRated,
        CallQualityRecorded,
    }
    Imported {
        CallImported from video_call_sessions at [id],
    }
}

refusals! {
    /// What a call refuses.
    pub enum Refusal {
        /// samia.rule.call.transitions
        CallTransitionRefused => "the call does not stand where this is possible", hint "initiated, ringing, active, ended; or failed before it has ended";
        /// samia.rule.call.participants
        NotInRoom => "a call is between distinct participants of its room, whoever calls among them", at "participants";
        /// samia.rule.call.rating
        RatingRefused => "a call is rated from 1 to 5 once it has ended", at "quality_rating";
        /// samia.rule.room.active
        RoomClosed => "the room is closed", at "room_id";
        /// It was made.
        CallAlreadyInitiated => "there is a call of this id already";
        /// It was not made.
        CallNotFound => "there is no such call";
    }
}

/// A call, as far as decisions ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VideoCall {
    /// Who called, once somebody did.
    pub initiator: Option<Uuid>,
    /// Who takes part.
    pub participants: Vec<Uuid>,
    /// Where it stands.
    pub status: Status,
    active_since: Option<DateTime<Utc>>,
}

impl Decider for VideoCall {
    const TYPE: &'static str = "samia.video_call";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let Some(initiator) = self.initiator else {
            return match command {
                Command::InitiateCall(initiate) => call(initiate, moment),
                _ => Err(Refusal::CallNotFound),
            };
        };
        match command {
            Command::InitiateCall(_) => Err(Refusal::CallAlreadyInitiated),
            Command::MarkCallRinging(_) => {
                self.must_be(Status::Initiated)?;
                Ok(vec![CallRinging { status: Status::Ringing }.into()])
            }
            Command::AnswerCall(_) => {
                self.must_be(Status::Ringing)?;
                Ok(vec![CallAnswered { status: Status::Active, started_at: moment.now }.into()])
            }
            Command::EndCall(end) => {
                self.must_be(Status::Active)?;
                let since = self.active_since.unwrap_or(moment.now);
                let seconds = (moment.now - since).num_seconds().max(0);
                let ended = CallEnded {
                    counts_for: end.initiator_counts.then_some(initiator),
                    status: Status::Ended,
                    duration_seconds: i32::try_from(seconds).unwrap_or(i32::MAX),
                };
                Ok(vec![ended.into()])
            }
            Command::FailCall(_) if matches!(self.status, Status::Ended | Status::Failed) => {
                Err(Refusal::CallTransitionRefused)
            }
            Command::FailCall(_) => Ok(vec![CallFailed { status: Status::Failed }.into()]),
            Command::RateCall(RateCall { quality_rating }) => {
                if self.status == Status::Ended && (1..=5).contains(&quality_rating) {
                    Ok(vec![CallRated { quality_rating }.into()])
                } else {
                    Err(Refusal::RatingRefused)
                }
            }
            Command::RecordCallQuality(quality) => Ok(recorded(quality)),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::CallInitiated(it) => {
                self.initiator = Some(it.initiator_id);
                self.participants.clone_from(&it.participants);
            }
            Event::CallRinging(it) => self.status = it.status,
            Event::CallAnswered(it) => {
                self.status = it.status;
                self.active_since = Some(it.started_at);
            }
            Event::CallEnded(it) => self.status = it.status,
            Event::CallFailed(it) => self.status = it.status,
            Event::CallRated(_) | Event::CallQualityRecorded(_) => {}
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl VideoCall {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.initiator = row.get("initiator_id");
        self.participants = row.or_default("participants");
        self.status = row.or_default("status");
        self.active_since = row.get("started_at");
    }
}

impl VideoCall {
    /// Whether this person takes part.
    #[must_use]
    pub fn has(&self, person: Uuid) -> bool {
        self.participants.contains(&person)
    }

    fn must_be(&self, status: Status) -> Result<(), Refusal> {
        if self.status == status { Ok(()) } else { Err(Refusal::CallTransitionRefused) }
    }
}

fn call(initiate: InitiateCall, moment: &Moment) -> Result<Vec<Event>, Refusal> {
    if !initiate.room_active {
        return Err(Refusal::RoomClosed);
    }
    let in_room = &initiate.in_room;
    let participants = initiate.participants.unwrap_or_else(|| in_room.clone());
    let distinct =
        participants.iter().enumerate().all(|(nth, person)| !participants[..nth].contains(person));
    let known = participants.iter().all(|person| in_room.contains(person));
    if !distinct || !known || !participants.contains(&moment.actor) {
        return Err(Refusal::NotInRoom);
    }
    let initiated = CallInitiated {
        room_id: initiate.room_id,
        initiator_id: moment.actor,
        participants,
        call_type: initiate.call_type,
        status: Status::Initiated,
    };
    Ok(vec![initiated.into()])
}

fn recorded(quality: RecordCallQuality) -> Vec<Event> {
    if quality == RecordCallQuality::default() {
        return vec![];
    }
    let recorded = CallQualityRecorded {
        connection_quality: quality.connection_quality,
        server_region: quality.server_region,
        ice_servers_used: quality.ice_servers_used,
    };
    vec![recorded.into()]
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::testing::{ADA, BOB, Given, day, given};

    fn initiate(participants: Option<Vec<Uuid>>) -> InitiateCall {
        InitiateCall {
            participants,
            in_room: vec![ADA, BOB],
            room_active: true,
            ..InitiateCall::default()
        }
    }

    fn initiated() -> Given<VideoCall> {
        given::<VideoCall>([]).when(initiate(None)).events().0
    }

    fn ringing() -> Given<VideoCall> {
        initiated().when(MarkCallRinging {}).then([CallRinging { status: Status::Ringing }])
    }

    fn active() -> Given<VideoCall> {
        ringing().when(AnswerCall {}).events().0
    }

    #[test]
    fn a_call_is_between_participants_of_its_room_and_whoever_calls_is_one() {
        for wrong in [vec![BOB], vec![ADA, Uuid::nil()], vec![ADA, ADA], vec![]] {
            given::<VideoCall>([]).when(initiate(Some(wrong))).refused("NotInRoom");
        }
        given::<VideoCall>([])
            .when(InitiateCall { room_active: false, ..initiate(None) })
            .refused("RoomClosed")
            .when(AnswerCall {})
            .refused("CallNotFound");
        let given = initiated();
        assert_eq!(given.state.participants, [ADA, BOB]);
        given.when(initiate(None)).refused("CallAlreadyInitiated");
    }

    #[test]
    fn a_call_rings_is_answered_and_ends_counting_from_the_answer() {
        let ended =
            CallEnded { counts_for: Some(ADA), status: Status::Ended, duration_seconds: 61 };
        initiated().when(AnswerCall {}).refused("CallTransitionRefused");
        ringing()
            .when(MarkCallRinging {})
            .refused("CallTransitionRefused")
            .when(EndCall::default())
            .refused("CallTransitionRefused");
        active()
            .at(day(1) + Duration::milliseconds(61_900))
            .when(EndCall { initiator_counts: true })
            .then([ended])
            .when(EndCall::default())
            .refused("CallTransitionRefused")
            .when(FailCall {})
            .refused("CallTransitionRefused");
    }

    #[test]
    fn a_call_fails_from_anywhere_before_its_end() {
        for given in [initiated(), ringing(), active()] {
            given
                .when(FailCall {})
                .then([CallFailed { status: Status::Failed }])
                .when(FailCall {})
                .refused("CallTransitionRefused")
                .when(RateCall { quality_rating: 3 })
                .refused("RatingRefused");
        }
    }

    #[test]
    fn an_ended_call_is_rated_and_the_last_rating_stands() {
        let rate = |quality_rating| RateCall { quality_rating };
        active().when(rate(3)).refused("RatingRefused");
        let ended = active().when(EndCall::default()).events().0;
        ended
            .when(rate(0))
            .refused("RatingRefused")
            .when(rate(6))
            .refused("RatingRefused")
            .when(rate(1))
            .then([CallRated { quality_rating: 1 }])
            .when(rate(5))
            .then([CallRated { quality_rating: 5 }]);
    }

    #[test]
    fn quality_is_recorded_as_far_as_it_is_reported() {
        let region = RecordCallQuality {
            server_region: Some("eu".parse().unwrap()),
            ..RecordCallQuality::default()
        };
        let (given, events) = initiated().when(region).events();
        let [Event::CallQualityRecorded(recorded)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(serde_json::to_string(recorded).unwrap(), r#"{"server_region":"eu"}"#);
        given.when(RecordCallQuality::default()).then_nothing();
    }
}
