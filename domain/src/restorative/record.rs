//! A person's restorative record: created once, revised as often as the person likes, erased when the
//! person asks or leaves. (restorative.aggregate.RestorativeRecord, stream: the person's id)

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Decider, Imported, Moment, commands, events, refusals, text};

/// How many characters an introduction holds (restorative.rule.text_limits).
pub const INTRODUCTION_LIMIT: usize = 5_000;
/// How many characters a narrative holds (restorative.rule.text_limits).
pub const NARRATIVE_LIMIT: usize = 100_000;

/// Creates the actor's own record. (restorative.command.CreateRestorativeRecord)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRestorativeRecord {
    /// How the person introduces themselves; at most 5 000 characters.
    #[serde(default)]
    pub introduction: Option<String>,
    /// The person's account, in their own words; at most 100 000 characters.
    #[serde(default)]
    pub narrative: Option<String>,
}

/// Changes the actor's own record. What is left out stays, what is null is cleared (F037).
/// (restorative.command.ReviseRestorativeRecord)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviseRestorativeRecord {
    /// How the person introduces themselves; at most 5 000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub introduction: Option<Option<String>>,
    /// The person's account, in their own words; at most 100 000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub narrative: Option<Option<String>>,
}

/// Creates the actor's own record, or changes it where there is one. What is left out stays, what is
/// null is cleared (F037). (restorative.command.SaveRestorativeRecord)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveRestorativeRecord {
    /// How the person introduces themselves; at most 5 000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub introduction: Option<Option<String>>,
    /// The person's account, in their own words; at most 100 000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub narrative: Option<Option<String>>,
}

/// Removes a record. (restorative.command.EraseRestorativeRecord)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseRestorativeRecord {}

commands! {
    /// What may be asked of a record.
    pub enum Command {
        CreateRestorativeRecord,
        ReviseRestorativeRecord,
        SaveRestorativeRecord,
        EraseRestorativeRecord,
    }
}

/// A person has a record. (restorative.event.RestorativeRecordCreated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestorativeRecordCreated {
    /// The record.
    pub id: Uuid,
    /// How the person introduces themselves.
    pub introduction: Option<String>,
    /// The person's account.
    pub narrative: Option<String>,
}

/// A record changed; only what changed is there. (restorative.event.RestorativeRecordRevised)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestorativeRecordRevised {
    /// How the person introduces themselves, or null where that was cleared.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub introduction: Option<Option<String>>,
    /// The person's account, or null where that was cleared.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub narrative: Option<Option<String>>,
}

/// A record is gone. (restorative.event.RestorativeRecordErased)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestorativeRecordErased {}

events! {
    /// What happens to a record.
    pub enum Event {
        RestorativeRecordCreated { introduction: null, narrative: null },
        RestorativeRecordRevised { introduction: null, narrative: null },
        RestorativeRecordErased,
    }
    Imported {
        RestorativeRecordImported from restorative_records at [user_id] { introduction: null, narrative: null },
    }
}

refusals! {
    /// What a record refuses.
    pub enum Refusal {
        /// restorative.rule.one_per_user
        RecordAlreadyExists => "this person has a record already",
            hint "change it with restorative.cmd.revise_restorative_record";
        /// restorative.rule.text_limits
        TextTooLong { field: &'static str, most: usize }
            => "the {field} has at most {most} characters, and no character U+0000", of field;
        /// restorative.rule.partial_revision
        NothingToRevise => "the record says this already";
        /// restorative.rule.no_record
        RecordNotFound => "this person has no record",
            hint "make one with restorative.cmd.create_restorative_record";
    }
}

/// A person's record, if there is one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RestorativeRecord {
    kept: Option<Kept>,
}

/// What later decisions need to know of the texts: whether they would change, not what they say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    id: Uuid,
    introduction: Option<Uuid>,
    narrative: Option<Uuid>,
}

impl Kept {
    /// A hash of a text, another one in each record.
    fn hash(&self, text: &str) -> Uuid {
        Uuid::new_v5(&self.id, text.as_bytes())
    }

    fn is(&self, held: Option<Uuid>, text: Option<&str>) -> bool {
        held == text.map(|text| self.hash(text))
    }

    fn revise(
        &self,
        change: RestorativeRecordRevised,
    ) -> Result<RestorativeRecordRevised, Refusal> {
        within(
            change.introduction.as_ref().and_then(Option::as_deref),
            change.narrative.as_ref().and_then(Option::as_deref),
        )?;
        let RestorativeRecordRevised { introduction, narrative } = change;
        Ok(RestorativeRecordRevised {
            introduction: introduction.filter(|it| !self.is(self.introduction, it.as_deref())),
            narrative: narrative.filter(|it| !self.is(self.narrative, it.as_deref())),
        })
    }
}

