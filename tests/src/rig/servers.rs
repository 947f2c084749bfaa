//! Postgres and nats-server of a run, where they write, and the databases in them.

use std::{path::Path, sync::Arc, time::Duration};

use annals_infra::{
    dev::{
        OwnPostgres,
        harness::{self, Nats},
    },
    keys::Keys,
    migrate,
    serve::connect_nats,
};
use annals_projections::Catalogue;
use async_nats::Client;
use sqlx::{Connection, PgConnection};

use super::{Done, power::Disk};

/// Both servers.
pub struct Servers {
    /// Postgres, with `fsync` on.
    pub postgres: OwnPostgres,
    /// nats-server.
    pub nats: Nats,
    /// The disk whose power can be cut, if they write to such a one.
    pub disk: Option<Disk>,
}

impl std::fmt::Debug for Servers {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Servers").finish_non_exhaustive()
    }
}

impl Servers {
    /// Starts both, with what they write in this folder, or on this disk.
    ///
    /// # Errors
    /// When one does not start.
    pub async fn start(folder: &Path, disk: Option<Disk>) -> Done<Self> {
        let folder = disk.as_ref().map_or(folder, |disk| disk.mounted());
        let postgres = harness::postgres_in(&folder.join("pg")).await?;
        let nats = harness::nats_in(folder).await?;
        Ok(Self { postgres, nats, disk })
    }

    /// Another nats-server, with nothing stored, in place of the present one.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn fresh_nats(&mut self, folder: &Path) -> Done {
        self.nats = harness::nats_in(folder).await?;
        Ok(())
    }

    /// Cuts the power of the disk: both servers are gone, and with them whatever was not flushed. Then
    /// the disk and both servers come back.
    ///
    /// # Errors
    /// When there is no such disk, or one of them does not come back.
    pub async fn cut_power(&mut self) -> Done {
        let disk = self.disk.as_mut().ok_or("these servers are on no disk of their own")?;
        disk.cut()?;
        self.postgres.kill(true);
        self.nats.kill();
        disk.back().await?;
        self.postgres.resume().await?;
        self.nats.resume().await?;
        Ok(())
    }

    /// An empty database with the present schema, and its key store beside it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn migrated(&self, name: &str) -> Done {
        let keys = keys_of(name);
        self.postgres.create_database(name, None).await?;
        self.postgres.create_database(&keys, None).await?;
        migrate::migrate(&self.postgres.url(name), &Arc::new(Catalogue::new())).await?;
        Keys::migrate(&self.postgres.url(&keys)).await?;
        Ok(())
    }

    /// A database that begins as another one is, keys included. Nobody may be connected to that.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn copied(&self, from: &str, name: &str) -> Done {
        self.postgres.create_database(name, Some(from)).await?;
        self.postgres.create_database(&keys_of(name), Some(&keys_of(from))).await?;
        Ok(())
    }

    /// A connection to a database, as superuser, with no wire between.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn connect(&self, name: &str) -> Done<PgConnection> {
        Ok(PgConnection::connect(&self.postgres.url(name)).await?)
    }

    /// NATS, with the rights of an API service.
    ///
    /// # Errors
    /// When nats-server does not answer.
    pub async fn client(&self) -> Done<Client> {
        Ok(connect_nats(&self.nats.client_url(), None).await?)
    }

    /// NATS, with all rights.
    ///
    /// # Errors
    /// When nats-server does not answer.
    pub async fn master(&self) -> Done<Client> {
        Ok(connect_nats(&self.nats.url(), None).await?)
    }

    /// Keeps a copy of what nats-server has stored, taken while it does not run.
    ///
    /// # Errors
    /// When it cannot be copied, or the server does not come back.
    pub async fn keep_streams(&mut self, copy: &Path) -> Done {
        self.nats.stop().await;
        copy_folder(&self.nats.store(), copy)?;
        self.nats.resume().await?;
        Ok(())
    }

    /// Puts what nats-server has stored back to an older state.
    ///
    /// # Errors
    /// When it cannot be copied, or the server does not come back.
    pub async fn put_streams_back(&mut self, copy: &Path) -> Done {
        self.nats.kill();
        tokio::time::sleep(Duration::from_millis(50)).await;
        copy_folder(copy, &self.nats.store())?;
        self.nats.resume().await?;
        Ok(())
    }
}

/// The name of a database's key store.
#[must_use]
pub fn keys_of(name: &str) -> String {
    format!("{name}_keys")
}

/// Makes a folder the same as another, with its owners and rights.
///
/// # Errors
/// When it cannot be copied.
pub fn copy_folder(from: &Path, to: &Path) -> Done {
    if to.exists() {
        std::fs::remove_dir_all(to)?;
    }
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    if done.success() { Ok(()) } else { Err(format!("cp -a {}: {done}", from.display()).into()) }
}
