//! The rule, column by column.

use super::super::profile::{ColumnProfile, Kind, Profile, Shape};
use super::super::statistics::interval::Share;
use super::super::statistics::tail::normal_quantile;
use super::history::{Chunk, History, WEEK};
use super::reference::Reference;
use super::sample::{Cut, Effect, Sample};
use super::tolerance::{is_seasonal, tolerance};
use super::{Alarm, ColumnDrift, DriftReport, Severity, Status, Window};
use crate::error::{Error, ErrorKind, Result};

/// How often a window may alarm by chance.
const ALPHA: f64 = 0.01;
/// Of fewer values nothing can be told.
pub(super) const FEWEST_VALUES: f64 = 30.0;
const NULL_RISE: f64 = 0.02;
const UNSEEN: f64 = 0.01;
/// The share of columns whose alarms are critical, in percent.
const MANY: usize = 30;

pub(super) fn judge(
    reference: &Reference,
    live: &Profile,
    window: Option<Window>,
    score: Option<&str>,
) -> Result<DriftReport> {
    if let Some(score) = score.filter(|score| reference.shape(score).is_none()) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("the reference has no column `{score}` that could be the score: name one that it has"),
        ));
    }
    if window.is_some_and(|window| window.days == 0) {
        return Err(Error::new(ErrorKind::Invalid, "a window of no days holds nothing: give it at least one"));
    }
    let compared = reference.columns().map(|(name, frozen, shape)| {
        Compared::new(reference, name, frozen, shape, live.column(name), window).map_err(|error| error.at(name))
    });
    let compared: Vec<Compared<'_>> = compared.collect::<Result<_>>()?;
    let judged = compared.iter().filter(|column| column.is_judged()).count();
    let watched = compared.iter().filter(|column| column.is_watched()).count();
    let [drift, others] = [judged, watched].map(|columns| ALPHA / columns.max(1) as f64);
    let columns: Vec<ColumnDrift> = compared.iter().map(|column| column.judge(drift, others)).collect();
    let unknown = live.columns().filter(|(name, _)| reference.shape(name).is_none());
    Ok(DriftReport {
        window,
        severity: severity(&columns, score),
        judged,
        unknown: unknown.map(|(name, _)| name.to_owned()).collect(),
        columns,
    })
}

fn severity(columns: &[ColumnDrift], score: Option<&str>) -> Severity {
    let alarming: Vec<&ColumnDrift> = columns.iter().filter(|column| !column.alarms.is_empty()).collect();
    // Those that can alarm: where there is no data and no alarm, there never was any.
    let can_alarm = |column: &&ColumnDrift| match column.status {
        Status::Identifier => false,
        Status::NoData => !column.alarms.is_empty(),
        _ => true,
    };
    let watched = columns.iter().filter(can_alarm).count();
    let is_score = alarming.iter().any(|column| Some(column.column.as_str()) == score);
    if alarming.is_empty() {
        Severity::None
    } else if is_score || 100 * alarming.len() >= MANY * watched {
        Severity::Critical
    } else {
        Severity::Warning
    }
}

/// A column, and all that its judgement depends on but the number of columns.
struct Compared<'r> {
    name: &'r str,
    kind: Kind,
    cut: Cut,
    /// What the window is compared with.
    reference: Sample,
    live: Sample,
    /// Of what the window is compared with, or of all of the reference where that is nothing.
    reference_nulls: Share,
    effect: Effect,
    chunks: Vec<Chunk>,
    unseen: Option<Unseen>,
    /// What it is where it is not judged by its bound.
    unjudged: Option<Status>,
    /// Whether all of the reference has any value.
    had_values: bool,
}

/// How many values are of categories that the reference has never seen.
struct Unseen {
    values: u64,
    /// No fewer than these.
    least: u64,
    /// As many as these by those categories that are chosen by their hashes, and how far that is off by chance.
    about: f64,
    deviation: f64,
    /// Which share was to be expected.
    expected: f64,
}

impl<'r> Compared<'r> {
    fn new(
        reference: &'r Reference,
        name: &'r str,
        frozen: &ColumnProfile,
        shape: &Shape,
        live: Option<&ColumnProfile>,
        window: Option<Window>,
    ) -> Result<Self> {
        let nothing = ColumnProfile::nothing(shape);
        let live = live.unwrap_or(&nothing);
        live.fits(shape)?;
        let cut = Cut::new(shape, frozen, live, reference.days_of(name).map(|(_, column)| column));
        let days = reference.days_of(name).map(|(day, column)| Ok((day, cut.sample(column)?)));
        let history = History::new(&cut, days.collect::<Result<_>>()?);
        let whole = history.whole().map_or_else(|| cut.sample(frozen), Ok)?;
        let nulls_of_all = whole.null_share();
        let Calibrated { reference: sample, chunks, is_seasonal } = match window {
            None => Calibrated { reference: whole, chunks: Vec::new(), is_seasonal: false },
            Some(window) => Calibrated::new(&history, whole, window, &cut.sample(&nothing)?),
        };
        let live_sample = cut.sample(live)?;
        let fewest = cut.size(&live_sample).min(cut.size(&sample));
        let unjudged = if !live.has_values() || !frozen.has_values() {
            Some(Status::NoData)
        } else if frozen.is_key() {
            Some(Status::Identifier)
        } else if is_seasonal {
            Some(Status::Seasonal)
        } else {
            (fewest < FEWEST_VALUES).then_some(Status::TooFew)
        };
        Ok(Self {
            name,
            kind: shape.kind(),
            effect: cut.compare(&sample, &live_sample),
            chunks,
            unjudged,
            had_values: frozen.has_values(),
            unseen: Unseen::of(frozen, shape, live),
            reference_nulls: if sample.count == 0 { nulls_of_all } else { sample.null_share() },
            reference: sample,
            live: live_sample,
            cut,
        })
    }

