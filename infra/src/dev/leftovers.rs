//! Servers of an earlier run that are still about: ended before new ones take their place.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{error::DevError, supervise::TICK};

/// How long a left-over gets for each signal.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ends the process that a file names, if it is the server it was: its command line names `marker`.
/// Afterwards the file is gone too, since the number in it may by now be anybody's.
pub(super) async fn clear(pid_file: &Path, marker: &Path, ask: Signal) -> Result<(), DevError> {
    clear_within(PATIENCE, pid_file, marker, ask).await
}

async fn clear_within(
    each: Duration,
    pid_file: &Path,
    marker: &Path,
    ask: Signal,
) -> Result<(), DevError> {
    if let Some(pid) = named(pid_file) {
        for signal in [ask, Signal::KILL] {
            if !runs(pid, marker) {
                break;
            }
            tracing::info!(pid, ?signal, "ending a server left over from an earlier run");
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, signal));
            let patience = Instant::now() + each;
            while runs(pid, marker) && Instant::now() < patience {
                tokio::time::sleep(TICK).await;
            }
        }
        if runs(pid, marker) {
            return Err(DevError::LeftOver { pid });
        }
    }
    match fs::remove_file(pid_file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(DevError::at(pid_file)(error))
        }
        _ => Ok(()),
    }
}

/// The process that a file names in its first line.
pub(super) fn named(pid_file: &Path) -> Option<i32> {
    let text = fs::read_to_string(pid_file).ok()?;
    text.lines().next()?.trim().parse().ok().filter(|pid| *pid > 1)
}

/// Whether a process is there, and was started with this file or folder. A process that has ended
/// and only waits to be buried has no command line any more.
pub(super) fn runs(pid: i32, marker: &Path) -> bool {
    let marker = marker.as_os_str().as_encoded_bytes();
    !marker.is_empty() && command_line(pid).windows(marker.len()).any(|part| part == marker)
}

fn command_line(pid: i32) -> Vec<u8> {
    if Path::new("/proc/self/cmdline").exists() {
        return fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    }
    Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
        .stderr(Stdio::null())
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_left_over_is_ended_even_if_it_does_not_listen() {
        let dir = tempfile::tempdir().unwrap();
        let marker = dir.path().join("marker");
        let mut child = Command::new("sh")
            .args(["-c", "trap '' INT; : >\"$1\"; while :; do sleep 0.05; done", "sh"])
            .arg(&marker)
            .spawn()
            .unwrap();
        let pid_file = dir.path().join("pid");
        fs::write(&pid_file, format!("{}\n{}\n", child.id(), marker.display())).unwrap();
        // Until it is deaf, and has a command line.
        while !marker.exists() || !runs(named(&pid_file).unwrap(), &marker) {
            tokio::time::sleep(TICK).await;
        }
        let gone = tokio::task::spawn_blocking(move || child.wait().unwrap());
        clear_within(Duration::from_millis(300), &pid_file, &marker, Signal::INT).await.unwrap();
        assert!(!gone.await.unwrap().success());
        assert!(!pid_file.exists());
    }

    #[tokio::test]
    async fn a_process_that_came_to_the_same_number_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid_file = dir.path().join("pid");
        fs::write(&pid_file, child.id().to_string()).unwrap();
        clear(&pid_file, &dir.path().join("marker"), Signal::TERM).await.unwrap();
        assert_eq!(child.try_wait().unwrap(), None, "it is somebody else's");
        assert!(!pid_file.exists(), "the file said nothing true");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[tokio::test]
    async fn nothing_left_over_is_nothing_to_do() {
        let dir = tempfile::tempdir().unwrap();
        clear(&dir.path().join("none"), dir.path(), Signal::TERM).await.unwrap();
        fs::write(dir.path().join("pid"), "-1").unwrap();
        clear(&dir.path().join("pid"), dir.path(), Signal::TERM).await.unwrap();
    }
}
