//! How long records about people are kept: what a context's events say of when somebody came and left, and
//! a timer that erases whoever nobody needs to know any more.
//!
//! A person is erased everywhere at once, so the timer waits for the last of the contexts that know the
//! person; whoever is still present somewhere is not erased by a timer at all. What must be kept
//! whatever the person asks (a resident's care record) is noted on the person
//! (shared.subject, RetentionSet), where an erasure meets it.
//!
//! Designed here: no document says how long. The defaults, and why:
//!
//! | records | default | why |
//! |---|---|---|
//! | `carenotes.resident` | 8 years after care ended, and not earlier | what England's records management code asks of adult social care records |
//! | `carenotes.user`, `lift.member`, `samia.user` | 6 years after leaving | the usual limitation of claims from employment and contract |
//! | `lift.child` | 20 years after the child was archived | a child of 5 or older is 25 then, as is usual for pupils' records |
//! | `nestsync.user`, `nestsync.child` | 90 days after deletion | nothing asks for longer (PIPEDA, principle 5), and a mistake can be mended |

use std::collections::BTreeMap;

use annals_domain::{
    Decider,
    carenotes::{resident, resident::Resident, staff_member, staff_member::StaffMember},
    lift, nestsync,
    restorative::record as restorative,
    samia,
    shared::{
        identity::{self, EraseSubject, ErasureGround, Identity},
        subject::{self, DataSubject, SetRetention},
    },
};
use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use crate::reaction::{Due, Halt, Memory, Reacting, Reactions, upon};

/// Whoever nobody needs to know any more is erased.
const RETENTION: &str = "shared.reaction.retention";

/// How long records are kept. 0 years or days: for ever, until somebody asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Years that a resident's records must be kept after care ended; then they are erased.
    pub resident_years: u32,
    /// Years after which a former member of staff is erased.
    pub staff_years: u32,
    /// Years after which an archived child of The Lift is erased.
    pub child_years: u32,
    /// Years after which a removed member of The Lift is erased.
    pub member_years: u32,
    /// Years after which a deleted user of SAMIA TAROT is erased.
    pub user_years: u32,
    /// Days after which a deleted user or child of NestSync is erased.
    pub family_days: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            resident_years: 8,
            staff_years: 6,
            child_years: 20,
            member_years: 6,
            user_years: 6,
            family_days: 90,
        }
    }
}

/// Where a person is known, and when each may forget them.
#[derive(Debug, Default, Serialize, Deserialize)]
struct OfPerson {
    /// By kind of record; none while the person is present there.
    records: BTreeMap<String, Option<DateTime<Utc>>>,
}

impl Memory for OfPerson {
    const KIND: &'static str = "person";
}

impl OfPerson {
    /// When everybody may forget the person.
    fn due(&self) -> Option<DateTime<Utc>> {
        let all: Option<Vec<_>> = self.records.values().copied().collect();
        all?.into_iter().max()
    }
}

/// What the retention of records does by itself.
#[must_use]
pub fn reactions() -> Reactions {
    Reactions {
        names: &[RETENTION],
        elsewhere: &[],
        version: 1,
        upon: vec![
            upon::<Identity>(identity),
            upon::<DataSubject>(data_subject),
            upon::<Resident>(resident),
            upon::<StaffMember>(staff),
            upon::<lift::member::Member>(lift_member),
            upon::<lift::child::Child>(lift_child),
            upon::<samia::user::User>(samia_user),
            upon::<nestsync::user::User>(nestsync_user),
            upon::<nestsync::child::Child>(nestsync_child),
            upon::<restorative::RestorativeRecord>(restorative_record),
        ],
        due,
    }
}

/// Its time has come: the person is erased, unless somebody came back or a hold stands against it.
fn due(due: &Due, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    if due.reaction != RETENTION {
        return Err(Halt::Fault(format!("no timer of {} is known here", due.reaction)));
    }
    let person: OfPerson = reacting.recall(&due.key)?;
    if person.due().is_some_and(|at| at <= reacting.cause.at) {
        let ground = ErasureGround::RetentionEnded;
        reacting.send::<Identity, _>(RETENTION, &due.key, &EraseSubject { ground })?;
    }
    Ok(())
}

/// What becomes of a person in one kind of record.
enum Step {
    /// Came, or came back.
    Present,
    /// Left, and may be forgotten then.
    Left(Option<DateTime<Utc>>),
    /// Forgotten.
    Gone,
}

