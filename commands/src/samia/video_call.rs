//! Who calls whom.

use std::sync::Arc;

use annals_domain::samia::{
    chat_room::ChatRoom,
    video_call::{
        AnswerCall, Command, EndCall, FailCall, InitiateCall, MarkCallRinging, RateCall,
        RecordCallQuality, VideoCall,
    },
};

use super::{acting_role, is_kept_user, system, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Loaded, Stop, Work},
};

/// What may be asked of a call, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const PARTY: &[&str] = &["samia.policy.video_call_sessions.manage.party"];
    const SYSTEM: &[&str] = &["samia.policy.video_call_sessions.signal.system"];
    const END: &[&str] = &[
        "samia.policy.video_call_sessions.manage.party",
        "samia.policy.video_call_sessions.signal.system",
    ];
    vec![
        command::<VideoCall, InitiateCall>(Target::New, PARTY, initiate),
        command::<VideoCall, MarkCallRinging>(Target::Given, SYSTEM, signalled),
        command::<VideoCall, AnswerCall>(Target::Given, PARTY, answer),
        command::<VideoCall, EndCall>(Target::Given, END, end),
        command::<VideoCall, FailCall>(Target::Given, SYSTEM, signalled),
        command::<VideoCall, RateCall>(Target::Given, PARTY, rate),
        command::<VideoCall, RecordCallQuality>(Target::Given, SYSTEM, signalled),
    ]
}

fn initiate(work: &mut Work<'_>, id: &Arc<str>, command: &InitiateCall) -> Result<(), Stop> {
    acting_role(work)?;
    uuid(id)?;
    let room = work.existing::<ChatRoom>(command.room_id)?;
    if !room.has(work.actor.id) {
        return Err(Stop::Denied("only a participant of the room may call"));
    }
    let in_room = room.participants.clone();
    let room_active = room.active;
    decide(work, id, InitiateCall { in_room, room_active, ..command.clone() })
}

fn answer(work: &mut Work<'_>, id: &Arc<str>, command: &AnswerCall) -> Result<(), Stop> {
    if party(work, id)?.initiator == Some(work.actor.id) {
        return Err(Stop::Denied("only somebody who is called answers"));
    }
    decide(work, id, command.clone())
}

fn end(work: &mut Work<'_>, id: &Arc<str>, _: &EndCall) -> Result<(), Stop> {
    let call =
        if work.actor.is_system() { work.existing::<VideoCall>(id)? } else { party(work, id)? };
    let initiator_counts = match call.initiator {
        Some(initiator) => is_kept_user(work, initiator)?,
        None => false,
    };
    decide(work, id, EndCall { initiator_counts })
}

fn rate(work: &mut Work<'_>, id: &Arc<str>, command: &RateCall) -> Result<(), Stop> {
    party(work, id)?;
    decide(work, id, command.clone())
}

/// The media service reports.
fn signalled<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    system(work)?;
    work.existing::<VideoCall>(id)?;
    decide(work, id, command.clone())
}

/// Only somebody who takes part.
fn party<'a>(work: &mut Work<'a>, id: &Arc<str>) -> Result<Loaded<'a, VideoCall>, Stop> {
    let call = work.existing::<VideoCall>(id)?;
    if !call.has(work.actor.id) {
        return Err(Stop::Denied("only a participant of the call may do this"));
    }
    acting_role(work)?;
    Ok(call)
}

