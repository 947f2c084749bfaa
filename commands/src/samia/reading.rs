//! Who asks for, conducts and rates readings.

use std::sync::Arc;

use annals_domain::{
    Decider as _,
    samia::{
        reading::{
            AssignReader, CancelReading, Command, CompleteReading, DrawCards, RateReading, Reading,
            RecordAiInterpretation, RecordReaderInterpretation, Refusal, RequestReading,
            StartReading,
        },
        tarot_card::TarotCard,
        tarot_spread::TarotSpread,
        user::{Role, User},
        user_profile::UserProfile,
    },
};
use uuid::Uuid;

use super::{acting_role, admin, is_kept_user, owner, system, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Loaded, Stop, Work},
};

/// What may be asked of a reading, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const CLIENT: &[&str] = &["samia.policy.reading_sessions.client"];
    const READER: &[&str] = &["samia.policy.reading_sessions.reader"];
    const SYSTEM: &[&str] = &["samia.policy.reading_sessions.system"];
    const ADMIN: &[&str] = &["samia.policy.reading_sessions.admin"];
    const CONDUCT: &[&str] =
        &["samia.policy.reading_sessions.reader", "samia.policy.reading_sessions.system"];
    const CANCEL: &[&str] = &[
        "samia.policy.reading_sessions.client",
        "samia.policy.reading_sessions.reader",
        "samia.policy.reading_sessions.admin",
    ];
    vec![
        command::<Reading, RequestReading>(Target::New, CLIENT, request),
        command::<Reading, AssignReader>(Target::Given, ADMIN, assign),
        command::<Reading, StartReading>(Target::Given, CONDUCT, start),
        command::<Reading, DrawCards>(Target::Given, CONDUCT, draw),
        command::<Reading, RecordAiInterpretation>(Target::Given, SYSTEM, interpreted_by_ai),
        command::<Reading, RecordReaderInterpretation>(Target::Given, READER, interpreted),
        command::<Reading, CompleteReading>(Target::Given, CONDUCT, complete),
        command::<Reading, CancelReading>(Target::Given, CANCEL, cancel),
        command::<Reading, RateReading>(Target::Given, CLIENT, rate),
    ]
}

fn request(work: &mut Work<'_>, id: &Arc<str>, command: &RequestReading) -> Result<(), Stop> {
    acting_role(work)?;
    uuid(id)?;
    let client = work.actor.id;
    let spread = work.load::<TarotSpread>(command.spread_id)?;
    if !spread.usable_by(client) {
        return Err(Refusal::SpreadNotUsable.into());
    }
    if let Some(reader) = command.reader_id {
        is_reader(work, reader, client)?;
    }
    work.tenant(client);
    let card_count = spread.card_count;
    work.decide::<Reading>(id, RequestReading { card_count, ..command.clone() })
}

fn assign(work: &mut Work<'_>, id: &Arc<str>, command: &AssignReader) -> Result<(), Stop> {
    admin(work)?;
    let (_, client) = reading(work, id)?;
    is_reader(work, command.reader_id, client)?;
    decide(work, id, client, command.clone())
}

/// Somebody other than the client, active, with the role (samia.rule.reading.reader).
fn is_reader(work: &mut Work<'_>, reader: Uuid, client: Uuid) -> Result<(), Stop> {
    let user = work.load::<User>(reader)?;
    if user.active && user.role == Role::Reader && reader != client {
        Ok(())
    } else {
        Err(Refusal::NotAReader.into())
    }
}

fn start(work: &mut Work<'_>, id: &Arc<str>, command: &StartReading) -> Result<(), Stop> {
    let client = conducted(work, id)?;
    decide(work, id, client, command.clone())
}

fn draw(work: &mut Work<'_>, id: &Arc<str>, command: &DrawCards) -> Result<(), Stop> {
    let client = conducted(work, id)?;
    let card_count = work.load::<Reading>(id)?.card_count;
    decide(work, id, client, command.clone())?;
    // As many as the spread has positions, by now.
    for card in &command.cards_drawn {
        if work.load::<TarotCard>(card.card_id)?.arcana.is_none() {
            return Err(Refusal::CardsMismatch { card_count }.into());
        }
    }
    Ok(())
}

fn interpreted_by_ai(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &RecordAiInterpretation,
) -> Result<(), Stop> {
    system(work)?;
    let (_, client) = reading(work, id)?;
    decide(work, id, client, command.clone())
}

fn interpreted(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &RecordReaderInterpretation,
) -> Result<(), Stop> {
    let (reading, client) = reading(work, id)?;
    match reading.reader {
        Some(reader) => owner(work, reader)?,
        None => return Err(Stop::Denied("only the reading's reader may do this")),
    }
    decide(work, id, client, command.clone())
}

fn complete(work: &mut Work<'_>, id: &Arc<str>, _: &CompleteReading) -> Result<(), Stop> {
    let client = conducted(work, id)?;
    let client_counts = is_kept_user(work, client)?;
    let client_has_profile = work.load::<UserProfile>(client)?.exists;
    decide(work, id, client, CompleteReading { client_counts, client_has_profile })
}

fn cancel(work: &mut Work<'_>, id: &Arc<str>, command: &CancelReading) -> Result<(), Stop> {
    let (reading, client) = reading(work, id)?;
    if reading.has_party(work.actor.id) {
        acting_role(work)?;
    } else {
        admin(work)?;
    }
    decide(work, id, client, command.clone())
}

fn rate(work: &mut Work<'_>, id: &Arc<str>, command: &RateReading) -> Result<(), Stop> {
    let (_, client) = reading(work, id)?;
    owner(work, client)?;
    decide(work, id, client, command.clone())
}

/// Only the reader; where there is none, only the system's AI (F119). Says who the client is.
fn conducted(work: &mut Work<'_>, id: &Arc<str>) -> Result<Uuid, Stop> {
    let (reading, client) = reading(work, id)?;
    match reading.reader {
        Some(reader) => owner(work, reader)?,
        None => system(work)?,
    }
    Ok(client)
}

fn reading<'a>(work: &mut Work<'a>, id: &Arc<str>) -> Result<(Loaded<'a, Reading>, Uuid), Stop> {
    let reading = work.load::<Reading>(id)?;
    match reading.client {
        Some(client) => Ok((reading, client)),
        None => Err(Stop::Unknown { kind: Reading::TYPE }),
    }
}

fn decide(
    work: &mut Work<'_>,
    id: &Arc<str>,
    client: Uuid,
    command: impl Into<Command>,
) -> Result<(), Stop> {
    work.tenant(client);
    work.decide::<Reading>(id, command)
}

#[cfg(test)]
mod tests;
