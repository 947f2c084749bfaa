//! Every table, view, function and role, as Postgres has them.

use annals_projections::{Catalogue, Writer};
use annals_tests::World;
use serde_json::Value;

/// The contexts' schemas.
const OURS: &str =
    "(SELECT name FROM annals.projections UNION SELECT 'annals' UNION SELECT 'auth')";

/// The tables that the migrator writes, as a list of texts.
fn migrators() -> String {
    let catalogue = Catalogue::new();
    let tables = catalogue.contexts().flat_map(|context| context.tables);
    let names = tables.filter(|table| table.writer == Writer::Migrator);
    names.map(|table| format!("'{}.{}'", table.schema, table.name)).collect::<Vec<_>>().join(", ")
}

/// Nothing is found by a query that looks for what must not be.
async fn none(world: &World, sql: &str) {
    let sql = sql.replace("$ours", OURS).replace("$migrators", &migrators());
    let found: Vec<Value> = world.rows(&sql).await;
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_of_a_context_has_row_security_that_binds_its_owner_too() {
    let world = World::asleep().await;
    none(
        &world,
        "SELECT own.nspname, relation.relname FROM pg_class AS relation
         JOIN pg_namespace AS own ON own.oid = relation.relnamespace
         WHERE own.nspname IN $ours AND own.nspname <> 'annals' AND relation.relkind IN ('r', 'p')
           AND NOT (relation.relrowsecurity AND relation.relforcerowsecurity)
           -- What the migrator writes is nobody else's to read at all.
           AND NOT (own.nspname || '.' || relation.relname IN ($migrators)
                    AND NOT EXISTS (SELECT FROM aclexplode(relation.relacl) AS held
                                    WHERE held.grantee <> relation.relowner))",
    )
    .await;
    let tables = "SELECT count(*) FROM pg_class AS relation
        JOIN pg_namespace AS own ON own.oid = relation.relnamespace
        WHERE own.nspname IN ('lift', 'samia', 'nestsync') AND relation.relkind = 'r'";
    assert!(world.number(tables).await >= 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_and_column_of_a_context_is_described() {
    let world = World::asleep().await;
    none(
        &world,
        "SELECT own.nspname, relation.relname, attribute.attname FROM pg_class AS relation
         JOIN pg_namespace AS own ON own.oid = relation.relnamespace
         LEFT JOIN pg_attribute AS attribute ON attribute.attrelid = relation.oid
              AND attribute.attnum > 0 AND NOT attribute.attisdropped
         WHERE own.nspname IN $ours AND own.nspname NOT IN ('annals', 'auth')
           AND relation.relkind IN ('r', 'p', 'v')
           AND (coalesce(obj_description(relation.oid, 'pg_class'), '') = ''
                OR coalesce(col_description(relation.oid, attribute.attnum), '') = '')",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_function_with_its_owners_rights_is_pinned_and_not_for_everybody() {
    let world = World::asleep().await;
    none(
        &world,
        "SELECT own.nspname, function.proname FROM pg_proc AS function
         JOIN pg_namespace AS own ON own.oid = function.pronamespace
         WHERE own.nspname IN $ours AND function.prosecdef
           AND (NOT coalesce(array_to_string(function.proconfig, ','), '') LIKE '%search_path=%'
                OR EXISTS (SELECT FROM aclexplode(coalesce(function.proacl,
                               acldefault('f', function.proowner))) AS grants
                           WHERE grants.grantee = 0))",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_read_with_their_readers_rights_and_nothing_is_materialised() {
    let world = World::asleep().await;
    none(
        &world,
        "SELECT own.nspname, relation.relname FROM pg_class AS relation
         JOIN pg_namespace AS own ON own.oid = relation.relnamespace
         WHERE own.nspname IN $ours AND (relation.relkind = 'm' OR relation.relkind = 'v'
           -- A view that no reader may ask answers none (F084).
           AND EXISTS (SELECT FROM unnest(ARRAY['authenticated', 'anon', 'analyst']) AS reader
                       WHERE has_table_privilege(reader, relation.oid, 'SELECT'))
           AND NOT coalesce(relation.reloptions, '{}') && ARRAY['security_invoker=true',
                                                               'security_barrier=true'])",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_projectors_may_write_to_a_contexts_tables() {
    let world = World::asleep().await;
    none(
        &world,
        "SELECT own.nspname, relation.relname, role.rolname, grants.privilege_type
         FROM pg_class AS relation
         JOIN pg_namespace AS own ON own.oid = relation.relnamespace
         CROSS JOIN LATERAL aclexplode(coalesce(relation.relacl,
                                acldefault('r', relation.relowner))) AS grants
         LEFT JOIN pg_roles AS role ON role.oid = grants.grantee
         WHERE own.nspname IN $ours AND own.nspname <> 'annals'
           AND relation.relkind IN ('r', 'p', 'v') AND grants.grantee <> relation.relowner
           AND (grants.grantee = 0 OR grants.privilege_type <> 'SELECT'
                                      AND role.rolname <> 'projector')",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_role_of_ours_is_a_superuser_or_passes_row_security_by() {
    let world = World::asleep().await;
    none(
        &world,
        "SELECT rolname FROM pg_roles
         WHERE rolname IN ('annals_owner', 'annals_appender', 'annals_relay', 'annals_notary', 'annals_auditor',
                           'projector', 'authenticated', 'anon', 'analyst', 'service_role')
           AND (rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolcreatedb)",
    )
    .await;
    none(
        &world,
        "SELECT own.nspname, relation.relname, role.rolname FROM pg_class AS relation
         JOIN pg_namespace AS own ON own.oid = relation.relnamespace
         JOIN pg_roles AS role ON role.oid = relation.relowner
         WHERE own.nspname IN $ours AND role.rolname NOT IN ('annals_owner', 'annals')
           AND relation.relkind IN ('r', 'p', 'v', 'S')",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn references_inside_a_context_wait_for_the_commit() {
    let world = World::asleep().await;
    none(
        &world,
        "SELECT own.nspname, relation.relname, key.conname FROM pg_constraint AS key
         JOIN pg_class AS relation ON relation.oid = key.conrelid
         JOIN pg_namespace AS own ON own.oid = relation.relnamespace
         WHERE own.nspname IN $ours AND key.contype = 'f'
           AND NOT (key.condeferrable AND key.condeferred)",
    )
    .await;
    none(
        &world,
        "SELECT own.nspname, relation.relname, key.conname FROM pg_constraint AS key
         JOIN pg_class AS relation ON relation.oid = key.conrelid
         JOIN pg_namespace AS own ON own.oid = relation.relnamespace
         JOIN pg_class AS parent ON parent.oid = key.confrelid
         JOIN pg_namespace AS other ON other.oid = parent.relnamespace
         WHERE own.nspname IN $ours AND key.contype = 'f'
           AND other.nspname NOT IN (own.nspname, 'auth')",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrating_again_changes_nothing() {
    let world = World::asleep().await;
    let catalogue = annals_projections::Catalogue::new();
    let again = annals_infra::migrate::migrate(world.database_url(), &catalogue).await.unwrap();
    assert_eq!((again.ran, again.made.len(), again.stale.len()), (0, 0, 0), "{again:?}");
}
