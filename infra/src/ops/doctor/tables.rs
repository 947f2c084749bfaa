//! Whether every table of the read models is guarded, and of the present version.

use annals_projections::{Catalogue, Writer};
use sqlx::{FromRow, PgPool};

use super::finding::Finding;
use crate::{
    migrate::{STORE, tables_hash},
    settings::Kept,
};

#[derive(Debug, Clone, FromRow)]
struct Relation {
    schema: String,
    name: String,
    kind: String,
    is_partition: bool,
    is_guarded: bool,
    policies: i64,
    is_public: bool,
    is_read: bool,
    runs_as_invoker: bool,
    has_barrier: bool,
    /// A table that belongs to the migrator (F085): nobody else has a right to it, and no policy speaks.
    #[sqlx(default)]
    is_exempt: bool,
}

/// Looks at the catalogue of the read models' schemas.
pub(super) async fn check(pool: &PgPool, catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = Vec::new();
    let schemas: Vec<_> =
        catalogue.contexts().filter(|it| !it.tables.is_empty()).map(|it| it.name).collect();
    match relations(pool, &schemas).await {
        Ok(mut relations) => {
            let of_the_migrator = exempt(catalogue);
            for it in &mut relations {
                it.is_exempt = of_the_migrator.contains(&(it.schema.as_str(), it.name.as_str()));
            }
            findings.extend(of_relations(
                &relations,
                &tables(catalogue),
                &barriers(catalogue),
                &closed(catalogue),
            ));
        }
        Err(error) => findings.push(Finding::unanswered("row security", &error)),
    }
    findings.push(match open_schemas(pool, &schemas).await {
        Ok(open) => Finding::none_of(
            "schemas",
            &open,
            "open to PUBLIC: REVOKE ALL ON SCHEMA … FROM PUBLIC",
            "none is open to PUBLIC",
        ),
        Err(error) => Finding::unanswered("schemas", &error),
    });
    findings.push(version(pool).await);
    findings.push(match stale(pool, catalogue).await {
        Ok(stale) => Finding::none_of(
            "table files",
            &stale,
            "of another version: run annals rebuild <context>, or annals migrate where it is missing",
            "every read model is of this version",
        ),
        Err(error) => Finding::unanswered("table files", &error),
    });
    findings
}

/// Tables that the migrator writes: no row security is asked of them.
fn exempt(catalogue: &Catalogue) -> Vec<(&'static str, &'static str)> {
    let tables = catalogue.contexts().flat_map(|it| it.tables);
    let exempt = tables.filter(|table| table.writer == Writer::Migrator);
    exempt.map(|table| (table.schema, table.name)).collect()
}

fn tables(catalogue: &Catalogue) -> Vec<String> {
    let tables = catalogue.contexts().flat_map(|it| it.tables);
    tables.map(|table| format!("{}.{}", table.schema, table.name)).collect()
}

/// Views that say in their own file that they answer with their owner's rights, behind a barrier and
/// with a condition on the reader (F045).
fn barriers(catalogue: &Catalogue) -> Vec<String> {
    let views = catalogue.contexts().flat_map(|it| it.views.iter().map(|view| (it.name, view)));
    let barriers = views.filter(|(_, (_, sql))| sql.contains("WITH (security_barrier = true)"));
    barriers.map(|(context, (name, _))| format!("{context}.{name}")).collect()
}

/// Views that grant nothing to readers in their own file (F084).
fn closed(catalogue: &Catalogue) -> Vec<String> {
    let views = catalogue.contexts().flat_map(|it| it.views.iter().map(|view| (it.name, view)));
    let closed = views.filter(|(_, (_, sql))| !sql.contains("TO authenticated"));
    closed.map(|(context, (name, _))| format!("{context}.{name}")).collect()
}

