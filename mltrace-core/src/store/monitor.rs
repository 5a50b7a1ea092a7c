//! Tasks while they are logged to and asked about: outputs and their labels, what was found of them, and profiles.

use std::collections::BTreeMap;

use super::engine::{Row, Value};
use super::records::{BATCH, IDS, values};
use super::rows::{Coded, key};
use super::tasks::{Halves, answer_json};
use super::{ComponentId, TaskId, View, Write, lag};
use crate::error::Result;
use crate::model::{PointerType, RunId, Status};

/// An output, and its label if there is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pair {
    /// Microseconds.
    pub(crate) output_at: i64,
    pub(crate) value: f64,
    pub(crate) truth: Option<f64>,
}

/// Of which outputs the pairs are asked for, and which labels count. Times are in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: i64,
    /// The first instant after it.
    pub(crate) to: i64,
    /// Labels that came later do not count.
    pub(crate) labels_until: i64,
}

/// A value of an output or a label.
#[derive(Debug, Clone)]
pub(crate) struct Observed<'o> {
    pub(crate) name: &'o str,
    pub(crate) value: f64,
    /// Microseconds.
    pub(crate) at: i64,
}

/// What was measured of a window. Times are in microseconds.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    /// From which on a prediction counted as positive; `None` where that does not matter.
    pub(crate) threshold: Option<f64>,
    pub(crate) starts_at: i64,
    pub(crate) ends_at: i64,
    pub(crate) measured_at: i64,
    /// JSON.
    pub(crate) answer: String,
}

/// An output as it came in, or so far only its label.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) number: i64,
    pub(crate) task: String,
    pub(crate) value: Option<f64>,
}

/// A model that a run read, and the run that it depends on for that.
#[derive(Debug, Clone)]
pub(crate) struct ReadModel {
    pub(crate) name: String,
    pub(crate) writer: Option<RunId>,
}

/// A report on drift that was kept. Times are in microseconds.
#[derive(Debug, Clone)]
pub(crate) struct KeptReport {
    /// The first day of the window since the epoch, and the first after it.
    pub(crate) first_day: i64,
    pub(crate) end_day: i64,
    pub(crate) checked_at: i64,
    /// JSON.
    pub(crate) answer: String,
}

/// The last pairs of a span that are labelled. Their keys are sought first, which the index of what is labelled holds: it alone
/// does not tell which of one time come last.
pub(super) const LAST_LABELLED: &str = "SELECT output_at, value, truth FROM pair WHERE id IN (
        SELECT id FROM pair WHERE task = ?1 AND output_at < ?3 AND label_at <= ?4 AND output_at >= coalesce((
            SELECT output_at FROM pair WHERE task = ?1 AND output_at >= ?2 AND output_at < ?3 AND label_at <= ?4
            ORDER BY output_at DESC LIMIT 1 OFFSET ?5 - 1), ?2))
    ORDER BY output_at DESC, name DESC LIMIT ?5";

/// When the first of the last outputs was given out, of which so many come after it.
pub(super) const START_OF_LAST: &str =
    "SELECT output_at FROM pair WHERE task = ?1 AND output_at < ?2 ORDER BY output_at DESC LIMIT 1 OFFSET ?3";

/// The times of the pairs that were whole by some time.
pub(super) const LABELLED_BY: &str =
    "SELECT output_at, label_at FROM pair WHERE task = ?1 AND output_at <= ?2 AND label_at <= ?2";

/// Outputs as they came in.
const ARRIVED: &str = "SELECT p.id, t.name, p.value FROM pair p CROSS JOIN task t ON t.id = p.task";

/// Tasks are few: the order of the join, and the plus, keep SQLite from reading all outputs.
pub(super) const GIVEN_OUT: &str = "SELECT p.output_at, p.value, p.truth, t.name
    FROM task t CROSS JOIN pair p ON p.task = t.id AND p.hash = ?1
    WHERE p.name = ?2 AND +p.output_at IS NOT NULL ORDER BY t.name";

/// Read in the order of the table: any index of it is in another.
pub(super) const ARRIVED_AFTER: &str = "SELECT p.id, t.name, p.value FROM pair p CROSS JOIN task t ON t.id = p.task
    WHERE p.id > ?1 ORDER BY p.id LIMIT ?2";

