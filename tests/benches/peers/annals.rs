//! Annals itself: real processes of the release binary, driven over NATS by the driver of `annals bench`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use annals_infra::{
    auth::dev::DevIssuer,
    bench::{
        connect_to,
        heard::Heard,
        ids,
        level::{Level, Load, Measured, Pace},
        measure::Counts,
        mix::Mix,
        prepare::Preparation,
        rows::Rows,
        signer::Signer,
        wire::{Job, Wire},
    },
};
use async_nats::{Client, Subject};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{
    args::Scale,
    fault::Done,
    serve::{Program, Serving},
    usage::{Processes, Used, Who, peak_memory},
    world::{ADMIN, Tokens, World, checkpoint},
};

/// Where all wallets of a run come from.
const SEED: &str = "peers";
/// How long a process may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which wallets commands go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wallets {
    /// All of them, each as often as the others.
    Many,
    /// One, with this many earlier events.
    Hot(u32),
}

/// The deployment.
pub struct Annals {
    program: Program,
    database_url: String,
    client: Client,
    wire: Wire,
    tokens: Tokens,
    issuer: DevIssuer,
    many: u32,
    roles: Vec<(Who, Serving)>,
    /// Who is looked at.
    pub processes: Processes,
    /// What the replies of all runs named.
    pub heard: Heard,
    /// What came of all commands.
    pub total: Counts,
    /// The log's end when the last wallet was there: from then on, all events of wallets are of runs.
    pub from: i64,
}

impl Annals {
    /// Migrates the database and starts the command service.
    pub async fn start(world: &World, program: Program, scale: &Scale) -> Done<Self> {
        program.run(&["migrate"])?;
        let issuer = world.issuer()?;
        let tokens = Tokens::of(&issuer);
        let client = connect_to(&world.client_nats_url(), None).await?;
        let wire = Wire::open(client.clone(), &tokens.system).await?;
        let mut annals = Self {
            program,
            database_url: world.database_url().to_owned(),
            client,
            wire,
            tokens,
            issuer,
            many: scale.wallets,
            roles: Vec::new(),
            processes: Processes::default(),
            heard: Heard::default(),
            total: Counts::default(),
            from: 0,
        };
        annals.serve(Who::Commands)?;
        annals.admin().await?;
        Ok(annals)
    }

    /// Starts a role in a process of its own.
    pub fn serve(&mut self, who: Who) -> Done {
        if self.processes.roles.contains_key(&who) {
            return Ok(());
        }
        let serving = self.program.serve(who.name())?;
        self.processes.roles.insert(who, serving.pid);
        self.roles.push((who, serving));
        Ok(())
    }

    /// Fails if a process has ended.
    pub fn check(&mut self) -> Done {
        self.roles.iter_mut().try_for_each(|(_, serving)| serving.check())
    }

    /// The largest memory of a role, in megabytes.
    pub fn peak_memory(&self, who: Who) -> Option<f64> {
        self.processes.roles.get(&who).copied().and_then(peak_memory)
    }

    /// How `annals` is called.
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// Stops everything.
    pub fn stop(self) {
        for (_, serving) in self.roles {
            serving.stop();
        }
    }