async fn relations(pool: &PgPool, schemas: &[&str]) -> Result<Vec<Relation>, sqlx::Error> {
    sqlx::query_as(
        "SELECT home.nspname::text AS schema, it.relname::text AS name, it.relkind::text AS kind,
                it.relispartition AS is_partition,
                it.relrowsecurity AND it.relforcerowsecurity AS is_guarded,
                (SELECT count(*) FROM pg_policy WHERE polrelid = it.oid) AS policies,
                EXISTS (SELECT FROM aclexplode(it.relacl) AS held WHERE held.grantee = 0)
                    AS is_public,
                EXISTS (SELECT FROM aclexplode(it.relacl) AS held
                        JOIN pg_roles AS reader ON reader.oid = held.grantee
                        WHERE reader.rolname IN ('authenticated', 'anon', 'analyst')) AS is_read,
                coalesce('security_invoker=true' = ANY (it.reloptions)
                         OR 'security_invoker=on' = ANY (it.reloptions), false) AS runs_as_invoker,
                coalesce('security_barrier=true' = ANY (it.reloptions), false) AS has_barrier
         FROM pg_class AS it JOIN pg_namespace AS home ON home.oid = it.relnamespace
         WHERE home.nspname = ANY ($1) AND it.relkind IN ('r', 'p', 'v', 'm', 'f')
            OR home.nspname = 'auth' AND it.relname = 'users'
               AND pg_get_userbyid(it.relowner) = 'annals_owner'
         ORDER BY 1, 2",
    )
    .bind(schemas)
    .fetch_all(pool)
    .await
}

fn of_relations(
    relations: &[Relation],
    documented: &[String],
    barriers: &[String],
    closed: &[String],
) -> Vec<Finding> {
    let full = |it: &Relation| format!("{}.{}", it.schema, it.name);
    let named = |wrong: fn(&Relation) -> bool| -> Vec<String> {
        relations.iter().filter(|it| wrong(it)).map(full).collect()
    };
    let known: Vec<_> = relations.iter().map(full).collect();
    let missing: Vec<_> = documented.iter().filter(|it| !known.contains(it)).cloned().collect();
    let open = named(|it| it.is_table() && !it.is_exempt && !it.is_guarded);
    let mute = named(|it| it.is_table() && !it.is_exempt && !it.is_partition && it.policies == 0);
    let public = named(|it| it.is_public || (it.has_no_readers() && it.is_read));
    let is_barrier = |it: &&Relation| it.has_barrier && barriers.contains(&full(it));
    let is_closed = |it: &&Relation| !it.is_read && closed.contains(&full(it));
    let views: Vec<_> = relations
        .iter()
        .filter(|it| it.answers_for_its_owner() && !is_barrier(it) && !is_closed(it))
        .map(full)
        .collect();
    let tables = relations.iter().filter(|it| it.is_table()).count();
    vec![
        Finding::none_of(
            "tables",
            &missing,
            "missing: run annals rebuild <context>",
            format!("all {} documented tables are there", documented.len()),
        ),
        Finding::none_of(
            "row security",
            &open,
            "not enabled and forced: run annals rebuild <context>, and find out who changed it",
            format!("enabled and forced on {tables} tables"),
        ),
        Finding::none_of(
            "policies",
            &mute,
            "without any policy: run annals rebuild <context>",
            "every table has its own",
        ),
        Finding::none_of(
            "grants",
            &public,
            "granted to PUBLIC, or to readers who should have no way around a policy: REVOKE it",
            "nothing is granted to PUBLIC",
        ),
        Finding::none_of(
            "views",
            &views,
            "these answer with their owner's rights, whoever asks: run annals rebuild <context>",
            "each answers with the rights of whoever asks, or says in its file why not",
        ),
    ]
}

impl Relation {
    fn is_table(&self) -> bool {
        matches!(self.kind.as_str(), "r" | "p")
    }

    /// Whether whoever asks it gets what its owner may see.
    fn answers_for_its_owner(&self) -> bool {
        matches!(self.kind.as_str(), "m" | "f") || (self.kind == "v" && !self.runs_as_invoker)
    }

    /// Whether no reader may have a right to it: a partition is read through its parent (F074).
    fn has_no_readers(&self) -> bool {
        self.is_exempt || self.is_partition
    }
}

