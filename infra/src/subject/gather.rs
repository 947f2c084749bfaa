//! Gathering what is kept of a person.
//!
//! Whose is it? A stored event says whose key seals its personal fields; a row of a table says it by the
//! column that its import would go by. A row or event that is somebody else's and only names the person
//! is told without its personal fields.

use std::collections::{BTreeMap, BTreeSet};

use annals_commands::Catalogue as Aggregates;
use annals_domain::{EventType, RowType, Subject};
use annals_projections::{Context, Table, Writer};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::{DECIDED, OTHERS};
use crate::{
    erasure::{EraseError, catch_up, events_of, streams_of},
    keys::Keys,
    migrate::history_schema,
    projector::ApplyError,
    seal,
    store::{Metadata, StoredEvent},
    transfer::Tables,
};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The context.
    pub context: &'a Context,
    /// What the person is there, for example `child`.
    pub kind: String,
    /// The id.
    pub id: String,
    /// Columns that are withheld by decision: `table.column`.
    pub withheld: BTreeSet<String>,
}

/// All that is kept of somebody.
#[derive(Debug, Clone, Default)]
pub struct Dossier {
    /// The context.
    pub context: String,
    /// What the person is there.
    pub kind: String,
    /// The id.
    pub id: String,
    /// Up to which position of the log.
    pub position: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// The same events as they are stored, for their proofs.
    pub stored: Vec<StoredEvent>,
    /// Rows as they are now: table and row.
    pub rows: Vec<(String, Map<String, Value>)>,
    /// Rows as they were, where that is kept.
    pub versions: Vec<Version>,
    /// Whether the past of tables is kept at all.
    pub has_past: bool,
    /// Who acted.
    pub people: Vec<Person>,
    /// What is withheld.
    pub withheld: Vec<Withheld>,
    /// What tables and their columns are, in a sentence.
    pub meanings: BTreeMap<String, String>,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Place in the log.
    pub position: i64,
    /// Its id.
    pub event_id: Uuid,
    /// Context and aggregate.
    pub aggregate_type: String,
    /// The aggregate's id.
    pub aggregate_id: String,
    /// Place in the aggregate's stream.
    pub sequence: i64,
    /// What happened.
    pub event_type: String,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// When it happened, where that was said.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Who asked for it.
    pub actor: Uuid,
    /// `person`, `system` or `operator`.
    pub actor_kind: String,
    /// By which command.
    pub command: String,
    /// Why, where that was said.
    pub reason: Option<String>,
    /// The content.
    pub content: Value,
    /// Fields of it that are withheld.
    pub withheld: Vec<String>,
}

/// A row as it was for a time.
#[derive(Debug, Clone, Serialize)]
pub struct Version {
    /// The table.
    pub table: String,
    /// The event that made it so: its position.
    pub from_position: i64,
    /// When.
    pub from: String,
    /// The event's id.
    pub event_id: String,
    /// Until when; none where it is so still.
    pub until: Option<String>,
    /// The row.
    pub row: Map<String, Value>,
}

/// Somebody who acted.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    /// The id. Names of others are withheld.
    pub actor: Uuid,
    /// `person`, `system` or `operator`.
    pub kind: String,
    /// Whether that is the person whom all this is about.
    pub is_subject: bool,
    /// How often.
    pub acts: u64,
    /// The first time.
    pub first: DateTime<Utc>,
    /// The last time.
    pub last: DateTime<Utc>,
    /// What was asked for.
    pub commands: BTreeSet<String>,
}

/// Something withheld.
#[derive(Debug, Clone, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Withheld {
    /// Where: an event or a row.
    pub place: String,
    /// Which fields.
    pub fields: Vec<String>,
    /// Why.
    pub why: &'static str,
}

/// Gathers it, as of one moment of the log.
///
/// # Errors
/// When a database does not answer, or an event cannot be read.
pub async fn gather(
    pool: &PgPool,
    keys: &Keys,
    aggregates: &Aggregates,
    asked: &Asked<'_>,
) -> Result<Dossier, EraseError> {
    catch_up(pool, aggregates).await?;
    let mut connection = pool.acquire().await?;
    let mut snapshot = connection.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut *snapshot)
        .await?;
    let position: i64 =
        sqlx::query_scalar("SELECT position FROM annals.head").fetch_one(&mut *snapshot).await?;
    let subjects = subjects(&mut snapshot, asked).await?;
    let mut dossier = Dossier {
        context: asked.context.name.to_owned(),
        kind: asked.kind.clone(),
        id: asked.id.clone(),
        position,
        at: Utc::now(),
        ..Dossier::default()
    };
    let mut rows = Rows { aggregates, asked, subjects: &subjects, dossier: &mut dossier };
    rows.gather(&mut snapshot).await?;
    snapshot.rollback().await?;
    let all: Vec<String> = subjects.iter().cloned().collect();
    let streams = streams_of(pool, aggregates, &all).await?;
    let own = |context: &str| context == asked.context.name || context == "shared";
    let mut events = events_of(pool, &streams).await?;
    events.retain(|event| event.position <= position && own(event.context()));
    let events = about(aggregates, events, &subjects);
    let mut telling = Telling { keys, aggregates, asked, subjects: &subjects };
    for event in events {
        let told = telling.tell(&event).await?;
        if !told.withheld.is_empty() {
            dossier.withheld.push(Withheld {
                place: format!("event {} ({})", event.position, event.event_type),
                fields: told.withheld.clone(),
                why: telling.why(&event),
            });
        }
        dossier.events.push(told);
        dossier.stored.push(event);
    }
    dossier.people = people(&dossier.events, &subjects);
    dossier.withheld.sort();
    Ok(dossier)
}

