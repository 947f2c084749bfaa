//! The rig itself under test: defects that the checker must catch, and data that it must object to.
//!
//! A [`Variant`] is the system with one promise broken: a line of the product behind
//! [`annals_infra::sabotage::broken`], a trigger, or another text of the function that appends. Some
//! load and the fault that the promise is about go over it, and the checker has to object in the
//! promise's own words. An [`ALTERATIONS`] entry breaks one promise by hand in what a healthy system has
//! stored, so that there is no check that cannot fail.

use std::{
    path::Path,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use annals_infra::auth::dev::DevIssuer;
use sqlx::{Executor, PgConnection};
use tokio::time::sleep;

use super::{
    Done,
    check::{self, Findings},
    faults::Role,
    journal::Journal,
    load::{Load, Running},
    proxy::Moment,
    run::{CONTEXTS, Options, System},
    scene::{Asker, Scene, issuer, tokens},
    servers::Servers,
    streams,
};

/// Where all variants begin from.
const BEGINNING: &str = "beginning";
/// How long a step may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a broken system is given to come to rest.
const REST: Duration = Duration::from_secs(4);

/// How a promise is broken.
#[derive(Debug, Clone, Copy)]
pub enum How {
    /// By nothing: the system as it is.
    NotAtAll,
    /// By a line of the product.
    Line,
    /// By statements in the test's database.
    Statements(&'static str),
    /// By other words in the text of `annals.append`.
    Append(&'static [(&'static str, &'static str)]),
}

/// What happens in a variant's life.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// So many commands are accepted, or as many as are in ten seconds.
    Load(u64),
    /// The process of a role dies at a failpoint, and is started again.
    KillAt(Role, &'static str),
    /// The process of a role is gone from here on.
    Gone(Role),
    /// Everything that is stored is published, and everything published projected.
    Rest,
    /// Nothing happens for so many seconds.
    Wait(u64),
    /// The connection of the command service is cut after a commit.
    CutAfterCommit,
    /// The stream of `samia` is deleted.
    DeleteStream,
    /// The stream of `samia` is emptied.
    PurgeStream,
}

/// A broken system and what gives it away.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// Its name; for a line of the product, the one that it asks for.
    pub name: &'static str,
    /// How it is broken.
    pub how: How,
    /// Processes, by their roles.
    pub roles: &'static [&'static str],
    /// What happens.
    pub steps: &'static [Step],
    /// Which promise has to be found broken.
    pub caught_by: &'static str,
}

const SPLIT: &[&str] = &["commands", "relay", "projector"];
const TWO: &[&str] = &["commands", "commands", "relay", "projector"];

/// What happens to a stream while its projector is away.
const PURGED: &[Step] = &[
    Step::Load(60),
    Step::Rest,
    Step::Gone(Role::Projector),
    Step::Load(60),
    Step::Wait(1),
    Step::PurgeStream,
    Step::Wait(8),
];

/// The system as it is, in lives that others do not survive: no promise may be found broken, or not the
/// one that is named.
pub const CONTROLS: &[Variant] = &[
    Variant {
        name: "nothing broken",
        how: How::NotAtAll,
        roles: TWO,
        steps: &[
            Step::Load(120),
            Step::KillAt(Role::Commands, "appending:5"),
            Step::CutAfterCommit,
            Step::Load(60),
            Step::Rest,
        ],
        caught_by: "",
    },
    Variant {
        name: "nothing broken, purged while its projector is away",
        how: How::NotAtAll,
        roles: SPLIT,
        steps: PURGED,
        // Rows cannot be right while it is away; what it needs must be there for it.
        caught_by: "stored but not published in order",
    },
];

/// Command services that die while they append.
const KILLED_APPENDING: &[Step] = &[
    Step::Load(40),
    Step::KillAt(Role::Commands, "appending:8"),
    Step::KillAt(Role::Commands, "appending:8"),
    Step::Load(20),
];

/// Broken systems.
pub const VARIANTS: &[Variant] = &[
    Variant {
        name: "publish_before_commit",
        how: How::Line,
        roles: SPLIT,
        steps: KILLED_APPENDING,
        caught_by: "published but not stored",
    },
    Variant {
        name: "reply_before_commit",
        how: How::Line,
        roles: SPLIT,
        steps: KILLED_APPENDING,
        caught_by: "acknowledged and missing",
    },
    Variant {
        name: "unknown_as_refused",
        how: How::Line,
        roles: SPLIT,
        steps: &[Step::Load(30), Step::CutAfterCommit, Step::CutAfterCommit, Step::Load(20)],
        caught_by: "refused and yet stored",
    },
    Variant {
        name: "checkpoint_outside_transaction",
        how: How::Line,
        roles: SPLIT,
        steps: &[Step::Load(40), Step::KillAt(Role::Projector, "projecting:4"), Step::Load(20)],
        caught_by: "transactions that differ from their replay",
    },
    Variant {
        name: "stream_sequence_as_checkpoint",
        how: How::Line,
        roles: SPLIT,
        steps: &[Step::Load(80), Step::Rest, Step::DeleteStream, Step::Load(40), Step::Wait(6)],
        caught_by: "transactions that differ from their replay",
    },
    Variant {
        name: "duplicate_acknowledgement",
        how: How::Line,
        roles: SPLIT,
        steps: PURGED,
        caught_by: "stored but not published in order",
    },
    Variant {
        name: "lost_event_in_batch",
        how: How::Line,
        roles: SPLIT,
        steps: &[Step::Load(150), Step::Rest],
        caught_by: "stored but not published in order",
    },
    Variant {
        name: "row_lost_in_batch",
        how: How::Line,
        roles: SPLIT,
        steps: &[Step::Load(60), Step::KillAt(Role::Projector, "heard:1"), Step::Load(60)],
        caught_by: "transactions that differ from their replay",
    },
    Variant {
        name: "two_leaders",
        how: How::Line,
        roles: &["commands", "relay", "relay", "projector"],
        steps: &[Step::Load(100), Step::Rest],
        caught_by: "stored but not published in order",
    },
    Variant {
        name: "dedupe that forgets",
        how: How::Statements(
            "CREATE FUNCTION annals.forget() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN NEW.key := gen_random_uuid(); RETURN NEW; END $$;
             CREATE TRIGGER forget BEFORE INSERT ON annals.commands
                 FOR EACH ROW EXECUTE FUNCTION annals.forget()",
        ),
        roles: SPLIT,
        steps: &[Step::Load(150)],
        caught_by: "applied twice",
    },
    Variant {
        name: "refusal kept as acceptance",
        how: How::Statements(
            r#"CREATE FUNCTION annals.please() RETURNS trigger LANGUAGE plpgsql AS $$
               BEGIN
                   IF NEW.outcome ->> 'ok' = 'false' THEN
                       NEW.outcome := '{"ok": true, "command_id": "", "aggregate": "samia.wallet",
                           "id": "", "version": 1, "position": 1, "events": [], "duplicate": false}';
                   END IF;
                   RETURN NEW;
               END $$;
               CREATE TRIGGER please BEFORE INSERT ON annals.commands
                   FOR EACH ROW EXECUTE FUNCTION annals.please()"#,
        ),
        roles: SPLIT,
        steps: &[Step::Load(200)],
        caught_by: "answered otherwise the next time",
    },
    Variant {
        name: "row applied twice",
        how: How::Statements(
            "CREATE FUNCTION annals.add_twice() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF NEW.balance > OLD.balance THEN
                     NEW.balance := 2 * NEW.balance - OLD.balance;
                 END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER add_twice BEFORE UPDATE ON samia.user_wallets
                 FOR EACH ROW EXECUTE FUNCTION annals.add_twice()",
        ),
        roles: SPLIT,
        steps: &[Step::Load(60)],
        caught_by: "wallets that differ from their replay",
    },
    Variant {
        name: "naive position reader",
        how: How::Append(&[(
            "UPDATE annals.head AS head
        SET position = head.position + count, recorded_at = event_recorded_at[count]
        WHERE head.recorded_at <= event_recorded_at[1]
        RETURNING head.position - count INTO base;
        IF NOT FOUND THEN",
            "PERFORM pg_catalog.pg_advisory_lock(4711);
             SELECT last_value INTO base FROM annals.naive;
             PERFORM pg_catalog.setval('annals.naive', base + count);
             PERFORM pg_catalog.pg_advisory_unlock(4711);
             PERFORM pg_catalog.pg_sleep(
                 CASE WHEN pg_catalog.random() < 0.3 THEN 0.5 ELSE 0 END);
             UPDATE annals.head SET position = base + count, recorded_at = event_recorded_at[count];
             IF false THEN",
        )]),
        roles: TWO,
        steps: &[Step::Load(200)],
        caught_by: "transactions that differ from their replay",
    },
    Variant {
        name: "decides on what is stale",
        how: How::Append(&[
            ("WHERE guard.version <> coalesce((", "WHERE false AND guard.version <> coalesce(("),
            (
                "given.kind, given.id, given.sequence,",
                "given.kind, given.id, (
                     SELECT coalesce(max(known.sequence), 0) FROM annals.events AS known
                     WHERE known.aggregate_type = given.kind AND known.aggregate_id = given.id
                 ) + row_number() OVER (PARTITION BY given.kind, given.id ORDER BY given.nth),",
            ),
        ]),
        roles: TWO,
        steps: &[Step::Load(250)],
        caught_by: "balances that are not their events' sum",
    },
    Variant {
        name: "half a command",
        how: How::Append(&[(
            "metadata, event_id, recorded_at, hash, nth);",
            "metadata, event_id, recorded_at, hash, nth)
             WHERE given.event_type <> 'ChildProfileOpened';",
        )]),
        roles: SPLIT,
        steps: &[Step::Load(200)],
        caught_by: "half of a command",
    },
];

