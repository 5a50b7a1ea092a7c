//! The rule, column by column.

use super::super::profile::{ColumnProfile, Kind, Profile};
use super::super::statistics::interval::Share;
use super::super::statistics::tail::normal_quantile;
use super::reference::{Chunk, Reference};
use super::sample::{Cut, Effect, Sample};
use super::tolerance::{is_seasonal, tolerance};
use super::{Alarm, ColumnDrift, DriftReport, Severity, Status, Window};
use crate::error::{Error, ErrorKind, Result};

/// How often a window may alarm by chance.
const ALPHA: f64 = 0.01;
/// Of fewer values nothing can be told.
const FEWEST: f64 = 30.0;
/// The missing mass from which on a column is a key.
const KEY: f64 = 0.2;
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
    let columns = reference.columns().map(|(name, frozen)| {
        Compared::new(reference, name, frozen, live.column(name), window).map_err(|error| error.at(name))
    });
    let columns: Vec<Compared<'_>> = columns.collect::<Result<_>>()?;
    let judged = columns.iter().filter(|column| column.is_judged()).count();
    let alpha = ALPHA / judged.max(1) as f64;
    let columns: Vec<ColumnDrift> = columns.into_iter().map(|column| column.judge(alpha)).collect();
    let unknown = live.columns().filter(|(name, _)| reference.whole(name).is_none());
    Ok(DriftReport {
        window,
        severity: severity(&columns, judged, score),
        judged,
        unknown: unknown.map(|(name, _)| name.to_owned()).collect(),
        columns,
    })
}

fn severity(columns: &[ColumnDrift], judged: usize, score: Option<&str>) -> Severity {
    let mut alarming = columns.iter().filter(|column| !column.alarms.is_empty());
    let count = alarming.clone().count();
    if count == 0 {
        return Severity::None;
    }
    let is_score = alarming.any(|column| Some(column.column.as_str()) == score);
    if is_score || 100 * count >= MANY * judged { Severity::Critical } else { Severity::Warning }
}

/// A column, and all that its judgement depends on but the number of columns.
struct Compared<'r> {
    name: &'r str,
    kind: Kind,
    cut: Cut,
    reference: Sample,
    live: Sample,
    effect: Effect,
    chunks: Vec<(Chunk, f64)>,
    is_seasonal: bool,
    is_key: bool,
    unseen: Option<Unseen>,
}

/// How many values are of categories that the reference has never seen, and which share was to be expected.
struct Unseen {
    share: Share,
    expected: f64,
}

