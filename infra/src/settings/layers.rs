//! From defaults, a file, the environment and flags to one value each, with its origin.

use std::{collections::BTreeMap, fmt, fs, io, path::PathBuf};

use super::{
    flags::Flags,
    list::{ALL, Fallback, Setting, Settings, Shown},
    mask::mask_url,
    nearest::nearest,
};

const FILE: &str = "annals.toml";
const DEV: &str = ".dev/env";
const DEV_CLIENT: &str = "ANNALS_DEV_CLIENT_NATS_URL";

/// Variables with our prefix that other parts read: the private servers, `send`, tests.
const READ_ELSEWHERE: &[&str] =
    &["ANNALS_PG_BIN", "ANNALS_NATS_BIN", "ANNALS_RUNTIME_PINS", "ANNALS_TOKEN"];
const PREFIXES_READ_ELSEWHERE: &[&str] = &["ANNALS_TEST_", "ANNALS_DEV_"];

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// Made from the setting of this name.
    Derived(&'static str),
    /// `annals dev` wrote it.
    Dev,
    /// This TOML file.
    File(PathBuf),
    /// This environment variable.
    Environment(&'static str),
    /// This flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::Derived(from) => write!(out, "from {from}"),
            Self::Dev => out.write_str(DEV),
            Self::File(path) => write!(out, "{}", path.display()),
            Self::Environment(name) => write!(out, "environment {name}"),
            Self::Flag(name) => write!(out, "flag --{name}"),
        }
    }
}

/// A setting's value and where it came from.
#[derive(Clone)]
pub struct Value {
    /// The setting.
    pub setting: &'static Setting,
    /// Where the value came from.
    pub origin: Origin,
    text: Option<String>,
}

impl Value {
    /// The value as it may be shown; `None` where it is not set.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        let text = self.text.as_deref()?;
        Some(match self.setting.shown {
            Shown::Plain => text.to_owned(),
            Shown::Url => mask_url(text),
            Shown::Never => "***".to_owned(),
        })
    }

    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        (self.setting.check)(self.text.as_deref()).err()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={:?} ({})", self.setting.name, self.shown(), self.origin)
    }
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Worth saying.
    Warning,
    /// Nothing can start like this.
    Error,
}

/// Something wrong with the configuration. Never repeats a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// How bad it is.
    pub level: Level,
    /// The setting, variable or file.
    pub about: String,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl Complaint {
    fn error(about: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level: Level::Error, about: about.into(), text: text.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.about, self.text)
    }
}

/// All that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaints(pub Vec<Complaint>);

