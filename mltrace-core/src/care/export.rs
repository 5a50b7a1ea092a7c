//! Out of a store, as JSON Lines.

use std::io::{self, Write};

use serde::Serialize;

use super::line::{
    AnswerLine, FORMAT, Header, LabelLine, Line, PartLine, RetractionLine, RunLine, TagLine, TaskLine, ToldLine,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Retraction, RunId};
use crate::store::{TaskId, View};
use crate::tracer::Tracer;

/// How many runs are held at a time.
const STEP: u32 = 256;

/// How many lines of each kind an export wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExportReport {
    /// Runs, tombstones among them.
    pub runs: u64,
    /// Tags that were added by hand.
    pub tags: u64,
    /// Flags.
    pub flags: u64,
    /// Labels, one for each pointer that they are attached to.
    pub labels: u64,
    /// Retractions.
    pub retractions: u64,
    /// Outputs that were logged to tasks.
    pub outputs: u64,
    /// Labels that were logged to tasks.
    pub feedback: u64,
    /// Parts of profiles that were logged to tasks.
    pub profiles: u64,
    /// What was kept of metrics and drift.
    pub answers: u64,
}

impl Tracer {
    /// Writes all that the store holds as JSON Lines, as of one moment, a few hundred runs in memory at a time.
    ///
    /// Each line is an object that says in `type` what it is. Times are RFC 3339 UTC, to the microsecond. Nothing refers to
    /// the numbers that runs have in this store, and edges are not written: they follow from the runs, wherever those are
    /// [imported](Self::import).
    ///
    /// | `type` | keys |
    /// |---|---|
    /// | `header` | `format` (1), `program`: the first line |
    /// | `run` | `uuid`, `report`, `status`, `started_at`, `ended_at`, `parent` (a uuid), `partition`, `inputs` and `outputs` (`name`, `version`, `type`, `spelled`; inputs also `captured_at`), `upstream` (declared components), `params`, `metrics`, `checks`, `notes`, `profiles` (`name`, `day`, `profile` in hexadecimal digits), `error`, `definition` (the component's name, metadata, and code with its text), `process` (host, pid, user, commit ..), `collected_at` (set on a tombstone) |
    /// | `tag` | `component`, `tag`: those added by hand |
    /// | `flag` | `name`, `version`, `at` |
    /// | `label` | `label`, `pointer` (`name`, `version`, `at`; `null` for a label on nothing) |
    /// | `retraction` | `label`, `at`, `by`, `reason` |
    /// | `task` | `task`: its name |
    /// | `output`, `feedback` | `task`, `id`, `value`, `at` |
    /// | `task_profile` | `task`, `day`, `host`, `uuid`, `profile` in hexadecimal digits |
    /// | `task_answer` | `task`, `metric` (`null` for drift), `threshold` (`null` where it does not matter), `from`, `to`, `found_at`, `answer` |
    ///
    /// A later program may add keys and types; where a file means something else its `format` is greater.
    ///
    /// ```
    /// use mltrace_core::{ComponentRun, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// let mut run = ComponentRun::new("ingest");
    /// run.start().add_output("rides.csv").end();
    /// tracer.log_component_run(run)?;
    ///
    /// let mut lines = Vec::new();
    /// assert_eq!(tracer.export(&mut lines)?.runs, 1);
    /// let other = Tracer::in_memory()?;
    /// other.import(&mut lines.as_slice())?;
    /// assert_eq!(other.trace("rides.csv").get()?.runs.len(), 1);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The store cannot be read, or the lines cannot be written ([`ErrorKind::Io`], with the [`io::Error`] as its source).
    pub fn export(&self, to: &mut impl Write) -> Result<ExportReport> {
        let mut lines = Lines { to, report: ExportReport::default() };
        self.store().read(|view| lines.write_all(view)).map(|()| lines.report)
    }
}

struct Lines<'w, W: Write> {
    to: &'w mut W,
    report: ExportReport,
}

impl<W: Write> Lines<'_, W> {
    fn write_all(&mut self, view: &View<'_>) -> Result<()> {
        let program = format!("mltrace {}", env!("CARGO_PKG_VERSION"));
        self.write(&Line::Header(Header { format: FORMAT, program }))?;
        self.write_runs(view)?;
        for (component, tag) in view.tags_by_hand()? {
            self.write(&Line::Tag(TagLine { component, tag }))?;
            self.report.tags += 1;
        }
        view.each_flag(&mut |flag| {
            self.report.flags += 1;
            self.write(&Line::Flag(flag.into()))
        })?;
        for (_, label) in view.labels()? {
            self.write(&Line::Label(LabelLine { label, pointer: None }))?;
        }
        view.each_labelled(&mut |label, pointer| {
            self.report.labels += 1;
            self.write(&Line::Label(LabelLine { label, pointer: Some(pointer.into()) }))
        })?;
        for Retraction { label, retracted_at: at, retracted_by: by, reason } in view.retractions()? {
            self.write(&Line::Retraction(RetractionLine { label, at, by, reason }))?;
            self.report.retractions += 1;
        }
        for (id, name) in view.tasks()? {
            self.write_task(view, id, &name)?;
        }
        self.to.flush().map_err(unwritten)
    }

    fn write_task(&mut self, view: &View<'_>, id: TaskId, name: &str) -> Result<()> {
        self.write(&Line::Task(TaskLine { task: name.to_owned() }))?;
        view.each_pair(id, &mut |output, label| {
            if let Some(output) = output {
                self.report.outputs += 1;
                self.write(&Line::Output(ToldLine::new(name, output)))?;
            }
            if let Some(label) = label {
                self.report.feedback += 1;
                self.write(&Line::Feedback(ToldLine::new(name, label)))?;
            }
            Ok(())
        })?;
        view.each_part(id, &mut |part| {
            self.report.profiles += 1;
            self.write(&Line::Part(PartLine::new(name, part)))
        })?;
        view.each_answer(id, &mut |answer| {
            self.report.answers += 1;
            self.write(&Line::Answer(AnswerLine::new(name, answer)?))
        })
    }

    fn write_runs(&mut self, view: &View<'_>) -> Result<()> {
        let mut last = Some(RunId(i64::MIN));
        while let Some(after) = last {
            let (runs, end) = view.moved_after(after, STEP)?;
            last = end;
            for run in runs {
                self.write(&Line::Run(Box::new(RunLine::from(run))))?;
                self.report.runs += 1;
            }
        }
        Ok(())
    }

    fn write(&mut self, line: &Line) -> Result<()> {
        serde_json::to_writer(&mut *self.to, line)
            .map_err(io::Error::from)
            .and_then(|()| self.to.write_all(b"\n"))
            .map_err(unwritten)
    }
}

fn unwritten(source: io::Error) -> Error {
    let message = format!("the export cannot be written: {source}; what stands there is not whole");
    Error::new(ErrorKind::Io, message).with_source(source)
}