impl Write<'_> {
    /// Writes an output, and says how long after it its label came, in microseconds, where only now both are there. A second
    /// value for a name replaces the first and keeps its time.
    pub(crate) fn put_output(&self, task: TaskId, output: &Observed<'_>) -> Result<Option<i64>> {
        let changed = self.change_pair(task, output.name, |pair| {
            pair.output = Some((pair.output.map_or(output.at, |(at, _)| at), output.value));
        });
        changed.map(newly_whole)
    }

    /// Writes a label, likewise.
    pub(crate) fn put_label(&self, task: TaskId, label: &Observed<'_>) -> Result<Option<i64>> {
        let changed = self.change_pair(task, label.name, |pair| {
            pair.label = Some((pair.label.map_or(label.at, |(at, _)| at), label.value));
        });
        changed.map(newly_whole)
    }

    /// Counts labels by how long after their outputs they came, in microseconds.
    pub(crate) fn count_lags(&self, task: TaskId, lags: impl IntoIterator<Item = i64>) -> Result<()> {
        let mut steps = BTreeMap::new();
        lags.into_iter().for_each(|lag| count_step(&mut steps, lag));
        steps.into_iter().try_for_each(|(step, labels)| self.count_lag(task, step, labels))
    }

    /// Keeps what was measured of a window, unless that is what was measured of it the last time.
    pub(crate) fn put_measured(&self, task: TaskId, metric: &str, measured: &Answered) -> Result<()> {
        // As JSON, for what came from another store has its words in another order.
        let answer = answer_json(&measured.answer)?;
        let window =
            [task.into(), metric.into(), measured.threshold.into(), measured.starts_at.into(), measured.ends_at.into()];
        let is_known = self.one(
            "SELECT answer FROM task_metric
             WHERE task = ?1 AND name = ?2 AND threshold IS NOT DISTINCT FROM ?3 AND starts_at = ?4 AND ends_at = ?5
             ORDER BY id DESC LIMIT 1",
            &window,
            |row| Ok(answer_json(row.text(0)?)? == answer),
        )?;
        if is_known == Some(true) {
            return Ok(());
        }
        let [task, metric, threshold, starts_at, ends_at] = window;
        self.execute(
            "INSERT INTO task_metric (task, name, threshold, starts_at, ends_at, measured_at, answer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[task, metric, threshold, starts_at, ends_at, measured.measured_at.into(), (&measured.answer).into()],
        )
        .map(drop)
    }

    pub(crate) fn put_report(&self, task: TaskId, report: &KeptReport) -> Result<()> {
        self.execute(
            "INSERT INTO task_drift (task, first_day, end_day, checked_at, answer) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[
                task.into(),
                report.first_day.into(),
                report.end_day.into(),
                report.checked_at.into(),
                (&report.answer).into(),
            ],
        )
        .map(drop)
    }
}

