//! A measurement of the service. The stream has the metric's name.

use chrono::{DateTime, Duration, TimeZone, Utc};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::words::{Object, Text};
use crate::{Decider, Moment, commands, events, refusals};

/// Over which time a measurement is taken together (samia.system_metrics.aggregation_level.check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AggregationLevel {
    /// A minute.
    Minute,
    /// An hour.
    #[default]
    Hourly,
    /// A day.
    Daily,
}

/// Records a measurement. (samia.command.RecordMetric)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordMetric {
    /// The value, with at most four decimals.
    pub metric_value: Decimal,
    /// Its unit.
    #[serde(default)]
    pub metric_unit: Option<Text<50>>,
    /// What it is the value of, more closely.
    #[serde(default)]
    pub dimensions: Option<Object>,
    /// Over which time; `hourly` where it is left out.
    #[serde(default)]
    pub aggregation_level: AggregationLevel,
    /// When it was measured; now where it is left out.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub timestamp: Option<DateTime<Utc>>,
    /// The metric's name, which is the target's id; the handler sets it.
    #[serde(skip)]
    pub metric_name: String,
}

commands! {
    /// What may be asked of a metric.
    pub enum Command { RecordMetric }
}

/// Something was measured. (samia.event.MetricRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricRecorded {
    /// The measurement.
    pub id: Uuid,
    /// The metric.
    pub metric_name: Text<100>,
    /// The value.
    pub metric_value: Decimal,
    /// Its unit.
    pub metric_unit: Option<Text<50>>,
    /// What it is the value of, more closely.
    pub dimensions: Object,
    /// Over which time.
    pub aggregation_level: AggregationLevel,
    /// When it was measured.
    pub timestamp: DateTime<Utc>,
}

events! {
    /// What happens to a metric.
    pub enum Event { MetricRecorded }
    Imported {
        MetricImported from system_metrics at [id],
    }
}

refusals! {
    /// What a metric refuses.
    pub enum Refusal {
        /// What the column holds.
        MetricValueRefused => "a value has at most 11 digits before and 4 after the point", at "metric_value";
        /// What the column holds.
        MetricNameTooLong => "a metric's name has at most 100 characters";
        /// Nothing is measured in times to come, or before there were such measurements.
        TimestampRefused => "a measurement was taken between the year 2000 and now", at "timestamp";
    }
}

/// A metric. Decides by the command alone and so keeps nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metric {}

impl Decider for Metric {
    const TYPE: &'static str = "samia.metric";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let Command::RecordMetric(metric) = command;
        let value = metric.metric_value.normalize();
        if value.scale() > 4 || value.abs() >= Decimal::from(100_000_000_000_i64) {
            return Err(Refusal::MetricValueRefused);
        }
        let timestamp = metric.timestamp.unwrap_or(moment.now);
        let earliest = Utc.with_ymd_and_hms(2000, 1, 1, 0, 0, 0).single().unwrap_or_default();
        // Clocks differ a little.
        if timestamp < earliest || timestamp > moment.now + Duration::minutes(5) {
            return Err(Refusal::TimestampRefused);
        }
        let recorded = MetricRecorded {
            id: moment.new_id(),
            metric_name: Text::new(metric.metric_name).map_err(|_| Refusal::MetricNameTooLong)?,
            metric_value: value,
            metric_unit: metric.metric_unit,
            dimensions: metric.dimensions.unwrap_or_default(),
            aggregation_level: metric.aggregation_level,
            timestamp,
        };
        Ok(vec![recorded.into()])
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::MetricRecorded(_) => {}
            Event::Imported(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{day, given};

    fn metric(value: &str) -> RecordMetric {
        RecordMetric {
            metric_value: value.parse().unwrap(),
            metric_unit: None,
            dimensions: None,
            aggregation_level: AggregationLevel::default(),
            timestamp: None,
            metric_name: "latency".into(),
        }
    }

    #[test]
    fn a_measurement_is_taken_now_and_for_the_hour_unless_said_otherwise() {
        let (_, events) = given::<Metric>([]).when(metric("1.2500")).events();
        let [Event::MetricRecorded(recorded)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(recorded.timestamp, day(1));
        assert_eq!(recorded.aggregation_level, AggregationLevel::Hourly);
        assert_eq!(recorded.metric_value.to_string(), "1.25");
    }

    #[test]
    fn a_value_fits_its_column() {
        for value in ["100000000000", "-100000000000", "0.00001"] {
            given::<Metric>([]).when(metric(value)).refused("MetricValueRefused");
        }
        for value in ["99999999999.9999", "-99999999999.9999", "0"] {
            given::<Metric>([]).when(metric(value)).events();
        }
        let metric_name = "x".repeat(101);
        given::<Metric>([])
            .when(RecordMetric { metric_name, ..metric("1") })
            .refused("MetricNameTooLong");
    }

    #[test]
    fn nothing_is_measured_ahead_of_its_time() {
        for at in [day(2), DateTime::UNIX_EPOCH] {
            let early = RecordMetric { timestamp: Some(at), ..metric("1") };
            given::<Metric>([]).when(early).refused("TimestampRefused");
        }
    }
}
