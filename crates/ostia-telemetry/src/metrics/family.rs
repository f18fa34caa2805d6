//! Sums of our own as Prometheus knows them.

use prometheus::proto::{self, MetricFamily, MetricType};

use super::shard::Observed;
use super::table::{Kind, Row};

/// Collects the series of one row.
pub(crate) struct Family {
    row: Row,
    series: Vec<proto::Metric>,
}

impl Family {
    pub(crate) fn of(row: Row) -> Self {
        Self { row, series: Vec::new() }
    }

    /// A value of a counter or gauge. Counts above 2^53 lose their last digits, which is how Prometheus keeps them.
    pub(crate) fn add(&mut self, labels: &[&str], value: f64) {
        let mut metric = self.metric(labels);
        match self.row.kind {
            Kind::Counter => {
                let mut counter = proto::Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            Kind::Gauge | Kind::Histogram => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        self.series.push(metric);
    }

    /// A count.
    #[expect(clippy::cast_precision_loss, reason = "Prometheus keeps every value as a double")]
    pub(crate) fn count(&mut self, labels: &[&str], count: u64) {
        self.add(labels, count as f64);
    }

    /// A histogram.
    pub(crate) fn observed(&mut self, labels: &[&str], observed: &Observed) {
        let buckets = observed.cumulative().map(|(bound, count)| {
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(count);
            bucket
        });
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(observed.count());
        histogram.set_sample_sum(observed.sum_s);
        let mut metric = self.metric(labels);
        metric.set_histogram(histogram);
        self.series.push(metric);
    }

    /// The family; `None` if it has no series, because an empty family is no valid text.
    pub(crate) fn done(self) -> Option<MetricFamily> {
        if self.series.is_empty() {
            return None;
        }
        let mut family = MetricFamily::default();
        family.set_name(self.row.name.to_owned());
        family.set_help(self.row.help.to_owned());
        family.set_field_type(match self.row.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
        });
        family.set_metric(self.series);
        Some(family)
    }

    fn metric(&self, values: &[&str]) -> proto::Metric {
        debug_assert_eq!(values.len(), self.row.labels.len(), "{}", self.row.name);
        let pairs = self.row.labels.iter().zip(values).map(|(name, value)| {
            let mut pair = proto::LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        let mut metric = proto::Metric::default();
        metric.set_label(pairs.collect());
        metric
    }
}
