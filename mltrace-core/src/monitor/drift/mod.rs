//! Drift: an alarm on the size of a change, never on how unlikely it is.
//!
//! Of two large samples every difference is unlikely, also where the model does as well as before. So a column drifts where
//! the lower confidence bound of an effect size exceeds what its own history makes tolerable:
//!
//! 1. n and m are the sizes of the two samples, v = 1/n + 1/m, K the number of columns judged, and α' = 0.01 / K.
//! 2. Numeric columns: S is the Kolmogorov-Smirnov statistic on the reference's edges, and N = sqrt(ln(2/α') v / 2), plus the
//!    errors of sketches. Source: P. Massart, *Annals of Probability* 18 (1990).
//! 3. Categorical columns: S is the Jensen-Shannon distance to base 2 over k cells, nulls being one, and those pooled in which
//!    the smaller sample is expected to have fewer than five; N = sqrt(χ²(1 - α', k - 1) v / (8 ln 2)), because 8 ln 2 / v
//!    times the divergence in bits is about χ² of two samples from one population; plus the errors of sketches. Of more
//!    categories than are counted, those with the lowest hashes and frequent others are cells, and all that are left one.
//! 4. The lower bound is max(0, S - N).
//! 5. The tolerance is 0.1, or more where chunks of the reference's own history, each as long as the window, differ more
//!    from the rest: the upper prediction bound of E = sqrt(max(0, S² - R²)) over them, at most 0.3. R² is what S² is by
//!    chance on average, π² v / 12 and (k - 1) v / (8 ln 2).
//!
//! Nulls and new categories are looked for also in columns that are not judged, so that K is there the number of all in which
//! they are looked for.

mod history;
mod judge;
mod reference;
mod sample;
#[cfg(test)]
mod taxi_tests;
#[cfg(test)]
mod tests;
mod tolerance;

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::profile::{Kind, Profile};
use crate::error::Result;
pub(super) use history::WEEK;
pub use reference::Reference;
pub use tolerance::Calibration;

/// A question about drift; [`get`](Self::get) asks it.
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct Drift<'r> {
    reference: &'r Reference,
    live: &'r Profile,
    window: Option<Window>,
    score: Option<String>,
}

/// Whole days that live data comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Window {
    /// The first of them.
    pub first: NaiveDate,
    /// How many.
    pub days: u32,
}

impl<'r> Drift<'r> {
    fn new(reference: &'r Reference, live: &'r Profile) -> Self {
        Self { reference, live, window: None, score: None }
    }

    /// Which days the live data comes from; unless told, no history says what is tolerable. The reference's history is cut into
    /// chunks of the same length, and a window shorter than a week is compared with the reference's same weekdays alone: where
    /// these are not known, each column is [`TooFew`](Status::TooFew), with a `reference_count` of 0.
    pub fn window(mut self, first: NaiveDate, days: u32) -> Self {
        self.window = Some(Window { first, days });
        self
    }

    /// Which column is the model's score or prediction, whose drift is critical by itself.
    pub fn score(mut self, column: impl Into<String>) -> Self {
        self.score = Some(column.into());
        self
    }

    /// The answer.
    ///
    /// # Errors
    /// The live data was counted on the edges of another reference, a column of it has another kind, the window has no days,
    /// or there is no such score.
    pub fn get(self) -> Result<DriftReport> {
        judge::judge(self.reference, self.live, self.window, self.score.as_deref())
    }
}

/// How far each column is from the reference, and what that amounts to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DriftReport {
    /// Which days the live data comes from, if that was said.
    pub window: Option<Window>,
    /// What the columns amount to.
    pub severity: Severity,
    /// How many columns are judged together, K: those that drift, have shifted, or are ok.
    pub judged: usize,
    /// The reference's columns, by name.
    pub columns: Vec<ColumnDrift>,
    /// Columns that the reference does not have.
    pub unknown: Vec<String>,
}