fn decide(work: &mut Work<'_>, id: &Arc<str>, command: impl Into<Command>) -> Result<(), Stop> {
    work.tenant(work.actor.id);
    work.decide::<VideoCall>(id, command)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::{
        samia::testing::{ADMIN, CLIENT, OTHER, READER, erase, room, world},
        testing::{Sent, World},
    };

    const ROOM: Uuid = Uuid::from_u128(0x4007);
    const CALL: Uuid = Uuid::from_u128(0xca11);

    fn send(world: &mut World, command: &str, data: Value) -> Sent {
        world.send(&format!("samia.cmd.{command}"), CALL, data)
    }

    /// A call from the client to another, who has answered.
    fn active() -> World {
        let mut world = world();
        room(&mut world, ROOM, &[CLIENT, OTHER]);
        world.as_person(CLIENT);
        send(&mut world, "initiate_call", json!({"room_id": ROOM})).accepted(&["CallInitiated"]);
        world.as_system();
        send(&mut world, "mark_call_ringing", json!({})).accepted(&["CallRinging"]);
        world.as_person(OTHER);
        send(&mut world, "answer_call", json!({})).accepted(&["CallAnswered"]);
        world
    }

    #[test]
    fn participants_of_a_room_call_one_another() {
        let mut world = world();
        let call = json!({"room_id": ROOM});
        send(world.as_person(CLIENT), "initiate_call", call.clone()).unknown();
        room(&mut world, ROOM, &[CLIENT, OTHER]);
        send(world.as_person(READER), "initiate_call", call.clone()).denied();
        send(world.as_system(), "initiate_call", call.clone()).denied();
        let stranger = json!({"room_id": ROOM, "participants": [CLIENT, READER]});
        send(world.as_person(CLIENT), "initiate_call", stranger).refused("not_in_room");
        send(&mut world, "initiate_call", call.clone()).accepted(&["CallInitiated"]);
        world.send("samia.cmd.close_chat_room", ROOM, json!({})).accepted(&["ChatRoomClosed"]);
        world.send("samia.cmd.initiate_call", Uuid::from_u128(1), call).refused("room_closed");
    }

    #[test]
    fn whoever_is_called_answers() {
        let mut world = world();
        room(&mut world, ROOM, &[CLIENT, OTHER]);
        world.as_person(CLIENT);
        send(&mut world, "initiate_call", json!({"room_id": ROOM})).accepted(&["CallInitiated"]);
        send(&mut world, "mark_call_ringing", json!({})).denied();
        world.as_system();
        send(&mut world, "mark_call_ringing", json!({})).accepted(&["CallRinging"]);
        send(world.as_person(CLIENT), "answer_call", json!({})).denied();
        send(world.as_person(READER), "answer_call", json!({})).denied();
        send(world.as_person(OTHER), "answer_call", json!({})).accepted(&["CallAnswered"]);
    }

    #[test]
    fn those_who_talk_and_the_media_service_hang_up() {
        for system in [true, false] {
            let mut world = active();
            send(world.as_person(ADMIN), "end_call", json!({})).denied();
            if system {
                world.as_system()
            } else {
                world.as_person(OTHER)
            };
            let ended = send(&mut world, "end_call", json!({})).accepted(&["CallEnded"]);
            let payload = ended[0].event.payload_value().unwrap();
            assert_eq!(payload["counts_for"], json!(CLIENT));
        }
        let mut world = active();
        erase(&mut world, CLIENT);
        let ended = send(world.as_person(OTHER), "end_call", json!({})).accepted(&["CallEnded"]);
        assert_eq!(ended[0].event.payload_value().unwrap()["counts_for"], Value::Null);
    }

    #[test]
    fn the_media_service_reports_and_those_who_talked_rate() {
        let mut world = active();
        let quality = json!({"server_region": "eu-1"});
        send(world.as_person(CLIENT), "record_call_quality", quality.clone()).denied();
        send(world.as_system(), "record_call_quality", quality).accepted(&["CallQualityRecorded"]);
        send(world.as_person(CLIENT), "end_call", json!({})).accepted(&["CallEnded"]);
        let rating = json!({"quality_rating": 5});
        send(world.as_person(ADMIN), "rate_call", rating.clone()).denied();
        send(world.as_system(), "rate_call", rating.clone()).denied();
        send(world.as_person(OTHER), "rate_call", rating).accepted(&["CallRated"]);
        let mut world = active();
        send(world.as_person(CLIENT), "fail_call", json!({})).denied();
        send(world.as_system(), "fail_call", json!({})).accepted(&["CallFailed"]);
    }
}
