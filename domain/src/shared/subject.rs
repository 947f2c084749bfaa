//! A person as somebody whose data is kept: what stands against an erasure, what became of it, and who
//! read what is most sensitive. The stream's id is the person's; the person need have no account.
//!
//! Designed here: the contract names the erasure (shared.command.EraseSubject) and leaves open what must
//! be asked before it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::identity::ErasureGround;
use crate::{Decider, Moment, commands, events, refusals};

/// Longest reference of a hold, in characters.
const MOST_REFERENCE: usize = 200;
/// Shortest purpose of a sensitive read that says anything, in characters.
const LEAST_PURPOSE: usize = 8;
/// Longest purpose, in characters.
const MOST_PURPOSE: usize = 500;

/// Why a person's data must stay as it is for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldBasis {
    /// It is evidence in proceedings before a court, or is about to be.
    LegalProceedings,
    /// A regulator or the police asked for it to be kept.
    Authority,
    /// An enquiry into somebody's safety needs it.
    SafeguardingEnquiry,
    /// A complaint or a claim for insurance is not settled.
    Complaint,
}

/// Keeps a person's data from being erased until the hold is released.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceHold {
    /// Why.
    pub basis: HoldBasis,
    /// Under which number whoever ordered it knows it; at most 200 characters, nothing about people.
    #[serde(default)]
    pub reference: Option<String>,
}

/// Takes a hold back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseHold {
    /// Which hold.
    pub hold_id: Uuid,
}

/// Notes until when a rule has records about the person kept, whatever the person asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRetention {
    /// Which records, for example `carenotes.resident`.
    pub records: String,
    /// Until when they must be kept; open while the reason lasts.
    #[serde(default)]
    pub keep_until: Option<DateTime<Utc>>,
    /// When they are erased by themselves; open where somebody has to ask.
    #[serde(default)]
    pub erase_at: Option<DateTime<Utc>>,
}

/// Notes what an erasure destroyed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordErasure {
    /// The event that ordered it.
    pub ordered_by: Uuid,
    /// Keys that were destroyed, by the commitments that events name them by.
    pub keys: Vec<String>,
    /// How many rows of tables in use were redacted.
    pub rows: u64,
    /// How many older versions of rows were redacted.
    pub versions: u64,
    /// Whether the files of the databases were rewritten, so that no dead row holds a value any more.
    pub scrubbed: bool,
    /// Until when a backup may still hold what was destroyed.
    pub backups_until: DateTime<Utc>,
    /// The signed receipt; none where the deployment signs nothing.
    #[serde(default)]
    pub receipt: Option<String>,
}

/// Notes that somebody read what is most sensitive about a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordSensitiveRead {
    /// What was read: table and column.
    pub what: String,
    /// Who read it.
    pub reader: Uuid,
    /// The database login that was used.
    pub login: String,
    /// What for, as the reader said.
    pub purpose: String,
    /// When.
    pub read_at: DateTime<Utc>,
}

/// Notes that a copy of all that is kept of a person was made for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordAccess {
    /// The context whose records were copied.
    pub context: String,
    /// What the person is there, for example `child`.
    pub kind: String,
    /// Up to which position of the log.
    pub position: u64,
    /// SHA-256 of the manifest's text, 64 hexadecimal digits.
    pub manifest: String,
}

commands! {
    /// What may be asked about a person's data.
    pub enum Command {
        PlaceHold, ReleaseHold, SetRetention, RecordErasure, RecordSensitiveRead, RecordAccess,
    }
}

/// A person's data must stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HoldPlaced {
    /// The hold.
    pub hold_id: Uuid,
    /// Why.
    pub basis: HoldBasis,
    /// Under which number whoever ordered it knows it.
    pub reference: Option<String>,
}

/// A hold is no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HoldReleased {
    /// The hold.
    pub hold_id: Uuid,
}

/// Records about a person must be kept until then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RetentionSet {
    /// Which records.
    pub records: String,
    /// Until when they must be kept; open while the reason lasts.
    pub keep_until: Option<DateTime<Utc>>,
    /// When they are erased by themselves.
    pub erase_at: Option<DateTime<Utc>>,
}

/// An erasure was carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErasureCompleted {
    /// The event that ordered it.
    pub ordered_by: Uuid,
    /// Commitments of the keys that were destroyed.
    pub keys: Vec<String>,
    /// Rows that were redacted.
    pub rows: u64,
    /// Older versions of rows that were redacted.
    pub versions: u64,
    /// Whether the databases' files were rewritten.
    pub scrubbed: bool,
    /// Until when a backup may still hold it.
    pub backups_until: DateTime<Utc>,
    /// The signed receipt.
    pub receipt: Option<String>,
}

/// Somebody read what is most sensitive about a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SensitiveDataRead {
    /// What was read: table and column.
    pub what: String,
    /// Who read it.
    pub reader: Uuid,
    /// The database login that was used.
    pub login: String,
    /// What for, as the reader said.
    pub purpose: String,
    /// When.
    pub read_at: DateTime<Utc>,
}

