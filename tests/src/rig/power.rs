//! A disk whose power can be cut: an ext4 image on a loop device.
//!
//! `kill -9` leaves the kernel's page cache as it is, so it never shows a flush that was forgotten.
//! `FS_IOC_SHUTDOWN` without a log flush does: whatever was not flushed by then is gone. It needs root,
//! loop devices and somebody who calls the ioctl (Python, or xfs_io); where one is missing, [`Disk::make`]
//! says which.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use annals_infra::dev::RunAs;

use super::Done;

/// `_IOR('X', 125, __u32)` with the flag that leaves the journal unflushed.
const SHUTDOWN: &str = "import fcntl, os, struct, sys\n\
    fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

/// A mounted disk. It is unmounted and deleted with this value.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    mounted: PathBuf,
    is_mounted: bool,
    /// How often its power was cut.
    pub cuts: u64,
}

impl Disk {
    /// Makes and mounts a disk, and tries whether its power can be cut.
    ///
    /// # Errors
    /// Says what this machine does not allow.
    pub async fn make(folder: &Path, megabytes: u64) -> Done<Self> {
        fs::create_dir_all(folder)?;
        let (image, mounted) = (folder.join("disk.img"), folder.join("disk"));
        File::create(&image)?.set_len(megabytes << 20)?;
        fs::create_dir_all(&mounted)?;
        let made = run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        made.map_err(|error| format!("no ext4 image can be made: {error}"))?;
        let mut disk = Self { image, mounted, is_mounted: false, cuts: 0 };
        let tried = disk.mount();
        tried.map_err(|error| format!("no loop device can be mounted: {error}"))?;
        disk.try_out().await?;
        disk.cuts = 0;
        Ok(disk)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn mounted(&self) -> &Path {
        &self.mounted
    }

    /// A file that was synced has to be there after a cut, one that was not must not: else this would be
    /// no power cut.
    async fn try_out(&mut self) -> Done {
        fs::write(self.mounted.join("flushed"), "1")?;
        run(Command::new("sync").arg("-f").arg(&self.mounted))?;
        fs::write(self.mounted.join("not-flushed"), "1")?;
        self.cut().map_err(|error| format!("FS_IOC_SHUTDOWN is not allowed: {error}"))?;
        self.back().await?;
        let (kept, lost) = (self.mounted.join("flushed"), self.mounted.join("not-flushed"));
        if !kept.exists() || lost.exists() {
            return Err("FS_IOC_SHUTDOWN does not lose what was not flushed here".into());
        }
        fs::remove_file(kept)?;
        if let Some(user) = RunAs::choose()? {
            user.takes(&self.mounted)?;
        }
        self.flush()
    }

    /// Writes everything out: what was set up is not what is tested.
    ///
    /// # Errors
    /// When it cannot be written out.
    pub fn flush(&self) -> Done {
        run(Command::new("sync").arg("-f").arg(&self.mounted))
    }

    /// From here on nothing reaches the disk any more. Whoever has files open on it should be killed.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn cut(&mut self) -> Done {
        let by_python = run(Command::new("python3").args(["-c", SHUTDOWN]).arg(&self.mounted));
        by_python.or_else(|error| {
            let xfs_io =
                run(Command::new("xfs_io").args(["-x", "-c", "shutdown"]).arg(&self.mounted));
            xfs_io.map_err(|other| format!("{error}; {other}"))
        })?;
        self.cuts += 1;
        Ok(())
    }

    /// Mounts it again, as after a restart: the journal is replayed.
    ///
    /// # Errors
    /// When somebody still uses it, or it cannot be mounted.
    pub async fn back(&mut self) -> Done {
        let mut last = Ok(());
        for _ in 0..1_500 {
            last = self.unmount();
            if last.is_ok() {
                return self.mount();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        last
    }

    fn mount(&mut self) -> Done {
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mounted))?;
        self.is_mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> Done {
        run(Command::new("umount").arg(&self.mounted))?;
        self.is_mounted = false;
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        for _ in 0..100 {
            if !self.is_mounted || self.unmount().is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = fs::remove_file(&self.image);
    }
}

fn run(command: &mut Command) -> Done {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("{}: {said}", command.get_program().to_string_lossy()).into())
}