    fn is_judged(&self) -> bool {
        self.unjudged.is_none()
    }

    /// Whether its nulls and new categories are looked for.
    fn is_watched(&self) -> bool {
        !matches!(self.unjudged, Some(Status::NoData | Status::Identifier))
    }

    /// By the probabilities of alarms by chance, of drift and of all others.
    fn judge(&self, alpha: f64, others: f64) -> ColumnDrift {
        let excesses: Vec<f64> = self.chunks.iter().map(|chunk| chunk.excess).collect();
        let (tolerance, calibration) = tolerance(&excesses, alpha);
        let noise = self.effect.noise(alpha);
        let bound = (self.effect.statistic - noise).max(0.0);
        let status = self.unjudged.unwrap_or_else(|| judged(bound, tolerance));
        let is_seasonal_of_some = status == Status::Seasonal && self.live.has_values() && self.reference.has_values();
        let is_compared = self.is_judged() || is_seasonal_of_some;
        let compared = |value: f64| is_compared.then_some(value);
        let anomalous = self.chunks.iter().filter(|chunk| chunk.excess > tolerance);
        ColumnDrift {
            column: self.name.to_owned(),
            kind: self.kind,
            status,
            alarms: self.alarms(status, others),
            reference_count: self.reference.count,
            count: self.live.count,
            reference_null_share: self.reference.null_share().value(),
            null_share: self.live.null_share().value(),
            statistic: compared(self.effect.statistic),
            noise: compared(noise),
            bound: compared(bound),
            tolerance,
            calibration,
            anomalous: anomalous.map(|chunk| chunk.first).collect(),
            companions: is_compared.then(|| self.cut.companions(&self.reference, &self.live, self.effect.statistic)),
        }
    }

    /// Nulls and new categories are looked for also where the values are too few, or differ from week to week: most of them
    /// may be null for that very reason.
    fn alarms(&self, status: Status, alpha: f64) -> Vec<Alarm> {
        match status {
            Status::NoData if self.had_values => return vec![Alarm::NoData],
            Status::NoData | Status::Identifier => return Vec::new(),
            _ => {}
        }
        let z = normal_quantile(alpha);
        let nulls_rose = self.live.null_share().least_rise_from(self.reference_nulls, z) > NULL_RISE;
        let is_unseen = self.unseen.as_ref().is_some_and(|unseen| unseen.is_many(z));
        [(status == Status::Drift, Alarm::Drift), (nulls_rose, Alarm::Nulls), (is_unseen, Alarm::Unseen)]
            .into_iter()
            .filter_map(|(is_told, alarm)| is_told.then_some(alarm))
            .collect()
    }
}

fn judged(bound: f64, tolerance: f64) -> Status {
    if bound > tolerance {
        Status::Drift
    } else if bound > 0.0 {
        Status::Shift
    } else {
        Status::Ok
    }
}

/// What a window is compared with, and how far the reference's own history differs from itself.
struct Calibrated {
    reference: Sample,
    chunks: Vec<Chunk>,
    is_seasonal: bool,
}

impl Calibrated {
    fn new(history: &History<'_>, whole: Sample, window: Window, nothing: &Sample) -> Self {
        let in_turn = history.chunks(window.days, &whole);
        let excesses: Vec<f64> = in_turn.iter().map(|chunk| chunk.excess).collect();
        let is_seasonal = is_seasonal(&excesses);
        if window.days >= WEEK {
            return Self { reference: whole, chunks: in_turn, is_seasonal };
        }
        let reference = history.like(window).unwrap_or_else(|| nothing.clone());
        let chunks = history.chunks_like(window, &reference);
        Self { reference, chunks, is_seasonal }
    }
}

impl Unseen {
    /// Where the reference knows all of its categories.
    fn of(reference: &ColumnProfile, shape: &Shape, live: &ColumnProfile) -> Option<Self> {
        if shape.kind() != Kind::Categorical || !reference.knows_all_categories() {
            return None;
        }
        let values = live.count() - live.nulls();
        let known = reference.categories().keys().fold(0_u64, |known, key| known.saturating_add(live.most_of(key)));
        let mut unseen = Self {
            values,
            least: values.saturating_sub(known),
            about: 0.0,
            deviation: 0.0,
            expected: reference.missing_mass(),
        };
        if !live.knows_all_categories() {
            unseen.guess(reference, live);
        }
        Some(unseen)
    }

    /// What a sketch has lost of each known category adds up, so that the known may hide what is new. The categories below a
    /// limit of the hashes are a sample in which each is with the same probability, independently. Source of the estimate: D. G.
    /// Horvitz, D. J. Thompson, *Journal of the American Statistical Association* 47 (1952).
    fn guess(&mut self, reference: &ColumnProfile, live: &ColumnProfile) {
        let limit = live.complete_below();
        let known = reference.counts_below(limit);
        let sampled = limit as f64 / u64::MAX as f64;
        let counts = live.counts_below(limit).into_iter().filter(|(hash, _)| !known.contains_key(hash));
        let (sum, squares) = counts.fold((0.0, 0.0), |(sum, squares), (_, count)| {
            let count = count as f64;
            (sum + count, squares + count * count)
        });
        self.about = sum / sampled;
        self.deviation = (squares * (1.0 - sampled)).sqrt() / sampled;
    }

    /// Whether they are more than can be had by chance, but with the probability that a standard normal value exceeds `z`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to a count below 2^53")]
    fn is_many(&self, z: f64) -> bool {
        let part = (self.least as f64).max(self.about - z * self.deviation).min(self.values as f64);
        let share = Share { part: part as u64, whole: self.values };
        share.bounds(z).0 > UNSEEN + self.expected
    }
}
