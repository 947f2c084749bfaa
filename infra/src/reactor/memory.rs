//! What a reactor remembers: brought from Postgres when it is asked for, kept there in the transaction
//! that moves the checkpoint. Personal fields are sealed on the way, and opened on the way back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use annals_commands::reaction::{Key, Memories};
use annals_domain::{EventType, PersonalField, Subject};
use serde_json::{Map, Value};
use sqlx::{PgPool, Postgres, Transaction};

use super::run::RunError;
use crate::{
    keys::Keys,
    seal::{self, SealContext},
    store::SealedSubject,
};

/// States and sets that are kept in memory before all of it is let go.
const MOST: usize = 50_000;

type Place = (&'static str, String);
type Personal = &'static [PersonalField];
/// States as a run of a reaction leaves them.
pub type States = BTreeMap<Place, (Value, Personal)>;
/// Who came to which set, and who left it.
pub type Sets = BTreeMap<Place, BTreeMap<String, bool>>;

/// A reactor's memory.
pub struct Memory {
    context: &'static str,
    states: HashMap<Place, Option<Value>>,
    sets: HashMap<Place, BTreeSet<String>>,
    changed: BTreeMap<Place, Personal>,
    moved: Sets,
}

impl Memories for Memory {
    fn state(&self, kind: &'static str, id: &str) -> Option<Option<&Value>> {
        self.states.get(&(kind, id.to_owned())).map(Option::as_ref)
    }

    fn members(&self, kind: &'static str, id: &str) -> Option<&BTreeSet<String>> {
        self.sets.get(&(kind, id.to_owned()))
    }
}

impl Memory {
    /// Nothing at hand yet.
    pub fn new(context: &'static str) -> Self {
        Self {
            context,
            states: HashMap::new(),
            sets: HashMap::new(),
            changed: BTreeMap::new(),
            moved: BTreeMap::new(),
        }
    }

    /// Lets go of all that is at hand, changes that were not kept included.
    pub fn let_go(&mut self) {
        self.states.clear();
        self.sets.clear();
        self.changed.clear();
        self.moved.clear();
    }

    /// Takes over what a run of a reaction remembers.
    pub fn take(&mut self, states: States, sets: Sets) {
        for (place, (state, personal)) in states {
            self.states.insert(place.clone(), Some(state));
            self.changed.insert(place, personal);
        }
        for (place, changes) in sets {
            if let Some(set) = self.sets.get_mut(&place) {
                apply(set, &changes);
            }
            self.moved.entry(place).or_default().extend(changes);
        }
    }

    /// Brings what is missing.
    pub async fn bring(
        &mut self,
        pool: &PgPool,
        keys: &Keys,
        missing: Vec<Key>,
    ) -> Result<(), RunError> {
        let (mut states, mut sets) = (Vec::new(), Vec::new());
        for key in missing {
            match key {
                Key::State { kind, id, personal } => states.push(((kind, id), personal)),
                Key::Set { kind, id } => sets.push((kind, id)),
            }
        }
        if !states.is_empty() {
            self.bring_states(pool, keys, states).await?;
        }
        for (kind, id) in sets {
            let members: Vec<String> = sqlx::query_scalar(
                "SELECT member FROM annals.reactor_sets
                 WHERE context = $1 AND kind = $2 AND id = $3",
            )
            .bind(self.context)
            .bind(kind)
            .bind(&id)
            .fetch_all(pool)
            .await?;
            let mut set: BTreeSet<String> = members.into_iter().collect();
            if let Some(changes) = self.moved.get(&(kind, id.clone())) {
                apply(&mut set, changes);
            }
            self.sets.insert((kind, id), set);
        }
        Ok(())
    }

    async fn bring_states(
        &mut self,
        pool: &PgPool,
        keys: &Keys,
        wanted: Vec<(Place, Personal)>,
    ) -> Result<(), RunError> {
        let rows: Vec<(i64, String, Option<String>)> = sqlx::query_as(
            "SELECT asked.nth, known.state::text, known.sealed::text
             FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS asked (kind, id, nth)
             JOIN annals.reactor_states AS known
               ON known.context = $1 AND known.kind = asked.kind AND known.id = asked.id",
        )
        .bind(self.context)
        .bind(wanted.iter().map(|((kind, _), _)| *kind).collect::<Vec<_>>())
        .bind(wanted.iter().map(|((_, id), _)| id.as_str()).collect::<Vec<_>>())
        .fetch_all(pool)
        .await?;
        for (place, _) in &wanted {
            self.states.entry(place.clone()).or_insert(None);
        }
        for (nth, state, sealed) in rows {
            let nth = usize::try_from(nth - 1).unwrap_or(usize::MAX);
            let Some((place, personal)) = wanted.get(nth) else { continue };
            let mut state: Value = serde_json::from_str(&state).map_err(unreadable)?;
            if let (Some(sealed), Value::Object(fields)) = (sealed, &mut state) {
                let sealed: SealedSubject = serde_json::from_str(&sealed).map_err(unreadable)?;
                self.open(keys, place, personal, &sealed, fields).await?;
            }
            self.states.insert(place.clone(), Some(state));
        }
        Ok(())
    }

    async fn open(
        &self,
        keys: &Keys,
        place: &Place,
        personal: Personal,
        sealed: &SealedSubject,
        fields: &mut Map<String, Value>,
    ) -> Result<(), RunError> {
        if keys.cached(&sealed.subject).is_none() {
            keys.load(std::slice::from_ref(&sealed.subject)).await?;
        }
        let Some(key) = keys.cached(&sealed.subject) else {
            return Err(RunError::Standing("a key is missing in the key store".to_owned()));
        };
        let kind = self.kind(place);
        seal::open_fields(fields, &like_an_event(personal), &bound(&kind, place), sealed, &key)
            .map_err(|error| RunError::Standing(error.to_string()))?;
        Ok(())
    }

    /// Keeps what has changed since it was last kept.
    pub async fn keep(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        keys: &Keys,
    ) -> Result<(), RunError> {
        if !self.changed.is_empty() {
            self.keep_states(transaction, keys).await?;
        }
        let (mut kinds, mut ids, mut members, mut ins) = (vec![], vec![], vec![], vec![]);
        for ((kind, id), changes) in &self.moved {
            for (member, is_in) in changes {
                kinds.push(*kind);
                ids.push(id.as_str());
                members.push(member.as_str());
                ins.push(*is_in);
            }
        }
        if kinds.is_empty() {
            return Ok(());
        }
        for (sql, wanted) in [
            (
                "INSERT INTO annals.reactor_sets (context, kind, id, member)
                 SELECT $1, kind, id, member
                 FROM unnest($2::text[], $3::text[], $4::text[], $5::bool[])
                     AS moved (kind, id, member, is_in) WHERE is_in
                 ON CONFLICT ON CONSTRAINT reactor_sets_pkey DO NOTHING",
                true,
            ),
            (
                "DELETE FROM annals.reactor_sets AS known
                 USING unnest($2::text[], $3::text[], $4::text[], $5::bool[])
                     AS moved (kind, id, member, is_in)
                 WHERE known.context = $1 AND known.kind = moved.kind AND known.id = moved.id
                   AND known.member = moved.member AND NOT is_in",
                false,
            ),
        ] {
            if ins.contains(&wanted) {
                sqlx::query(sql)
                    .bind(self.context)
                    .bind(&kinds)
                    .bind(&ids)
                    .bind(&members)
                    .bind(&ins)
                    .execute(&mut **transaction)
                    .await?;
            }
        }
        Ok(())
    }

    async fn keep_states(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        keys: &Keys,
    ) -> Result<(), RunError> {
        let mut people: Vec<String> = Vec::new();
        for ((_, id), personal) in &self.changed {
            if !personal.is_empty() && keys.cached(id).is_none() && !people.contains(id) {
                people.push(id.clone());
            }
        }
        if !people.is_empty() {
            keys.ensure(&people).await?;
        }
        let (mut kinds, mut ids, mut texts, mut seals) = (vec![], vec![], vec![], vec![]);
        for (place, personal) in &self.changed {
            let Some(Some(state)) = self.states.get(place) else { continue };
            let mut state = state.clone();
            let mut sealed = None;
            if let (false, Value::Object(fields)) = (personal.is_empty(), &mut state) {
                sealed = self.seal(keys, place, personal, fields)?;
            }
            kinds.push(place.0);
            ids.push(place.1.as_str());
            texts.push(state.to_string());
            seals.push(sealed);
        }
        sqlx::query(
            "INSERT INTO annals.reactor_states (context, kind, id, state, sealed)
             SELECT $1, kind, id, state::json, sealed::json
             FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
                 AS given (kind, id, state, sealed)
             ON CONFLICT ON CONSTRAINT reactor_states_pkey DO UPDATE
             SET state = excluded.state, sealed = excluded.sealed",
        )
        .bind(self.context)
        .bind(&kinds)
        .bind(&ids)
        .bind(&texts)
        .bind(&seals)
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }

    /// Seals personal fields; of an erased person nothing more is kept.
    fn seal(
        &self,
        keys: &Keys,
        place: &Place,
        personal: Personal,
        fields: &mut Map<String, Value>,
    ) -> Result<Option<String>, RunError> {
        let standing = |why: String| RunError::Standing(why);
        let state = keys.cached(&place.1);
        let state = state.ok_or_else(|| standing("a key is not at hand".to_owned()))?;
        let Some(key) = state.live() else {
            for field in personal {
                fields.insert(field.name.to_owned(), field.tombstone.value(&place.1));
            }
            return Ok(None);
        };
        let kind = self.kind(place);
        seal::seal_fields(fields, &like_an_event(personal), &bound(&kind, place), key)
            .map_err(|error| standing(error.to_string()))?;
        let sealed = SealedSubject {
            subject: place.1.clone(),
            key: key.number(),
            commitment: key.commitment_text(),
        };
        serde_json::to_string(&sealed).map(Some).map_err(unreadable)
    }

    fn kind(&self, place: &Place) -> String {
        format!("{}.memory.{}", self.context, place.0)
    }

    /// What has changed is kept now.
    pub fn kept(&mut self) {
        self.changed.clear();
        self.moved.clear();
        if self.states.len() + self.sets.len() > MOST {
            self.let_go();
        }
    }
}

fn apply(set: &mut BTreeSet<String>, changes: &BTreeMap<String, bool>) {
    for (member, is_in) in changes {
        if *is_in {
            set.insert(member.clone());
        } else {
            set.remove(member);
        }
    }
}

/// A memory is sealed as an event is.
const fn like_an_event(personal: Personal) -> EventType {
    EventType {
        name: "memory",
        version: 1,
        subject: Subject::Stream,
        personal,
        schema: schemars::Schema::default,
    }
}

fn bound<'a>(kind: &'a str, place: &'a Place) -> SealContext<'a> {
    SealContext { tenant: "", aggregate_type: kind, aggregate_id: &place.1, sequence: 0 }
}

fn unreadable(error: serde_json::Error) -> RunError {
    RunError::Standing(format!("a memory cannot be read: line {}", error.line()))
}
