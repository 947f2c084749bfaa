//! `annals dev`: everything on this machine, in one folder, from one command.

use std::{
    collections::HashMap,
    fs,
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use super::{AppError, auth, demo::Demo, people, tour};
use crate::{
    auth::dev::{DevIssuer, ISSUER},
    console,
    dev::{self, Options, Servers},
    migrate,
    serve::{self, connect_nats},
    settings::{Flags, Sources},
    telemetry,
};

/// How long a start in the background may take: the servers may have to be fetched.
const START: Duration = Duration::from_secs(300);

/// Runs everything on this machine: a private Postgres, a private nats-server, and Annals.
///
/// Data stays in the folder; `--fresh` throws it away first. Stop it with Ctrl-C, or with
/// `annals dev down` where it runs in the background.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DevArgs {
    /// What to do instead of starting.
    #[command(subcommand)]
    pub action: Option<DevAction>,
    /// The folder for data, addresses and tokens.
    #[arg(long, default_value = ".dev", global = true, value_name = "DIR")]
    pub dir: PathBuf,
    /// Throw away the data of earlier runs first.
    #[arg(long)]
    pub fresh: bool,
    /// Bring the demo's people and things into being.
    #[arg(long)]
    pub demo: bool,
    /// Start in the background, return once everything answers.
    #[arg(long)]
    pub background: bool,
}

/// What else can be done with the private servers.
#[derive(Debug, Subcommand)]
pub enum DevAction {
    /// Stop what runs in the background.
    Down,
    /// Print addresses as lines for a shell: eval "$(annals dev env)".
    Env,
    /// Open psql; with --as under row level security, as that person sees the tables.
    Psql {
        /// Somebody of the demo, for example paul.
        #[arg(long = "as", value_name = "PERSON")]
        person: Option<String>,
        /// More for psql, for example -- -c 'SELECT * FROM lift.alerts'.
        #[arg(last = true)]
        more: Vec<String>,
    },
    /// Print somebody's token.
    Token {
        /// Somebody of the demo, for example paul.
        person: String,
    },
    /// List the demo's people.
    People,
    /// Walk through the main job on the running system.
    Tour,
}

/// What a running `annals dev` tells those who wait for it.
#[derive(Debug, Serialize, Deserialize)]
struct Ready {
    pid: u32,
    http: SocketAddr,
    console: Option<SocketAddr>,
}

/// Does what was asked for.
///
/// # Errors
/// Each says what to do.
pub async fn run(args: DevArgs) -> Result<(), AppError> {
    let dir = args.dir.clone();
    match args.action {
        Some(DevAction::Down) => down(&dir).await,
        Some(DevAction::Env) => env(&dir),
        Some(DevAction::Psql { person, more }) => psql(&dir, person.as_deref(), &more),
        Some(DevAction::Token { person }) => {
            let tokens = tokens(&dir)?;
            let token = tokens.get(&person).ok_or(AppError::NoPerson(person))?;
            println!("{token}");
            Ok(())
        }
        Some(DevAction::People) => {
            for person in people::PEOPLE {
                println!("{:<9} {}  {}", person.name, person.id, person.about);
            }
            Ok(())
        }
        Some(DevAction::Tour) => {
            let running = running(&dir)?;
            let pool = PgPool::connect(running.database_url.as_deref().unwrap_or_default())
                .await
                .map_err(|error| AppError::Postgres(error.to_string()))?;
            let client =
                connect_nats(running.nats_url.as_deref().unwrap_or_default(), None).await?;
            tour::run(&client, &pool, &tokens(&dir)?).await?;
            println!("5. What to try next.\n");
            banner(&dir, &running)
        }
        None if args.background => background(&args),
        None => foreground(&args).await,
    }
}