/// Whose data it is: the person's; of a family, its children's as well, who cannot ask themselves.
async fn subjects(
    connection: &mut PgConnection,
    asked: &Asked<'_>,
) -> Result<BTreeSet<String>, sqlx::Error> {
    let mut subjects = BTreeSet::from([asked.id.clone()]);
    if (asked.context.name, asked.kind.as_str()) == ("nestsync", "family") {
        let children: Vec<String> =
            sqlx::query_scalar("SELECT id::text FROM nestsync.children WHERE family_id::text = $1")
                .bind(&asked.id)
                .fetch_all(connection)
                .await?;
        subjects.extend(children);
    }
    Ok(subjects)
}

/// Rows, now and before.
struct Rows<'a> {
    aggregates: &'a Aggregates,
    asked: &'a Asked<'a>,
    subjects: &'a BTreeSet<String>,
    dossier: &'a mut Dossier,
}

impl Rows<'_> {
    async fn gather(&mut self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let context = self.asked.context;
        self.dossier.has_past = sqlx::query_scalar(
            "SELECT coalesce(bool_or(history), false) FROM annals.projections WHERE name = $1",
        )
        .bind(context.name)
        .fetch_one(&mut *connection)
        .await?;
        let tables = Tables::new(context, self.aggregates);
        let mut withheld = BTreeMap::new();
        for table in context.tables.iter().filter(|it| it.writer == Writer::Projector) {
            let Some(condition) = names_a_person(table) else { continue };
            let owner = tables.owner(table.name).map(|(_, row)| row);
            self.now(connection, &tables, table, &condition, owner, &mut withheld).await?;
            if self.dossier.has_past {
                self.before(connection, &tables, table, &condition, owner).await?;
            }
            self.meanings(connection, table).await?;
        }
        self.account(connection).await?;
        for ((place, why), fields) in withheld {
            self.dossier.withheld.push(Withheld { place, fields, why });
        }
        Ok(())
    }

    async fn now(
        &mut self,
        connection: &mut PgConnection,
        tables: &Tables<'_>,
        table: &Table,
        condition: &str,
        owner: Option<&RowType>,
        withheld: &mut BTreeMap<(String, &'static str), Vec<String>>,
    ) -> Result<(), sqlx::Error> {
        let (row, name) = (tables.as_json(table.name, "it"), tables.qualified(table.name));
        let order: Vec<String> = table.key.iter().map(|it| format!("it.{it}")).collect();
        let sql = format!(
            "SELECT {row} FROM {name} AS it WHERE {condition} ORDER BY {}",
            order.join(", ")
        );
        let rows: Vec<String> =
            sqlx::query_scalar(&sql).bind(self.ids()).fetch_all(connection).await?;
        for mut row in rows.iter().filter_map(|row| serde_json::from_str(row).ok()) {
            for (field, why) in self.withhold(table, owner, &mut row) {
                let key: Vec<String> =
                    table.key.iter().filter_map(|it| row.get(*it)).map(plain).collect();
                let place = format!("{} {}", table.name, key.join(" "));
                withheld.entry((place, why)).or_default().push(field);
            }
            self.dossier.rows.push((table.name.to_owned(), row));
        }
        Ok(())
    }

    async fn before(
        &mut self,
        connection: &mut PgConnection,
        tables: &Tables<'_>,
        table: &Table,
        condition: &str,
        owner: Option<&RowType>,
    ) -> Result<(), sqlx::Error> {
        let row = tables.as_json(table.name, "it");
        let name = format!("{}.{}", history_schema(self.asked.context.name), table.name);
        let sql = format!(
            "SELECT {row} FROM {name} AS it WHERE {condition} ORDER BY it.annals_from, {}",
            table.key.iter().map(|it| format!("it.{it}")).collect::<Vec<_>>().join(", ")
        );
        let rows: Vec<String> =
            sqlx::query_scalar(&sql).bind(self.ids()).fetch_all(connection).await?;
        for mut row in rows.iter().filter_map(|row| serde_json::from_str(row).ok()) {
            self.withhold(table, owner, &mut row);
            let mut text = |name: &str| row.remove(name).as_ref().map(plain).unwrap_or_default();
            let (from, event_id, until) =
                (text("annals_from_at"), text("annals_event"), text("annals_to_at"));
            let from_position = text("annals_from").parse().unwrap_or_default();
            row.remove("annals_to");
            self.dossier.versions.push(Version {
                table: table.name.to_owned(),
                from_position,
                from,
                event_id,
                until: (until != "infinity").then_some(until),
                row,
            });
        }
        Ok(())
    }

    /// The account with the identity provider, where that table is ours to read.
    async fn account(&mut self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let may: bool = sqlx::query_scalar(
            "SELECT coalesce(has_table_privilege(to_regclass('auth.users'), 'SELECT'), false)
                AND coalesce((SELECT relowner = 'annals_owner'::regrole FROM pg_class
                              WHERE oid = to_regclass('auth.users')), false)",
        )
        .fetch_one(&mut *connection)
        .await?;
        if may {
            let rows: Vec<String> = sqlx::query_scalar(
                "SELECT jsonb_build_object('id', id, 'email', email, 'created_at', created_at)::text
                 FROM auth.users WHERE id::text = ANY ($1)",
            )
            .bind(self.ids())
            .fetch_all(connection)
            .await?;
            for row in rows.iter().filter_map(|row| serde_json::from_str(row).ok()) {
                self.dossier.rows.push(("auth.users".to_owned(), row));
            }
        }
        Ok(())
    }

    /// Puts marks in place of what is not the person's to see; which fields, and why.
    fn withhold(
        &self,
        table: &Table,
        owner: Option<&RowType>,
        row: &mut Map<String, Value>,
    ) -> Vec<(String, &'static str)> {
        let personal = owner.map(|it| it.event.personal).unwrap_or_default();
        let is_own =
            owner.and_then(|it| owner_of(it, row)).is_some_and(|it| self.subjects.contains(&it));
        let mut withheld = Vec::new();
        for (name, value) in row.iter_mut().filter(|(_, value)| !value.is_null()) {
            let by_decision = self.asked.withheld.contains(&format!("{}.{name}", table.name));
            let is_personal = personal.iter().any(|it| it.name == name);
            let why = match (by_decision, is_personal && !is_own) {
                (true, _) => DECIDED,
                (false, true) => OTHERS,
                (false, false) => continue,
            };
            *value = Value::from(why);
            withheld.push((name.clone(), why));
        }
        withheld
    }

    fn ids(&self) -> Vec<&str> {
        self.subjects.iter().map(String::as_str).collect()
    }

    /// What a table and its columns are: the first paragraph of their comments.
    async fn meanings(
        &mut self,
        connection: &mut PgConnection,
        table: &Table,
    ) -> Result<(), sqlx::Error> {
        let known: Vec<(String, String)> = sqlx::query_as(
            "SELECT coalesce('.' || part.attname, ''), said.description
             FROM pg_description AS said
             LEFT JOIN pg_attribute AS part
               ON part.attrelid = said.objoid AND part.attnum = said.objsubid AND said.objsubid > 0
             WHERE said.objoid = to_regclass($1) AND said.classoid = 'pg_class'::regclass",
        )
        .bind(format!("{}.{}", table.schema, table.name))
        .fetch_all(connection)
        .await?;
        for (column, text) in known {
            let first = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
            self.dossier.meanings.insert(format!("{}{column}", table.name), first);
        }
        Ok(())
    }
}