fn step(reacting: &mut Reacting<'_>, records: &str, step: Step) -> Result<(), Halt> {
    let id = reacting.cause.stream.clone();
    let mut before = None;
    let mut after = None;
    reacting.amend::<OfPerson>(&id, |person| {
        before = person.due();
        match step {
            Step::Present => person.records.insert(records.to_owned(), None),
            Step::Left(at) => person.records.insert(records.to_owned(), at),
            Step::Gone => person.records.remove(records),
        };
        after = person.due();
    })?;
    match after {
        Some(at) => reacting.wake_at(RETENTION, &id, at),
        None if before.is_some() => reacting.let_sleep(RETENTION, &id),
        None => {}
    }
    Ok(())
}

/// Present again, or for the first time.
fn present(reacting: &mut Reacting<'_>, records: &str) -> Result<(), Halt> {
    step(reacting, records, Step::Present)
}

/// Left, and may be forgotten then.
fn left(
    reacting: &mut Reacting<'_>,
    records: &str,
    erase_at: Option<DateTime<Utc>>,
) -> Result<(), Halt> {
    note(reacting, records, Some(reacting.cause.at), erase_at)?;
    step(reacting, records, Step::Left(erase_at))
}

/// Notes on the person how long records are kept.
fn note(
    reacting: &mut Reacting<'_>,
    records: &str,
    keep_until: Option<DateTime<Utc>>,
    erase_at: Option<DateTime<Utc>>,
) -> Result<(), Halt> {
    let id = reacting.cause.stream.clone();
    let set = SetRetention { records: records.to_owned(), keep_until, erase_at };
    reacting.send::<DataSubject, _>(RETENTION, id, &set)
}

fn years(from: DateTime<Utc>, years: u32) -> Option<DateTime<Utc>> {
    let months = Months::new(years.saturating_mul(12));
    (years > 0).then(|| from.checked_add_months(months)).flatten()
}

fn identity(event: &identity::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    if matches!(event, identity::Event::SubjectErased(_)) {
        let id = reacting.cause.stream.clone();
        reacting.let_sleep(RETENTION, id);
    }
    Ok(())
}

/// Once the last hold is released, what it kept from happening happens.
fn data_subject(event: &subject::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    if matches!(event, subject::Event::HoldReleased(_)) {
        let id = reacting.cause.stream.clone();
        let person: OfPerson = reacting.recall(&id)?;
        if let Some(at) = person.due() {
            reacting.wake_at(RETENTION, &id, at);
        }
    }
    Ok(())
}

fn resident(event: &resident::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    use resident::Event as E;
    const RECORDS: &str = "carenotes.resident";
    let kept = reacting.rules.shared.resident_years;
    let end = |day: NaiveDate| years(day.and_time(NaiveTime::MIN).and_utc() + Days::new(1), kept);
    match event {
        E::ResidentAdmitted(_) | E::ResidentReadmitted(_) | E::Imported(_) => {
            if kept > 0 {
                note(reacting, RECORDS, None, None)?;
            }
            present(reacting, RECORDS)
        }
        E::ResidentDischarged(resident::ResidentDischarged { discharge_date: day, .. })
        | E::ResidentDied(resident::ResidentDied { discharge_date: day, .. }) => {
            let until = end(*day);
            if until.is_some() {
                note(reacting, RECORDS, until, until)?;
            }
            step(reacting, RECORDS, Step::Left(until))
        }
        E::ResidentErased(_) => step(reacting, RECORDS, Step::Gone),
        E::ResidentDetailsUpdated(_)
        | E::ResidentMoved(_)
        | E::MedicalDetailsRecorded(_)
        | E::MedicalNotesRecorded(_)
        | E::ResidentPreferencesRecorded(_) => Ok(()),
    }
}

/// Came, left, was forgotten: for aggregates where that is three kinds of event.
fn came_and_went<D: Decider>(
    reacting: &mut Reacting<'_>,
    records: &str,
    event: &D::Event,
    names: [&[&str]; 3],
    erase_at: Option<DateTime<Utc>>,
) -> Result<(), Halt> {
    use annals_domain::DomainEvent;
    let name = event.event_type().name;
    let [came, went, gone] = names.map(|names| names.contains(&name));
    if came || name.ends_with("Imported") {
        return present(reacting, records);
    }
    if went {
        return left(reacting, records, erase_at);
    }
    if gone { step(reacting, records, Step::Gone) } else { Ok(()) }
}

fn staff(event: &staff_member::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let at = years(reacting.cause.at, reacting.rules.shared.staff_years);
    let names: [&[&str]; 3] =
        [&["StaffMemberAdded"], &["StaffMemberRemoved"], &["StaffMemberErased"]];
    came_and_went::<StaffMember>(reacting, "carenotes.user", event, names, at)
}

fn lift_member(event: &lift::member::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let at = years(reacting.cause.at, reacting.rules.shared.member_years);
    let came: &[&str] = &["ProfileCreated", "MemberReinstated"];
    let names: [&[&str]; 3] = [came, &["MemberRemoved"], &["MemberErased"]];
    came_and_went::<lift::member::Member>(reacting, "lift.member", event, names, at)
}