async fn open_schemas(pool: &PgPool, schemas: &[&str]) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT nspname::text FROM pg_namespace
         WHERE (nspname = ANY ($1) OR nspname = 'annals')
           AND EXISTS (SELECT FROM aclexplode(nspacl) AS held WHERE held.grantee = 0)
         ORDER BY 1",
    )
    .bind(schemas)
    .fetch_all(pool)
    .await
}

/// Whether the event store's migrations are those that this program knows.
async fn version(pool: &PgPool) -> Finding {
    let ran: Result<Vec<(i64, Vec<u8>, bool)>, _> =
        sqlx::query_as("SELECT version, checksum, success FROM annals._sqlx_migrations")
            .fetch_all(pool)
            .await;
    match ran {
        Ok(ran) => of_migrations(&ran),
        Err(error) => Finding::unanswered("schema", &error),
    }
}

fn of_migrations(ran: &[(i64, Vec<u8>, bool)]) -> Finding {
    let newest = ran.iter().map(|it| it.0).max().unwrap_or_default();
    let mut wrong = Vec::new();
    for known in STORE.iter() {
        match ran.iter().find(|it| it.0 == known.version) {
            None => wrong.push(format!("migration {} did not run", known.version)),
            Some((_, _, false)) => wrong.push(format!("migration {} failed", known.version)),
            Some((_, checksum, _)) if *checksum != *known.checksum => {
                wrong.push(format!("migration {} was another one", known.version));
            }
            Some(_) => {}
        }
    }
    if wrong.is_empty() && STORE.iter().all(|it| it.version != newest) {
        return Finding::failed(
            "schema",
            format!("version {newest} is newer than this program"),
            "use the version of annals that migrated it, or a newer one",
        );
    }
    let advice = "run annals migrate with the version that serves";
    Finding::none_of("schema", &wrong, advice, format!("the event store is at version {newest}"))
}

/// Whether the past of every context is kept that it is wanted of.
pub(super) async fn past(pool: &PgPool, catalogue: &Catalogue, wanted: &Kept) -> Finding {
    let known: Result<Vec<(String, bool)>, _> =
        sqlx::query_as("SELECT name, history OR position = 0 FROM annals.projections")
            .fetch_all(pool)
            .await;
    let known = match known {
        Ok(known) => known,
        Err(error) => return Finding::unanswered("past", &error),
    };
    let holes: Vec<_> = catalogue
        .contexts()
        .filter(|it| !it.tables.is_empty() && wanted.has(it.name))
        .filter(|it| known.iter().any(|(name, is_kept)| name == it.name && !is_kept))
        .map(|it| it.name)
        .collect();
    if holes.is_empty() {
        return Finding::ok("past", "kept wherever it is wanted (ANNALS_HISTORY)");
    }
    let seen = format!("wanted and not kept: {}", holes.join(", "));
    Finding::warning("past", seen, "annals rebuild <context> fills it from the log")
}

