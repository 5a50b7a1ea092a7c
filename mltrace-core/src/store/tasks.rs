//! What was logged to tasks, as it leaves for another store and comes from there; and what `gc` and `doctor` ask of it. Here
//! also where nobody monitors, for a store is moved and cared for whole.

use uuid::Uuid;

use super::engine::{Row, Value};
use super::profiles::day;
use super::rows::{key, uuid};
use super::{View, Write, lag};
use crate::clock::{from_micros, to_micros};
use crate::error::{Error, ErrorKind, Result};
use chrono::{DateTime, NaiveDate, Utc};

/// The key of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskId(pub(super) i64);

/// A value under an id, of an output or a label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) value: f64,
    pub(crate) at: DateTime<Utc>,
}

/// A part of a day's profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MovedPart {
    pub(crate) day: NaiveDate,
    pub(crate) host: String,
    pub(crate) uuid: Uuid,
    pub(crate) bytes: Vec<u8>,
}

/// What was found of a window at some time, as JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MovedAnswer {
    /// The metric; `None` of a report on drift, whose window has whole days.
    pub(crate) metric: Option<String>,
    pub(crate) threshold: Option<f64>,
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
    pub(crate) found_at: DateTime<Utc>,
    pub(crate) answer: String,
}

/// A day in microseconds.
const DAY: i64 = 86_400 * 1_000_000;

/// What `gc` takes away: by the task, so that an index leads there.
const BEFORE: &str = "task IN (SELECT id FROM task) AND output_at < ?1 OR output_at IS NULL AND label_at < ?1";

/// What is there of an output and its label, each with its time in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Halves {
    pub(super) output: Option<(i64, f64)>,
    pub(super) label: Option<(i64, f64)>,
}

impl Halves {
    /// How long after the output the label came, in microseconds, where both are there.
    pub(super) fn lag(&self) -> Option<i64> {
        let (output, label) = self.output.zip(self.label)?;
        Some(label.0.saturating_sub(output.0))
    }

    fn step(&self) -> Option<i64> {
        self.lag().map(lag::step)
    }
}

impl View<'_> {
    pub(crate) fn task_id(&self, name: &str) -> Result<Option<TaskId>> {
        self.one("SELECT id FROM task WHERE name = ?1", &[name.into()], |row| row.integer(0).map(TaskId))
    }

    /// Every task, by name.
    pub(crate) fn tasks(&self) -> Result<Vec<(TaskId, String)>> {
        self.all("SELECT id, name FROM task ORDER BY name", &[], |row| {
            Ok((TaskId(row.integer(0)?), row.text(1)?.to_owned()))
        })
    }

    /// Hands over every pair of a task: its output, its label, or both.
    pub(crate) fn each_pair(
        &self,
        task: TaskId,
        each: &mut dyn FnMut(Option<Told>, Option<Told>) -> Result<()>,
    ) -> Result<()> {
        self.0.query(
            "SELECT id, value, output_at, truth, label_at, name FROM pair WHERE task = ?1 ORDER BY id",
            &[task.into()],
            &mut |row| {
                let (_, Halves { output, label }) = pair(row)?;
                let id = row.text(5)?;
                let told = |(at, value)| Told { id: id.to_owned(), value, at: from_micros(at) };
                each(output.map(told), label.map(told))
            },
        )
    }

    /// Hands over every part of a profile that was logged to a task.
    pub(crate) fn each_part(&self, task: TaskId, each: &mut dyn FnMut(MovedPart) -> Result<()>) -> Result<()> {
        let sql = "SELECT day, host, uuid, profile FROM task_profile WHERE task = ?1 ORDER BY day, host, uuid";
        self.0.query(sql, &[task.into()], &mut |row| {
            let (day, host) = (day(row.integer(0)?)?, row.text(1)?.to_owned());
            each(MovedPart { day, host, uuid: uuid(row.blob(2)?)?, bytes: row.blob(3)?.to_vec() })
        })
    }

    /// Hands over all that was kept of what was found of a task: metrics, then drift.
    pub(crate) fn each_answer(&self, task: TaskId, each: &mut dyn FnMut(MovedAnswer) -> Result<()>) -> Result<()> {
        let time =
            |row: &dyn Row, column, unit: i64| Ok::<_, Error>(from_micros(row.integer(column)?.saturating_mul(unit)));
        for (sql, unit) in [
            (
                "SELECT starts_at, ends_at, measured_at, answer, name, threshold FROM task_metric WHERE task = ?1 ORDER BY id",
                1,
            ),
            (
                "SELECT first_day, end_day, checked_at, answer, NULL, NULL FROM task_drift WHERE task = ?1 ORDER BY id",
                DAY,
            ),
        ] {
            self.0.query(sql, &[task.into()], &mut |row| {
                each(MovedAnswer {
                    metric: row.optional_text(4)?.map(ToOwned::to_owned),
                    threshold: row.optional_real(5)?,
                    from: time(row, 0, unit)?,
                    to: time(row, 1, unit)?,
                    found_at: time(row, 2, 1)?,
                    answer: row.text(3)?.to_owned(),
                })
            })?;
        }
        Ok(())
    }

    /// How many labels have no output, by task: those that have any.
    pub(crate) fn labels_alone(&self) -> Result<Vec<(String, u64)>> {
        self.all(
            "SELECT t.name, count(*) FROM pair p JOIN task t ON t.id = p.task WHERE p.output_at IS NULL
             GROUP BY t.name ORDER BY t.name",
            &[],
            |row| Ok((row.text(0)?.to_owned(), row.integer(1)?.unsigned_abs())),
        )
    }

    /// How many outputs there are from before a time, in microseconds, and labels without an output.
    pub(crate) fn count_pairs_before(&self, cutoff: i64) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM pair WHERE {BEFORE}");
        Ok(self.one(&sql, &[cutoff.into()], |row| row.integer(0))?.unwrap_or_default().unsigned_abs())
    }

    fn pair_of(&self, task: TaskId, hash: i64, name: &str) -> Result<Option<(i64, Halves)>> {
        let sql = "SELECT id, value, output_at, truth, label_at FROM pair WHERE task = ?1 AND hash = ?2 AND name = ?3";
        self.one(sql, &[task.into(), hash.into(), name.into()], pair)
    }
}

