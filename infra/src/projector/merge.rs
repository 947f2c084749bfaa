//! Merging row changes over a batch, so that each row is written once, and each of its versions is kept.

use std::collections::HashMap;

use annals_projections::{Change, Operation, Row, Table};
use serde_json::Value;

/// What happens to one row in the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The row's key.
    pub key: Row,
    /// It may be there and goes first, before anything is written.
    pub dropped: Option<Dropped>,
    /// What is written then.
    pub written: Option<(Write, Row)>,
    /// Which event of the batch changed it last.
    pub event: usize,
    /// Whether it went before it was written: nothing of the row that is there stays.
    afresh: bool,
    /// What earlier events of the batch made of it, where versions are kept.
    earlier: Vec<Version>,
}

/// What an event of the batch made of a row: all that was written since the batch began; nothing where the
/// row went.
#[derive(Debug, Clone, PartialEq)]
struct Version {
    event: usize,
    afresh: bool,
    written: Option<(Write, Row)>,
}

impl Merged {
    fn new(key: Row, event: usize) -> Self {
        Self { key, dropped: None, written: None, event, afresh: false, earlier: Vec::new() }
    }

    /// Keeps what the row is, where another event is about to change it. What one event does to a row
    /// in several changes is one version.
    fn turn(&mut self, event: usize, keep: bool) {
        if keep && event != self.event {
            let (afresh, written) = (self.afresh, self.written.clone());
            self.earlier.push(Version { event: self.event, afresh, written });
        }
        self.event = event;
    }

    /// Whether one event alone wrote it.
    pub const fn is_of_one_event(&self) -> bool {
        self.earlier.is_empty()
    }

    /// What each event made of the row, in order; the last alone where versions are not kept. The first
    /// part is the event, the second whether nothing of the row that is there stays.
    pub fn versions(&self) -> impl Iterator<Item = (usize, bool, Option<&(Write, Row)>)> {
        let last = (self.event, self.afresh, self.written.as_ref());
        self.earlier.iter().map(|it| (it.event, it.afresh, it.written.as_ref())).chain([last])
    }
}

/// How a row goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dropped {
    /// It is there.
    There,
    /// It may be there: it was put by the same batch.
    Perhaps,
}

/// How a row is written. Rows that are there change before others are made: what is unique among some
/// rows (one open suggestion, one live subscription) is given up by one before it is taken by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Write {
    /// Changed; it is there.
    Patch,
    /// Made, or changed where it is there.
    Put,
    /// Added to; made where it is not there.
    Add,
}

