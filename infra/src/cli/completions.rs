//! `annals completions`: what a shell needs to complete our commands.

use std::io::Write;

use annals_commands::Catalogue;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;

/// Writes a completion script for a shell.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = "\
Examples:
  annals completions bash > ~/.local/share/bash-completion/completions/annals
  annals completions zsh > \"${fpath[1]}/_annals\"
  annals completions fish > ~/.config/fish/completions/annals.fish")]
pub struct CompletionsArgs {
    /// The shell.
    pub shell: Shell,
}

/// Writes the completion script of a whole command line. The contexts and commands of `send` and
/// `commands` are completed too. A reader that has gone away has read enough.
pub fn write(args: &CompletionsArgs, command_line: clap::Command, to: &mut dyn Write) {
    let mut command_line = with_catalogue(command_line, &Catalogue::new());
    let name = command_line.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command_line, name, &mut script);
    let _ = to.write_all(&script);
}

fn with_catalogue(command_line: clap::Command, catalogue: &Catalogue) -> clap::Command {
    let contexts: Vec<_> = catalogue.contexts().iter().map(|context| context.name).collect();
    let all = || catalogue.contexts().iter().flat_map(|context| &context.commands);
    let commands: Vec<_> = all().map(|command| lasting(&command.name)).collect();
    let dotted = all().map(|command| lasting(&format!("{}.{}", command.context(), command.name)));
    let what: Vec<_> = contexts.iter().copied().chain(dotted).collect();
    let has = |name: &str| command_line.find_subcommand(name).is_some();
    let (send, list) = (has("send"), has("commands"));
    let mut command_line = command_line;
    if send {
        command_line = command_line.mut_subcommand("send", |send| {
            send.mut_arg("context", |it| it.value_parser(PossibleValuesParser::new(contexts)))
                .mut_arg("command", |it| it.value_parser(PossibleValuesParser::new(commands)))
        });
    }
    if list {
        command_line = command_line.mut_subcommand("commands", |list| {
            list.mut_arg("what", |it| it.value_parser(PossibleValuesParser::new(what)))
        });
    }
    command_line
}

/// clap wants words that last; this process ends as soon as the script is written.
fn lasting(word: &str) -> &'static str {
    Box::leak(word.to_owned().into_boxed_str())
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command};

    use super::{super::commands::CommandsArgs, super::send::SendArgs, *};

    #[test]
    fn a_script_knows_subcommands_contexts_and_commands() {
        let command_line = Command::new("annals")
            .subcommand(SendArgs::augment_args(Command::new("send")))
            .subcommand(CommandsArgs::augment_args(Command::new("commands")));
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
            let mut script = Vec::new();
            write(&CompletionsArgs { shell }, command_line.clone(), &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("dry-run"), "{shell}");
            if matches!(shell, Shell::Bash | Shell::Zsh) {
                assert!(script.contains("register_identity"), "{shell}");
                assert!(script.contains("shared.register_identity"), "{shell}");
            }
        }
    }
}