impl Decider for RestorativeRecord {
    const TYPE: &'static str = "restorative.restorative_record";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match (&self.kept, command) {
            (Some(_), Command::CreateRestorativeRecord(_)) => Err(Refusal::RecordAlreadyExists),
            (None, Command::CreateRestorativeRecord(new)) => create(new, moment),
            (None, Command::SaveRestorativeRecord(saved)) => {
                let (introduction, narrative) =
                    (saved.introduction.flatten(), saved.narrative.flatten());
                create(CreateRestorativeRecord { introduction, narrative }, moment)
            }
            (None, Command::ReviseRestorativeRecord(_)) => Err(Refusal::RecordNotFound),
            (Some(kept), Command::ReviseRestorativeRecord(change)) => {
                let ReviseRestorativeRecord { introduction, narrative } = change;
                match kept.revise(RestorativeRecordRevised { introduction, narrative })? {
                    nothing if nothing == RestorativeRecordRevised::default() => {
                        Err(Refusal::NothingToRevise)
                    }
                    revised => Ok(vec![revised.into()]),
                }
            }
            (Some(kept), Command::SaveRestorativeRecord(change)) => {
                let SaveRestorativeRecord { introduction, narrative } = change;
                match kept.revise(RestorativeRecordRevised { introduction, narrative })? {
                    nothing if nothing == RestorativeRecordRevised::default() => Ok(vec![]),
                    revised => Ok(vec![revised.into()]),
                }
            }
            (None, Command::EraseRestorativeRecord(_)) => Ok(vec![]),
            (Some(_), Command::EraseRestorativeRecord(_)) => {
                Ok(vec![RestorativeRecordErased {}.into()])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::RestorativeRecordCreated(created) => {
                let mut kept = Kept { id: created.id, introduction: None, narrative: None };
                kept.introduction = created.introduction.as_deref().map(|text| kept.hash(text));
                kept.narrative = created.narrative.as_deref().map(|text| kept.hash(text));
                self.kept = Some(kept);
            }
            Event::RestorativeRecordRevised(revised) => {
                let Some(kept) = &mut self.kept else { return };
                if let Some(text) = &revised.introduction {
                    kept.introduction = text.as_deref().map(|text| kept.hash(text));
                }
                if let Some(text) = &revised.narrative {
                    kept.narrative = text.as_deref().map(|text| kept.hash(text));
                }
            }
            Event::RestorativeRecordErased(_) => self.kept = None,
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl RestorativeRecord {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        let id = row.or_default("id");
        let mut kept = Kept { id, introduction: None, narrative: None };
        kept.introduction = row.get::<String>("introduction").map(|text| kept.hash(&text));
        kept.narrative = row.get::<String>("narrative").map(|text| kept.hash(&text));
        self.kept = Some(kept);
    }
}

fn create(new: CreateRestorativeRecord, moment: &Moment) -> Result<Vec<Event>, Refusal> {
    let CreateRestorativeRecord { introduction, narrative } = new;
    within(introduction.as_deref(), narrative.as_deref())?;
    Ok(vec![RestorativeRecordCreated { id: moment.new_id(), introduction, narrative }.into()])
}

/// That both texts fit. (restorative.rule.text_limits)
fn within(introduction: Option<&str>, narrative: Option<&str>) -> Result<(), Refusal> {
    fits("introduction", introduction, INTRODUCTION_LIMIT)?;
    fits("narrative", narrative, NARRATIVE_LIMIT)
}

fn fits(field: &'static str, text: Option<&str>, most: usize) -> Result<(), Refusal> {
    let text = text.unwrap_or_default();
    // A character has at least one byte, so most texts need no counting.
    let short = text.len() <= most || text.chars().count() <= most;
    if short && !text.contains('\0') { Ok(()) } else { Err(Refusal::TextTooLong { field, most }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Refusal as _, testing::given};

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn created() -> Event {
        let id = Uuid::from_u128(0x4e);
        let (introduction, narrative) = (text("I am Ada"), text("It began in spring"));
        RestorativeRecordCreated { id, introduction, narrative }.into()
    }

    fn revise(introduction: Option<Option<String>>) -> ReviseRestorativeRecord {
        ReviseRestorativeRecord { introduction, narrative: None }
    }

    #[test]
    fn a_person_has_one_record() {
        let new = CreateRestorativeRecord { introduction: text("I am Ada"), narrative: None };
        let (given, events) = given::<RestorativeRecord>([]).when(new.clone()).events();
        let [Event::RestorativeRecordCreated(made)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((&made.introduction, &made.narrative), (&text("I am Ada"), &None));
        given.when(new).refused("RecordAlreadyExists");
    }

    #[test]
    fn what_a_revision_leaves_out_stays_and_null_clears() {
        let only = |introduction| RestorativeRecordRevised { introduction, narrative: None };
        given::<RestorativeRecord>([created()])
            .when(revise(Some(text("I am Ada L."))))
            .then([only(Some(text("I am Ada L.")))])
            .when(revise(Some(None)))
            .then([only(Some(None))])
            .when(revise(Some(None)))
            .refused("NothingToRevise");
    }

    #[test]
    fn a_revision_carries_only_what_changes_and_one_that_changes_nothing_is_refused() {
        let narrative = Some(text("It began in winter"));
        let both = ReviseRestorativeRecord {
            introduction: Some(text("I am Ada")),
            narrative: narrative.clone(),
        };
        given::<RestorativeRecord>([created()])
            .when(revise(None))
            .refused("NothingToRevise")
            .when(revise(Some(text("I am Ada"))))
            .refused("NothingToRevise")
            .when(both)
            .then([RestorativeRecordRevised { introduction: None, narrative }]);
    }

    #[test]
    fn without_a_record_nothing_can_be_revised() {
        given::<RestorativeRecord>([]).when(revise(Some(None))).refused("RecordNotFound");
        given::<RestorativeRecord>([created(), RestorativeRecordErased {}.into()])
            .when(revise(Some(None)))
            .refused("RecordNotFound");
    }

    #[test]
    fn saving_creates_then_revises_then_does_nothing() {
        let save = |narrative| SaveRestorativeRecord { introduction: None, narrative };
        let (given, events) =
            given::<RestorativeRecord>([]).when(save(Some(text("It began")))).events();
        let [Event::RestorativeRecordCreated(made)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((&made.introduction, &made.narrative), (&None, &text("It began")));
        given
            .when(save(Some(text("It began"))))
            .then_nothing()
            .when(save(None))
            .then_nothing()
            .when(save(Some(None)))
            .then([RestorativeRecordRevised { introduction: None, narrative: Some(None) }]);
    }

    #[test]
    fn texts_are_measured_in_characters_and_hold_no_nul() {
        let long = |length: usize| Some("ä".repeat(length));
        for (introduction, narrative, field) in [
            (long(INTRODUCTION_LIMIT + 1), None, "introduction"),
            (None, long(NARRATIVE_LIMIT + 1), "narrative"),
            (text("nul\0"), None, "introduction"),
        ] {
            let new = CreateRestorativeRecord { introduction, narrative };
            let refusal =
                create(new.clone(), &Moment::new(crate::testing::day(1), Uuid::nil(), Uuid::nil()));
            assert_eq!(refusal.map_err(|it| it.field()), Err(Some(field)));
            let CreateRestorativeRecord { introduction, narrative } = new.clone();
            let (introduction, narrative) = (Some(introduction), Some(narrative));
            given::<RestorativeRecord>([]).when(new).refused("TextTooLong");
            given::<RestorativeRecord>([created()])
                .when(ReviseRestorativeRecord {
                    introduction: introduction.clone(),
                    narrative: narrative.clone(),
                })
                .refused("TextTooLong")
                .when(SaveRestorativeRecord { introduction, narrative })
                .refused("TextTooLong");
        }
        let (introduction, narrative) = (long(INTRODUCTION_LIMIT), long(NARRATIVE_LIMIT));
        given::<RestorativeRecord>([])
            .when(CreateRestorativeRecord { introduction, narrative })
            .events();
    }

    #[test]
    fn an_erased_record_is_gone_and_another_can_be_made() {
        given::<RestorativeRecord>([created()])
            .when(EraseRestorativeRecord {})
            .then([RestorativeRecordErased {}])
            .when(EraseRestorativeRecord {})
            .then_nothing()
            .when(CreateRestorativeRecord::default())
            .events();
    }

    #[test]
    fn the_state_holds_no_text_and_two_records_hash_alike_texts_apart() {
        let kept = |id: u128| {
            let id = Uuid::from_u128(id);
            let introduction = text("I am Ada");
            let created = RestorativeRecordCreated { id, introduction, narrative: None };
            serde_json::to_string(&given::<RestorativeRecord>([created.into()]).state).unwrap()
        };
        assert!(!kept(1).contains("Ada"));
        assert_ne!(kept(1).replace("0001", ""), kept(2).replace("0002", ""));
    }
}
