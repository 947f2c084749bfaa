//! What is configured wins where it should, and says where it came from.

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::*;

/// A folder of its own, gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("annals-settings-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(path.join(".dev")).unwrap();
        for (name, text) in files {
            fs::write(path.join(name), text).unwrap();
        }
        Self(path)
    }

    fn sources(&self, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Sources {
        let flags = flags
            .iter()
            .fold(Flags::default(), |flags, (name, text)| flags.with(name, *text).unwrap());
        let environment =
            environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Sources::of(flags, environment, &self.0)
    }

    fn resolve(&self, environment: &[(&str, &str)]) -> Resolved {
        self.sources(environment, &[]).resolve()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn value<'a>(resolved: &'a Resolved, name: &str) -> &'a Value {
    resolved.values().iter().find(|value| value.setting.name == name).unwrap()
}

fn errors(resolved: &Resolved) -> String {
    resolved.settings().unwrap_err().to_string()
}

#[test]
fn nothing_has_to_be_set() {
    let settings = Folder::new(&[]).resolve(&[]).settings().unwrap();
    assert_eq!(settings.http.to_string(), "127.0.0.1:9464");
    assert_eq!((settings.max_body, settings.rate_limit), (256 * 1024, 0));
    assert_eq!(settings.nats_url.expose(), "nats://127.0.0.1:4222");
    assert!(settings.database_url.is_none() && settings.keys_url.is_none());
    assert!(Role::ALL.into_iter().all(|role| settings.roles.has(role)));
    assert!(settings.contexts.has("lift"));
    assert!(
        settings.reply_prefixes.allow("_INBOX.abc") && !settings.reply_prefixes.allow("_INBOX.")
    );
    assert!(!settings.reply_prefixes.allow("lift.evt.alert.1.alert_raised"));
}

#[test]
fn later_layers_win_and_say_so() {
    let folder = Folder::new(&[
        (
            "annals.toml",
            "region = 'file'\nmax_batch = 7\nmax_body = 2048\nroles = ['relay', 'reactor']",
        ),
        (".dev/env", "export NATS_URL='nats://dev:1'\nANNALS_REGION=dev\n# a comment=1\n"),
    ]);
    let environment = [("ANNALS_MAX_BATCH", "8"), ("ANNALS_MAX_BODY", "4096")];
    let resolved = folder.sources(&environment, &[("max_body", "8192")]).with_dev().resolve();
    let settings = resolved.settings().unwrap();
    let file = Origin::File(folder.0.join("annals.toml"));
    assert_eq!((settings.region.as_str(), &value(&resolved, "region").origin), ("file", &file));
    assert_eq!(settings.max_batch, 8);
    assert_eq!(value(&resolved, "max_batch").origin, Origin::Environment("ANNALS_MAX_BATCH"));
    assert_eq!(settings.max_body, 8192);
    assert_eq!(value(&resolved, "max_body").origin.to_string(), "flag --max-body");
    assert_eq!(
        (settings.nats_url.expose(), &value(&resolved, "nats_url").origin),
        ("nats://dev:1", &Origin::Dev)
    );
    assert_eq!(settings.roles.iter().collect::<Vec<_>>(), [Role::Relay, Role::Reactor]);
    assert_eq!(value(&folder.resolve(&[]), "nats_url").origin, Origin::Default, "only when asked");
}

#[test]
fn a_client_has_a_clients_rights() {
    let dev = "export NATS_URL='nats://all:1'\nexport ANNALS_DEV_CLIENT_NATS_URL='nats://some:1'\n";
    let folder = Folder::new(&[(".dev/env", dev)]);
    let url = |sources: Sources| sources.resolve().settings().unwrap().nats_url;
    assert_eq!(url(folder.sources(&[], &[]).with_dev()).expose(), "nats://all:1");
    assert_eq!(url(folder.sources(&[], &[]).as_client()).expose(), "nats://some:1");
}

#[test]
fn the_key_store_lies_beside_the_event_store_unless_it_is_said_where() {
    let folder = Folder::new(&[]);
    for (url, keys) in [
        (
            "postgres://a:b@h:5432/annals?sslmode=require",
            "postgres://a:b@h:5432/annals_keys?sslmode=require",
        ),
        ("postgres:///annals?host=/run", "postgres:///annals_keys?host=/run"),
    ] {
        let resolved = folder.resolve(&[("DATABASE_URL", url)]);
        let settings = resolved.settings().unwrap();
        assert_eq!(settings.keys_url.as_ref().map(DatabaseUrl::expose), Some(keys));
        assert_eq!(value(&resolved, "keys_url").origin, Origin::Derived("database_url"));
    }
    let nameless = folder.resolve(&[("DATABASE_URL", "postgres://a@h")]).settings().unwrap();
    assert!(nameless.keys_url.is_none());
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let folder = Folder::new(&[("other.toml", "region = 'other'")]);
    let named = folder.resolve(&[("ANNALS_CONFIG", "other.toml")]);
    assert_eq!(named.settings().unwrap().region, "other");
    let missing = folder.resolve(&[("ANNALS_CONFIG", "none.toml")]);
    assert!(errors(&missing).contains("none.toml"));
}

#[test]
fn an_unknown_key_is_an_error_with_its_line_and_the_nearest_name() {
    let folder = Folder::new(&[("annals.toml", "region = 'x'\n\nmax_bdoy = 1\n[roles]\na = 1\n")]);
    let said = errors(&folder.resolve(&[]));
    assert!(
        said.contains("annals.toml:3: max_bdoy: there is no such setting; did you mean max_body?")
    );
    assert!(said.contains("annals.toml:4: roles: expected a text"), "{said}");
}

