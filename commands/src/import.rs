//! Taking over rows that were there before the log was.
//!
//! An import is the operator's act. It is not offered over NATS: whoever runs it has the rights of a
//! command service, and its commands go through the same engine, under ids made of the import's id,
//! with claims, versions and sealed fields like any others. Each row becomes one event of its
//! aggregate (see [`annals_domain::import`]).
//!
//! What a context adds is in its `import.rs`: whose data a row is, what its aggregate has to know that
//! is no column, which values the row claims, and what a row of a plain database has to leave behind.
//! To make a context importable: that file, and a line in [`of`].

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use annals_domain::RowType;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::{
    aggregate::AggregateType,
    carenotes,
    command::Request,
    lift, nestsync, restorative, samia, shared,
    work::{Appended, Claim, Need, Origin, Stop, Stream, Work},
};

/// A row on its way into the log.
#[derive(Debug, Clone)]
pub struct Row {
    /// Where it stood, from 1.
    pub line: u64,
    /// What kind of row it is.
    pub of: &'static RowType,
    /// Stored name of the kind of aggregate that owns it.
    pub kind: &'static str,
    /// The stream.
    pub id: Arc<str>,
    /// Its columns, and what [`Importing::prepare`] adds.
    pub columns: Map<String, Value>,
    /// Whose data it is.
    pub tenant: Arc<str>,
    /// It came along because others refer to it, and stays as it is where it is there already.
    pub outside: bool,
}

impl Row {
    /// A column's text; none where it is null or no text.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<&str> {
        self.columns.get(column)?.as_str()
    }

    /// When the row was made, as it says itself.
    #[must_use]
    pub fn happened(&self) -> Option<DateTime<Utc>> {
        let times = ["created_at", "timestamp"];
        times.iter().find_map(|column| self.text(column)?.parse().ok())
    }

    /// Whether a column has a value.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        self.columns.get(column).is_some_and(|value| !value.is_null())
    }
}

/// What a row takes that nobody else may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taking {
    /// What must be unique.
    pub field: &'static str,
    /// The normalised value.
    pub value: String,
    /// Who holds it from now on, where that is not the row's stream.
    pub owner: Option<String>,
    /// Whether the row cannot be without it. What is not needed is taken where it is free.
    pub needed: bool,
}

impl Taking {
    /// What the row's stream has to have.
    #[must_use]
    pub fn needed(field: &'static str, value: impl Into<String>) -> Self {
        Self { field, value: value.into(), owner: None, needed: true }
    }
}

/// What a context knows of its rows besides their columns.
#[derive(Debug, Clone, Copy)]
pub struct Importing {
    /// What one tenant of it is called, for example `organisation`.
    pub tenant: &'static str,
    /// Says of all rows whose they are, and adds what their aggregates have to know besides.
    pub prepare: fn(&mut [Row]),
    /// What a row takes.
    pub takes: fn(&Row) -> Vec<Taking>,
    /// Changes what a plain database holds otherwise: no credential is taken over (F012, F013).
    /// Gives a sentence about it, if it did.
    pub mend: fn(&str, &mut Map<String, Value>) -> Option<&'static str>,
}

/// What is known of a context's rows, if they can be imported.
#[must_use]
pub fn of(context: &str) -> Option<&'static Importing> {
    match context {
        "shared" => Some(&shared::IMPORTING),
        "restorative" => Some(&restorative::import::IMPORTING),
        "lift" => Some(&lift::import::IMPORTING),
        "samia" => Some(&samia::import::IMPORTING),
        "nestsync" => Some(&nestsync::import::IMPORTING),
        "carenotes" => Some(&carenotes::import::IMPORTING),
        _ => None,
    }
}

/// Nothing is different in a plain database.
#[must_use]
pub fn as_it_is(_: &str, _: &mut Map<String, Value>) -> Option<&'static str> {
    None
}