/// A copy of all that is kept of a person was made for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccessGranted {
    /// The context whose records were copied.
    pub context: String,
    /// What the person is there.
    pub kind: String,
    /// Up to which position of the log.
    pub position: u64,
    /// SHA-256 of the manifest's text.
    pub manifest: String,
}

events! {
    /// What happens to a person's data.
    pub enum Event {
        HoldPlaced,
        HoldReleased,
        RetentionSet,
        ErasureCompleted,
        SensitiveDataRead { purpose: text },
        AccessGranted,
    }
}

refusals! {
    /// What stands against it.
    pub enum Refusal {
        /// Somebody ordered that the data stays.
        SubjectOnHold { holds: usize } => "{holds} hold(s) keep this person's data from being erased",
            hint "`annals history shared/subject/<id>` says which; release them first (shared.cmd.release_hold)";
        /// A law has it kept for longer.
        RetentionNotOver { records: String, until: String } =>
            "records of {records} about this person must be kept {until}",
            hint "only unlawful_processing and legal_obligation go before that";
        /// There is no such hold.
        UnknownHold => "no such hold", at "hold_id";
        /// The reference is too long.
        ReferenceTooLong => "a reference has at most 200 characters", at "reference";
        /// The digest is none.
        ManifestMalformed => "a digest has 64 hexadecimal digits", at "manifest";
        /// The purpose says nothing.
        PurposeMissing => "a purpose has 8 to 500 characters", at "purpose";
    }
}

/// What stands against an erasure, and which were carried out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataSubject {
    /// Holds that are not released.
    pub holds: BTreeSet<Uuid>,
    /// Until when which records must be kept; open while the reason lasts.
    pub kept: BTreeMap<String, Kept>,
    /// Erasures that were carried out, by the events that ordered them.
    pub completed: BTreeSet<Uuid>,
}

/// How long records stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Until when they must be kept; open while the reason lasts.
    pub keep_until: Option<DateTime<Utc>>,
    /// When they are erased by themselves.
    pub erase_at: Option<DateTime<Utc>>,
}

impl DataSubject {
    /// Whether the person may be erased on this ground, now. A hold goes before every ground; retention
    /// before the person's own wish, not before the law.
    ///
    /// # Errors
    /// What stands against it.
    pub fn may_be_erased(&self, ground: ErasureGround, now: DateTime<Utc>) -> Result<(), Refusal> {
        if !self.holds.is_empty() {
            return Err(Refusal::SubjectOnHold { holds: self.holds.len() });
        }
        match ground {
            ErasureGround::UnlawfulProcessing | ErasureGround::LegalObligation => Ok(()),
            ErasureGround::SubjectRequest
            | ErasureGround::ConsentWithdrawn
            | ErasureGround::RetentionEnded => {
                let lasts = |kept: &&Kept| kept.keep_until.is_none_or(|until| until > now);
                match self.kept.iter().find(|(_, kept)| lasts(kept)) {
                    None => Ok(()),
                    Some((records, kept)) => Err(Refusal::RetentionNotOver {
                        records: records.clone(),
                        until: match kept.keep_until {
                            Some(at) => {
                                format!("until {}", at.to_rfc3339_opts(SecondsFormat::Secs, true))
                            }
                            None => "as long as they are in use".to_owned(),
                        },
                    }),
                }
            }
        }
    }
}

