//! When to retrain, as a user decides it: a small file that can stand in the repository.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::super::metric::Metric;
use crate::error::{Error, ErrorKind, Result};

/// The criteria by which a model is to be trained again. What a file leaves out is as in [`Checklist::default`], and what it
/// has beyond is an error.
///
/// ```
/// use mltrace_core::monitor::{Checklist, Metric};
///
/// let checklist: Checklist = serde_json::from_str(r#"{"metric": {"name": "accuracy"}, "model": {"max_age": "30d"}}"#)?;
/// assert_eq!((checklist.metric.name, checklist.metric.tolerance), (Metric::Accuracy, 0.05));
/// assert!(serde_json::from_str::<Checklist>(r#"{"metrics": {}}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Checklist {
    /// The metric fell.
    pub metric: MetricRule,
    /// The data drifted.
    pub drift: DriftRule,
    /// The model is old.
    pub model: ModelRule,
    /// There is other data to train on.
    pub data: DataRule,
}

/// The metric fell below the validation metric of the model's own training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricRule {
    /// Which metric.
    pub name: Metric,
    /// By how much it may be worse, in its own unit.
    pub tolerance: f64,
    /// In how many consecutive mature windows it must have fallen.
    pub windows: u32,
    /// How long a window is.
    pub window: Age,
    /// The confidence of the bootstrap interval whose better end must be worse than what is tolerated.
    pub confidence: f64,
    /// With fewer labelled outputs in a window there are too few labels to know.
    pub min_labelled: u64,
}

/// The drift of consecutive windows of seven days was critical.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriftRule {
    /// Of how many.
    pub windows: u32,
}

/// The model is older than it may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelRule {
    /// How long ago its training run may have ended.
    pub max_age: Age,
}

/// What the model was trained on is not what it would be trained on now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataRule {
    /// Whether data that is fresher than the model saw is a reason.
    pub fresher: bool,
    /// Whether it is one that an input of training was modified or retracted.
    pub modified: bool,
}

impl Default for MetricRule {
    fn default() -> Self {
        Self {
            name: Metric::F1,
            tolerance: 0.05,
            windows: 2,
            window: Age(TimeDelta::days(7)),
            confidence: 0.95,
            min_labelled: 200,
        }
    }
}

impl Default for DriftRule {
    fn default() -> Self {
        Self { windows: 2 }
    }
}

impl Default for ModelRule {
    fn default() -> Self {
        Self { max_age: Age(TimeDelta::days(90)) }
    }
}

impl Default for DataRule {
    fn default() -> Self {
        Self { fresher: true, modified: true }
    }
}

impl Checklist {
    /// Refuses what no question can be asked with.
    pub(super) fn check(&self) -> Result<()> {
        let MetricRule { name, tolerance, windows, window, confidence, .. } = &self.metric;
        let refusals = [
            (*name == Metric::ConfusionMatrix, "metric.name: a confusion matrix is no number that could fall"),
            (!tolerance.is_finite() || *tolerance < 0.0, "metric.tolerance: it must be 0 or more"),
            (*windows == 0 || self.drift.windows == 0, "windows: it must be 1 or more"),
            (window.0 <= TimeDelta::zero(), "metric.window: it must be longer than nothing"),
            (!(*confidence > 0.0 && *confidence < 1.0), "metric.confidence: it must be between 0 and 1"),
        ];
        match refusals.iter().find(|(is_refused, _)| *is_refused) {
            Some((_, message)) => Err(Error::new(ErrorKind::Invalid, *message)),
            None => Ok(()),
        }
    }
}

/// A length of time, written as a whole number and a unit: `30m`, `36h`, `90d`, `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(pub TimeDelta);

/// Units in seconds.
const UNITS: [(char, i64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl FromStr for Age {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = UNITS.iter().find_map(|&(unit, seconds)| {
            let count: u32 = text.strip_suffix(unit)?.parse().ok()?;
            TimeDelta::try_seconds(i64::from(count).checked_mul(seconds)?)
        });
        parsed.map(Self).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("`{text}` is no length of time: write one as 30m, 36h, 90d or 2w"))
        })
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.num_seconds();
        // Weeks are only read: people count days.
        let fits = |&&(unit, size): &&(char, i64)| unit != 'w' && seconds % size == 0;
        let (unit, size) = UNITS.iter().find(fits).copied().unwrap_or(('s', 1));
        write!(f, "{}{unit}", seconds / size)
    }
}

impl Serialize for Age {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_and_written() {
        for (text, seconds, written) in [
            ("30m", 1_800, "30m"),
            ("36h", 129_600, "36h"),
            ("48h", 172_800, "2d"),
            ("2w", 1_209_600, "14d"),
            ("0s", 0, "0d"),
        ] {
            let age: Age = text.parse().unwrap();
            assert_eq!((age.0.num_seconds(), age.to_string().as_str()), (seconds, written));
        }
        for text in ["", "d", "7", "-1d", "1.5h", "1y", "99999999999d", "7 d"] {
            assert_eq!(text.parse::<Age>().unwrap_err().kind(), ErrorKind::Invalid, "{text}");
        }
    }

    #[test]
    fn a_checklist_is_read_back_as_it_was_written() {
        let text = serde_json::to_string(&Checklist::default()).unwrap();
        assert!(text.contains(r#""name":"f1""#) && text.contains(r#""max_age":"90d""#), "{text}");
        assert_eq!(serde_json::from_str::<Checklist>(&text).unwrap(), Checklist::default());
        assert_eq!(serde_json::from_str::<Checklist>("{}").unwrap(), Checklist::default());
    }

    #[test]
    fn what_no_question_can_be_asked_with_is_refused() {
        let refused = |change: fn(&mut Checklist)| {
            let mut checklist = Checklist::default();
            change(&mut checklist);
            checklist.check().unwrap_err().to_string()
        };
        assert!(refused(|list| list.metric.name = Metric::ConfusionMatrix).contains("no number"));
        assert!(refused(|list| list.metric.tolerance = f64::NAN).contains("tolerance"));
        assert!(refused(|list| list.drift.windows = 0).contains("windows"));
        assert!(refused(|list| list.metric.window = Age(TimeDelta::zero())).contains("window"));
        assert!(refused(|list| list.metric.confidence = 1.0).contains("confidence"));
        Checklist::default().check().unwrap();
    }
}
