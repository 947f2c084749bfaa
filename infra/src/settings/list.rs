//! The list of all settings.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    kinds::{
        Contexts, DatabaseUrl, FromText, Jwks, Kept, LogFormat, NatsUrl, ReplyPrefixes, Roles,
        ranged,
    },
    layers::{Complaint, Level},
    mask::Hidden,
};

/// A value that can be configured.
#[derive(Debug)]
pub struct Setting {
    /// Its name: the field of [`Settings`] and the key in the TOML file.
    pub name: &'static str,
    /// Its environment variable.
    pub env: &'static str,
    /// How its value may be shown.
    pub shown: Shown,
    /// What it is when nobody says anything.
    pub default: Fallback,
    flag: &'static str,
    about: &'static str,
    /// Whether a text is a value of it; the error says what is expected.
    pub(super) check: fn(Option<&str>) -> Result<(), String>,
}

/// How a setting's value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// As it is.
    Plain,
    /// As a URL without its password.
    Url,
    /// Never. It has no flag either, since others see a process's arguments.
    Never,
}

/// What a setting is when nobody says anything.
#[derive(Debug, Clone, Copy)]
pub enum Fallback {
    /// Not set.
    Nothing,
    /// This text.
    Value(&'static str),
    /// Made from another setting.
    Derived(&'static str, fn(&str) -> Option<String>),
}

impl Setting {
    /// Its flag without the hyphens in front, unless its value is secret.
    #[must_use]
    pub fn flag(&self) -> Option<&'static str> {
        (self.shown != Shown::Never).then_some(self.flag)
    }

    /// What it means, in a sentence or two.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.about.trim()
    }

    /// The setting of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|setting| setting.name == name)
    }
}

