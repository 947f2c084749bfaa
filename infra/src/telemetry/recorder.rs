//! The metrics of this process, as Prometheus reads them.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use super::names::{self, Metric, MetricKind};

/// The metrics collected so far. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// In Prometheus' text format.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.render()
    }

    /// Folds what was observed into the histograms; without it, they grow. Call it every few seconds.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Metrics(…)")
    }
}

/// Collects the metrics of the whole process from now on.
///
/// # Errors
/// They are being collected already.
pub fn install_metrics() -> Result<Metrics, BuildError> {
    let recorder = recorder()?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(BuildError::from)?;
    describe();
    Ok(Metrics(handle))
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let builder = names::ALL.iter().try_fold(PrometheusBuilder::new(), |builder, metric| {
        match metric.kind {
            MetricKind::Histogram(buckets) => {
                builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
            }
            MetricKind::Counter | MetricKind::Gauge => Ok(builder),
        }
    })?;
    Ok(builder.build_recorder())
}

/// Says what each metric means, and begins at zero those that have no labels.
fn describe() {
    for metric in names::ALL {
        let Metric { name, unit, .. } = metric;
        match metric.kind {
            MetricKind::Counter => describe_counter!(*name, *unit, metric.about()),
            MetricKind::Gauge => describe_gauge!(*name, *unit, metric.about()),
            MetricKind::Histogram(_) => describe_histogram!(*name, *unit, metric.about()),
        }
        match metric.kind {
            MetricKind::Counter if metric.labels.is_empty() => counter!(*name).absolute(0),
            MetricKind::Gauge if metric.labels.is_empty() => gauge!(*name).set(0.0),
            MetricKind::Counter | MetricKind::Gauge | MetricKind::Histogram(_) => {}
        }
    }
    gauge!(names::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Metrics of their own, with what `observe` does in them.
    pub fn observed(observe: impl FnOnce()) -> Metrics {
        let recorder = recorder().unwrap();
        metrics::with_local_recorder(&recorder, || {
            describe();
            observe();
        });
        Metrics(recorder.handle())
    }

    #[test]
    fn metrics_carry_their_meaning_and_their_buckets() {
        let metrics = observed(|| {
            counter!(names::COMMANDS, "context" => "samia", "command" => "debit_wallet", "outcome" => "accepted")
                .increment(2);
            let duration = metrics::histogram!(names::COMMAND_DURATION, "context" => "samia", "command" => "debit_wallet");
            duration.record(0.003);
            metrics::histogram!(names::APPEND_BATCH_SIZE).record(5.0);
        });
        metrics.upkeep();
        let text = metrics.text();
        for line in [
            "# TYPE annals_commands_total counter",
            r#"annals_commands_total{context="samia",command="debit_wallet",outcome="accepted"} 2"#,
            "# HELP annals_command_duration_seconds From a command's arrival to its answer.",
            r#"annals_command_duration_seconds_bucket{context="samia",command="debit_wallet",le="0.0025"} 0"#,
            r#"annals_command_duration_seconds_bucket{context="samia",command="debit_wallet",le="0.005"} 1"#,
            r#"annals_append_batch_size_bucket{le="4"} 0"#,
            r#"annals_append_batch_size_bucket{le="8"} 1"#,
            "annals_append_conflicts_total 0",
            "annals_store_position 0",
        ] {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
        assert!(text.contains("annals_build_info{version="));
    }
}