impl Decider for DataSubject {
    const TYPE: &'static str = "shared.subject";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::PlaceHold(asked) => {
                let reference = asked.reference.map(|it| it.trim().to_owned());
                let reference = reference.filter(|it| !it.is_empty());
                if reference.as_ref().is_some_and(|it| it.chars().count() > MOST_REFERENCE) {
                    return Err(Refusal::ReferenceTooLong);
                }
                let hold_id = moment.new_id();
                Ok(vec![HoldPlaced { hold_id, basis: asked.basis, reference }.into()])
            }
            Command::ReleaseHold(asked) if !self.holds.contains(&asked.hold_id) => {
                Err(Refusal::UnknownHold)
            }
            Command::ReleaseHold(asked) => Ok(vec![HoldReleased { hold_id: asked.hold_id }.into()]),
            Command::SetRetention(asked) => {
                let kept = Kept { keep_until: asked.keep_until, erase_at: asked.erase_at };
                if self.kept.get(&asked.records) == Some(&kept) {
                    return Ok(vec![]);
                }
                let Kept { keep_until, erase_at } = kept;
                Ok(vec![RetentionSet { records: asked.records, keep_until, erase_at }.into()])
            }
            Command::RecordErasure(done) if self.completed.contains(&done.ordered_by) => Ok(vec![]),
            Command::RecordErasure(done) => Ok(vec![
                ErasureCompleted {
                    ordered_by: done.ordered_by,
                    keys: done.keys,
                    rows: done.rows,
                    versions: done.versions,
                    scrubbed: done.scrubbed,
                    backups_until: done.backups_until,
                    receipt: done.receipt,
                }
                .into(),
            ]),
            Command::RecordSensitiveRead(read) => {
                let purpose = read.purpose.trim().to_owned();
                if !(LEAST_PURPOSE..=MOST_PURPOSE).contains(&purpose.chars().count()) {
                    return Err(Refusal::PurposeMissing);
                }
                let RecordSensitiveRead { what, reader, login, read_at, .. } = read;
                Ok(vec![SensitiveDataRead { what, reader, login, purpose, read_at }.into()])
            }
            Command::RecordAccess(made) => {
                let RecordAccess { context, kind, position, manifest } = made;
                if manifest.len() != 64 || !manifest.bytes().all(|it| it.is_ascii_hexdigit()) {
                    return Err(Refusal::ManifestMalformed);
                }
                Ok(vec![AccessGranted { context, kind, position, manifest }.into()])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::HoldPlaced(placed) => {
                self.holds.insert(placed.hold_id);
            }
            Event::HoldReleased(released) => {
                self.holds.remove(&released.hold_id);
            }
            Event::RetentionSet(set) => {
                let kept = Kept { keep_until: set.keep_until, erase_at: set.erase_at };
                self.kept.insert(set.records.clone(), kept);
            }
            Event::ErasureCompleted(done) => {
                self.completed.insert(done.ordered_by);
            }
            Event::SensitiveDataRead(_) | Event::AccessGranted(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;
    use crate::testing::given;

    fn year(year: i32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).single().unwrap()
    }

    fn hold(id: u128) -> HoldPlaced {
        let (hold_id, basis) = (Uuid::from_u128(id), HoldBasis::LegalProceedings);
        HoldPlaced { hold_id, basis, reference: None }
    }

    fn after(events: impl IntoIterator<Item = Event>) -> DataSubject {
        let mut subject = DataSubject::default();
        events.into_iter().for_each(|event| subject.evolve(&event));
        subject
    }

    #[test]
    fn a_hold_stands_against_every_erasure_until_it_is_released() {
        let held = after([hold(1).into()]);
        for ground in [ErasureGround::SubjectRequest, ErasureGround::LegalObligation] {
            let refused = held.may_be_erased(ground, year(2026));
            assert_eq!(refused, Err(Refusal::SubjectOnHold { holds: 1 }));
        }
        let hold_id = Uuid::from_u128(1);
        let free = after([hold(1).into(), HoldReleased { hold_id }.into()]);
        assert_eq!(free.may_be_erased(ErasureGround::SubjectRequest, year(2026)), Ok(()));
    }

    #[test]
    fn retention_stands_against_a_wish_and_not_against_the_law() {
        let set = |keep_until| {
            let records = "carenotes.resident".to_owned();
            Event::from(RetentionSet { records, keep_until, erase_at: None })
        };
        for until in [None, Some(year(2030))] {
            let kept = after([set(until)]);
            let wish = kept.may_be_erased(ErasureGround::SubjectRequest, year(2026));
            assert!(matches!(wish, Err(Refusal::RetentionNotOver { .. })));
            assert_eq!(kept.may_be_erased(ErasureGround::LegalObligation, year(2026)), Ok(()));
        }
        let over = after([set(None), set(Some(year(2025)))]);
        assert_eq!(over.may_be_erased(ErasureGround::SubjectRequest, year(2026)), Ok(()));
    }

    #[test]
    fn a_hold_is_released_once_and_by_its_id() {
        let hold_id = Uuid::from_u128(1);
        given::<DataSubject>([hold(1).into()])
            .when(ReleaseHold { hold_id: Uuid::from_u128(2) })
            .refused("UnknownHold")
            .when(ReleaseHold { hold_id })
            .then([HoldReleased { hold_id }])
            .when(ReleaseHold { hold_id })
            .refused("UnknownHold");
    }

    #[test]
    fn what_is_kept_is_noted_when_it_changes() {
        let records = || "carenotes.resident".to_owned();
        let set = |until| SetRetention { records: records(), keep_until: until, erase_at: until };
        let noted = |until| RetentionSet { records: records(), keep_until: until, erase_at: until };
        given::<DataSubject>([])
            .when(set(None))
            .then([noted(None)])
            .when(set(None))
            .then_nothing()
            .when(set(Some(year(2030))))
            .then([noted(Some(year(2030)))]);
    }

    #[test]
    fn an_erasure_is_completed_once() {
        let done = || RecordErasure {
            ordered_by: Uuid::from_u128(5),
            keys: vec!["k".into()],
            rows: 3,
            versions: 4,
            scrubbed: true,
            backups_until: year(2027),
            receipt: None,
        };
        let (_, events) = given::<DataSubject>([]).when(done()).events();
        assert_eq!(events.len(), 1);
        given::<DataSubject>(events).when(done()).then_nothing();
    }

    #[test]
    fn a_read_says_what_it_is_for() {
        let read = |purpose: &str| RecordSensitiveRead {
            what: "lift.children.safeguarding_notes".into(),
            reader: Uuid::from_u128(7),
            login: "query".into(),
            purpose: purpose.into(),
            read_at: year(2026),
        };
        given::<DataSubject>([]).when(read(" why ")).refused("PurposeMissing");
        let (_, events) =
            given::<DataSubject>([]).when(read(" preparing the review of 3 May ")).events();
        let [Event::SensitiveDataRead(read)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(read.purpose, "preparing the review of 3 May");
    }
}