/// Takes whole streams over from their rows, all or nothing.
#[derive(Debug)]
pub struct ImportRows {
    /// The rows of each stream together, in the order in which they become events.
    streams: Vec<(AggregateType, Vec<Row>)>,
}

impl ImportRows {
    /// The rows of whole streams, those of each in one piece.
    #[must_use]
    pub fn new(streams: Vec<(AggregateType, Vec<Row>)>) -> Self {
        Self { streams }
    }
}

impl Request for ImportRows {
    fn handle(&self, work: &mut Work<'_>, _: &Arc<str>) -> Result<(), Stop> {
        if !work.actor.is_operator() {
            return Err(Stop::Denied("only the operator takes rows over"));
        }
        let mut taken = HashSet::new();
        for (kind, rows) in &self.streams {
            let Some(first) = rows.first() else { continue };
            work.tenant.get_or_insert_with(|| Arc::clone(&first.tenant));
            take_over(work, kind, rows)?;
            for row in rows {
                claim(work, kind, row, &mut taken)?;
            }
        }
        Ok(())
    }

    fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        for (kind, rows) in &self.streams {
            let Some(first) = rows.first() else { continue };
            needs.push(Need::Stream(Stream { kind: kind.name, id: Arc::clone(&first.id) }));
            let Some(importing) = of(kind.context()) else { continue };
            for Taking { field, value, .. } in rows.iter().flat_map(importing.takes) {
                needs.push(Need::Claim(Claim { field, value }));
            }
        }
        needs
    }
}

fn take_over(work: &mut Work<'_>, kind: &AggregateType, rows: &[Row]) -> Result<(), Stop> {
    let Some(first) = rows.first() else { return Ok(()) };
    let stream = Stream { kind: kind.name, id: Arc::clone(&first.id) };
    let (state, version) = work.state(&stream)?;
    if version > 0 {
        return Err(wrong(first, "is there already"));
    }
    let mut state = state.copy();
    for (sequence, row) in (1..).zip(rows) {
        let payload = row.of.payload(row.columns.clone(), &row.id);
        let event = (kind.read)(row.of.event.name, Value::Object(payload))
            .map_err(|error| Stop::Fault(error.to_string()))?
            .ok_or_else(|| Stop::Fault(format!("{} is no event", row.of.event.name)))?;
        if state.evolve(event.as_ref()).is_err() {
            return Err(Stop::Fault(format!("{stream:?} cannot move on")));
        }
        if let Some(column) = event.misread() {
            return Err(wrong(row, &format!("has a {column} that cannot be read")));
        }
        work.appended.push(Appended {
            stream: stream.clone(),
            sequence,
            event,
            origin: Some(Origin { tenant: Arc::clone(&row.tenant), occurred_at: row.happened() }),
        });
    }
    Ok(())
}

fn claim(
    work: &mut Work<'_>,
    kind: &AggregateType,
    row: &Row,
    taken: &mut HashSet<(&'static str, String)>,
) -> Result<(), Stop> {
    let Some(importing) = of(kind.context()) else { return Ok(()) };
    for Taking { field, value, owner, needed } in (importing.takes)(row) {
        let owner = owner.unwrap_or_else(|| row.id.to_string());
        let free = !taken.contains(&(field, value.clone()));
        if free && work.claim(field, value.clone(), owner)? {
            taken.insert((field, value));
        } else if needed {
            return Err(wrong(row, &format!("needs a {field} that another one has")));
        }
    }
    Ok(())
}

/// What is wrong with a row, by its line and table.
fn wrong(row: &Row, what: &str) -> Stop {
    let detail = format!("line {}: this row of {} {what}", row.line, row.of.table);
    Stop::Invalid { pointer: "/rows", detail }
}

/// Which row of a table has an id.
pub(crate) fn by_id<'a>(rows: &'a [Row], table: &str) -> BTreeMap<&'a str, &'a Row> {
    let of_table = rows.iter().filter(|row| row.of.table == table);
    of_table.filter_map(|row| Some((row.text("id")?, row))).collect()
}
