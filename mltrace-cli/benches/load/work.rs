//! Made runs: each reads what the one before it wrote, or a source where a chain begins.

use chrono::{DateTime, TimeDelta, Utc};
use mltrace_core::{ComponentRun, RunReport, Tracer};
use serde_json::{Value, json};

use super::{CHAIN, Result};

/// What one run reads and writes.
pub(crate) struct Work {
    input: String,
    output: String,
    at: DateTime<Utc>,
}

impl Work {
    pub(crate) fn output(&self) -> &str {
        &self.output
    }

    /// As it is sent.
    pub(crate) fn json(&self) -> Value {
        json!({"component": "stage", "inputs": [self.input], "outputs": [self.output], "params": {"depth": 10},
               "started_at": self.at, "ended_at": self.at + TimeDelta::seconds(1)})
    }

    /// As it is logged by hand.
    pub(crate) fn run(&self) -> ComponentRun {
        let mut run = ComponentRun::new("stage");
        run.started_at(self.at).ended_at(self.at + TimeDelta::seconds(1));
        run.add_input(self.input.as_str()).add_output(self.output.as_str());
        // A number has a form in JSON.
        let _kept = run.param("depth", 10);
        run
    }
}

/// Runs without end, in chains; others for each series and number.
pub(crate) struct Works {
    prefix: String,
    count: usize,
}

impl Works {
    pub(crate) fn new(series: &str, number: usize) -> Self {
        Self { prefix: format!("{series}-{number}"), count: 0 }
    }
}

impl Iterator for Works {
    type Item = Work;

    fn next(&mut self) -> Option<Work> {
        let name = |number: usize| format!("{}/features/{number:08}.csv", self.prefix);
        let is_first = self.count.is_multiple_of(CHAIN);
        let input = if is_first { "raw/rides.csv".to_owned() } else { name(self.count - 1) };
        let seconds = TimeDelta::seconds(i64::try_from(self.count).ok()?);
        let work =
            Work { input, output: name(self.count), at: DateTime::UNIX_EPOCH + TimeDelta::days(18_000) + seconds };
        self.count += 1;
        Some(work)
    }
}

/// An output of the runs that a store is filled with.
pub(crate) fn output(number: usize) -> String {
    Works::new("filled", 0).nth(number).map(|work| work.output).unwrap_or_default()
}

/// Fills a store with so many runs.
pub(crate) fn fill(tracer: &Tracer, count: usize) -> Result<()> {
    const AT_ONCE: usize = 1_000;
    let mut works = Works::new("filled", 0);
    for part in 0..count / AT_ONCE {
        let reports: Result<Vec<RunReport>, _> =
            works.by_ref().take(AT_ONCE).map(|work| serde_json::from_value(work.json())).collect();
        for written in tracer.log_reports(reports?)? {
            written?;
        }
        if part % 100 == 99 {
            eprintln!("  {} runs in the store", (part + 1) * AT_ONCE);
        }
    }
    Ok(())
}