/// Changes that can be written in any order among themselves.
#[derive(Debug, Default)]
pub struct Step {
    rows: Vec<(&'static Table, Merged)>,
    /// Where a row is, by table and key.
    places: HashMap<Name, usize>,
    /// Changes of all rows with a value, after the rows, and the events that make them.
    pub everywhere: Vec<(usize, Change)>,
}

/// Which row: its table and its key, as text.
type Name = (&'static str, String);

impl Step {
    /// The rows that change, in the order in which they first do.
    pub fn rows(&self) -> impl Iterator<Item = (&'static Table, &Merged)> {
        self.rows.iter().map(|(table, merged)| (*table, merged))
    }

    fn known(&self, name: &Name) -> Option<&Merged> {
        Some(&self.rows.get(*self.places.get(name)?)?.1)
    }

    /// The row of this name, which is new where it was not known.
    fn row(
        &mut self,
        name: Name,
        table: &'static Table,
        new: impl FnOnce() -> Merged,
    ) -> &mut Merged {
        let place = *self.places.entry(name).or_insert_with(|| {
            self.rows.push((table, new()));
            self.rows.len() - 1
        });
        &mut self.rows[place].1
    }
}

/// Merges changes, in order, into steps. Each comes with the number of its event in the batch; `keep`
/// says whether versions are kept.
pub fn merge(changes: impl IntoIterator<Item = (usize, Change)>, keep: bool) -> Vec<Step> {
    let mut steps = vec![Step::default()];
    for (event, change) in changes {
        let name = name(&change);
        let fresh = match steps.last() {
            Some(step) => !fits(step, &name, &change),
            None => true,
        };
        if fresh {
            steps.push(Step::default());
        }
        if let Some(step) = steps.last_mut() {
            add(step, name, event, change, keep);
        }
    }
    steps
}

/// Whether a change may join a step without changing what comes of it.
fn fits(step: &Step, name: &Name, change: &Change) -> bool {
    match change.operation {
        // Comes after the step's rows in any case.
        Operation::PatchWhere | Operation::DropWhere => true,
        _ if !step.everywhere.is_empty() => false,
        operation => {
            let known = step.known(name);
            match known.and_then(|merged| merged.written.as_ref()) {
                Some((Write::Add, _)) => operation == Operation::Add,
                Some(_) => operation != Operation::Add,
                None => known.is_none() || operation != Operation::Add,
            }
        }
    }
}

fn name(change: &Change) -> Name {
    let mut key = String::new();
    for value in change.key.values() {
        match value {
            // Most keys are one text, which needs no quotes to be told from others.
            Value::String(text) if change.key.len() == 1 => key.push_str(text),
            value => {
                key.push_str(&value.to_string());
                key.push('\u{1f}');
            }
        }
    }
    (change.table.name, key)
}

fn add(step: &mut Step, name: Name, event: usize, change: Change, keep: bool) {
    let write = match change.operation {
        Operation::Put => Write::Put,
        Operation::Patch => Write::Patch,
        Operation::Add => Write::Add,
        Operation::PatchWhere | Operation::DropWhere => {
            return step.everywhere.push((event, change));
        }
        Operation::Drop => {
            let merged = step.row(name, change.table, || Merged::new(change.key, event));
            merged.turn(event, keep);
            let put = matches!(merged.written, Some((Write::Put, _)));
            merged.dropped = match (merged.dropped, put) {
                (None, false) => Some(Dropped::There),
                (None, true) => Some(Dropped::Perhaps),
                (known, _) => known,
            };
            merged.written = None;
            merged.afresh = true;
            return;
        }
    };
    let merged = step.row(name, change.table, || Merged::new(change.key, event));
    merged.turn(event, keep);
    match &mut merged.written {
        None => merged.written = Some((write, change.columns)),
        Some((Write::Add, columns)) => sum(columns, change.columns),
        Some((known, columns)) => {
            if write == Write::Put {
                *known = write;
            }
            columns.extend(change.columns);
        }
    }
}

/// Adds numbers, replaces everything else.
fn sum(columns: &mut Row, more: Row) {
    for (name, value) in more {
        let known = columns.get(&name).and_then(Value::as_i64);
        match (known, value.as_i64()) {
            (Some(known), Some(more)) => columns.insert(name, (known + more).into()),
            _ => columns.insert(name, value),
        };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static ROWS: Table = Table::new("x", "rows", &["id"], "");

    fn merged<const N: usize>(changes: [Change; N]) -> Vec<Step> {
        merge(changes.into_iter().enumerate(), true)
    }

    fn only(steps: &[Step]) -> &Merged {
        assert_eq!(steps.len(), 1);
        steps[0].rows().next().unwrap().1
    }

    #[test]
    fn changes_of_one_row_become_one() {
        let steps = merged([
            ROWS.put("1", json!({"a": 1, "b": 1})),
            ROWS.patch("1", json!({"b": 2})),
            ROWS.patch("1", json!({"c": 3})),
        ]);
        let (write, columns) = only(&steps).written.clone().unwrap();
        assert_eq!((write, json!(columns)), (Write::Put, json!({"a": 1, "b": 2, "c": 3})));
    }

    #[test]
    fn a_row_that_came_and_went_leaves_nothing() {
        let steps = merged([ROWS.put("1", json!({"a": 1})), ROWS.drop("1")]);
        assert_eq!((only(&steps).dropped, &only(&steps).written), (Some(Dropped::Perhaps), &None));
        let steps = merged([ROWS.drop("1"), ROWS.put("1", json!({"a": 1}))]);
        assert_eq!(only(&steps).dropped, Some(Dropped::There));
        assert!(only(&steps).written.is_some());
    }

    #[test]
    fn what_follows_a_change_of_many_rows_comes_after_it() {
        let steps = merged([
            ROWS.put("1", json!({"a": 1})),
            ROWS.drop_where("a", 1),
            ROWS.put("1", json!({"a": 2})),
        ]);
        assert_eq!(steps.len(), 2);
    }

    #[test]
    fn counts_add_up() {
        let steps = merged([ROWS.add("1", json!({"n": 1})), ROWS.add("1", json!({"n": 2}))]);
        assert_eq!(only(&steps).written.clone().unwrap().1, Row::of(json!({"n": 3})));
    }

    #[test]
    fn each_event_leaves_a_version_of_what_it_made() {
        let changes = [
            (0, ROWS.put("1", json!({"a": 1}))),
            (0, ROWS.patch("1", json!({"b": 1}))),
            (1, ROWS.patch("1", json!({"a": 2}))),
            (2, ROWS.drop("1")),
            (3, ROWS.put("1", json!({"a": 3}))),
        ];
        let steps = merge(changes.clone(), true);
        let said: Vec<_> = only(&steps)
            .versions()
            .map(|(event, afresh, written)| {
                (event, afresh, written.map(|(_, columns)| json!(columns)))
            })
            .collect();
        assert_eq!(
            said,
            [
                (0, false, Some(json!({"a": 1, "b": 1}))),
                (1, false, Some(json!({"a": 2, "b": 1}))),
                (2, true, None),
                (3, true, Some(json!({"a": 3}))),
            ]
        );
        assert_eq!(only(&merge(changes, false)).versions().count(), 1);
    }
}