impl fmt::Display for Complaints {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the configuration does not fit")?;
        for complaint in &self.0 {
            write!(out, "\n  {complaint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Complaints {}

/// All places that values may come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    flags: Flags,
    environment: BTreeMap<String, String>,
    folder: PathBuf,
    dev: bool,
    client: bool,
}

impl Sources {
    /// The process's environment and working folder, and these flags.
    #[must_use]
    pub fn of_process(flags: Flags) -> Self {
        let variables = std::env::vars_os();
        let environment = variables
            .filter_map(|(name, text)| {
                Some((name.into_string().ok()?, text.to_string_lossy().into_owned()))
            })
            .collect();
        Self { flags, environment, folder: PathBuf::new(), dev: false, client: false }
    }

    /// These values alone: for tests, and for processes inside of a process.
    #[must_use]
    pub fn of(
        flags: Flags,
        environment: impl IntoIterator<Item = (String, String)>,
        folder: impl Into<PathBuf>,
    ) -> Self {
        let environment = environment.into_iter().collect();
        Self { flags, environment, folder: folder.into(), dev: false, client: false }
    }

    /// Looks into `.dev/env` too: for commands that talk to a running system.
    #[must_use]
    pub fn with_dev(mut self) -> Self {
        self.dev = true;
        self
    }

    /// Looks into `.dev/env` as an API service would: with the rights of one at NATS.
    #[must_use]
    pub fn as_client(mut self) -> Self {
        self.client = true;
        self.with_dev()
    }

    /// Finds every setting's value.
    #[must_use]
    pub fn resolve(&self) -> Resolved {
        let mut complaints = Vec::new();
        let file = self.file(&mut complaints);
        let dev = if self.dev { self.dev_values() } else { BTreeMap::new() };
        let mut values: Vec<Value> = Vec::new();
        for setting in ALL {
            let said = self.said(setting, &dev, file.as_ref());
            let (text, origin) = said.unwrap_or_else(|| by_default(setting, &values));
            values.push(Value { setting, origin, text });
        }
        self.complain_of_unknown_variables(&mut complaints);
        Resolved { values, complaints }
    }

    fn said(
        &self,
        setting: &'static Setting,
        dev: &BTreeMap<String, String>,
        file: Option<&File>,
    ) -> Option<(Option<String>, Origin)> {
        let flag = self
            .flags
            .get(setting)
            .map(|text| (text.to_owned(), Origin::Flag(setting.flag().unwrap_or_default())));
        let environment =
            || Some((self.variable(setting.env)?.to_owned(), Origin::Environment(setting.env)));
        let in_file = || {
            let file = file?;
            Some((file.values.get(setting.name)?.clone(), Origin::File(file.path.clone())))
        };
        let in_dev = || Some((dev.get(setting.env)?.clone(), Origin::Dev));
        let (text, origin) = flag.or_else(environment).or_else(in_file).or_else(in_dev)?;
        Some((Some(text), origin))
    }

    /// A variable; an empty one counts as not set, as compose files and shells like to have it.
    fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn file(&self, complaints: &mut Vec<Complaint>) -> Option<File> {
        let config = Setting::named("config")?;
        let named = self.flags.get(config).or_else(|| self.variable(config.env));
        let path = self.folder.join(named.unwrap_or(FILE));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
                return None;
            }
            Err(error) => {
                complaints.push(Complaint::error(path.display().to_string(), error.to_string()));
                return None;
            }
        };
        let (values, found) = read_file(&text);
        complaints.extend(found.into_iter().map(|(line, text)| {
            let line = line.map(|line| format!(":{line}")).unwrap_or_default();
            Complaint::error(format!("{}{line}", path.display()), text)
        }));
        Some(File { path, values })
    }

    fn dev_values(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.folder.join(DEV)).unwrap_or_default();
        let mut values: BTreeMap<_, _> = text.lines().filter_map(assignment).collect();
        if self.client
            && let Some(url) = values.remove(DEV_CLIENT)
        {
            values.insert("NATS_URL".to_owned(), url);
        }
        values
    }

    fn complain_of_unknown_variables(&self, complaints: &mut Vec<Complaint>) {
        let known = || ALL.iter().map(|setting| setting.env);
        let unknown = self.environment.keys().filter(|name| {
            name.starts_with("ANNALS_")
                && !known().any(|known| known == *name)
                && !READ_ELSEWHERE.contains(&name.as_str())
                && !PREFIXES_READ_ELSEWHERE.iter().any(|prefix| name.starts_with(prefix))
                && !is_service_link(name)
        });
        for name in unknown {
            let bare = |name: &'static str| name.strip_prefix("ANNALS_").unwrap_or(name);
            let meant = nearest(name.trim_start_matches("ANNALS_"), known().map(bare));
            let meant = known().find(|known| meant == Some(bare(known)));
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            complaints.push(Complaint {
                level: Level::Warning,
                about: name.clone(),
                text: format!("there is no such setting{meant}"),
            });
        }
    }
}

struct File {
    path: PathBuf,
    values: BTreeMap<String, String>,
}

