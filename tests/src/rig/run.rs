//! A run: servers, processes, load, faults, and the checker at the end.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use annals_infra::auth::dev::{DevIssuer, ISSUER};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    Done,
    chance::Chance,
    check::{self, Findings},
    faults::{self, Fault, Role},
    journal::Journal,
    load::{Load, Running, Seen},
    power::Disk,
    process::{self, Program, Slot},
    proxy::{Moment, Proxy},
    report::{Report, Tally},
    scene::{Asker, Scene, issuer, tokens},
    servers::{Servers, copy_folder, keys_of},
    streams,
};

/// Contexts that a run is about.
pub const CONTEXTS: [&str; 3] = ["shared", "samia", "lift"];
/// How long the load may take to go on where no fault is.
const RECOVERY: Duration = Duration::from_secs(60);
/// What a process says in its log once it serves.
const SERVES: &str = "annals serves";
/// How long it may take until a fault that waits for its moment comes about.
const TO_MOMENT: Duration = Duration::from_secs(15);

/// How long and how hard.
#[derive(Debug, Clone)]
pub struct Options {
    /// What decides load and faults.
    pub seed: u64,
    /// At least so many commands.
    pub commands: u64,
    /// At least so many kills.
    pub kills: u64,
    /// At least so many power cuts; with none, the servers write to an ordinary folder.
    pub cuts: u64,
    /// No round begins after so long, whatever is still missing.
    pub longest: Duration,
    /// Wallets.
    pub wallets: usize,
    /// The load.
    pub load: Load,
    /// Faults of a stretch; without them rounds follow each other until there were enough.
    pub faults: Option<Vec<Fault>>,
    /// Of a round's faults, only those whose names hold this.
    pub only: String,
    /// How long the system may take until commands are accepted again, and until rows and streams are at
    /// the log's end.
    pub patience: Duration,
    /// Rounds between two looks of the checker.
    pub check_every: u64,
    /// Where everything is but the journal.
    pub folder: PathBuf,
    /// Where the journal is.
    pub journal: PathBuf,
    /// The rig's own program.
    pub program: PathBuf,
}

/// Processes on a database.
pub struct System {
    /// What they are started with.
    pub program: Program,
    /// The database's name.
    pub database: String,
    /// Who they are.
    pub slots: Vec<Slot>,
}

impl std::fmt::Debug for System {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("System").field("database", &self.database).finish_non_exhaustive()
    }
}

impl System {
    /// Processes of these roles on a database, not started yet.
    ///
    /// # Errors
    /// When there are no ports.
    pub async fn new(
        servers: &Servers,
        database: &str,
        options: &Options,
        issuer: &DevIssuer,
        roles: &[&'static str],
    ) -> Done<Self> {
        let text = |path: &std::path::Path| path.display().to_string();
        let settings = [
            ("ANNALS_KEK_FILE", text(&options.folder.join("kek"))),
            ("ANNALS_JWKS", text(issuer.jwks())),
            ("ANNALS_JWT_ISSUER", ISSUER.to_owned()),
            ("ANNALS_CONTEXTS", CONTEXTS.join(",")),
            ("ANNALS_DATABASE_CONNECTIONS", "8".to_owned()),
            ("RUST_LOG", "info,async_nats=warn,sqlx=error".to_owned()),
        ];
        let logs = options.folder.join("logs").join(database);
        std::fs::create_dir_all(&logs)?;
        let nats_url = servers.nats.url();
        let nats_port = nats_url.rsplit(':').next().unwrap_or_default().parse()?;
        let program = Program {
            path: options.program.clone(),
            settings: settings.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            database_url: servers.postgres.url(database),
            keys_url: servers.postgres.url(&keys_of(database)),
            nats_url,
            postgres_port: servers.postgres.port(),
            nats_port,
            logs,
        };
        let mut system = Self { program, database: database.to_owned(), slots: Vec::new() };
        for (nth, roles) in roles.iter().enumerate() {
            let name = format!("{}-{nth}", roles.replace(',', "-"));
            system.slots.push(Slot::new(&system.program, &name, roles).await?);
        }
        Ok(system)
    }

    /// Has all processes that are started from here on break a promise.
    pub fn breaks(&mut self, setting: &(String, String)) {
        for slot in &mut self.slots {
            slot.sets(setting);
        }
    }

    /// Starts whoever does not run.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn keep(&mut self) -> Done {
        for slot in &mut self.slots {
            slot.keep()?;
        }
        Ok(())
    }

