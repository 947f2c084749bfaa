//! `annals serve`: what runs in production.

use std::{path::PathBuf, sync::Arc};

use annals_commands::reaction::Rules;
use sqlx::PgPool;
use tokio::signal::unix::{SignalKind, signal};

use super::AppError;
use crate::{
    console,
    engine::Limits,
    exports::Shelf,
    serve::{self, Config, Roles, Running, Signing},
    settings::{Resolved, Role, Settings},
    telemetry::{self, Check, Metrics},
};

/// Runs until it is told to stop.
///
/// # Errors
/// When a setting is missing, or something it needs is not there.
pub async fn run(resolved: &Resolved) -> Result<(), AppError> {
    let settings = resolved.settings()?;
    telemetry::log_to_stderr(&settings.log, settings.log_format)?;
    for warning in resolved.warnings() {
        tracing::warn!("{warning}");
    }
    let metrics = telemetry::install_metrics()?;
    let running = serve::start(config(&settings).await?).await?;
    let http = http(&settings, metrics, &running).await?;
    tracing::info!(http = %settings.http, "annals serves");
    told_to_stop().await?;
    tracing::info!("stopping: commands that were taken get their answer first");
    running.stop().await;
    let _ = http.await;
    Ok(())
}

/// Serves metrics and health.
///
/// # Errors
/// When the address is taken.
pub async fn http(
    settings: &Settings,
    metrics: Metrics,
    running: &Running,
) -> Result<tokio::task::JoinHandle<()>, AppError> {
    let url = settings.database_url.as_ref().ok_or(AppError::Missing("DATABASE_URL"))?;
    let pool = PgPool::connect_lazy(url.expose())
        .map_err(|_| AppError::Missing("DATABASE_URL, as a postgres:// URL"))?;
    let ready = telemetry::readiness(move || {
        let pool = pool.clone();
        async move {
            let answered = sqlx::query("SELECT 1").execute(&pool).await;
            vec![Check::new("postgres", answered.map(drop).map_err(|error| error.to_string()))]
        }
    });
    let listener = telemetry::listen(settings.http)
        .await
        .map_err(|source| AppError::Http { address: settings.http, source })?;
    let router = telemetry::router(metrics.clone(), ready);
    let stop = running.stopping();
    tokio::spawn(telemetry::upkeep(metrics, stop.clone()));
    Ok(tokio::spawn(async move {
        if let Err(error) = telemetry::serve(listener, router, stop).await {
            tracing::error!(%error, "metrics and health are no longer served");
        }
    }))
}

/// What the settings say, for a process that serves.
///
/// # Errors
/// When a setting is missing.
pub async fn config(settings: &Settings) -> Result<Config, AppError> {
    let database = settings.database_url.as_ref().ok_or(AppError::Missing("DATABASE_URL"))?;
    let keys = settings.keys_url.as_ref().ok_or(AppError::Missing("ANNALS_KEYS_URL"))?;
    let kek: PathBuf = settings.kek_file.clone().ok_or(AppError::Missing("ANNALS_KEK_FILE"))?;
    let verifier = super::auth::verifier(settings).await?;
    let has = |role| settings.roles.has(role);
    let mut config =
        Config::new(database.expose(), keys.expose(), settings.nats_url.expose(), kek, verifier);
    config.nats_creds.clone_from(&settings.nats_creds);
    config.roles = Roles {
        commands: has(Role::Commands),
        relay: has(Role::Relay),
        projector: has(Role::Projector),
        reactor: has(Role::Reactor),
    };
    let catalogue = Arc::new(annals_commands::Catalogue::new());
    config.console = settings
        .console_address
        .filter(|_| has(Role::Console))
        .map(|address| console::Config { address, people: None });
    config.history = settings.history.clone();
    config.contexts = catalogue
        .contexts()
        .iter()
        .map(|context| context.name.to_owned())
        .filter(|name| settings.contexts.has(name) || name == "shared")
        .collect();
    config.limits = Limits {
        waiting: settings.max_in_flight.max(1),
        batch_events: settings.max_batch.max(1),
        cached: settings.cache_aggregates.max(16),
        ..Limits::default()
    };
    config.connections = settings.database_connections;
    config.drain = std::time::Duration::from_secs(settings.drain_seconds);
    if let Some(path) = &settings.rules {
        let text = std::fs::read_to_string(path).map_err(AppError::file(path))?;
        let rules: Rules = toml::from_str(&text)
            .map_err(|error| AppError::Rules { path: path.clone(), why: error.to_string() })?;
        config.rules = Arc::new(rules);
    }
    config.signing = settings.signing_key_file.as_ref().map(|key_file| Signing {
        key_file: key_file.clone(),
        origin: settings.log_origin.clone(),
        witnesses: listed(&settings.witnesses),
        every: std::time::Duration::from_secs(settings.checkpoint_seconds),
        folder: settings.evidence_dir.clone(),
    });
    config.backup_days = settings.backup_days;
    config.exports =
        settings.exports_folder.clone().map(|folder| Shelf { folder, days: settings.exports_days });
    config.region.clone_from(&settings.region);
    config.max_body = settings.max_body;
    config.rate_limit = settings.rate_limit;
    config.reply_prefixes = settings.reply_prefixes.iter().map(str::to_owned).collect();
    Ok(config)
}

/// The parts of a list, separated by commas.
fn listed(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

/// Ends when the process gets SIGTERM or SIGINT.
///
/// # Errors
/// When the system does not tell of signals.
pub async fn told_to_stop() -> Result<(), AppError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(AppError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(AppError::Signals)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