macro_rules! settings {
    ($($(#[doc = $about:literal])+ $name:ident: $kind:ty = $env:literal, $shown:ident,
        $default:expr $(, in $range:expr)?;)*) => {
        /// All settings, typed and checked.
        #[derive(Debug, Clone)]
        pub struct Settings { $($(#[doc = $about])+ pub $name: $kind,)* }

        /// Every setting, in the order in which people are shown them.
        pub const ALL: &[Setting] = &[$(Setting {
            name: stringify!($name),
            env: $env,
            shown: Shown::$shown,
            default: $default,
            flag: {
                const FLAG: [u8; stringify!($name).len()] = hyphenated(stringify!($name));
                match str::from_utf8(&FLAG) {
                    Ok(flag) => flag,
                    Err(_) => stringify!($name),
                }
            },
            about: concat!($($about),+),
            check: |text| settings!(@read $kind, text $(, $range)?).map(drop),
        }),*];

        impl Settings {
            /// Reads every setting from its text, or says what is wrong with each that does not fit.
            pub(super) fn read<'a>(
                text: impl Fn(&'static str) -> Option<&'a str>,
            ) -> Result<Self, Vec<Complaint>> {
                let mut wrong = Vec::new();
                $(let $name = settings!(@read $kind, text(stringify!($name)) $(, $range)?)
                    .map_err(|expected| wrong.push(Complaint {
                        level: Level::Error,
                        about: stringify!($name).to_owned(),
                        text: expected,
                    }));)*
                match ($($name,)*) {
                    ($(Ok($name),)*) => Ok(Self { $($name),* }),
                    _ => Err(wrong),
                }
            }
        }
    };
    (@read $kind:ty, $text:expr) => { <$kind as FromText>::from_text($text) };
    (@read $kind:ty, $text:expr, $range:expr) => { ranged::<$kind>($text, $range) };
}

use Fallback::{Derived, Nothing, Value};

settings! {
    /// The TOML file to read; ./annals.toml is read when it is there.
    config: Option<PathBuf> = "ANNALS_CONFIG", Plain, Nothing;

    /// The event store and the read models: a Postgres URL.
    database_url: Option<DatabaseUrl> = "DATABASE_URL", Url, Nothing;
    /// The key store, apart from the events: a Postgres URL. By default the database `<name>_keys`
    /// on the server of DATABASE_URL.
    keys_url: Option<DatabaseUrl> = "ANNALS_KEYS_URL", Url, Derived("database_url", keys_beside);
    /// How many connections a process keeps to the event store, besides one for each projection and ten
    /// for the console.
    database_connections: u32 = "ANNALS_DATABASE_CONNECTIONS", Plain, Value("16"), in 2..=1000;
    /// The NATS servers, separated by commas.
    nats_url: NatsUrl = "NATS_URL", Url, Value("nats://127.0.0.1:4222");
    /// A credentials file for NATS (JWT and nkey seed).
    nats_creds: Option<PathBuf> = "NATS_CREDS", Plain, Nothing;

    /// What is logged: a level, or `target=level` separated by commas.
    log: String = "RUST_LOG", Plain, Value("info,async_nats=warn,sqlx=warn");
    /// How it is logged: `pretty`, `json`, or `auto` for pretty on a terminal and JSON otherwise.
    log_format: LogFormat = "ANNALS_LOG_FORMAT", Plain, Value("auto");
    /// Where metrics and health are served.
    http: SocketAddr = "ANNALS_HTTP", Plain, Value("127.0.0.1:9464");

    /// Where the console is served, by a process with that role. Without it there is none. Put TLS before
    /// it where that is not this machine alone.
    console_address: Option<SocketAddr> = "ANNALS_CONSOLE_ADDRESS", Plain, Nothing;

    /// What this process does: commands, relay, projector, reactor, console.
    roles: Roles = "ANNALS_ROLES", Plain, Value("commands,relay,projector,reactor,console");
    /// The contexts that this process serves, separated by commas, or `all`.
    contexts: Contexts = "ANNALS_CONTEXTS", Plain, Value("all");
    /// A TOML file with the rules that reactions judge by, one table a context; what is not in it is as by
    /// default.
    rules: Option<PathBuf> = "ANNALS_RULES", Plain, Nothing;
    /// The contexts whose past is kept, separated by commas, `all` or `none`: every version of every row,
    /// for as-of queries and lineage. One that is named later is filled by `annals rebuild`.
    history: Kept = "ANNALS_HISTORY", Plain, Value("all");
    /// The region whose data this deployment may hold.
    region: String = "ANNALS_REGION", Plain, Value("ca-central-1");

    /// The keys that sign tokens: a JWKS file, or the https URL of one.
    jwks: Option<Jwks> = "ANNALS_JWKS", Plain, Nothing;
    /// A shared secret that signs tokens (HS256), for identity providers that have no JWKS yet.
    jwt_secret: Option<Hidden> = "ANNALS_JWT_SECRET", Never, Nothing;
    /// Who must have issued a token (`iss`).
    jwt_issuer: Option<String> = "ANNALS_JWT_ISSUER", Plain, Nothing;
    /// Whom a token must be for (`aud`).
    jwt_audience: String = "ANNALS_JWT_AUDIENCE", Plain, Value("authenticated");
    /// The file with the key-encryption key, which is never in a database.
    kek_file: Option<PathBuf> = "ANNALS_KEK_FILE", Plain, Nothing;

    /// The file with the key that signs checkpoints of the log, 64 hexadecimal digits; each line of it
    /// signs. Without it nothing is signed.
    signing_key_file: Option<PathBuf> = "ANNALS_SIGNING_KEY_FILE", Plain, Nothing;
    /// The log's name in checkpoints, as a URL without its scheme.
    log_origin: String = "ANNALS_LOG_ORIGIN", Plain, Value("annals.local");
    /// Who cosigns checkpoints: addresses of witnesses, separated by commas.
    witnesses: String = "ANNALS_WITNESSES", Plain, Value("");
    /// How many seconds lie between checkpoints.
    checkpoint_seconds: u64 = "ANNALS_CHECKPOINT_SECONDS", Plain, Value("10"), in 1..=86_400;
    /// A folder for the last checkpoint and a copy of all hashes, on no disk of the database's: with
    /// it, an alteration is located to the event.
    evidence_dir: Option<PathBuf> = "ANNALS_EVIDENCE_DIR", Plain, Nothing;
    /// For how many days backups of the databases are kept: so long, receipts of erasures say, may one
    /// still hold what was destroyed. Keys are to be kept for 30 days at most.
    backup_days: u64 = "ANNALS_BACKUP_DAYS", Plain, Value("30"), in 0..=36_500;

    /// A folder for the archives of exports that somebody asked for by a command. Whoever may read it reads
    /// people's data in the clear. Without it such exports wait.
    exports_folder: Option<PathBuf> = "ANNALS_EXPORTS_FOLDER", Plain, Nothing;
    /// After how many days such an archive is removed, fetched or not.
    exports_days: u64 = "ANNALS_EXPORTS_DAYS", Plain, Value("7"), in 1..=30;

    /// How many bytes a command's body may have.
    max_body: usize = "ANNALS_MAX_BODY", Plain, Value("262144"), in 1024..=8_388_608;
    /// How many commands may share one commit.
    max_batch: usize = "ANNALS_MAX_BATCH", Plain, Value("512"), in 1..=10_000;
    /// How many commands may be under way at once; more wait at NATS.
    max_in_flight: usize = "ANNALS_MAX_IN_FLIGHT", Plain, Value("4096"), in 1..=1_000_000;
    /// How many aggregates are kept in memory.
    cache_aggregates: usize = "ANNALS_CACHE_AGGREGATES", Plain, Value("100000"), in 0..=100_000_000;
    /// How many commands one actor may send in a second; 0 for no limit.
    rate_limit: u32 = "ANNALS_RATE_LIMIT", Plain, Value("0"), in 0..=1_000_000;
    /// How a reply subject must begin, separated by commas: replies go nowhere else.
    reply_prefixes: ReplyPrefixes = "ANNALS_REPLY_PREFIXES", Plain, Value("_INBOX.");
    /// How many seconds running work gets to end when the process is told to stop.
    drain_seconds: u64 = "ANNALS_DRAIN_SECONDS", Plain, Value("20"), in 0..=3600;
}

/// A name with hyphens in place of underscores.
const fn hyphenated<const N: usize>(name: &str) -> [u8; N] {
    let mut flag = [0; N];
    let mut at = 0;
    while at < N {
        let byte = name.as_bytes()[at];
        flag[at] = if byte == b'_' { b'-' } else { byte };
        at += 1;
    }
    flag
}

/// The URL of the database `<name>_keys` on the same server.
fn keys_beside(database_url: &str) -> Option<String> {
    let (url, query) = match database_url.split_once('?') {
        Some((url, query)) => (url, format!("?{query}")),
        None => (database_url, String::new()),
    };
    let (_, after) = url.split_once("://")?;
    let (_, name) = after.split_once('/')?;
    (!name.is_empty()).then(|| format!("{url}_keys{query}"))
}