/// How far one column is from the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ColumnDrift {
    /// Its name.
    pub column: String,
    /// As frozen in the reference.
    pub kind: Kind,
    /// What is found.
    pub status: Status,
    /// What is to be told of it now.
    pub alarms: Vec<Alarm>,
    /// How many values the reference has to compare with, nulls among them.
    pub reference_count: u64,
    /// How many values there are, nulls among them.
    pub count: u64,
    /// The share of nulls in the reference.
    pub reference_null_share: f64,
    /// The share of nulls.
    pub null_share: f64,
    /// The Kolmogorov-Smirnov statistic or the Jensen-Shannon distance, 0 to 1; this and what follows from it is `None`
    /// where nothing was compared.
    pub statistic: Option<f64>,
    /// How far chance alone takes the statistic.
    pub noise: Option<f64>,
    /// The lower confidence bound of the statistic.
    pub bound: Option<f64>,
    /// What the bound must not exceed.
    pub tolerance: f64,
    /// What stands behind the tolerance.
    pub calibration: Calibration,
    /// First days of chunks of the reference's own history that exceed the tolerance.
    pub anomalous: Vec<NaiveDate>,
    /// Other figures, which never alarm.
    pub companions: Option<Companions>,
}

/// Figures that people know, and that say little on large data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Companions {
    /// How likely so large a distance is by chance: of Kolmogorov and Smirnov's test with its limiting distribution, or of
    /// Pearson's chi-squared test over pooled cells. 0 where it is too small for a number.
    pub p: f64,
    /// Its decimal logarithm, which is a number in any case.
    pub log10_p: f64,
    /// The population stability index, in nats: over tenths of the reference, or over pooled cells.
    pub stability_index: f64,
    /// The first Wasserstein distance between the outermost edges, in units of the reference's interquartile range / 1.349,
    /// which is one standard deviation of a normal distribution; `None` of categories, and where that range is 0.
    pub wasserstein: Option<f64>,
    /// Cramer's V, 0 to 1; `None` of numbers.
    pub cramers_v: Option<f64>,
}

/// What is found of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DriftStatus"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// It has changed by more than is tolerated: an alarm.
    Drift,
    /// It has changed, by no more than is tolerated.
    Shift,
    /// No change can be told from chance.
    Ok,
    /// There are fewer than 30 values, here or in what of the reference is compared (of numbers without nulls): nothing can be
    /// told but that nulls have become more, or that categories are new.
    TooFew,
    /// There are no values, or all are null, here or in all of the reference: an alarm where the reference had some.
    NoData,
    /// Over windows of this length the reference itself mostly differs from itself: not judged.
    Seasonal,
    /// More than a fifth of further values would be of categories never seen before, as those of a key are, or it numbers rows:
    /// not judged. Integers that are categories all the same are to be declared, by [`Column::of_kind`](super::Column::of_kind).
    Identifier,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Drift => "drift",
            Self::Shift => "shift",
            Self::Ok => "ok",
            Self::TooFew => "too few",
            Self::NoData => "no data",
            Self::Seasonal => "seasonal",
            Self::Identifier => "identifier",
        })
    }
}

/// What is to be told of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Alarm {
    /// It drifts.
    Drift,
    /// There is no data any more.
    NoData,
    /// The share of nulls has risen by more than 0.02: Newcombe's lower bound of the rise.
    Nulls,
    /// More than 0.01 of the values are of categories that the reference has never seen, beyond what it was to be expected
    /// not to have seen: Wilson's lower bound of their share.
    Unseen,
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Drift => "drift",
            Self::NoData => "no data",
            Self::Nulls => "nulls",
            Self::Unseen => "unseen",
        })
    }
}

/// What the columns of a report amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// No alarm.
    None,
    /// A column alarms.
    Warning,
    /// The model's score alarms, or three of ten columns that can alarm: not those that are identifiers, or that never had data.
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::Warning => "warning",
            Self::Critical => "critical",
        })
    }
}