/// Columns 0 to 4: id, value, time of the output, truth, time of the label.
fn pair(row: &dyn Row) -> Result<(i64, Halves)> {
    let halves = Halves {
        output: row.optional_integer(2)?.zip(row.optional_real(1)?),
        label: row.optional_integer(4)?.zip(row.optional_real(3)?),
    };
    Ok((row.integer(0)?, halves))
}

impl Write<'_> {
    /// The key of a task, which is made where there is none.
    pub(crate) fn task(&self, name: &str) -> Result<TaskId> {
        match self.task_id(name)? {
            Some(known) => Ok(known),
            None => self.insert("INSERT INTO task (name) VALUES (?1)", &[name.into()]).map(TaskId),
        }
    }

    /// Counts labels of a lag, or takes them back.
    pub(super) fn count_lag(&self, task: TaskId, step: i64, labels: i64) -> Result<()> {
        self.execute(
            "INSERT INTO label_lag (task, step, labels) VALUES (?1, ?2, ?3)
             ON CONFLICT (task, step) DO UPDATE SET labels = label_lag.labels + excluded.labels",
            &[task.into(), step.into(), labels.into()],
        )
        .map(drop)
    }

    /// Removes some of the outputs from before a time, with their labels, and labels without an output; and days of profiles
    /// that were over by then. Says how many outputs and labels alone it were: none when all are gone.
    pub(crate) fn remove_pairs_before(&self, cutoff: i64, at_most: i64) -> Result<u64> {
        self.execute("DELETE FROM task_profile WHERE day < ?1", &[cutoff.div_euclid(DAY).into()])?;
        let sql = format!("DELETE FROM pair WHERE id IN (SELECT id FROM pair WHERE {BEFORE} LIMIT ?2)");
        Ok(self.execute(&sql, &[cutoff.into(), at_most.into()])? as u64)
    }

    /// Adds an output of another store. Of two under one id the earlier stands, and of one time the greater.
    pub(crate) fn take_output(&self, task: &str, told: &Told) -> Result<()> {
        self.take_told(task, told, |pair| &mut pair.output)
    }

    /// Adds a label of another store, likewise.
    pub(crate) fn take_feedback(&self, task: &str, told: &Told) -> Result<()> {
        self.take_told(task, told, |pair| &mut pair.label)
    }

    fn take_told(&self, task: &str, told: &Told, side: impl Fn(&mut Halves) -> &mut Option<(i64, f64)>) -> Result<()> {
        let task = self.task(task)?;
        let new = (to_micros(told.at), told.value);
        let [before, now] = self.change_pair(task, &told.id, |pair| {
            let own = side(pair);
            if own.is_none_or(|known| new.0 < known.0 || new.0 == known.0 && new.1 > known.1) {
                *own = Some(new);
            }
        })?;
        if before.step() == now.step() {
            return Ok(());
        }
        before.step().map_or(Ok(()), |step| self.count_lag(task, step, -1))?;
        now.step().map_or(Ok(()), |step| self.count_lag(task, step, 1))
    }

    /// Changes what is there of an output and its label, and says what was there before and what is now.
    pub(super) fn change_pair(
        &self,
        task: TaskId,
        name: &str,
        change: impl FnOnce(&mut Halves),
    ) -> Result<[Halves; 2]> {
        let hash = key(name.as_bytes());
        let known = self.pair_of(task, hash, name)?;
        let before = known.map(|(_, halves)| halves).unwrap_or_default();
        let mut now = before;
        change(&mut now);
        if now == before {
            return Ok([before, now]);
        }
        let value = Value::from(now.output.map(|output| output.1));
        let output_at = now.output.map(|output| output.0).into();
        let truth = now.label.map(|label| label.1).into();
        let label_at = now.label.map(|label| label.0).into();
        match known {
            Some((id, _)) => self.execute(
                "UPDATE pair SET value = ?2, output_at = ?3, truth = ?4, label_at = ?5 WHERE id = ?1",
                &[id.into(), value, output_at, truth, label_at],
            )?,
            None => self.execute(
                "INSERT INTO pair (task, hash, name, value, output_at, truth, label_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                &[task.into(), hash.into(), name.into(), value, output_at, truth, label_at],
            )?,
        };
        Ok([before, now])
    }

    /// Adds a part of a profile, unless it is there.
    pub(crate) fn take_part(&self, task: &str, part: &MovedPart) -> Result<bool> {
        let task = self.task(task)?;
        let added = self.execute(
            "INSERT INTO task_profile (task, day, host, uuid, profile) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (task, day, host, uuid) DO NOTHING",
            &[
                task.into(),
                super::profiles::number(part.day).into(),
                (&part.host).into(),
                part.uuid.as_bytes().as_slice().into(),
                part.bytes.as_slice().into(),
            ],
        )?;
        Ok(added > 0)
    }

    /// Adds what was found of a window, unless what was found of it at that time is there.
    pub(crate) fn take_answer(&self, task: &str, found: &MovedAnswer) -> Result<()> {
        let task = self.task(task)?;
        let [from, to, at] = [found.from, found.to, found.found_at].map(to_micros);
        let answer = Value::from(&found.answer);
        match &found.metric {
            Some(metric) => self.execute(
                "INSERT INTO task_metric (task, name, starts_at, ends_at, measured_at, answer, threshold)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE NOT EXISTS (
                     SELECT 1 FROM task_metric
                     WHERE task = ?1 AND name = ?2 AND starts_at = ?3 AND ends_at = ?4 AND measured_at = ?5
                     AND threshold IS NOT DISTINCT FROM ?7)",
                &[task.into(), metric.into(), from.into(), to.into(), at.into(), answer, found.threshold.into()],
            ),
            None => self.execute(
                "INSERT INTO task_drift (task, first_day, end_day, checked_at, answer)
                 SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (
                     SELECT 1 FROM task_drift WHERE task = ?1 AND first_day = ?2 AND end_day = ?3 AND checked_at = ?4)",
                &[task.into(), from.div_euclid(DAY).into(), to.div_euclid(DAY).into(), at.into(), answer],
            ),
        }
        .map(drop)
    }
}

impl From<TaskId> for Value<'_> {
    fn from(id: TaskId) -> Self {
        Self::Integer(id.0)
    }
}

/// Refuses an answer that is no JSON, for it could not be exported.
pub(crate) fn answer_json(text: &str) -> Result<serde_json::Value> {
    serde_json::from_str(text).map_err(|source| {
        Error::new(ErrorKind::Damaged, "the store holds an answer that is no JSON: restore the file from a backup")
            .with_source(source)
    })
}