async fn foreground(args: &DevArgs) -> Result<(), AppError> {
    let ready = args.dir.join("ready");
    let _ = fs::remove_file(&ready);
    let mut options = Options::from_environment(&args.dir);
    options.fresh = args.fresh;
    options.report = Arc::new(|step| eprintln!("annals: {step}"));
    let mut servers = Servers::start(options).await?;
    let dir = servers.dir().to_owned();
    if args.fresh {
        // Whoever loses the data loses the keys that sealed it.
        let _ = fs::remove_file(dir.join("kek"));
        // What was signed of a log that is no more would speak against the new one.
        let _ = fs::remove_dir_all(dir.join("evidence"));
        let _ = fs::remove_dir_all(dir.join("exports"));
    }
    let issuer = DevIssuer::open(&dir)?;
    write_tokens(&dir, &issuer)?;
    let http = free(9464);
    let console = free(9465);
    let flags = Flags::default()
        .with("database_url", servers.database_url())?
        .with("nats_url", servers.nats_url())?
        .with("kek_file", dir.join("kek").display().to_string())?
        .with("signing_key_file", dir.join("signing-key").display().to_string())?
        .with("evidence_dir", dir.join("evidence").display().to_string())?
        .with("exports_folder", dir.join("exports").display().to_string())?
        .with("jwks", issuer.jwks().display().to_string())?
        .with("jwt_issuer", ISSUER)?
        .with("http", http.to_string())?
        .with("console_address", console.to_string())?;
    let resolved = Sources::of_process(flags).resolve();
    let settings = resolved.settings()?;
    telemetry::log_to_stderr(&settings.log, settings.log_format)?;
    let metrics = telemetry::install_metrics()?;
    let keys = settings.keys_url.as_ref().ok_or(AppError::Missing("ANNALS_KEYS_URL"))?;
    migrate::ensure_database(keys.expose()).await?;
    let migrated =
        migrate::migrate(servers.database_url(), &annals_projections::Catalogue::new()).await?;
    for name in &migrated.stale {
        eprintln!(
            "annals: the tables of {name} are of another version: run `annals rebuild {name}`"
        );
    }
    let mut config = super::serve::config(&settings).await?;
    if let Some(console) = &mut config.console {
        console.people = Some(visitors(issuer));
    }
    let running = serve::start(config).await?;
    let serving = super::serve::http(&settings, metrics, &running).await?;
    if args.demo {
        eprintln!("annals: the demo's people and things are made, through ordinary commands");
        let pool = PgPool::connect(servers.database_url())
            .await
            .map_err(|error| AppError::Postgres(error.to_string()))?;
        let client = connect_nats(servers.nats_url(), settings.nats_creds.as_deref()).await?;
        Demo::new(&client, &tokens(&dir)?, pool).seed().await?;
    }
    let told = Ready { pid: std::process::id(), http, console: running.console };
    let told = serde_json::to_string(&told).unwrap_or_default();
    private_file(&ready, told.as_bytes())?;
    if let Some(found) = dev::Running::find(&dir) {
        banner(&dir, &found)?;
    }
    let ended = tokio::select! {
        told = super::serve::told_to_stop() => told,
        error = servers.failed() => Err(error.into()),
    };
    eprintln!("annals: stopping");
    let _ = fs::remove_file(&ready);
    running.stop().await;
    let _ = serving.await;
    servers.stop().await;
    ended
}