impl View<'_> {
    /// Hands over the pairs of a span in the order of their outputs.
    pub(crate) fn pairs(&self, task: TaskId, span: Span, each: &mut dyn FnMut(Pair) -> Result<()>) -> Result<()> {
        let sql = "SELECT output_at, value, CASE WHEN label_at <= ?4 THEN truth END FROM pair
            WHERE task = ?1 AND output_at >= ?2 AND output_at < ?3 ORDER BY output_at";
        let values = [task.into(), span.from.into(), span.to.into(), span.labels_until.into()];
        self.0.query(sql, &values, &mut |row| each(pair(row)?))
    }

    /// The last pairs of a span that are labelled, the last output first.
    pub(crate) fn last_labelled(&self, task: TaskId, span: Span, limit: i64) -> Result<Vec<Pair>> {
        let values = [task.into(), span.from.into(), span.to.into(), span.labels_until.into(), Value::from(limit)];
        self.all(LAST_LABELLED, &values, pair)
    }

    pub(crate) fn count_outputs(&self, task: TaskId, span: Span) -> Result<u64> {
        let found = self.one(
            "SELECT count(*) FROM pair WHERE task = ?1 AND output_at >= ?2 AND output_at < ?3",
            &[task.into(), span.from.into(), span.to.into()],
            |row| row.integer(0),
        )?;
        Ok(found.unwrap_or_default().unsigned_abs())
    }

    /// The times of the first and the last output up to a time.
    pub(crate) fn output_times(&self, task: TaskId, until: i64) -> Result<Option<(i64, i64)>> {
        let end = |order: &str| {
            let sql = format!(
                "SELECT output_at FROM pair WHERE task = ?1 AND output_at <= ?2 ORDER BY output_at {order} LIMIT 1"
            );
            self.one(&sql, &[task.into(), until.into()], |row| row.integer(0))
        };
        Ok(end("ASC")?.zip(end("DESC")?))
    }

    /// The time of the first of the last so many outputs before a time.
    pub(crate) fn start_of_last(&self, task: TaskId, outputs: u32, before: i64) -> Result<Option<i64>> {
        let Some(skipped) = outputs.checked_sub(1) else { return Ok(None) };
        let values = [task.into(), before.into(), i64::from(skipped).into()];
        self.one(START_OF_LAST, &values, |row| row.integer(0))
    }

    /// How many labels there are by the step of their lag, the shortest first.
    pub(crate) fn lags(&self, task: TaskId) -> Result<Vec<(i64, i64)>> {
        self.all(
            "SELECT step, labels FROM label_lag WHERE task = ?1 AND labels > 0 ORDER BY step",
            &[task.into()],
            |row| Ok((row.integer(0)?, row.integer(1)?)),
        )
    }

    /// The same of the outputs and labels that there were by a time, in microseconds: each label is looked at for that.
    pub(crate) fn lags_by(&self, task: TaskId, time: i64) -> Result<Vec<(i64, i64)>> {
        let mut lags = BTreeMap::new();
        self.0.query(LABELLED_BY, &[task.into(), time.into()], &mut |row| {
            count_step(&mut lags, row.integer(1)?.saturating_sub(row.integer(0)?));
            Ok(())
        })?;
        Ok(lags.into_iter().collect())
    }

    /// What was measured of windows, by their ends and then in the order of measuring.
    pub(crate) fn measured(&self, task: TaskId, metric: &str) -> Result<Vec<Answered>> {
        self.all(
            "SELECT threshold, starts_at, ends_at, measured_at, answer FROM task_metric
             WHERE task = ?1 AND name = ?2 ORDER BY ends_at, id",
            &[task.into(), metric.into()],
            |row| {
                Ok(Answered {
                    threshold: row.optional_real(0)?,
                    starts_at: row.integer(1)?,
                    ends_at: row.integer(2)?,
                    measured_at: row.integer(3)?,
                    answer: row.text(4)?.to_owned(),
                })
            },
        )
    }

    /// Hands over the parts of profiles of some days: day, host and bytes.
    pub(crate) fn profiles(
        &self,
        task: TaskId,
        first: i64,
        last: i64,
        mut each: impl FnMut(i64, &str, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let sql = "SELECT day, host, profile FROM task_profile WHERE task = ?1 AND day >= ?2 AND day <= ?3
             ORDER BY day, host, uuid";
        let values = [task.into(), first.into(), last.into()];
        self.0.query(sql, &values, &mut |row| each(row.integer(0)?, row.text(1)?, row.blob(2)?))
    }
}