/// A promise, and a statement that breaks it in what was stored.
pub const ALTERATIONS: &[(&str, &str)] = &[
    (
        "acknowledged and missing",
        "DELETE FROM annals.events WHERE position = (
             SELECT max(position) FROM annals.events WHERE event_type = 'WalletCredited')",
    ),
    (
        "applied twice",
        "INSERT INTO annals.events
         SELECT (SELECT max(position) + 1 FROM annals.events), aggregate_type, aggregate_id, 1000000,
                event_type, event_version, payload, metadata, gen_random_uuid(), recorded_at, hash
         FROM annals.events WHERE event_type = 'WalletCredited' ORDER BY position DESC LIMIT 1",
    ),
    (
        "unknown, and neither whole nor absent",
        "DELETE FROM annals.events WHERE event_type = 'ChildProfileOpened'",
    ),
    (
        "half of a command",
        "DELETE FROM annals.events WHERE position = (
             SELECT max(position) FROM annals.events WHERE event_type = 'ChildProfileOpened')",
    ),
    (
        "refused and yet stored",
        "DELETE FROM annals.events WHERE event_type = 'CommandRefused'",
    ),
    ("answered otherwise the next time", ""),
    (
        "positions missing, double or out of order",
        "UPDATE annals.events SET position = position + 1000000
         WHERE position = (SELECT max(position) FROM annals.events)",
    ),
    (
        "streams with a hole",
        "UPDATE annals.events SET sequence = sequence + 1000000
         WHERE position = (SELECT max(position) FROM annals.events)",
    ),
    (
        "published but not stored",
        "UPDATE annals.events SET payload = (payload::jsonb || '{\"altered\": 1}')::json
         WHERE position = (SELECT max(position) FROM annals.events)",
    ),
    (
        "stored but not published in order",
        "INSERT INTO annals.events
         SELECT position + 1, aggregate_type, aggregate_id, sequence + 1, event_type, event_version,
                payload, metadata, gen_random_uuid(), recorded_at, hash
         FROM annals.events ORDER BY position DESC LIMIT 1",
    ),
    (
        "balances that are not their events' sum",
        "UPDATE annals.events SET payload = (payload::jsonb || '{\"balance\": \"0.01\"}')::json
         WHERE position = (SELECT max(position) FROM annals.events WHERE event_type = 'WalletCredited')",
    ),
    (
        "wallets below zero",
        "UPDATE annals.events SET payload = (payload::jsonb || '{\"amount\": \"99999.00\"}')::json
         WHERE position = (SELECT max(position) FROM annals.events WHERE event_type = 'WalletDebited')",
    ),
    (
        "rows that differ from the journal",
        "UPDATE samia.user_wallets SET balance = balance + 0.01
         WHERE user_id = (SELECT min(user_id::text)::uuid FROM samia.transactions)",
    ),
    (
        "wallets that differ from their replay",
        "UPDATE samia.user_wallets SET updated_at = updated_at + interval '1 microsecond'
         WHERE user_id = (SELECT min(user_id::text)::uuid FROM samia.transactions)",
    ),
    (
        "transactions that differ from their replay",
        "INSERT INTO samia.transactions SELECT (jsonb_populate_record(transaction,
             jsonb_build_object('id', gen_random_uuid()))).*
         FROM samia.transactions AS transaction LIMIT 1",
    ),
    (
        "children that differ from their replay",
        "UPDATE lift.children SET display_id = display_id + 1000000
         WHERE id = (SELECT min(id::text)::uuid FROM lift.children)",
    ),
    (
        "versions missing from the past",
        "DELETE FROM samia_history.user_wallets
         WHERE annals_from = (SELECT min(annals_from) FROM samia_history.user_wallets
                              WHERE balance > 0)",
    ),
    (
        "read models behind, stopped or with parked events",
        "UPDATE annals.projections SET position = position - 1 WHERE name = 'samia'",
    ),
];

