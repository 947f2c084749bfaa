//! Moving rows out of one world and into another.

use std::sync::Arc;

use annals_commands::{Catalogue as Aggregates, import};
use annals_infra::{
    store::{Role, Store, connect},
    transfer::{
        Links, Moved, Plan, Reader, Staged, Storing, Tables, TransferError, export, from_postgres,
        stage, store,
    },
};
use annals_projections::Catalogue;
use sqlx::pool::PoolConnection;
use uuid::Uuid;

use crate::World;

/// The operator.
const OPERATOR: Uuid = Uuid::from_u128(0x09);

async fn projector(world: &World) -> PoolConnection<sqlx::Postgres> {
    let pool = connect(world.database_url(), Role::Projector, 2, true).await.unwrap();
    pool.acquire().await.unwrap()
}

/// One tenant's rows as JSON Lines.
pub async fn exported(world: &World, context: &str, id: Uuid) -> String {
    let (catalogue, aggregates) = (Catalogue::new(), Aggregates::new());
    let tables = Tables::new(catalogue.context(context).unwrap(), &aggregates);
    let mut connection = projector(world).await;
    let (mut out, at) = (Vec::new(), chrono::DateTime::UNIX_EPOCH);
    export(&mut connection, &tables, &id.to_string(), at, &mut out, |_| {}).await.unwrap();
    String::from_utf8(out).unwrap()
}

/// Takes JSON Lines over.
///
/// # Errors
/// As `annals import`.
pub async fn imported(world: &World, lines: &str) -> Result<Moved, TransferError> {
    Box::pin(taken_over(world, lines, false)).await
}

/// Tries to take JSON Lines over.
///
/// # Errors
/// As `annals import --dry-run`.
pub async fn tried(world: &World, lines: &str) -> Result<Moved, TransferError> {
    Box::pin(taken_over(world, lines, true)).await
}

async fn taken_over(world: &World, lines: &str, dry_run: bool) -> Result<Moved, TransferError> {
    let plan = planned(world, lines).await?;
    stored(world, plan, dry_run).await
}

/// What would be stored of JSON Lines.
///
/// # Errors
/// What does not fit.
pub async fn planned(world: &World, lines: &str) -> Result<Plan, TransferError> {
    let (catalogue, aggregates) = (Catalogue::new(), Aggregates::new());
    let (head, mut reader) = Reader::open(lines.as_bytes())?;
    let tables = Tables::new(catalogue.context(&head.context).unwrap(), &aggregates);
    let mut connection = projector(world).await;
    let staged = stage(&mut connection, &tables, || reader.row(), |_| {}).await?;
    fitting(&mut connection, &tables, staged).await
}

async fn fitting(
    connection: &mut sqlx::PgConnection,
    tables: &Tables<'_>,
    staged: Staged,
) -> Result<Plan, TransferError> {
    let plan = Plan::new(connection, tables, staged).await?;
    if plan.wrong.is_empty() { Ok(plan) } else { Err(TransferError::Wrong(plan.wrong)) }
}

/// Stores what was planned.
///
/// # Errors
/// A rule stands against it, or it cannot be stored now.
pub async fn stored(world: &World, plan: Plan, dry_run: bool) -> Result<Moved, TransferError> {
    let pool = connect(world.database_url(), Role::Appender, 4, true).await.unwrap();
    let with = Storing {
        store: Store::new(pool),
        keys: Arc::clone(&world.services()[0].keys),
        region: world.config().region,
        operator: OPERATOR,
        reason: Some("moving house".to_owned()),
        dry_run,
    };
    store(&with, plan, |_| {}).await
}

/// Takes the tables of a plain database over; gives what is worth a note besides.
///
/// # Errors
/// As `annals import --from`.
pub async fn moved_in(
    world: &World,
    url: &str,
    context: &str,
) -> Result<(Moved, Vec<String>), TransferError> {
    let (catalogue, aggregates) = (Catalogue::new(), Aggregates::new());
    let tables = Tables::new(catalogue.context(context).unwrap(), &aggregates);
    let mut connection = projector(world).await;
    let links = Links::read(&mut connection, context).await?;
    let importing = import::of(context).unwrap();
    let taken = from_postgres(url, Some("public"), &tables, &links, importing, |_| {}).await?;
    let notes = taken.notes.iter().cloned().collect();
    let mut rows = (1..).zip(taken.rows).map(|(line, row)| (line, Ok(row)));
    let staged = stage(&mut connection, &tables, || Ok(rows.next()), |_| {}).await?;
    let plan = fitting(&mut connection, &tables, staged).await?;
    Ok((stored(world, plan, false).await?, notes))
}
