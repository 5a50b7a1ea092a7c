//! Families of metrics, and their text.

use std::collections::BTreeSet;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::histogram::Histogram;

pub(super) type Labels = Vec<(&'static str, String)>;

/// What is measured under one name. The name of counters has no `_total`: the text adds it.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) samples: Samples,
}

/// Of each set of labels what was measured.
#[derive(Debug)]
pub(super) enum Samples {
    Counters(Vec<(Labels, u64)>),
    Gauges(Vec<(Labels, f64)>),
    Histograms(Vec<(Labels, Histogram)>),
}

/// All that is measured at a moment.
#[derive(Debug)]
pub(crate) struct Exposition(pub(super) Vec<Family>);

impl Exposition {
    /// As `OpenMetrics` 1.0 has it.
    pub(crate) fn open_metrics(self) -> Result<String, fmt::Error> {
        // The encoder knows no histogram without a sum.
        let without_sum: Vec<String> =
            self.0.iter().filter(|family| family.lacks_sum()).map(|family| format!("{}_sum{{", family.name)).collect();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut written = String::new();
        text::encode(&mut written, &registry)?;
        if !without_sum.is_empty() {
            let is_sum = |line: &str| without_sum.iter().any(|sum| line.starts_with(sum.as_str()));
            written = written.split_inclusive('\n').filter(|line| !is_sum(line)).collect();
        }
        Ok(written)
    }

    /// As the older format of Prometheus has it: there, counters are called in full, and a comment says nothing.
    pub(crate) fn prometheus(self) -> Result<String, fmt::Error> {
        let counters: BTreeSet<&str> = self.0.iter().filter(|family| family.is_counter()).map(|f| f.name).collect();
        let is_comment_on_counter = |line: &str| {
            let about = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE "));
            about.and_then(|about| about.split(' ').next()).is_some_and(|name| counters.contains(name))
        };
        let mut written = String::new();
        for line in self.open_metrics()?.lines().filter(|line| *line != "# EOF") {
            match line.splitn(4, ' ').collect::<Vec<_>>()[..] {
                [hash, what, name, rest] if is_comment_on_counter(line) => {
                    fmt::write(&mut written, format_args!("{hash} {what} {name}_total {rest}\n"))?;
                }
                _ => fmt::write(&mut written, format_args!("{line}\n"))?,
            }
        }
        Ok(written)
    }
}

impl Family {
    fn is_counter(&self) -> bool {
        matches!(self.samples, Samples::Counters(_))
    }

    fn lacks_sum(&self) -> bool {
        matches!(&self.samples, Samples::Histograms(all) if all.iter().any(|(_, histogram)| histogram.sum().is_none()))
    }

    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let kind = match self.samples {
            Samples::Counters(_) => MetricType::Counter,
            Samples::Gauges(_) => MetricType::Gauge,
            Samples::Histograms(_) => MetricType::Histogram,
        };
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        match &self.samples {
            Samples::Counters(samples) => samples.iter().try_for_each(|(labels, value)| {
                metric.encode_family(labels)?.encode_counter::<NoLabelSet, _, u64>(value, None)
            }),
            Samples::Gauges(samples) => {
                samples.iter().try_for_each(|(labels, value)| metric.encode_family(labels)?.encode_gauge(value))
            }
            Samples::Histograms(samples) => samples.iter().try_for_each(|(labels, histogram)| {
                let (sum, count) = (histogram.sum().unwrap_or_default(), histogram.count());
                metric.encode_family(labels)?.encode_histogram::<NoLabelSet>(sum, count, &histogram.buckets(), None)
            }),
        }
    }
}

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|family| family.encode(&mut encoder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_called_in_full_by_the_older_format_and_what_a_label_holds_is_escaped() {
        let family = |name, samples| Family { name, help: "Runs", samples };
        let labels = || vec![("component", "a\"\n\\".to_owned())];
        let exposition = || {
            Exposition(vec![
                family("runs", Samples::Counters(vec![(labels(), 2)])),
                family("runs_now", Samples::Gauges(vec![(labels(), 1.0)])),
            ])
        };
        let written = exposition().prometheus().unwrap();
        assert_eq!(
            written,
            "# HELP runs_total Runs\n# TYPE runs_total counter\nruns_total{component=\"a\\\"\\n\\\\\"} 2\n\
             # HELP runs_now Runs\n# TYPE runs_now gauge\nruns_now{component=\"a\\\"\\n\\\\\"} 1.0\n"
        );
        let open = exposition().open_metrics().unwrap();
        assert!(open.starts_with("# HELP runs Runs\n# TYPE runs counter\nruns_total{") && open.ends_with("# EOF\n"));
    }
}