/// The condition under which a row of a table names one of the people in `$1`.
fn names_a_person(table: &Table) -> Option<String> {
    let columns = table.columns();
    let conditions: Vec<String> = columns
        .iter()
        .filter_map(|column| match column.kind {
            "uuid" => Some(format!("it.{}::text = ANY ($1)", column.name)),
            "uuid[]" => Some(format!("it.{}::text[] && $1", column.name)),
            _ => None,
        })
        .collect();
    (!conditions.is_empty()).then(|| conditions.join(" OR "))
}

/// Whose a row is.
fn owner_of(row_type: &RowType, row: &Map<String, Value>) -> Option<String> {
    let named = row_type.subject.iter().chain(row_type.stream.first());
    named.filter_map(|name| row.get(*name)?.as_str()).next().map(str::to_owned)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Events about the person: those that name them; and those that name nobody, of streams in which nobody
/// else is named.
fn about(
    aggregates: &Aggregates,
    events: Vec<StoredEvent>,
    subjects: &BTreeSet<String>,
) -> Vec<StoredEvent> {
    let mut others: BTreeSet<(String, String)> = BTreeSet::new();
    let named: Vec<Option<String>> = events.iter().map(|event| named(aggregates, event)).collect();
    for (event, named) in events.iter().zip(&named) {
        if named.as_ref().is_some_and(|it| !subjects.contains(it)) {
            others.insert((event.aggregate_type.clone(), event.aggregate_id.clone()));
        }
    }
    let is_about = |event: &StoredEvent, named: &Option<String>| match named {
        Some(named) => subjects.contains(named),
        None if subjects.contains(&event.aggregate_id) => true,
        None => !others.contains(&(event.aggregate_type.clone(), event.aggregate_id.clone())),
    };
    let pairs = events.into_iter().zip(named);
    pairs.filter(|(event, named)| is_about(event, named)).map(|(event, _)| event).collect()
}

/// Whom an event names as the person whom it is about; none where that is the stream itself.
fn named(aggregates: &Aggregates, event: &StoredEvent) -> Option<String> {
    let Subject::Field(field) = event_type(aggregates, event)?.subject else { return None };
    let payload: Value = serde_json::from_str(&event.payload).ok()?;
    payload.get(field)?.as_str().map(str::to_owned)
}

fn event_type(aggregates: &Aggregates, event: &StoredEvent) -> Option<&'static EventType> {
    aggregates.aggregate(&event.aggregate_type)?.event(&event.event_type)
}