    /// An admin, who lifts limits. The first command waits until somebody answers.
    async fn admin(&mut self) -> Done {
        let email = json!({ "email": "admin@bench.example" });
        let user = json!({ "email": "admin@bench.example", "full_name": "Bench" });
        let role = json!({ "role": "super_admin" });
        let began = Instant::now();
        for (subject, token, data) in [
            ("shared.cmd.register_identity", None, email),
            ("samia.cmd.register_user", Some(&self.tokens.admin), user),
            ("samia.cmd.change_user_role", Some(&self.tokens.operator), role),
        ] {
            loop {
                let job = Job {
                    subject: Subject::from_static(subject),
                    command_id: ids::found_again(SEED, subject),
                    token: token.cloned(),
                    body: json!({ "id": ADMIN, "data": data }).to_string().into(),
                };
                match self.wire.send_all(std::iter::once(job), 1, |_| ()).await {
                    Ok(()) => break,
                    Err(error) if began.elapsed() > PATIENCE => return Err(error.into()),
                    Err(_) => {
                        for (_, serving) in &mut self.roles {
                            serving.check()?;
                        }
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        }
        Ok(())
    }

    /// The ids of wallets.
    pub fn ids(&self, wallets: Wallets) -> Arc<Vec<Uuid>> {
        Arc::new(match wallets {
            Wallets::Many => ids::wallets(SEED, false, self.many, 1),
            Wallets::Hot(earlier) => ids::wallets(SEED, true, 1, earlier),
        })
    }

    /// Brings wallets into being, through ordinary commands.
    pub async fn prepare(&mut self, wallets: Wallets) -> Done {
        let earlier = match wallets {
            Wallets::Many => 1,
            Wallets::Hot(earlier) => earlier,
        };
        let preparation = Preparation {
            wallets: &self.ids(wallets),
            seed: SEED,
            earlier,
            admin: self.tokens.admin.clone(),
            signer: Signer::Dev(DevIssuer::open(
                self.issuer.jwks().parent().ok_or("tokens are nowhere")?,
            )?),
        };
        preparation.run(&mut self.wire).await?;
        self.from = self.head().await?;
        Ok(())
    }

    /// Puts load on; with rows, it is measured too when they are visible.
    pub async fn run(
        &mut self,
        wallets: Wallets,
        pace: Pace,
        time: (Duration, Duration),
        with_rows: bool,
    ) -> Done<(Measured, Used)> {
        self.check()?;
        checkpoint(&self.database_url).await?;
        let mut rows = if with_rows { Some(Rows::listen(&self.client).await?) } else { None };
        let mix = Mix::new(&self.ids(wallets));
        let position = mix.try_one(&mut self.wire).await?;
        self.heard.hear(position);
        self.total.accepted += 1;
        if let Some(rows) = &mut rows
            && !rows.wait_for(position, PATIENCE).await
        {
            return Err("the projector does not say how far it is".into());
        }
        let heard = std::mem::take(&mut self.heard);
        let mut load = Load { wire: &mut self.wire, mix, rows, heard };
        let before = self.processes.look();
        let measured = load.run(Level { pace, warmup: time.0, measured: time.1 }).await;
        let used = self.processes.look().since(&before);
        self.heard = load.heard;
        let measured = measured?;
        self.total.accepted += measured.total.accepted;
        for (name, count) in &measured.total.refused {
            Counts::add(&mut self.total.refused, name, *count);
        }
        for (name, count) in &measured.total.errors {
            Counts::add(&mut self.total.errors, name, *count);
        }
        Ok((measured, used))
    }

    /// The position of the log's last event.
    pub async fn head(&self) -> Done<i64> {
        let mut connection = self.connect().await?;
        Ok(sqlx::query_scalar("SELECT position FROM annals.head")
            .fetch_one(&mut connection)
            .await?)
    }

    /// A connection to its database.
    pub async fn connect(&self) -> Done<PgConnection> {
        Ok(PgConnection::connect(&self.database_url).await?)
    }

    /// Waits until a table says that somebody has come as far as this position.
    pub async fn wait_for(
        &mut self,
        table: &str,
        position: i64,
        patience: Duration,
    ) -> Done<Duration> {
        let sql = match table {
            "relay" => {
                "SELECT coalesce(max(position), 0) FROM annals.relay WHERE context = 'samia'"
            }
            _ => "SELECT coalesce(max(position), 0) FROM annals.projections WHERE name = 'samia'",
        };
        let mut connection = self.connect().await?;
        let began = Instant::now();
        let mut told = Instant::now();
        loop {
            let at: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
            if at >= position {
                return Ok(began.elapsed());
            }
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                eprintln!("bench: {table} at {at} of {position}");
            }
            if began.elapsed() > patience {
                return Err(format!("{table}: at {at} of {position} after {patience:?}").into());
            }
            self.check()?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
