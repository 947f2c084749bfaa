//! Metrics.

use annals_domain::samia::metric::Event;

use super::tables::SYSTEM_METRICS;
use crate::{change::Change, recorded::Recorded};

/// What a measurement does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    match &recorded.event {
        Event::MetricRecorded(metric) => {
            vec![SYSTEM_METRICS.put(metric.id, metric).with("created_at", recorded.at)]
        }
        Event::Imported(row) => vec![SYSTEM_METRICS.imported(row)],
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::{samia::metric::MetricRecorded, testing::day};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::samia::testing::{changes, fits, of};

    #[test]
    fn a_measurement_is_a_whole_row() {
        let metric: MetricRecorded = serde_json::from_value(json!({
            "id": Uuid::from_u128(1), "metric_name": "latency", "metric_value": "1.2500",
            "metric_unit": "ms", "dimensions": {}, "aggregation_level": "minute", "timestamp": day(1),
        }))
        .unwrap();
        let changes = changes(project, metric);
        let row = of(&changes, "system_metrics");
        fits(row);
        assert_eq!(row.columns["metric_value"], "1.2500");
    }
}