/// Tells events.
struct Telling<'a> {
    keys: &'a Keys,
    aggregates: &'a Aggregates,
    asked: &'a Asked<'a>,
    subjects: &'a BTreeSet<String>,
}

impl Telling<'_> {
    async fn tell(&mut self, event: &StoredEvent) -> Result<Event, EraseError> {
        let poison = |why: String| {
            EraseError::Event(ApplyError::Poison {
                position: event.position,
                event_type: event.event_type.clone(),
                why,
            })
        };
        let metadata: Metadata =
            serde_json::from_str(&event.metadata).map_err(|error| poison(error.to_string()))?;
        let sealed_for =
            seal::sealed_for(self.aggregates, event).map_err(|error| poison(error.to_string()))?;
        let is_own = sealed_for.as_ref().is_none_or(|it| self.subjects.contains(&**it));
        let mut content: Value = if is_own {
            let opened = seal::open_stored(self.keys, self.aggregates, event).await;
            opened.map_err(|error| poison(error.to_string()))?.payload
        } else {
            serde_json::from_str(&event.payload).map_err(|error| poison(error.to_string()))?
        };
        let mut withheld = Vec::new();
        let kind = event_type(self.aggregates, event);
        if let (Value::Object(fields), Some(kind)) = (&mut content, kind) {
            for (name, value) in fields.iter_mut().filter(|(_, value)| !value.is_null()) {
                let is_personal = kind.personal.iter().any(|it| it.name == name);
                if is_personal && (!is_own || self.decided(name)) {
                    *value = Value::from(if is_own { DECIDED } else { OTHERS });
                    withheld.push(name.clone());
                }
            }
        }
        Ok(Event {
            position: event.position,
            event_id: event.event_id,
            aggregate_type: event.aggregate_type.clone(),
            aggregate_id: event.aggregate_id.clone(),
            sequence: event.sequence,
            event_type: event.event_type.clone(),
            recorded_at: event.recorded_at,
            occurred_at: metadata.occurred_at,
            actor: metadata.actor,
            actor_kind: metadata.actor_kind,
            command: metadata.command,
            reason: metadata.reason,
            content,
            withheld,
        })
    }

    /// Whether a column of this name is withheld by decision.
    fn decided(&self, name: &str) -> bool {
        self.asked.withheld.iter().any(|it| it.split_once('.').is_some_and(|(_, it)| it == name))
    }

    fn why(&self, event: &StoredEvent) -> &'static str {
        match seal::sealed_for(self.aggregates, event) {
            Ok(Some(subject)) if !self.subjects.contains(&*subject) => OTHERS,
            _ => DECIDED,
        }
    }
}

/// Who acted on it.
fn people(events: &[Event], subjects: &BTreeSet<String>) -> Vec<Person> {
    let mut people: BTreeMap<Uuid, Person> = BTreeMap::new();
    for event in events {
        let person = people.entry(event.actor).or_insert_with(|| Person {
            actor: event.actor,
            kind: event.actor_kind.clone(),
            is_subject: subjects.contains(&event.actor.to_string()),
            acts: 0,
            first: event.recorded_at,
            last: event.recorded_at,
            commands: BTreeSet::new(),
        });
        person.acts += 1;
        person.last = event.recorded_at;
        person.commands.insert(event.command.clone());
    }
    people.into_values().collect()
}