impl<'r> Compared<'r> {
    fn new(
        reference: &Reference,
        name: &'r str,
        frozen: &ColumnProfile,
        live: Option<&ColumnProfile>,
        window: Option<Window>,
    ) -> Result<Self> {
        let shape = frozen.shape()?;
        let kind = frozen.kind();
        let nothing = ColumnProfile::nothing(&shape);
        let live = live.unwrap_or(&nothing);
        if !live.tells(kind) {
            let message =
                format!("it is {kind} in the reference and not here: make the profile with `Reference::profile`");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let cut = Cut::new(shape, frozen, live);
        let sum = |columns: Vec<&ColumnProfile>| -> Result<Option<Sample>> {
            let samples: Vec<Sample> = columns.into_iter().map(|column| cut.sample(column)).collect::<Result<_>>()?;
            Ok(Sample::sum(&samples))
        };
        let none = cut.sample(&nothing)?;
        let compared_with = sum(reference.comparable(window, name))?.unwrap_or_else(|| none.clone());
        let live_sample = cut.sample(live)?;
        let excesses = |whole: &Sample, chunks: Vec<Chunk>| -> Result<Vec<(Chunk, f64)>> {
            let mut found = Vec::new();
            for chunk in chunks {
                let part = sum(reference.column_of(chunk, name))?.unwrap_or_else(|| none.clone());
                let rest = whole.without(&part);
                if cut.size(&part) >= FEWEST && cut.size(&rest) >= FEWEST {
                    found.push((chunk, cut.compare(&part, &rest).excess()));
                }
            }
            Ok(found)
        };
        let chunks = excesses(&compared_with, reference.chunks_like(window))?;
        let every_day = sum(reference.comparable(None, name))?.unwrap_or_else(|| none.clone());
        let whatever_weekday = excesses(&every_day, reference.all_chunks(window))?;
        let whatever_weekday: Vec<f64> = whatever_weekday.into_iter().map(|(_, excess)| excess).collect();
        Ok(Self {
            name,
            kind,
            effect: cut.compare(&compared_with, &live_sample),
            cut,
            chunks,
            is_seasonal: is_seasonal(&whatever_weekday),
            is_key: kind == Kind::Categorical && frozen.missing_mass() > KEY,
            unseen: unseen(frozen, live),
            reference: compared_with,
            live: live_sample,
        })
    }

    fn is_judged(&self) -> bool {
        !self.is_key && !self.is_seasonal
    }

    fn judge(self, alpha: f64) -> ColumnDrift {
        let excesses: Vec<f64> = self.chunks.iter().map(|&(_, excess)| excess).collect();
        let (tolerance, calibration) = tolerance(&excesses, alpha);
        let noise = self.effect.noise(alpha);
        let bound = (self.effect.statistic - noise).max(0.0);
        let status = self.status(bound, tolerance);
        let is_compared = matches!(status, Status::Drift | Status::Shift | Status::Ok | Status::Seasonal)
            && self.live.has_values()
            && self.reference.has_values();
        let compared = |value: f64| is_compared.then_some(value);
        let statistic = self.effect.statistic;
        ColumnDrift {
            column: self.name.to_owned(),
            kind: self.kind,
            status,
            alarms: self.alarms(status, alpha),
            reference_count: self.reference.count,
            count: self.live.count,
            reference_null_share: self.reference.null_share().value(),
            null_share: self.live.null_share().value(),
            statistic: compared(statistic),
            noise: compared(noise),
            bound: compared(bound),
            tolerance,
            calibration,
            anomalous: self
                .chunks
                .iter()
                .filter(|&&(_, excess)| excess > tolerance)
                .map(|(chunk, _)| chunk.first)
                .collect(),
            companions: is_compared.then(|| self.cut.companions(&self.reference, &self.live, statistic)),
        }
    }

    fn status(&self, bound: f64, tolerance: f64) -> Status {
        let fewest = self.cut.size(&self.live).min(self.cut.size(&self.reference));
        if self.is_key {
            Status::Identifier
        } else if !self.live.has_values() || !self.reference.has_values() {
            Status::NoData
        } else if self.is_seasonal {
            Status::Seasonal
        } else if fewest < FEWEST {
            Status::TooFew
        } else if bound > tolerance {
            Status::Drift
        } else if bound > 0.0 {
            Status::Shift
        } else {
            Status::Ok
        }
    }

    fn alarms(&self, status: Status, alpha: f64) -> Vec<Alarm> {
        match status {
            Status::NoData if self.reference.has_values() => return vec![Alarm::NoData],
            Status::NoData | Status::TooFew | Status::Identifier => return Vec::new(),
            _ => {}
        }
        let z = normal_quantile(alpha);
        let nulls_rose = self.live.null_share().least_rise_from(self.reference.null_share(), z) > NULL_RISE;
        let is_unseen = self.unseen.as_ref().is_some_and(|unseen| unseen.share.bounds(z).0 > UNSEEN + unseen.expected);
        [(status == Status::Drift, Alarm::Drift), (nulls_rose, Alarm::Nulls), (is_unseen, Alarm::Unseen)]
            .into_iter()
            .filter_map(|(is_told, alarm)| is_told.then_some(alarm))
            .collect()
    }
}

/// Where both sides know all of their categories.
fn unseen(reference: &ColumnProfile, live: &ColumnProfile) -> Option<Unseen> {
    if reference.kind() != Kind::Categorical || !reference.knows_all_categories() || !live.knows_all_categories() {
        return None;
    }
    let known = reference.categories();
    let part = live.categories().iter().filter(|(key, _)| !known.contains_key(*key)).map(|(_, count)| count).sum();
    Some(Unseen { share: Share { part, whole: live.count() - live.nulls() }, expected: reference.missing_mass() })
}
