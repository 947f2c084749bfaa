//! `annals config`: every setting's value, and where it came from.

use serde_json::{Value, json};

use crate::settings::{Flags, Level, Resolved, Setting, Sources};

use super::{
    exit::Exit,
    output::{Output, Tone, complain, say, table},
};

/// Shows every setting, its value and where it came from. Secrets and passwords are masked.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = "\
Later layers win: defaults, annals.toml (or ANNALS_CONFIG), the environment, flags.
Ends with 2 where something does not fit, and says what.")]
pub struct ConfigArgs {
    /// Writes JSON.
    #[arg(long)]
    pub json: bool,
    /// Says what each setting means, instead of where its value came from.
    #[arg(long)]
    pub explain: bool,
    /// Settings to look at as if they had been given to another command.
    #[command(flatten)]
    pub flags: Flags,
}

/// Runs `annals config`.
#[must_use]
pub fn run(args: &ConfigArgs) -> Exit {
    let resolved = Sources::of_process(args.flags.clone()).resolve();
    say(&text(&resolved, args, Output::stdout()));
    let to = Output::stderr();
    for complaint in resolved.complaints() {
        let tone = if complaint.level == Level::Error { Tone::Bad } else { Tone::Warn };
        complain(&to.paint(tone, &complaint.to_string()));
    }
    if resolved.settings().is_ok() { Exit::Done } else { Exit::Usage }
}

/// What `annals config` writes.
#[must_use]
pub fn text(resolved: &Resolved, args: &ConfigArgs, output: Output) -> String {
    if args.json {
        let values: Vec<_> = resolved.values().iter().map(as_json).collect();
        let complaints: Vec<_> = resolved.complaints().iter().map(ToString::to_string).collect();
        let all = json!({ "settings": values, "complaints": complaints });
        return serde_json::to_string_pretty(&all).unwrap_or_default();
    }
    if args.explain {
        let rows = resolved.values().iter().map(|value| {
            let Setting { name, env, .. } = value.setting;
            let flag = value.setting.flag().map(|flag| format!("--{flag}")).unwrap_or_default();
            [(*name).to_owned(), (*env).to_owned(), flag, value.setting.about().to_owned()]
        });
        return table(output, ["setting", "variable", "flag", "means"], rows);
    }
    let rows = resolved.values().iter().map(|value| {
        let shown = value.shown().unwrap_or_else(|| "-".to_owned());
        [value.setting.name.to_owned(), shown, value.origin.to_string()]
    });
    table(output, ["setting", "value", "from"], rows)
}

fn as_json(value: &crate::settings::Value) -> Value {
    json!({
        "setting": value.setting.name,
        "variable": value.setting.env,
        "flag": value.setting.flag(),
        "value": value.shown(),
        "from": value.origin.to_string(),
        "about": value.setting.about(),
        "wrong": value.complaint(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved() -> Resolved {
        let environment = [
            ("DATABASE_URL", "postgres://ada:s3cr3t@db/annals"),
            ("ANNALS_JWT_SECRET", "s3cr3t"),
            ("ANNALS_MAX_BATCH", "0"),
            ("ANNALS_MAX_BODDY", "1"),
        ];
        let environment = environment.map(|(name, text)| (name.to_owned(), text.to_owned()));
        Sources::of(Flags::default(), environment, "/nonexistent").resolve()
    }

    fn said(json: bool, explain: bool) -> String {
        let args = ConfigArgs { json, explain, flags: Flags::default() };
        text(&resolved(), &args, Output::plain())
    }

    #[test]
    fn every_value_is_shown_with_its_origin_and_without_secrets() {
        let text = said(false, false);
        assert!(text.contains("postgres://ada:***@db/annals_keys"));
        assert!(text.contains("from database_url"));
        assert!(text.contains("environment ANNALS_JWT_SECRET"));
        assert!(text.contains("ca-central-1"));
        assert!(!text.contains("s3cr3t"));
    }

    #[test]
    fn programs_get_the_same_and_what_is_wrong() {
        let text = said(true, false);
        assert!(!text.contains("s3cr3t"));
        let value: Value = serde_json::from_str(&text).unwrap();
        let settings = value["settings"].as_array().unwrap();
        let batch = settings.iter().find(|it| it["setting"] == "max_batch").unwrap();
        assert!(batch["wrong"].as_str().unwrap().contains("from 1 to"));
        let complaints = value["complaints"].to_string();
        assert!(complaints.contains("max_batch") && complaints.contains("ANNALS_MAX_BODY"));
    }

    #[test]
    fn every_setting_is_explained() {
        let text = said(false, true);
        assert!(text.contains("--nats-url") && !text.contains("--jwt-secret"));
    }
}
