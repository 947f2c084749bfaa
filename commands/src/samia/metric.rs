//! Who records metrics.

use std::sync::Arc;

use annals_domain::samia::metric::{Metric, RecordMetric};

use super::system;
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a metric, whose name is the target, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const SYSTEM: &[&str] = &["samia.policy.system_metrics.record.system"];
    vec![command::<Metric, RecordMetric>(Target::Given, SYSTEM, record)]
}

fn record(work: &mut Work<'_>, id: &Arc<str>, command: &RecordMetric) -> Result<(), Stop> {
    system(work)?;
    work.tenant(work.actor.id);
    let metric_name = id.to_string();
    work.decide::<Metric>(id, RecordMetric { metric_name, ..command.clone() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::samia::testing::{MONITOR, SUPER, world};

    #[test]
    fn the_system_records_metrics_and_nobody_else() {
        let mut world = world();
        let (record, data) = ("samia.cmd.record_metric", json!({"metric_value": "1.5"}));
        for person in [MONITOR, SUPER] {
            world.as_person(person).send(record, "latency", data.clone()).denied();
        }
        let recorded =
            world.as_system().send(record, "latency", data).accepted(&["MetricRecorded"]);
        let payload = recorded[0].event.payload_value().unwrap();
        assert_eq!(
            (&payload["metric_name"], &payload["metric_value"]),
            (&json!("latency"), &json!("1.5"))
        );
    }
}