/// Servers, and a database where every variant begins.
pub struct Stage {
    options: Options,
    servers: Servers,
    issuer: DevIssuer,
    scene: Scene,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Stage").finish_non_exhaustive()
    }
}

/// A life that was lived.
#[derive(Debug)]
pub struct Lived {
    /// What the checker said of it.
    pub findings: Findings,
    /// Commands that were accepted.
    pub accepted: u64,
    /// Its journal.
    pub journal: std::path::PathBuf,
    /// Its database.
    pub database: String,
}

impl Stage {
    /// Starts both servers and lets the scene be made.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn set(options: Options, servers: Servers) -> Done<Self> {
        let issuer = issuer(&options.folder)?;
        let mut stage = Self {
            scene: Scene {
                wallets: Vec::new(),
                organisation: uuid::Uuid::nil(),
                tokens: tokens(&issuer),
            },
            options,
            servers,
            issuer,
        };
        stage.servers.migrated(BEGINNING).await?;
        let roles = ["commands,relay,projector"];
        let mut system = stage.system(BEGINNING, &roles).await?;
        system.slots[0].start(None)?;
        let asker = Asker(stage.servers.client().await?);
        stage.scene = Scene::make(&asker, &stage.issuer, stage.options.wallets).await?;
        system
            .caught_up(&stage.servers, PATIENCE)
            .await?
            .map_err(|why| format!("behind: {why}"))?;
        Ok(stage)
    }

    async fn system(&self, database: &str, roles: &[&'static str]) -> Done<System> {
        System::new(&self.servers, database, &self.options, &self.issuer, roles).await
    }

    /// The servers.
    pub const fn servers(&mut self) -> &mut Servers {
        &mut self.servers
    }

    /// Lets a variant live, and checks what is left.
    ///
    /// # Errors
    /// When the rig itself cannot go on.
    pub async fn live(&mut self, variant: &Variant) -> Done<Lived> {
        let database = format!("v_{}", uuid::Uuid::new_v4().simple());
        self.servers.copied(BEGINNING, &database).await?;
        self.servers.fresh_nats(&self.options.folder).await?;
        self.break_database(&database, variant.how).await?;
        let mut system = self.system(&database, variant.roles).await?;
        if matches!(variant.how, How::Line) {
            let broken = ("ANNALS_TEST_SABOTAGE".to_owned(), variant.name.to_owned());
            system.breaks(&broken);
        }
        for slot in &mut system.slots {
            slot.start(None)?;
        }
        system.up(PATIENCE).await?;
        let path = self.options.journal.with_file_name(format!("{database}.jsonl"));
        let journal = Journal::create(&path)?;
        let asker = Asker(self.servers.client().await?);
        let load = Load {
            again: 20,
            insists: Duration::from_secs(5),
            funds: 1_500,
            hot: 60,
            ..self.options.load
        };
        let load = Running::start(load, self.options.seed, &asker, &self.scene, &journal);
        let mut life =
            Life { stage: self, system: &mut system, load: Some(load), gone: None, accepted: 0 };
        for step in variant.steps {
            life.step(*step, &asker, &journal).await?;
        }
        life.asleep().await?;
        let (gone, accepted) = (life.gone, life.accepted);
        if gone.is_none() {
            let _ = system.caught_up(&self.servers, REST).await?;
        }
        for slot in &mut system.slots {
            slot.kill();
        }
        let findings = system.check(&self.servers, &path).await?;
        Ok(Lived { findings, accepted, journal: path, database })
    }

    async fn break_database(&self, database: &str, how: How) -> Done {
        let mut connection = self.servers.connect(database).await?;
        match how {
            How::NotAtAll | How::Line => {}
            How::Statements(statements) => {
                connection.execute(statements).await?;
            }
            How::Append(words) => {
                let mut text: String = sqlx::query_scalar(
                    "SELECT pg_get_functiondef(oid) FROM pg_proc
                     WHERE oid = 'annals.append'::regproc",
                )
                .fetch_one(&mut connection)
                .await?;
                connection
                    .execute(
                        "CREATE SEQUENCE annals.naive;
                         SELECT setval('annals.naive', position) FROM annals.head;
                         GRANT ALL ON SEQUENCE annals.naive TO annals_owner",
                    )
                    .await?;
                for (from, to) in words {
                    if text.matches(from).count() != 1 {
                        return Err(format!("annals.append does not say once: {from}").into());
                    }
                    text = text.replace(from, to);
                }
                connection.execute(text.as_str()).await?;
            }
        }
        Ok(())
    }

    /// What the checker says of a life once a promise is broken by hand. Nothing of it stays.
    ///
    /// # Errors
    /// When the statement fails, or something cannot be read.
    pub async fn altered(&mut self, lived: &Lived, name: &str, statement: &str) -> Done<Findings> {
        let journal = if statement.is_empty() || name.starts_with("unknown") {
            otherwise(&lived.journal, name)?
        } else {
            lived.journal.clone()
        };
        let mut connection = self.servers.connect(&lived.database).await?;
        // Triggers are the product's business: who alters by hand can turn them off.
        connection.execute("BEGIN; SET LOCAL session_replication_role = replica").await?;
        if !statement.is_empty() {
            let done = connection.execute(statement).await?;
            if done.rows_affected() == 0 {
                return Err("the statement altered nothing".into());
            }
        }
        let findings = self.look(&mut connection, &journal).await?;
        connection.execute("ROLLBACK").await?;
        Ok(findings)
    }

    async fn look(&self, connection: &mut PgConnection, journal: &Path) -> Done<Findings> {
        let master = self.servers.master().await?;
        check::check(connection, &master, journal, &CONTEXTS).await
    }
}

