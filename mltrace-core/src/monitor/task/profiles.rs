//! Profiles of a task's data by the day, in parts from whichever process made them.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use uuid::Uuid;

use super::super::profile::{Column, ColumnProfile, Profile};
use super::Task;
use super::reference::PREDICTION;
use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use crate::store::{MovedPart, Span, TaskId, View};

/// The profile of a part of a day's data. Host and identity tell it from other parts, so that it can be handed over again.
#[derive(Debug, Clone)]
pub struct ProfilePart {
    /// The day, UTC.
    pub day: NaiveDate,
    /// The host on which it was made.
    pub host: String,
    /// New with each part, such as `Uuid::now_v7()`, and the same where that part is handed over again: of parts with one
    /// identity only the first counts.
    pub uuid: Uuid,
    /// What the data looks like.
    pub profile: Profile,
}

impl Task {
    /// Keeps a part of a day's profile, and says whether it was not there.
    ///
    /// ```
    /// use mltrace_core::Tracer;
    /// use mltrace_core::monitor::{Column, Profile, ProfilePart};
    ///
    /// let task = Tracer::in_memory()?.task("high_tip")?;
    /// let day = chrono::NaiveDate::from_ymd_opt(2020, 3, 1).unwrap();
    /// let profile = Profile::of([("distance", Column::floats([1.2, 0.8]))])?;
    /// let part = ProfilePart { day, host: "worker-1".into(), uuid: uuid::Uuid::now_v7(), profile };
    /// assert!(task.log_profile(&part)?);
    /// assert!(!task.log_profile(&part)?);
    /// assert_eq!(task.profiles(day, day)?[&day].column("distance").unwrap().count(), 2);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The host's name is empty or too long, the part does not merge with what is there of the day, or the store cannot be
    /// written.
    pub fn log_profile(&self, part: &ProfilePart) -> Result<bool> {
        limits::name("the host", &part.host)?;
        self.tracer.store().read(|view| match view.task_id(&self.name)? {
            Some(task) => part.expect_to_merge(view, task),
            None => Ok(()),
        })?;
        let bytes = part.profile.to_bytes()?;
        let part = MovedPart { day: part.day, host: part.host.clone(), uuid: part.uuid, bytes };
        self.tracer.store().write(None, |tx| tx.take_part(&self.name, &part))
    }

    /// The profiles of some days, by day, each merged from its parts. Days without any are not there.
    ///
    /// # Errors
    /// There is no such task, parts of a day do not merge, or the store cannot be read.
    pub fn profiles(&self, first: NaiveDate, last: NaiveDate) -> Result<BTreeMap<NaiveDate, Profile>> {
        self.tracer.store().read(|view| {
            let mut days: BTreeMap<NaiveDate, Profile> = BTreeMap::new();
            each_part(view, self.id(view)?, [first, last].map(number), &mut |day, part| {
                days.entry(day).or_default().absorb(&part)
            })?;
            Ok(days)
        })
    }
}

impl ProfilePart {
    /// Refuses what would make its day unreadable. Where the day is so already, it is whoever asks for it that is told.
    fn expect_to_merge(&self, view: &View<'_>, task: TaskId) -> Result<()> {
        let mut whole = Profile::default();
        let day = [number(self.day); 2];
        if each_part(view, task, day, &mut |_, part| whole.absorb(&part)).is_err() {
            return Ok(());
        }
        whole.absorb(&self.profile).map_err(|error| error.at(format_args!("the profile and those of {}", self.day)))
    }
}

/// Hands over the parts of some days. An error tells at which of them it came.
fn each_part(
    view: &View<'_>,
    task: TaskId,
    [first, last]: [i64; 2],
    each: &mut dyn FnMut(NaiveDate, Profile) -> Result<()>,
) -> Result<()> {
    view.profiles(task, first, last, |day, host, bytes| {
        let Some(day) = day_of(day) else { return Ok(()) };
        let handed = Profile::from_bytes(bytes).and_then(|part| each(day, part));
        handed.map_err(|error| error.at(format_args!("the profile of {day} from the host `{host}`")))
    })
}

/// Values of outputs that are summed up at a time.
pub(super) const CHUNK: usize = 1 << 13;

impl Task {
    /// What was logged to the task itself over whole days, UTC: its outputs as the column `prediction`, and the columns of the
    /// parts that [`log_profile`](Self::log_profile) kept. The outputs are read anew, for they may have come late or have been
    /// replaced.
    ///
    /// ```
    /// use mltrace_core::Tracer;
    ///
    /// let task = Tracer::in_memory()?.task("high_tip")?;
    /// let at: chrono::DateTime<chrono::Utc> = "2020-03-02T08:00:00Z".parse().unwrap();
    /// task.log_outputs([("ride-1", 0.2, at), ("ride-2", 0.8, at)])?;
    /// let day = task.profile(at.date_naive(), 1)?;
    /// assert_eq!(day.column("prediction").unwrap().moments().unwrap().mean(), Some(0.5));
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such task, there are no such days, parts do not merge, or the store cannot be read.
    pub fn profile(&self, first: NaiveDate, days: u32) -> Result<Profile> {
        let span = span(first, days)?;
        self.tracer.store().read(|view| {
            let task = self.id(view)?;
            let parts = parts(view, task, span)?.only(|column| column != PREDICTION);
            Ok(parts.with_column(PREDICTION, outputs(view, task, span, ColumnProfile::sketch()?)?))
        })
    }
}

/// The columns of the parts that were kept of some days.
pub(super) fn parts(view: &View<'_>, task: TaskId, span: Span) -> Result<Profile> {
    let mut columns = Profile::default();
    let days = [span.from.div_euclid(DAY), span.to.div_euclid(DAY) - 1];
    each_part(view, task, days, &mut |_, part| columns.absorb(&part))?;
    Ok(columns)
}

/// Sums up the outputs of a span, in constant memory.
pub(super) fn outputs(view: &View<'_>, task: TaskId, span: Span, mut into: ColumnProfile) -> Result<ColumnProfile> {
    let mut chunk = Vec::with_capacity(CHUNK);
    view.output_values(task, span, &mut |value| {
        chunk.push(value);
        if chunk.len() < CHUNK {
            return Ok(());
        }
        into.take_in(&Column::floats(chunk.drain(..)))
    })?;
    into.take_in(&Column::floats(chunk))?;
    Ok(into)
}

/// A day in microseconds.
const DAY: i64 = 86_400 * 1_000_000;

/// Whole days as times.
pub(super) fn span(first: NaiveDate, days: u32) -> Result<Span> {
    // A day of another year cannot be written as RFC 3339 has it.
    let is_written = (0..=9_999).contains(&first.year());
    let end = first.checked_add_days(Days::new(days.into())).filter(|end| first < *end && is_written);
    let end = end.ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("there are no {days} days from {first} on: ask for one day or more"))
    })?;
    Ok(Span { from: number(first) * DAY, to: number(end) * DAY, labels_until: i64::MAX })
}

/// Days since the epoch.
pub(super) fn number(day: NaiveDate) -> i64 {
    i64::from(day.to_epoch_days())
}

fn day_of(number: i64) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(i32::try_from(number).ok()?)
}