impl View<'_> {
    /// The ids of the last outputs before a time, the last first.
    pub(crate) fn last_outputs(&self, task: TaskId, before: i64, limit: i64) -> Result<Vec<String>> {
        self.all(
            "SELECT name FROM pair WHERE task = ?1 AND output_at < ?2 ORDER BY output_at DESC, name DESC LIMIT ?3",
            &[task.into(), Value::from(before), limit.into()],
            |row| Ok(row.text(0)?.to_owned()),
        )
    }

    /// The ids of the outputs of a time, the first first. Times are in microseconds.
    pub(crate) fn output_names(&self, task: TaskId, from: i64, to: i64, limit: i64) -> Result<Vec<String>> {
        self.all(
            "SELECT name FROM pair WHERE task = ?1 AND output_at >= ?2 AND output_at < ?3
             ORDER BY output_at, name LIMIT ?4",
            &[task.into(), Value::from(from), to.into(), limit.into()],
            |row| Ok(row.text(0)?.to_owned()),
        )
    }

    /// Of the labelled outputs of a time the one farthest from its label: id, time, value and truth.
    pub(crate) fn most_wrong(&self, task: TaskId, from: i64, to: i64) -> Result<Option<(String, i64, f64, f64)>> {
        self.one(
            "SELECT name, output_at, value, truth FROM pair
             WHERE task = ?1 AND output_at >= ?2 AND output_at < ?3 AND label_at IS NOT NULL
             ORDER BY abs(value - truth) DESC, output_at, name LIMIT 1",
            &[task.into(), Value::from(from), to.into()],
            |row| Ok((row.text(0)?.to_owned(), row.integer(1)?, row.real(2)?, row.real(3)?)),
        )
    }

    /// Some outputs of a span with their ids: first those of another class than their labels, where it is given from which
    /// value on an output and a label are positive, and of these and the others those that are farthest from their labels.
    pub(crate) fn most_wrong_first(
        &self,
        task: TaskId,
        span: Span,
        positive: Option<[f64; 2]>,
        limit: u32,
    ) -> Result<Vec<(String, Pair)>> {
        let [output, label] = positive.map_or([None; 2], |positive| positive.map(Some));
        self.all(
            "SELECT output_at, value, CASE WHEN label_at <= ?4 THEN truth END, name FROM pair
             WHERE task = ?1 AND output_at >= ?2 AND output_at < ?3
             ORDER BY coalesce((value >= ?6) <> (CASE WHEN label_at <= ?4 THEN truth END >= ?7), FALSE) DESC,
                abs(value - CASE WHEN label_at <= ?4 THEN truth END) DESC, output_at, name LIMIT ?5",
            &[
                task.into(),
                span.from.into(),
                span.to.into(),
                span.labels_until.into(),
                Value::from(i64::from(limit)),
                output.into(),
                label.into(),
            ],
            |row| Ok((row.text(3)?.to_owned(), pair(row)?)),
        )
    }

    /// What tasks gave out under an id, each with the name of the task.
    pub(crate) fn given_out(&self, id: &str) -> Result<Vec<(String, Pair)>> {
        self.all(GIVEN_OUT, &[Value::from(key(id.as_bytes())), id.into()], |row| {
            Ok((row.text(3)?.to_owned(), pair(row)?))
        })
    }

    /// Hands over the values of the outputs of a span, in the order of their times.
    pub(crate) fn output_values(
        &self,
        task: TaskId,
        span: Span,
        each: &mut dyn FnMut(f64) -> Result<()>,
    ) -> Result<()> {
        let sql = "SELECT value FROM pair WHERE task = ?1 AND output_at >= ?2 AND output_at < ?3 ORDER BY output_at";
        self.0.query(sql, &[task.into(), span.from.into(), span.to.into()], &mut |row| each(row.real(0)?))
    }

    pub(crate) fn last_arrival(&self) -> Result<Option<i64>> {
        self.one("SELECT id FROM pair ORDER BY id DESC LIMIT 1", &[], |row| row.integer(0))
    }

    /// The outputs of all tasks that came in after one, by the order of that.
    pub(crate) fn arrivals_after(&self, number: i64, limit: u32) -> Result<Vec<Arrived>> {
        self.all(ARRIVED_AFTER, &[Value::from(number), i64::from(limit).into()], arrived)
    }

    /// These outputs, in no order. Those that are not there are left out.
    pub(crate) fn arrivals(&self, numbers: &[i64]) -> Result<Vec<Arrived>> {
        let mut found = Vec::with_capacity(numbers.len());
        for numbers in numbers.chunks(BATCH) {
            found.extend(self.all(&format!("{ARRIVED} WHERE p.id IN {IDS}"), &values(numbers), arrived)?);
        }
        Ok(found)
    }

    /// The models among what a run read, as it or the run that wrote them has it.
    pub(crate) fn models_read(&self, run: RunId) -> Result<Vec<ReadModel>> {
        self.all(
            "SELECT n.text, i.upstream FROM input i JOIN text n ON n.id = i.name
             WHERE i.run = ?1 AND (i.type = ?2 OR EXISTS (
                 SELECT 1 FROM output o WHERE o.run = i.upstream AND o.name = i.name AND o.type = ?2))
             ORDER BY i.position",
            &[run.into(), PointerType::Model.code().into()],
            |row| Ok(ReadModel { name: row.text(0)?.to_owned(), writer: row.optional_integer(1)?.map(RunId) }),
        )
    }

    /// Whether a run has profiled data, under a name if one is given.
    pub(crate) fn has_profile(&self, run: RunId, name: Option<&str>) -> Result<bool> {
        let found = self.one(
            "SELECT 1 FROM run_profile WHERE run = ?1 AND (?2 IS NULL OR name = ?2) LIMIT 1",
            &[run.into(), name.into()],
            |row| row.integer(0),
        )?;
        Ok(found.is_some())
    }

    pub(crate) fn component_of(&self, run: RunId) -> Result<Option<ComponentId>> {
        self.one("SELECT component FROM run WHERE id = ?1", &[run.into()], |row| row.integer(0).map(ComponentId))
    }

    /// Hands over what completed runs of a component have profiled under a name of data from the days of a span: those that
    /// they named, or else the day on which they started.
    pub(crate) fn profiles_within(
        &self,
        component: ComponentId,
        name: &str,
        span: Span,
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        const DAY: i64 = 86_400 * 1_000_000;
        let completed = Status::Completed.code();
        self.0.query(
            "SELECT p.profile FROM run_profile p JOIN run r ON r.id = p.run
             WHERE p.name = ?1 AND p.day >= ?2 AND p.day < ?3 AND r.status = ?4
               AND r.component = ?5 ORDER BY p.day, r.id",
            &[
                name.into(),
                Value::from(span.from.div_euclid(DAY)),
                span.to.div_euclid(DAY).into(),
                completed.into(),
                component.into(),
            ],
            &mut |row| each(row.blob(0)?),
        )?;
        self.0.query(
            "SELECT p.profile FROM run r JOIN run_profile p ON p.run = r.id
             WHERE r.component = ?5 AND r.started_at >= ?2 AND r.started_at < ?3
               AND r.status = ?4 AND p.name = ?1 AND p.day IS NULL AND NOT EXISTS (
                   SELECT 1 FROM run_profile d WHERE d.run = p.run AND d.name = p.name AND d.day IS NOT NULL)
             ORDER BY r.started_at, r.id",
            &[name.into(), Value::from(span.from), span.to.into(), completed.into(), component.into()],
            &mut |row| each(row.blob(0)?),
        )
    }

    /// Whether parts of a profile were ever kept of a task.
    pub(crate) fn has_task_profiles(&self, task: TaskId) -> Result<bool> {
        let sql = "SELECT 1 FROM task_profile WHERE task = ?1 LIMIT 1";
        Ok(self.one(sql, &[task.into()], |row| row.integer(0))?.is_some())
    }

    /// The reports on drift that were kept, by the ends of their windows and then in the order of checking.
    pub(crate) fn reports(&self, task: TaskId) -> Result<Vec<KeptReport>> {
        self.all(
            "SELECT first_day, end_day, checked_at, answer FROM task_drift WHERE task = ?1 ORDER BY end_day, id",
            &[task.into()],
            report,
        )
    }

    /// The last report on a window of so many days that ended no later than this one does.
    pub(crate) fn last_report(&self, task: TaskId, days: i64, end_day: i64) -> Result<Option<KeptReport>> {
        self.one(
            "SELECT first_day, end_day, checked_at, answer FROM task_drift
             WHERE task = ?1 AND end_day <= ?2 AND end_day - first_day = ?3 ORDER BY end_day DESC, id DESC LIMIT 1",
            &[task.into(), Value::from(end_day), days.into()],
            report,
        )
    }
}

fn count_step(steps: &mut BTreeMap<i64, i64>, lag: i64) {
    *steps.entry(lag::step(lag)).or_default() += 1;
}

/// The lag of a pair of which one half has just come.
fn newly_whole([before, now]: [Halves; 2]) -> Option<i64> {
    now.lag().filter(|_| before.lag().is_none())
}

fn report(row: &dyn Row) -> Result<KeptReport> {
    Ok(KeptReport {
        first_day: row.integer(0)?,
        end_day: row.integer(1)?,
        checked_at: row.integer(2)?,
        answer: row.text(3)?.to_owned(),
    })
}

fn arrived(row: &dyn Row) -> Result<Arrived> {
    Ok(Arrived { number: row.integer(0)?, task: row.text(1)?.to_owned(), value: row.optional_real(2)? })
}

fn pair(row: &dyn Row) -> Result<Pair> {
    Ok(Pair { output_at: row.integer(0)?, value: row.real(1)?, truth: row.optional_real(2)? })
}