/// A journal in which a sender was told something else, or never learned.
fn otherwise(journal: &Path, name: &str) -> Done<std::path::PathBuf> {
    let text = std::fs::read_to_string(journal)?;
    let forgetful = name.starts_with("unknown");
    let mut changed = String::new();
    for line in text.lines() {
        if forgetful && line.contains("\"line\":\"answer\"") {
            continue;
        }
        let again = line.contains("\"again\":true") && line.contains("\"answer\":\"ok\"");
        let line =
            if again { line.replace("\"version\":", "\"version\":1") } else { line.to_owned() };
        changed.push_str(&line);
        changed.push('\n');
    }
    let path = journal.with_extension("otherwise");
    std::fs::write(&path, changed)?;
    Ok(path)
}

struct Life<'a> {
    stage: &'a mut Stage,
    system: &'a mut System,
    load: Option<Running>,
    gone: Option<Role>,
    accepted: u64,
}

impl Life<'_> {
    async fn step(&mut self, step: Step, asker: &Asker, journal: &Journal) -> Done {
        match step {
            Step::Load(count) => {
                self.awake(asker, journal);
                if let Some(load) = &self.load {
                    load.goes_on(count, Duration::from_secs(10)).await;
                }
            }
            Step::KillAt(role, failpoint) => {
                self.awake(asker, journal);
                let nth = self.slot(role)?;
                self.system.slots[nth].start(Some(failpoint))?;
                self.until(|life| life.system.slots[nth].ended().is_some()).await;
                self.system.slots[nth].start(None)?;
            }
            Step::Gone(role) => {
                let nth = self.slot(role)?;
                self.system.slots.remove(nth);
                self.gone = Some(role);
            }
            Step::Rest => {
                self.asleep().await?;
                let _ = self.system.caught_up(&self.stage.servers, REST).await?;
            }
            Step::Wait(seconds) => {
                self.asleep().await?;
                sleep(Duration::from_secs(seconds)).await;
            }
            Step::CutAfterCommit => {
                self.awake(asker, journal);
                let nth = self.slot(Role::Commands)?;
                let before = self.system.slots[nth].postgres.cuts();
                self.system.slots[nth].postgres.cut_next(Moment::Answer);
                self.until(|life| life.system.slots[nth].postgres.cuts() > before).await;
            }
            Step::DeleteStream => {
                streams::delete(&self.stage.servers.master().await?, "samia").await?;
            }
            Step::PurgeStream => {
                let purged = streams::purge(&self.stage.servers.master().await?, "samia").await?;
                if purged == 0 {
                    return Err("there was nothing to purge".into());
                }
            }
        }
        Ok(())
    }

    fn slot(&self, role: Role) -> Done<usize> {
        let found = self.system.slots.iter().position(|slot| slot.roles == role.name());
        found.ok_or_else(|| format!("nobody is {}", role.name()).into())
    }

    fn awake(&mut self, asker: &Asker, journal: &Journal) {
        if self.load.is_none() {
            let stage = &self.stage;
            let load = Load { again: 20, funds: 0, hot: 60, ..stage.options.load };
            let load = Load { insists: Duration::from_secs(5), ..load };
            // The funds are there: what is drawn first is one more credit of a cent.
            let load = Load { funds: load.funds.max(1), ..load };
            self.load =
                Some(Running::start(load, stage.options.seed + 1, asker, &stage.scene, journal));
        }
    }

    async fn asleep(&mut self) -> Done {
        if let Some(load) = self.load.take() {
            self.accepted += load.stop().await?.accepted.load(Ordering::Relaxed);
        }
        Ok(())
    }

    async fn until(&mut self, mut there: impl FnMut(&mut Self) -> bool) {
        let began = Instant::now();
        while !there(self) && began.elapsed() < PATIENCE {
            sleep(Duration::from_millis(5)).await;
        }
    }
}
