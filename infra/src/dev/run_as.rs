//! Whose rights the servers have: ours, or somebody's who has none when we are root.

use std::{
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
};

use rustix::process::geteuid;

use super::error::DevError;

/// Nobody, on every system that has one.
const NOBODY: u32 = 65534;

/// A user and a group to run servers as. Postgres refuses to run as root, and rightly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunAs {
    uid: u32,
    gid: u32,
}

impl RunAs {
    /// Whom to become: nobody in particular unless we are root; then `ANNALS_RUN_AS` (`user`,
    /// `uid` or `uid:gid`), or else uid and gid 65534.
    ///
    /// # Errors
    /// [`DevError::Environment`] when `ANNALS_RUN_AS` names nobody, or root.
    pub fn choose() -> Result<Option<Self>, DevError> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        match std::env::var("ANNALS_RUN_AS") {
            Ok(wish) if !wish.is_empty() => Self::named(&wish).map(Some).map_err(|reason| {
                DevError::Environment { name: "ANNALS_RUN_AS", value: wish, reason }
            }),
            _ => Ok(Some(Self { uid: NOBODY, gid: NOBODY })),
        }
    }

    /// The user of this name or number; Postgres wants one that has a name.
    pub(super) fn named(wish: &str) -> Result<Self, String> {
        let (user, group) = match wish.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (wish, None),
        };
        let uid = number(user).map_or_else(|| look_up("-u", user), Ok)?;
        let gid = match group {
            Some(group) => {
                number(group).ok_or_else(|| format!("{group} is not a group's number"))?
            }
            None => look_up("-g", user).unwrap_or(uid),
        };
        if uid == 0 {
            return Err("Postgres does not run as root; name an ordinary user".to_owned());
        }
        Ok(Self { uid, gid })
    }

    /// Hands a folder of a test's own making over to this user.
    ///
    /// # Errors
    /// When we may not.
    pub fn takes(self, folder: &Path) -> Result<(), DevError> {
        self.own(folder)
    }

    /// Makes a command run as this user, without any further groups.
    pub(super) fn become_in(self, command: &mut Command) {
        command.gid(self.gid).uid(self.uid);
    }

    /// Hands a file or folder over to this user.
    pub(super) fn own(self, path: &Path) -> Result<(), DevError> {
        chown(path, Some(self.uid), Some(self.gid)).map_err(DevError::at(path))
    }
}

/// Lets a command run as whoever servers run as.
pub(super) fn as_whom(run_as: Option<RunAs>, command: &mut Command) {
    if let Some(user) = run_as {
        user.become_in(command);
    }
}

/// Hands a file or folder to whoever servers run as.
pub(super) fn hand_over(run_as: Option<RunAs>, path: &Path) -> Result<(), DevError> {
    run_as.map_or(Ok(()), |user| user.own(path))
}

/// Whether a user can walk into a folder and read there.
pub(super) fn reaches(run_as: Option<RunAs>, folder: &Path) -> bool {
    tried(run_as, r#"test -r "$1" && test -x "$1""#, folder)
}

/// Whether a user can also make and delete files in a folder.
pub(super) fn can_write(run_as: Option<RunAs>, folder: &Path) -> bool {
    tried(run_as, r#"test -d "$1" && test -r "$1" && test -x "$1" && test -w "$1""#, folder)
}

/// Asked by trying, as that user, so that whatever decides it (modes, lists, mounts) has its say.
fn tried(run_as: Option<RunAs>, test: &str, folder: &Path) -> bool {
    let mut command = Command::new("sh");
    command
        .args(["-c", test, "sh"])
        .arg(folder)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    as_whom(run_as, &mut command);
    command.status().is_ok_and(|status| status.success())
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok()
}

fn look_up(what: &str, user: &str) -> Result<u32, String> {
    let output = Command::new("id").args([what, "--", user]).stderr(Stdio::null()).output();
    output
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| number(String::from_utf8_lossy(&output.stdout).trim()))
        .ok_or_else(|| format!("there is no user {user}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_number_with_or_without_a_group() {
        assert_eq!(RunAs::named("4711:4712"), Ok(RunAs { uid: 4711, gid: 4712 }));
        assert_eq!(RunAs::named("4711"), Ok(RunAs { uid: 4711, gid: 4711 }));
    }

    #[test]
    fn servers_never_run_as_root() {
        assert!(RunAs::named("0").is_err());
        assert!(RunAs::named("root").is_err());
        assert!(RunAs::named("0:65534").is_err());
    }

    #[test]
    fn nobody_by_that_name_is_said_so() {
        assert_eq!(
            RunAs::named("no-such-user-here"),
            Err("there is no user no-such-user-here".to_owned())
        );
        assert!(RunAs::named("4711:staff?").is_err());
    }
}