    /// Waits until every process says that it serves.
    ///
    /// # Errors
    /// When one does not in time.
    pub async fn up(&mut self, patience: Duration) -> Done {
        let began = Instant::now();
        for slot in &mut self.slots {
            while !std::fs::read_to_string(slot.log()).is_ok_and(|log| log.contains(SERVES)) {
                if began.elapsed() > patience {
                    return Err(format!("{} does not serve", slot.name).into());
                }
                slot.keep()?;
                sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// Waits until rows and streams have come up to the log's end; says how long it took, or what stayed
    /// behind.
    ///
    /// # Errors
    /// When a process cannot be started.
    pub async fn caught_up(
        &mut self,
        servers: &Servers,
        patience: Duration,
    ) -> Done<Result<Duration, String>> {
        let began = Instant::now();
        let mut behind = String::new();
        while began.elapsed() < patience {
            self.keep()?;
            if let Ok(mut connection) = servers.connect(&self.database).await {
                let lag = check::lag(&mut connection, &CONTEXTS).await?;
                if lag.is_empty() {
                    return Ok(Ok(began.elapsed()));
                }
                behind = format!("{lag:?}");
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(Err(behind))
    }

    /// Holds everything against everything.
    ///
    /// # Errors
    /// When something cannot be read.
    pub async fn check(&self, servers: &Servers, journal: &std::path::Path) -> Done<Findings> {
        let mut connection = servers.connect(&self.database).await?;
        let master = servers.master().await?;
        let mut findings = check::check(&mut connection, &master, journal, &CONTEXTS).await?;
        let (mut lines, mut panics) = (0, Vec::new());
        for slot in &self.slots {
            if slot.log().exists() {
                let (count, found) = process::panics(&slot.log())?;
                lines += count;
                panics.extend(found);
            }
        }
        let (failed, some) = (panics.len() as u64, panics.into_iter().take(2).collect::<Vec<_>>());
        findings.add("panics", "lines of logs", lines, failed, some.join("; "));
        Ok(findings)
    }
}

/// A run under way.
pub struct Rig {
    options: Options,
    servers: Servers,
    system: System,
    asker: Asker,
    scene: Scene,
    journal: Journal,
    chance: Chance,
    tally: Tally,
    /// What stayed behind, or did not come back.
    stuck: Vec<String>,
    /// Whether Postgres was told not to flush.
    forgetful: bool,
}

impl std::fmt::Debug for Rig {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Rig").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Runs until there was enough of everything, and checks.
///
/// # Errors
/// When the rig itself cannot go on.
pub async fn run(options: Options) -> Done<Report> {
    let began = Instant::now();
    let mut rig = Rig::start(options).await?;
    let mut seen = [0; 5];
    let mut rounds = 0;
    let mut findings = loop {
        let faults = match rig.options.faults.clone() {
            Some(faults) => faults,
            None => faults::round(rig.servers.disk.is_some(), &mut rig.chance),
        };
        let faults =
            faults.into_iter().filter(|it| it.name().contains(&rig.options.only)).collect();
        let of_round = rig.stretch(faults, rounds).await?;
        for (sum, more) in seen.iter_mut().zip(counts(&of_round)) {
            *sum += more;
        }
        rounds += 1;
        let enough = seen[0] >= rig.options.commands
            && rig.tally.kills >= rig.options.kills
            && rig.tally.power_cuts >= rig.options.cuts;
        eprintln!(
            "rig: round {rounds}: {} commands, {} kills, {} power cuts after {} s",
            seen[0],
            rig.tally.kills,
            rig.tally.power_cuts,
            began.elapsed().as_secs()
        );
        let late = began.elapsed() > rig.options.longest;
        let last = enough || late || rig.options.faults.is_some() || !rig.stuck.is_empty();
        if last || rounds.is_multiple_of(rig.options.check_every) {
            let found = rig.system.check(&rig.servers, rig.journal.path()).await?;
            if last || found.broken().next().is_some() {
                break found;
            }
        }
    };
    let stuck = std::mem::take(&mut rig.stuck);
    let faults = rig.tally.faults.values().sum::<u64>() + rounds;
    let count = stuck.len() as u64;
    findings.add("not back in time", "faults and ends of rounds", faults, count, stuck.join("; "));
    let tally = std::mem::take(&mut rig.tally);
    let mut report = Report {
        seed: rig.options.seed,
        took: began.elapsed(),
        commands: seen,
        tally,
        findings,
        void: Vec::new(),
    };
    report.void = void(&report);
    if !report.is_good() {
        let chosen = std::env::var_os("ANNALS_RIG_LOGS").map(PathBuf::from);
        let kept = chosen.unwrap_or_else(|| rig.options.journal.with_extension("logs"));
        copy_folder(&rig.options.folder.join("logs"), &kept)?;
        eprintln!("rig: logs are in {}", kept.display());
    }
    Ok(report)
}

fn counts(seen: &Seen) -> [u64; 5] {
    let [commands, accepted, refused, unknown, gave_up, _] = seen.all();
    [commands, accepted, refused, unknown, gave_up].map(|count| count.load(Ordering::Relaxed))
}

/// Promises of which no run is without cases.
const NEVER_NONE: [&str; 8] = [
    "acknowledged and missing",
    "applied twice",
    "half of a command",
    "positions missing, double or out of order",
    "published but not stored",
    "stored but not published in order",
    "wallets below zero",
    "transactions that differ from their replay",
];

/// What makes a run worthless.
fn void(report: &Report) -> Vec<String> {
    let mut void = Vec::new();
    if report.tally.kills + report.tally.power_cuts == 0 {
        void.push("nothing was killed".to_owned());
    }
    if report.commands[3] == 0 {
        void.push("no sending was left without an answer: no fault was felt".to_owned());
    }
    for (name, times) in report.tally.faults.iter().filter(|(name, _)| name.contains("in vain")) {
        // A fault may miss its moment now and then, not always.
        let done = name.trim_end_matches(" in vain");
        if !report.tally.faults.contains_key(done) {
            void.push(format!("{name}, {times} times"));
        }
    }
    for finding in &report.findings.0 {
        if finding.examined == 0 && NEVER_NONE.contains(&finding.name.as_str()) {
            void.push(format!("there were no {} to look at for: {}", finding.of, finding.name));
        }
    }
    void
}

impl Rig {
    async fn start(options: Options) -> Done<Self> {
        std::fs::create_dir_all(&options.folder)?;
        eprintln!("rig: seed {} (ANNALS_RIG_SEED={} repeats it)", options.seed, options.seed);
        let disk = match options.cuts {
            0 => None,
            _ => Some(Disk::make(&options.folder.join("power"), 16_384).await?),
        };
        let servers = Servers::start(&options.folder, disk).await?;
        servers.migrated("annals").await?;
        let issuer = issuer(&options.folder)?;
        let roles: Vec<&'static str> = Role::ALL.iter().flat_map(|it| [it.name(); 2]).collect();
        let mut system = System::new(&servers, "annals", &options, &issuer, &roles).await?;
        for slot in &mut system.slots {
            slot.start(None)?;
        }
        let asker = Asker(servers.client().await?);
        let scene = Scene::make(&asker, &issuer, options.wallets).await?;
        if let Some(disk) = &servers.disk {
            disk.flush()?;
        }
        let journal = Journal::create(&options.journal)?;
        let chance = Chance::of(options.seed, 0xfa);
        Ok(Self {
            options,
            servers,
            system,
            asker,
            scene,
            journal,
            chance,
            tally: Tally::default(),
            stuck: Vec::new(),
            forgetful: false,
        })
    }

    /// Load, and faults one after the other; then everything comes to rest.
    async fn stretch(&mut self, faults: Vec<Fault>, nth: u64) -> Done<Arc<Seen>> {
        // A run may last longer than a token.
        self.scene.tokens = tokens(&issuer(&self.options.folder)?);
        let seed = self.options.seed ^ (nth << 32);
        let load = Running::start(self.options.load, seed, &self.asker, &self.scene, &self.journal);
        load.goes_on(self.options.load.clients, RECOVERY).await;
        for fault in faults {
            let done = self
                .inflict(fault, &load)
                .await
                .map_err(|error| format!("{}: {error}", fault.name()))?;
            let vain = if done { "" } else { " in vain" };
            self.tally.count(&format!("{}{vain}", fault.name()));
            self.recovered(fault, &load).await?;
            if !self.stuck.is_empty() {
                break;
            }
        }
        // The last fault's harm is to be seen by what comes after it.
        load.goes_on(50, RECOVERY).await;
        let seen = self.stop(load).await?;
        if !self.stuck.is_empty() {
            return Ok(seen);
        }
        self.rests().await?;
        // What a fault did to a stream that nobody writes to is seen with the next event.
        let (load, seed) = (Load { funds: 1, ..self.options.load }, seed ^ 1 << 31);
        let tail = Running::start(load, seed, &self.asker, &self.scene, &self.journal);
        tail.goes_on(2 * self.options.load.clients, RECOVERY).await;
        let tail = self.stop(tail).await?;
        for (sum, more) in seen.all().into_iter().zip(tail.all()) {
            sum.fetch_add(more.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.rests().await?;
        self.remember_memory();
        Ok(seen)
    }

    /// Waits until rows and streams are at the log's end.
    async fn rests(&mut self) -> Done {
        match self.system.caught_up(&self.servers, self.options.patience).await? {
            Ok(took) => self.tally.slowest_catch_up = self.tally.slowest_catch_up.max(took),
            Err(behind) => self.stuck.push(format!("behind: {behind}")),
        }
        Ok(())
    }

    /// Ends the load, while processes that end are started again.
    async fn stop(&mut self, load: Running) -> Done<Arc<Seen>> {
        let mut stopping = tokio::spawn(load.stop());
        loop {
            self.system.keep()?;
            tokio::select! {
                seen = &mut stopping => return seen?,
                () = sleep(Duration::from_millis(50)) => {}
            }
        }
    }

    /// Waits until commands are accepted again.
    async fn recovered(&mut self, fault: Fault, load: &Running) -> Done {
        let began = Instant::now();
        let before = load.seen().accepted.load(Ordering::Relaxed);
        while load.seen().accepted.load(Ordering::Relaxed) < before + 20 {
            self.system.keep()?;
            if began.elapsed() > self.options.patience {
                self.stuck.push(format!("no commands after {}", fault.name()));
                return Ok(());
            }
            sleep(Duration::from_millis(5)).await;
        }
        self.tally.slowest_recovery = self.tally.slowest_recovery.max(began.elapsed());
        // Faults meet the system at any time, not only right after it is well again.
        sleep(Duration::from_millis(self.chance.below(200))).await;
        Ok(())
    }

    fn remember_memory(&mut self) {
        for slot in &self.system.slots {
            let most = self.tally.memory.entry(slot.roles.to_owned()).or_default();
            *most = slot.peak().max(*most);
        }
    }

    /// Any of the slots of a role.
    fn one_of(&mut self, role: Role) -> usize {
        let slots: Vec<usize> = self.all_of(role).collect();
        *self.chance.pick(&slots)
    }

    fn all_of(&self, role: Role) -> impl Iterator<Item = usize> {
        let slots = self.system.slots.iter().enumerate();
        slots.filter(move |(_, slot)| slot.roles == role.name()).map(|(nth, _)| nth)
    }

    fn kill(&mut self, nth: usize) {
        self.remember_memory();
        if self.system.slots[nth].kill() {
            self.tally.kills += 1;
        }
    }

    async fn a_moment(&mut self, longest: u64) {
        sleep(Duration::from_millis(self.chance.below(longest))).await;
    }

    /// Does a fault and takes it back; says whether it really came about.
    async fn inflict(&mut self, fault: Fault, load: &Running) -> Done<bool> {
        match fault {
            Fault::Kill(role) => {
                let nth = self.one_of(role);
                let ran = self.system.slots[nth].ended().is_none();
                self.kill(nth);
                self.a_moment(200).await;
                self.system.slots[nth].start(None)?;
                return Ok(ran);
            }
            Fault::KillAt(role, name) => return self.kill_at(role, name, load).await,
            Fault::KillPostgres { all } => {
                self.servers.postgres.kill(all);
                self.tally.kills += 1;
                self.a_moment(200).await;
                self.servers.postgres.resume().await?;
            }
            Fault::KillNats => {
                self.servers.nats.kill();
                self.tally.kills += 1;
                self.a_moment(200).await;
                self.servers.nats.resume().await?;
            }
            Fault::CutAfterCommit(role) => {
                return self.cut(role, |slot| &slot.postgres, Moment::Answer, load).await;
            }
            Fault::CutBeforeCommit(role) => {
                return self.cut(role, |slot| &slot.postgres, Moment::Request, load).await;
            }
            Fault::CutPostgres(role) => {
                let nth = self.one_of(role);
                let cuts = drop_all(&self.system.slots[nth].postgres).await;
                return Ok(self.count_cuts(cuts));
            }
            Fault::CutNats(role) => {
                let nth = self.one_of(role);
                let cuts = drop_all(&self.system.slots[nth].nats).await;
                return Ok(self.count_cuts(cuts));
            }
            Fault::LoseAck => {
                return self.cut(Role::Relay, |slot| &slot.nats, Moment::Answer, load).await;
            }
            Fault::DeleteStream => return self.delete_stream(load).await,
            Fault::PurgeStream => {
                let master = self.servers.master().await?;
                let began = Instant::now();
                while began.elapsed() < TO_MOMENT {
                    // An earlier fault may have left it empty, or not there for the moment.
                    if streams::purge(&master, self.context()).await.is_ok_and(|purged| purged > 0)
                    {
                        return Ok(true);
                    }
                    load.goes_on(20, Duration::from_millis(200)).await;
                }
                return Ok(false);
            }
            Fault::RewindStreams => {
                let copy = self.options.folder.join("older-streams");
                self.servers.keep_streams(&copy).await?;
                load.goes_on(100, RECOVERY).await;
                self.a_moment(500).await;
                self.servers.put_streams_back(&copy).await?;
                self.tally.kills += 1;
            }
            Fault::LoseStreams => {
                self.servers.nats.kill();
                self.servers.nats.lose_everything()?;
                self.tally.kills += 1;
                self.servers.nats.resume().await?;
            }
            Fault::Stall(role) => return self.stall(role, load).await,
            Fault::PowerCut => {
                // Half of the time the machine of the processes goes down as well; they would not go on from
                // a log that lost what they know of.
                if self.forgetful || self.chance.percent(50) {
                    for nth in 0..self.system.slots.len() {
                        self.kill(nth);
                    }
                }
                self.servers.cut_power().await?;
                self.tally.power_cuts += 1;
                if self.forgetful {
                    // Nobody would serve from it otherwise, and rightly.
                    let mut connection = self.servers.connect(&self.system.database).await?;
                    for statement in ["ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()"] {
                        sqlx::query(statement).execute(&mut connection).await?;
                    }
                }
            }
            Fault::ForgetFlushes => {
                let mut connection = self.servers.connect(&self.system.database).await?;
                for setting in [
                    "synchronous_commit = off",
                    "wal_writer_delay = '10s'",
                    "wal_writer_flush_after = '1GB'",
                ] {
                    let sql = format!("ALTER SYSTEM SET {setting}");
                    sqlx::query(&sql).execute(&mut connection).await?;
                }
                sqlx::query("SELECT pg_reload_conf()").execute(&mut connection).await?;
                // Services hold on to the setting that they began with: it is taken from each of their commits.
                sqlx::raw_sql(
                    "CREATE FUNCTION annals.forget_flushes() RETURNS trigger LANGUAGE plpgsql AS $$
                     BEGIN
                         PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);
                         RETURN NULL;
                     END $$;
                     CREATE TRIGGER forget_flushes AFTER INSERT ON annals.commands
                         FOR EACH STATEMENT EXECUTE FUNCTION annals.forget_flushes()",
                )
                .execute(&mut connection)
                .await?;
                self.forgetful = true;
                load.goes_on(200, RECOVERY).await;
            }
        }
        Ok(true)
    }

    fn context(&mut self) -> &'static str {
        const OFTEN: [&str; 3] = ["samia", "samia", "lift"];
        self.chance.pick::<&str>(&OFTEN)
    }

    /// Deletes a stream, as soon as there is one.
    async fn delete_stream(&mut self, load: &Running) -> Done<bool> {
        let master = self.servers.master().await?;
        let began = Instant::now();
        while began.elapsed() < TO_MOMENT {
            if streams::delete(&master, self.context()).await.is_ok() {
                return Ok(true);
            }
            load.goes_on(20, Duration::from_millis(200)).await;
        }
        Ok(false)
    }

    fn count_cuts(&mut self, cuts: u64) -> bool {
        self.tally.cuts += cuts;
        cuts > 0
    }

    /// Has a process come by a failpoint, alone in its role so that it is the one who works.
    async fn kill_at(&mut self, role: Role, name: &'static str, load: &Running) -> Done<bool> {
        let chosen = self.one_of(role);
        let others: Vec<usize> =
            self.all_of(role).filter(|nth| *nth != chosen && role != Role::Commands).collect();
        for nth in others.iter().chain([&chosen]) {
            self.kill(*nth);
        }
        let most = if matches!(name, "refilling" | "catching_up") { 1 } else { 12 };
        let failpoint = format!("{name}:{}", 1 + self.chance.below(most));
        self.system.slots[chosen].start(Some(&failpoint))?;
        if name == "refilling" {
            self.delete_stream(load).await?;
        }
        let began = Instant::now();
        let died = loop {
            if self.system.slots[chosen].ended().is_some() {
                break true;
            }
            if began.elapsed() > TO_MOMENT {
                break false;
            }
            load.goes_on(1, Duration::from_millis(10)).await;
        };
        if died {
            self.tally.kills += 1;
            *self.tally.failpoints.entry(name.to_owned()).or_default() += 1;
        }
        self.system.slots[chosen].start(None)?;
        for nth in others {
            self.system.slots[nth].start(None)?;
        }
        Ok(died)
    }

    /// Cuts an exchange on a role's wires of one kind, at the worst moment.
    async fn cut(
        &mut self,
        role: Role,
        wire: impl Fn(&Slot) -> &Proxy,
        moment: Moment,
        load: &Running,
    ) -> Done<bool> {
        let slots: Vec<usize> = self.all_of(role).collect();
        let sum = |rig: &Self| slots.iter().map(|nth| wire(&rig.system.slots[*nth]).cuts()).sum();
        let before: u64 = sum(self);
        for nth in &slots {
            wire(&self.system.slots[*nth]).cut_next(moment);
        }
        let began = Instant::now();
        while sum(self) == before && began.elapsed() < TO_MOMENT {
            load.goes_on(1, Duration::from_millis(10)).await;
        }
        for nth in &slots {
            wire(&self.system.slots[*nth]).disarm();
        }
        let cuts = sum(self) - before;
        Ok(self.count_cuts(cuts))
    }

    /// Makes sure who leads, stops it in the middle of its work, has another lead, and lets it wake up.
    async fn stall(&mut self, role: Role, load: &Running) -> Done<bool> {
        let leader = self.one_of(role);
        let others: Vec<usize> = self.all_of(role).filter(|nth| *nth != leader).collect();
        if role != Role::Commands {
            for nth in &others {
                self.kill(*nth);
            }
            load.goes_on(50, RECOVERY).await;
            for nth in &others {
                self.system.slots[*nth].start(None)?;
            }
        }
        load.goes_on(20, RECOVERY).await;
        self.system.slots[leader].stall(true)?;
        self.a_moment(300).await;
        // Its server gives it up, and with it the lock that made it lead.
        self.system.slots[leader].postgres.cut_all();
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(1_500) {
            load.goes_on(1, Duration::from_millis(20)).await;
        }
        self.system.slots[leader].stall(false)?;
        Ok(self.system.slots[leader].ended().is_none())
    }
}

/// Drops all connections of a wire, as soon as there are any; says how many that were.
async fn drop_all(wire: &Proxy) -> u64 {
    let (before, began) = (wire.dropped(), Instant::now());
    while wire.dropped() == before && began.elapsed() < Duration::from_secs(5) {
        wire.cut_all();
        sleep(Duration::from_millis(50)).await;
    }
    wire.dropped() - before
}

/// A seed that nobody chose.
#[must_use]
pub fn any_seed() -> u64 {
    Uuid::new_v4().as_u64_pair().0 >> 16
}
