//! The settings that were given as flags.

use clap::{Arg, ArgMatches, Command, error::ErrorKind};

use super::list::{ALL, Setting};

/// Settings given as flags. Put them into a clap command with `#[command(flatten)]`; they are listed
/// under a heading of their own by `--help`, and left out by `-h`.
#[derive(Debug, Clone, Default)]
pub struct Flags(Vec<(&'static Setting, String)>);

impl Flags {
    /// The text given for a setting.
    #[must_use]
    pub fn get(&self, setting: &Setting) -> Option<&str> {
        self.0.iter().find(|(given, _)| given.name == setting.name).map(|(_, text)| text.as_str())
    }

    /// Adds a setting, as if its flag had been given.
    ///
    /// # Errors
    /// There is no setting of this name.
    pub fn with(mut self, name: &str, text: impl Into<String>) -> Result<Self, super::Complaint> {
        let setting = Setting::named(name).ok_or_else(|| super::layers::unknown(name))?;
        self.0.retain(|(given, _)| given.name != name);
        self.0.push((setting, text.into()));
        Ok(self)
    }
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        ALL.iter().filter_map(|setting| Some((setting, setting.flag()?))).fold(
            command,
            |command, (setting, flag)| {
                let help = format!("{} [env: {}]", setting.about(), setting.env);
                let argument = Arg::new(setting.env).long(flag).value_name("VALUE").help(help);
                command.arg(argument.help_heading("Settings").hide_short_help(true))
            },
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Vec::new();
        for setting in ALL.iter().filter(|setting| setting.flag().is_some()) {
            let text = matches
                .try_get_one::<String>(setting.env)
                .map_err(|error| clap::Error::raw(ErrorKind::UnknownArgument, error))?;
            flags.extend(text.map(|text| (setting, text.clone())));
        }
        Ok(Self(flags))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