fn lift_child(event: &lift::child::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let at = years(reacting.cause.at, reacting.rules.shared.child_years);
    let names: [&[&str]; 3] = [&["ChildRegistered"], &["ChildArchived"], &["ChildErased"]];
    came_and_went::<lift::child::Child>(reacting, "lift.child", event, names, at)
}

fn samia_user(event: &samia::user::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let at = years(reacting.cause.at, reacting.rules.shared.user_years);
    let names: [&[&str]; 3] = [&["UserRegistered"], &["UserDeleted"], &["UserErased"]];
    came_and_went::<samia::user::User>(reacting, "samia.user", event, names, at)
}

fn family(reacting: &Reacting<'_>) -> Option<DateTime<Utc>> {
    let days = reacting.rules.shared.family_days;
    (days > 0).then(|| reacting.cause.at.checked_add_days(Days::new(days))).flatten()
}

fn nestsync_user(event: &nestsync::user::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let at = family(reacting);
    let names: [&[&str]; 3] = [&["UserRegistered"], &["UserDeleted"], &["UserErased"]];
    came_and_went::<nestsync::user::User>(reacting, "nestsync.user", event, names, at)
}

fn nestsync_child(event: &nestsync::child::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let at = family(reacting);
    let names: [&[&str]; 3] = [&["ChildAdded"], &["ChildRemoved"], &["ChildErased"]];
    came_and_went::<nestsync::child::Child>(reacting, "nestsync.child", event, names, at)
}

/// A person with a record there is present: it is theirs to take away.
fn restorative_record(event: &restorative::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let names: [&[&str]; 3] = [&["RestorativeRecordCreated"], &[], &["RestorativeRecordErased"]];
    came_and_went::<restorative::RestorativeRecord>(
        reacting,
        "restorative.record",
        event,
        names,
        None,
    )
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        carenotes::resident::{ResidentDied, Status},
        samia::user::UserDeleted,
    };
    use chrono::TimeZone;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::reaction::testing::Told;

    const EDITH: Uuid = Uuid::from_u128(0xed);

    fn day(year: i32, month: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(year, month, 1, 0, 0, 0).single().unwrap()
    }

    fn died() -> ResidentDied {
        let discharge_date = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
        ResidentDied { status: Status::Deceased, discharge_date }
    }

    #[test]
    fn a_residents_record_is_kept_for_eight_years_and_then_erased() {
        let mut told = Told::new("shared");
        let reacted = told.at(day(2026, 2)).hears::<Resident>(EDITH, died());
        let until = json!({"records": "carenotes.resident", "keep_until": day(2034, 2),
                           "erase_at": day(2034, 2)});
        reacted.sends(&[("shared.cmd.set_retention", until)]);
        assert_eq!(told.timer(RETENTION, EDITH), Some(day(2034, 2)));
        let ground = json!({"ground": "retention_ended"});
        told.due(RETENTION, EDITH).sends(&[("shared.cmd.erase_subject", ground)]);
    }

    #[test]
    fn whoever_is_present_elsewhere_is_not_erased_by_a_timer() {
        let mut told = Told::new("shared");
        told.at(day(2026, 2)).hears::<Resident>(EDITH, died());
        let back = resident::ResidentReadmitted {
            status: Status::Admitted,
            facility_id: Uuid::nil(),
            room_number: None,
            admission_date: NaiveDate::from_ymd_opt(2026, 3, 1).unwrap(),
            discharge_date: None,
        };
        told.hears::<Resident>(EDITH, back);
        assert_eq!(told.timer(RETENTION, EDITH), None);
        // A user's account ends later than the care: the later of both counts.
        told.at(day(2026, 4)).hears::<Resident>(EDITH, died());
        let deleted = UserDeleted { is_active: false };
        told.at(day(2030, 1)).hears::<samia::user::User>(EDITH, deleted);
        assert_eq!(told.timer(RETENTION, EDITH), Some(day(2036, 1)));
    }

    #[test]
    fn a_released_hold_lets_happen_what_it_kept_from_happening() {
        let mut told = Told::new("shared");
        told.at(day(2026, 2)).hears::<Resident>(EDITH, died());
        told.due(RETENTION, EDITH);
        assert_eq!(told.timer(RETENTION, EDITH), None);
        let hold_id = Uuid::from_u128(4);
        told.at(day(2035, 1)).hears::<DataSubject>(EDITH, subject::HoldReleased { hold_id });
        assert_eq!(told.timer(RETENTION, EDITH), Some(day(2034, 2)));
    }
}