async fn stale(pool: &PgPool, catalogue: &Catalogue) -> Result<Vec<String>, sqlx::Error> {
    let known: Vec<(String, String)> =
        sqlx::query_as("SELECT name, tables_hash FROM annals.projections").fetch_all(pool).await?;
    let is_fresh = |context: &&annals_projections::Context| {
        known.iter().any(|(name, hash)| name == context.name && *hash == tables_hash(context))
    };
    Ok(catalogue.contexts().filter(|it| !is_fresh(it)).map(|it| it.name.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Verdict, *};
    use crate::ops::testing::{NOBODY, World};

    #[tokio::test]
    async fn a_past_with_a_hole_is_named() {
        let mut world = World::new().await;
        let at = world.organisation().await;
        let projecting = world.project("lift").await;
        world.projected("lift", at).await;
        projecting.stop().await;
        let (pool, catalogue) = (world.owner().await, Catalogue::new());
        let wanted = world.setup(NOBODY).settings.history;
        assert_eq!(past(&pool, &catalogue, &wanted).await.verdict, Verdict::Ok);
        let hole = "UPDATE annals.projections SET history = false WHERE name = 'lift'";
        sqlx::query(hole).execute(&pool).await.unwrap();
        let found = past(&pool, &catalogue, &wanted).await;
        assert_eq!(found.verdict, Verdict::Warning);
        assert!(found.seen.ends_with("not kept: lift"), "{}", found.seen);
        assert_eq!(past(&pool, &catalogue, &Kept::NONE).await.verdict, Verdict::Ok);
    }

    fn relation(name: &str, kind: &str) -> Relation {
        let (schema, name) = name.split_once('.').unwrap();
        Relation {
            schema: schema.into(),
            name: name.into(),
            kind: kind.into(),
            is_partition: false,
            is_guarded: true,
            policies: 1,
            is_public: false,
            is_read: true,
            runs_as_invoker: true,
            has_barrier: false,
            is_exempt: false,
        }
    }

    fn wrong(relations: &[Relation]) -> Vec<(&'static str, String)> {
        let findings = of_relations(
            relations,
            &["lift.alerts".to_owned()],
            &["lift.notes".to_owned()],
            &["carenotes.performance_metrics".to_owned()],
        );
        let bad = findings.into_iter().filter(|it| it.verdict == Verdict::Failed);
        bad.map(|it| (it.check, it.seen)).collect()
    }

    #[test]
    fn a_table_that_is_not_guarded_is_named() {
        let alerts = relation("lift.alerts", "r");
        assert_eq!(wrong(std::slice::from_ref(&alerts)), []);
        assert_eq!(wrong(&[]), [("tables", "lift.alerts".to_owned())]);
        let open = Relation { is_guarded: false, policies: 0, is_public: true, ..alerts };
        let name = || "lift.alerts".to_owned();
        assert_eq!(
            wrong(&[open]),
            [("row security", name()), ("policies", name()), ("grants", name())]
        );
    }

    #[test]
    fn partitions_and_the_migrators_table_need_no_policy_and_have_no_readers() {
        let alerts = relation("lift.alerts", "r");
        let month = Relation {
            is_partition: true,
            policies: 0,
            is_read: false,
            ..relation("carenotes.daily_records_y2026m01", "r")
        };
        let versions = Relation {
            is_guarded: false,
            policies: 0,
            is_read: false,
            is_exempt: true,
            ..relation("carenotes.schema_versions", "r")
        };
        assert_eq!(wrong(&[alerts.clone(), month.clone(), versions]), []);
        let read = Relation { is_read: true, ..month };
        assert_eq!(wrong(&[alerts, read])[0].0, "grants");
    }

    #[test]
    fn a_view_answers_with_the_rights_of_whoever_asks() {
        let alerts = relation("lift.alerts", "r");
        let view = Relation { runs_as_invoker: false, ..relation("lift.summary", "v") };
        assert_eq!(wrong(&[alerts.clone(), view])[0], ("views", "lift.summary".to_owned()));
        let unread = Relation {
            runs_as_invoker: false,
            is_read: false,
            ..relation("carenotes.performance_metrics", "v")
        };
        assert_eq!(wrong(&[alerts.clone(), unread.clone()]), []);
        let read = Relation { is_read: true, ..unread };
        assert_eq!(wrong(&[alerts.clone(), read])[0].0, "views");
        let barrier =
            Relation { runs_as_invoker: false, has_barrier: true, ..relation("lift.notes", "v") };
        assert_eq!(wrong(&[alerts.clone(), barrier.clone()]), []);
        let open = Relation { has_barrier: false, ..barrier };
        assert_eq!(wrong(&[alerts.clone(), open])[0].0, "views");
        let stored = relation("lift.stored", "m");
        assert_eq!(wrong(&[alerts, stored])[0].0, "views");
    }

    #[test]
    fn migrations_are_those_of_this_program() {
        let ran: Vec<_> = STORE.iter().map(|it| (it.version, it.checksum.to_vec(), true)).collect();
        assert_eq!(of_migrations(&ran).verdict, Verdict::Ok);
        assert!(of_migrations(&ran[1..]).seen.contains("migration 1 did not run"));
        let mut edited = ran.clone();
        edited[0].1 = vec![0];
        assert!(of_migrations(&edited).seen.contains("migration 1 was another one"));
        let mut newer = ran;
        newer.push((9_999, Vec::new(), true));
        assert!(of_migrations(&newer).seen.contains("newer than this program"));
    }
}
