//! In which pieces rows are stored: whole aggregates, parents before children, under ids that are the
//! same each time.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use annals_commands::{AggregateType, Row, import};
use aws_lc_rs::digest::{Context, SHA256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    file::{TransferError, Wrong},
    stage::Staged,
    tables::{Links, Tables},
};

/// Rows of whole aggregates, stored in one transaction.
#[derive(Debug)]
pub struct Piece {
    /// The rows, those of each stream together.
    pub streams: Vec<(AggregateType, Vec<Row>)>,
    /// The id of the command that stores them.
    pub command_id: String,
    /// How many rows.
    pub rows: usize,
}

/// What an import is going to store.
#[derive(Debug)]
pub struct Plan {
    /// Made of the context and all rows: the same rows are the same import.
    pub id: Uuid,
    /// The pieces, in order.
    pub pieces: Vec<Piece>,
    /// Rows that are stored already, by an earlier run of this import.
    pub before: usize,
    /// Rows that came along and are there already.
    pub passed: usize,
    /// What does not fit.
    pub wrong: Vec<Wrong>,
}

impl Plan {
    /// As many rows are stored in one transaction; more goes in pieces of about this size.
    pub const AT_ONCE: usize = 1_000;

    /// Says what is to be stored of the rows.
    ///
    /// # Errors
    /// When Postgres does not answer, or the context cannot be imported.
    pub async fn new(
        connection: &mut PgConnection,
        tables: &Tables<'_>,
        staged: Staged,
    ) -> Result<Self, TransferError> {
        let context = tables.context.name;
        let Some(importing) = import::of(context) else {
            return Err(TransferError::Usage(format!("{context} cannot be imported")));
        };
        let Staged { mut rows, wrong, taken, .. } = staged;
        let id = identity(context, &rows);
        let mut wrong = wrong;
        (importing.prepare)(&mut rows);
        for row in rows.iter_mut().filter(|row| row.kind == "shared.identity") {
            row.tenant = Arc::clone(&row.id);
        }
        let links = Links::read(connection, context).await?;
        let mut plan = Self { id, pieces: Vec::new(), before: 0, passed: 0, wrong: Vec::new() };
        let known = known(connection, &rows).await?;
        let mut pieces = Pieces::new(id);
        for kind in tables.kinds(&links) {
            for (_, rows) in streams(&rows, &kind) {
                let Some(first) = rows.first() else { continue };
                let earlier = known.get(&(kind.name, Arc::clone(&first.id)));
                match earlier {
                    Some(by) if *by == id.to_string() => {
                        plan.before += rows.len();
                        pieces.skip(rows.len());
                    }
                    Some(_) if rows.iter().all(|row| row.outside) => plan.passed += rows.len(),
                    Some(_) => {
                        let what = "it is there already, and is not of this import";
                        wrong.push(Wrong::new(first.line, first.of.table, what));
                    }
                    None => pieces.add(kind, rows),
                }
            }
        }
        // Told already of a stream that is known, and no mistake of what only came along.
        let news: HashSet<(&str, u64)> = rows
            .iter()
            .filter(|row| !row.outside && !known.contains_key(&(row.kind, Arc::clone(&row.id))))
            .map(|row| (row.of.table, row.line))
            .collect();
        wrong.extend(taken.into_iter().filter(|it| news.contains(&(it.table.as_str(), it.line))));
        plan.pieces = pieces.close();
        wrong.sort_by_key(|wrong| wrong.line);
        plan.wrong = wrong;
        Ok(plan)
    }

    /// How many rows are to be stored.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.pieces.iter().map(|piece| piece.rows).sum()
    }
}

struct Pieces {
    import: Uuid,
    pieces: Vec<Piece>,
    streams: Vec<(AggregateType, Vec<Row>)>,
    /// How full the present piece is, with what was stored of it before.
    rows: usize,
}

impl Pieces {
    fn new(import: Uuid) -> Self {
        Self { import, pieces: Vec::new(), streams: Vec::new(), rows: 0 }
    }

    fn add(&mut self, kind: AggregateType, rows: Vec<Row>) {
        if self.rows + rows.len() > Plan::AT_ONCE {
            self.cut();
        }
        self.rows += rows.len();
        self.streams.push((kind, rows));
    }

    fn skip(&mut self, rows: usize) {
        if self.rows + rows > Plan::AT_ONCE {
            self.cut();
        }
        self.rows += rows;
    }

    fn cut(&mut self) {
        self.rows = 0;
        let streams = std::mem::take(&mut self.streams);
        let Some(first) = streams.first().and_then(|(_, rows)| rows.first()) else { return };
        let command_id = format!("import/{}/{}/{}", self.import, first.of.table, first.line);
        let rows = streams.iter().map(|(_, rows)| rows.len()).sum();
        self.pieces.push(Piece { streams, command_id, rows });
    }

    fn close(mut self) -> Vec<Piece> {
        self.cut();
        self.pieces
    }
}

/// A kind's rows by stream, in the order in which they become events.
fn streams(rows: &[Row], kind: &AggregateType) -> BTreeMap<(u64, Arc<str>), Vec<Row>> {
    let mut first: HashMap<&str, u64> = HashMap::new();
    let mut by_stream: BTreeMap<(u64, Arc<str>), Vec<Row>> = BTreeMap::new();
    for of in kind.rows {
        for row in rows.iter().filter(|row| row.kind == kind.name && row.of.table == of.table) {
            let line = *first.entry(&row.id).or_insert(row.line);
            by_stream.entry((line, Arc::clone(&row.id))).or_default().push(row.clone());
        }
    }
    by_stream
}

/// Which streams are there, and which import began them, if one did.
async fn known(
    connection: &mut PgConnection,
    rows: &[Row],
) -> Result<HashMap<(&'static str, Arc<str>), String>, TransferError> {
    let mut asked: Vec<(&'static str, Arc<str>)> =
        rows.iter().map(|row| (row.kind, Arc::clone(&row.id))).collect();
    asked.sort_unstable();
    asked.dedup();
    let mut known = HashMap::new();
    for some in asked.chunks(5_000) {
        let found: Vec<(i64, String)> = sqlx::query_as(
            "SELECT asked.nth, coalesce(event.metadata ->> 'correlation_id', '')
             FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (kind, id, nth)
             JOIN annals.events AS event ON event.aggregate_type = asked.kind
              AND event.aggregate_id = asked.id AND event.sequence = 1",
        )
        .bind(some.iter().map(|it| it.0).collect::<Vec<_>>())
        .bind(some.iter().map(|it| &*it.1).collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await?;
        for (nth, by) in found {
            let nth = usize::try_from(nth - 1).unwrap_or(usize::MAX);
            if let Some(stream) = some.get(nth) {
                known.insert(stream.clone(), by);
            }
        }
    }
    Ok(known)
}

/// The same rows of the same context are the same import.
fn identity(context: &str, rows: &[Row]) -> Uuid {
    let mut hash = Context::new(&SHA256);
    hash.update(context.as_bytes());
    for row in rows.iter().filter(|row| row.kind != "shared.identity") {
        hash.update(format!("\n{} {}", row.of.table, row.line).as_bytes());
        hash.update(serde_json::to_string(&row.columns).unwrap_or_default().as_bytes());
    }
    Uuid::new_v5(&Uuid::NAMESPACE_OID, hash.finish().as_ref())
}