#[test]
fn a_broken_file_is_named_with_its_line_and_without_its_text() {
    let folder = Folder::new(&[("annals.toml", "region = 'x'\njwt_secret = s3cr3t\n")]);
    let said = errors(&folder.resolve(&[]));
    assert!(said.contains("annals.toml:2") && !said.contains("s3cr3t"), "{said}");
}

#[test]
fn an_unknown_variable_is_a_warning_with_the_nearest_name() {
    let environment = [
        ("ANNALS_MAX_BACTH", "1"),
        ("ANNALS_COLOUR", "1"),
        ("ANNALS_TEST_POSTGRES", "1"),
        ("ANNALS_SERVICE_HOST", "10.0.0.1"),
        ("ANNALS_PORT_4222_TCP", "tcp://10.0.0.1:4222"),
        ("OTHER", "1"),
    ];
    let resolved = Folder::new(&[]).resolve(&environment);
    let warnings: Vec<_> = resolved.warnings().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "ANNALS_COLOUR: there is no such setting",
            "ANNALS_MAX_BACTH: there is no such setting; did you mean ANNALS_MAX_BATCH?",
        ]
    );
    assert!(resolved.settings().is_ok());
}

#[test]
fn all_that_does_not_fit_is_said_at_once_and_no_value_is_repeated() {
    let environment = [
        ("ANNALS_MAX_BATCH", "s3cr3t"),
        ("ANNALS_HTTP", "s3cr3t"),
        ("DATABASE_URL", "mysql://s3cr3t"),
        ("NATS_URL", "nats://s3cr3t:port:x"),
        ("ANNALS_ROLES", "relay,comands"),
        ("ANNALS_CONTEXTS", "lfit"),
        ("ANNALS_LOG_FORMAT", "jsn"),
        ("ANNALS_REPLY_PREFIXES", "_INBOX.,lift.evt."),
        ("ANNALS_JWKS", "http://keys.example.org/jwks"),
    ];
    let said = errors(&Folder::new(&[]).resolve(&environment));
    for part in [
        "max_batch (environment ANNALS_MAX_BATCH): expected a whole number from 1 to 10000",
        "http (environment ANNALS_HTTP): expected an address",
        "database_url (environment DATABASE_URL): expected a Postgres URL",
        "nats_url (environment NATS_URL): expected NATS URLs",
        "did you mean commands?",
        "did you mean lift?",
        "did you mean json?",
        "expected beginnings of inbox subjects",
        "keys are fetched over https",
    ] {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
    assert!(!said.contains("s3cr3t"));
}

#[test]
fn an_empty_variable_is_none() {
    let resolved = Folder::new(&[]).resolve(&[("ANNALS_JWKS", ""), ("ANNALS_REGION", "")]);
    let settings = resolved.settings().unwrap();
    assert!(settings.jwks.is_none());
    assert_eq!(settings.region, "ca-central-1");
}

#[test]
fn secrets_and_passwords_are_not_shown() {
    let environment = [
        ("ANNALS_JWT_SECRET", "s3cr3t"),
        ("DATABASE_URL", "postgres://ada:s3cr3t@db/annals"),
        ("NATS_URL", "nats://s3cr3t@bus:4222"),
    ];
    let resolved = Folder::new(&[]).resolve(&environment);
    for value in resolved.values() {
        assert!(!value.shown().unwrap_or_default().contains("s3cr3t"), "{}", value.setting.name);
    }
    let shown = format!("{resolved:?} {:?}", resolved.settings().unwrap());
    assert!(!shown.contains("s3cr3t"), "{shown}");
    assert_eq!(value(&resolved, "jwt_secret").shown().as_deref(), Some("***"));
}

#[test]
fn the_list_has_no_doubles_and_every_default_fits() {
    let names: BTreeSet<_> = ALL.iter().map(|setting| setting.name).collect();
    let variables: BTreeSet<_> = ALL.iter().map(|setting| setting.env).collect();
    assert_eq!((names.len(), variables.len()), (ALL.len(), ALL.len()));
    for setting in ALL {
        assert!(setting.about().ends_with('.'), "{} has no sentence", setting.name);
        let elsewhere = ["DATABASE_URL", "NATS_URL", "NATS_CREDS", "RUST_LOG"];
        assert!(setting.env.starts_with("ANNALS_") || elsewhere.contains(&setting.env));
    }
    for value in Folder::new(&[]).resolve(&[]).values() {
        assert_eq!(value.complaint(), None, "{}", value.setting.name);
    }
}

#[test]
fn flags_are_read_from_the_command_line() {
    use clap::{Args, FromArgMatches};
    let command = Flags::augment_args(clap::Command::new("annals"));
    let given = ["annals", "--roles", "relay", "--max-batch=9"];
    let flags = Flags::from_arg_matches(&command.clone().get_matches_from(given)).unwrap();
    let settings = Sources::of(flags, [], Folder::new(&[]).0.clone()).resolve().settings().unwrap();
    assert_eq!((settings.max_batch, settings.roles.has(Role::Commands)), (9, false));
    let secret = command.try_get_matches_from(["annals", "--jwt-secret", "x"]);
    assert!(secret.is_err(), "a secret has no flag");
}