/// Starts this program again, on its own, and waits until it is ready.
fn background(args: &DevArgs) -> Result<(), AppError> {
    if let Some(running) = dev::Running::find(&args.dir) {
        println!("annals runs already (pid {}).\n", running.pid);
        return banner(&args.dir, &running);
    }
    fs::create_dir_all(&args.dir).map_err(AppError::file(&args.dir))?;
    let log_path = args.dir.join("annals.log");
    let mut log = fs::OpenOptions::new();
    let log = log.create(true).append(true).mode(0o600).open(&log_path);
    let log = log.map_err(AppError::file(&log_path))?;
    let program = std::env::current_exe().map_err(AppError::file(Path::new("annals")))?;
    let mut command = Command::new(&program);
    command.arg("dev").arg("--dir").arg(&args.dir);
    for (given, flag) in [(args.fresh, "--fresh"), (args.demo, "--demo")] {
        if given {
            command.arg(flag);
        }
    }
    let errors = log.try_clone().map_err(AppError::file(&log_path))?;
    command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
    let _ = fs::remove_file(args.dir.join("ready"));
    let mut child = command.spawn().map_err(AppError::file(&program))?;
    let began = Instant::now();
    eprintln!("annals: starting in the background; its log is {}", log_path.display());
    while began.elapsed() < START {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(AppError::Ended { status, log: log_path });
        }
        let told = fs::read_to_string(args.dir.join("ready")).ok();
        let ready = told.and_then(|text| serde_json::from_str::<Ready>(&text).ok());
        if ready.is_some_and(|ready| ready.pid == child.id()) {
            return match dev::Running::find(&args.dir) {
                Some(running) => banner(&args.dir, &running),
                None => Ok(()),
            };
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(AppError::TooSlow(log_path))
}

async fn down(dir: &Path) -> Result<(), AppError> {
    if dev::down(dir).await? {
        println!("stopped");
    } else {
        println!("nothing was running");
    }
    Ok(())
}

fn running(dir: &Path) -> Result<dev::Running, AppError> {
    dev::Running::find(dir).ok_or_else(|| AppError::NotRunning(dir.to_owned()))
}

fn env(dir: &Path) -> Result<(), AppError> {
    let running = running(dir)?;
    let text = fs::read_to_string(&running.env_file).map_err(AppError::file(&running.env_file))?;
    for line in text.lines().filter(|line| line.contains('=') && !line.starts_with('#')) {
        println!("export {}", line.trim_start_matches("export "));
    }
    Ok(())
}

fn psql(dir: &Path, person: Option<&str>, more: &[String]) -> Result<(), AppError> {
    let running = running(dir)?;
    let program = running.psql().ok_or(AppError::NoPsql)?;
    let mut command = Command::new(program);
    command.arg(running.database_url.as_deref().unwrap_or_default()).args(more);
    if let Some(name) = person {
        let person = people::named(name).ok_or_else(|| AppError::NoPerson(name.to_owned()))?;
        let options = format!(
            "-c role=authenticated -c request.jwt.claims={{\"sub\":\"{}\",\"role\":\"authenticated\"}}",
            person.id
        );
        command.env("PGOPTIONS", options);
    }
    Err(AppError::file(Path::new("psql"))(command.exec()))
}

/// What a person needs next.
fn banner(dir: &Path, running: &dev::Running) -> Result<(), AppError> {
    let told = fs::read_to_string(dir.join("ready")).unwrap_or_default();
    let ready = serde_json::from_str::<Ready>(&told).ok();
    let http = ready.as_ref().map(|ready| ready.http);
    let console = ready.and_then(|ready| ready.console);
    let program = std::env::args().next().unwrap_or_else(|| "annals".to_owned());
    let at =
        if dir == Path::new(".dev") { String::new() } else { format!(" --dir {}", dir.display()) };
    let folder = dir.display();
    println!("Annals runs (pid {}). Its folder is {folder}.\n", running.pid);
    println!("  Postgres   {}", mask(running.database_url.as_deref()));
    println!(
        "  NATS       {}",
        mask(running.client_nats_url.as_deref().or(running.nats_url.as_deref()))
    );
    if let Some(http) = http {
        println!("  metrics    http://{http}/metrics   health: /live, /ready");
    }
    if let Some(console) = console {
        println!("  console    http://{console}/   sign in as any of the people below");
    }
    println!("  addresses  eval \"$({program} dev env{at})\"   passwords are in it");
    println!("  tokens     {folder}/tokens.json, or {program} dev token{at} paul\n");
    println!("  people     {program} dev people{at}");
    for person in people::PEOPLE {
        println!("             {:<9} {}", person.name, person.about);
    }
    println!("\nTry, from this folder:\n");
    println!("  {program} commands lift");
    println!(
        "  {program} send nestsync log_usage --as carl --id {} quantity=1",
        super::demo::DIAPERS
    );
    println!("  {program} history nestsync/inventory_item/{}", super::demo::DIAPERS);
    println!("  {program} dev psql{at} --as paul -- -c 'SELECT title, status FROM lift.alerts'");
    println!("  {program} status");
    println!("\nIn Python (pip install nats-py) and Node (npm install @nats-io/transport-node):\n");
    println!(
        "  eval \"$({program} dev env{at})\"; export TOKEN=\"$({program} dev token{at} carl)\""
    );
    println!(
        "  python3 deploy/examples/send.py nestsync.cmd.log_usage {} '{{\"quantity\": \"1\"}}'",
        super::demo::DIAPERS
    );
    println!(
        "  node deploy/examples/send.mjs nestsync.cmd.log_usage {} '{{\"quantity\": \"1\"}}'",
        super::demo::DIAPERS
    );
    println!("\nStop it with {program} dev down{at}");
    Ok(())
}

fn mask(url: Option<&str>) -> String {
    url.map_or_else(|| "not ours".to_owned(), crate::settings::mask_url)
}

/// Writes a token for everybody of the demo.
fn write_tokens(dir: &Path, issuer: &DevIssuer) -> Result<(), AppError> {
    let now = chrono::Utc::now();
    let tokens: HashMap<&str, String> = people::PEOPLE
        .iter()
        .map(|person| (person.name, issuer.token(&auth::ticket(person), now)))
        .collect();
    let text = serde_json::to_string_pretty(&tokens).unwrap_or_default();
    private_file(&dir.join("tokens.json"), text.as_bytes())
}

/// Everybody's token.
fn tokens(dir: &Path) -> Result<HashMap<String, String>, AppError> {
    let path = dir.join("tokens.json");
    let text = fs::read_to_string(&path).map_err(AppError::file(&path))?;
    serde_json::from_str(&text).map_err(|_| AppError::NotRunning(dir.to_owned()))
}

/// Writes a file that only its owner may read, whole or not at all.
fn private_file(path: &Path, bytes: &[u8]) -> Result<(), AppError> {
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .map_err(AppError::file(&beside))?;
    file.write_all(bytes).map_err(AppError::file(&beside))?;
    fs::rename(&beside, path).map_err(AppError::file(path))
}

/// Everybody of the demo but the service, for the console.
fn visitors(issuer: DevIssuer) -> console::People {
    let visits = |it: &&people::Person| it.role != "service_role";
    let list = people::PEOPLE.iter().filter(visits);
    console::People {
        list: list.map(|it| (it.name.to_owned(), it.about.to_owned())).collect(),
        token: Arc::new(move |name| {
            let person = people::named(name).filter(|it| visits(it))?;
            Some(issuer.token(&auth::ticket(person), chrono::Utc::now()))
        }),
    }
}

/// The usual address at this port, or one that is free.
fn free(port: u16) -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if TcpListener::bind(usual).is_ok() {
        return usual;
    }
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|it| it.local_addr());
    free.unwrap_or(usual)
}
