//! Real `annals` processes.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use super::fault::Done;

/// Runs a program until standard input ends, however that came about; says its id first.
const UNTIL_ABANDONED: &str = r#"
exec 3<&0
"$@" </dev/null >>"$LOG_FILE" 2>&1 3<&- &
program=$!
echo $program
( trap '' INT HUP; while read -r _ <&3; do :; done; kill -TERM $program; sleep 20; kill -KILL $program ) >/dev/null 2>&1 &
watcher=$!
exec 3<&-
trap '' INT HUP
wait $program
kill $watcher
"#;

/// How `annals` is called.
#[derive(Debug, Clone)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// Its settings, as environment.
    pub settings: Vec<(&'static str, String)>,
    /// Where it runs and writes its logs.
    pub folder: PathBuf,
}

/// A running `annals serve`; it ends with this value, and with this process.
pub struct Serving {
    shell: Child,
    /// Its process.
    pub pid: u32,
    /// Its log.
    pub log: PathBuf,
    hold: Option<ChildStdin>,
}

impl Program {
    /// A command with nothing of this process' environment that could matter.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("ANNALS_") || name.starts_with("OTEL_") || name.starts_with("RUST_")
            {
                command.env_remove(name);
            }
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.folder);
        command
    }

    /// Starts roles in a process of their own.
    pub fn serve(&self, roles: &str) -> Done<Serving> {
        self.serve_as(roles, roles, &[])
    }

    /// The same under another name, with more settings.
    pub fn serve_as(
        &self,
        name: &str,
        roles: &str,
        settings: &[(&'static str, String)],
    ) -> Done<Serving> {
        let log = self.folder.join(format!("{name}.log"));
        let mut shell = self
            .command(Path::new("/bin/sh"))
            .args(["-c", UNTIL_ABANDONED, "annals-bench"])
            .arg(&self.path)
            .args(["serve", "--roles", roles])
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .env("ANNALS_HTTP", "127.0.0.1:0")
            .env("LOG_FILE", &log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let hold = shell.stdin.take();
        let mut said = String::new();
        if let Some(out) = shell.stdout.take() {
            BufReader::new(out).read_line(&mut said)?;
        }
        let pid =
            said.trim().parse().map_err(|_| format!("annals serve --roles {roles}: no id"))?;
        Ok(Serving { shell, pid, log, hold })
    }

    /// Runs it to its end; what it printed.
    pub fn run(&self, arguments: &[&str]) -> Done<String> {
        self.run_with(arguments, &[])
    }

    /// The same with more settings.
    pub fn run_with(
        &self,
        arguments: &[&str],
        settings: &[(&'static str, String)],
    ) -> Done<String> {
        let errors = self.folder.join("commands.log");
        let log = File::options().create(true).append(true).open(&errors)?;
        let path = self.path.clone();
        let mut command = self.command(&path);
        command.args(arguments).envs(settings.iter().map(|(name, value)| (name, value)));
        let output = command.stdin(Stdio::null()).stderr(log).output()?;
        if !output.status.success() {
            let log = std::fs::read_to_string(&errors).unwrap_or_default();
            let last = log.lines().last().unwrap_or_default();
            return Err(format!("annals {}: {}: {last}", arguments.join(" "), output.status).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Serving {
    /// Fails if it has ended by itself.
    pub fn check(&mut self) -> Done {
        match self.shell.try_wait()? {
            None => Ok(()),
            Some(_) => {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(5).collect();
                Err(format!("annals serve has ended: {}", tail.join("\n")).into())
            }
        }
    }

    /// Stops it and waits until it has ended.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.hold.take());
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(25) {
            if !matches!(self.shell.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.end();
    }
}