fn by_default(setting: &Setting, before: &[Value]) -> (Option<String>, Origin) {
    match setting.default {
        Fallback::Nothing => (None, Origin::Default),
        Fallback::Value(text) => (Some(text.to_owned()), Origin::Default),
        Fallback::Derived(name, make) => {
            let other = before.iter().find(|value| value.setting.name == name);
            let text = other.and_then(|value| value.text.as_deref()).and_then(make);
            let origin = if text.is_some() { Origin::Derived(name) } else { Origin::Default };
            (text, origin)
        }
    }
}

/// Kubernetes gives a pod such variables for a service that is called `annals`.
fn is_service_link(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.contains("_PORT_")
}

/// `NAME=text`, perhaps exported, perhaps quoted.
fn assignment(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (name, text) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
    let quoted = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    let text = quoted('\'').or_else(|| quoted('"')).unwrap_or(text);
    Some((name.to_owned(), text.to_owned()))
}

type Faults = Vec<(Option<usize>, String)>;

/// The values of a TOML file by name, and what is wrong with it, with the line where it is known.
fn read_file(text: &str) -> (BTreeMap<String, String>, Faults) {
    let mut values = BTreeMap::new();
    let table = match text.parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().and_then(|span| text.get(..span.start));
            let line = line.map(|before| before.matches('\n').count() + 1);
            return (values, vec![(line, error.message().to_owned())]);
        }
    };
    let mut faults = Vec::new();
    for (name, value) in table {
        let line = line_of(text, &name);
        if name == "config" || Setting::named(&name).is_none() {
            faults.push((line, unknown(&name).to_string()));
            continue;
        }
        match plain(&value) {
            Some(plain) => drop(values.insert(name, plain)),
            None => faults.push((
                line,
                format!("{name}: expected a text, a whole number, or a list of texts"),
            )),
        }
    }
    (values, faults)
}

/// A value as the text that the environment would hold.
fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

/// The line that a key of the file stands in.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let begins = |line: &str| {
        let line = line.trim_start().trim_start_matches(['[', '"', '\'']);
        let rest = line.strip_prefix(key);
        rest.is_some_and(|rest| {
            !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
        })
    };
    text.lines().position(begins).map(|line| line + 1)
}

/// There is no setting of this name.
pub(super) fn unknown(name: &str) -> Complaint {
    let meant = nearest(name, ALL.iter().map(|setting| setting.name));
    let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
    Complaint::error(name, format!("there is no such setting{meant}"))
}

/// Every setting's value, with its origin, and what was wrong on the way there.
#[derive(Debug, Clone)]
pub struct Resolved {
    values: Vec<Value>,
    complaints: Vec<Complaint>,
}

impl Resolved {
    /// Every setting's value, in the order of the list.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// All that is wrong, with the values that do not fit.
    #[must_use]
    pub fn complaints(&self) -> Vec<Complaint> {
        let errors = self.settings().err().map(|wrong| wrong.0).unwrap_or_default();
        self.warnings().cloned().chain(errors).collect()
    }

    /// What is worth saying, and keeps nothing from starting.
    pub fn warnings(&self) -> impl Iterator<Item = &Complaint> {
        self.complaints.iter().filter(|complaint| complaint.level == Level::Warning)
    }

    /// The typed settings.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn settings(&self) -> Result<Settings, Complaints> {
        let mut wrong: Vec<_> = self
            .complaints
            .iter()
            .filter(|complaint| complaint.level == Level::Error)
            .cloned()
            .collect();
        let find = |name: &'static str| self.values.iter().find(|value| value.setting.name == name);
        match Settings::read(|name| find(name).and_then(|value| value.text.as_deref())) {
            Ok(settings) if wrong.is_empty() => Ok(settings),
            Ok(_) => Err(Complaints(wrong)),
            Err(unfit) => {
                wrong.extend(unfit.into_iter().map(|complaint| {
                    let value = Setting::named(&complaint.about).and_then(|it| find(it.name));
                    let origin = value.map(|value| format!(" ({})", value.origin));
                    let about = format!("{}{}", complaint.about, origin.unwrap_or_default());
                    Complaint { about, ..complaint }
                }));
                Err(Complaints(wrong))
            }
        }
    }
}
