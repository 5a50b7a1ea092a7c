//! Into a store, from JSON Lines.

use std::io::BufRead;

use serde::Serialize;

use super::line::{FORMAT, Line, RetractionLine, ToldLine};
use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use crate::lineage::resolve;
use crate::model::{Process, Retraction, Status};
use crate::store::{Mentioned, Moved, MovedAnswer, MovedPart, Told, Write};
use crate::tracer::Tracer;

/// How many lines a transaction writes: few enough that other writers need not wait long.
const LINES: usize = 200;
/// How many bytes of lines are held at a time, unless one line has more.
const BYTES: usize = 4 << 20;
/// What a line may have, in bytes: some million pointers. What has longer ones is no export, and may have no end.
const LINE: u64 = if cfg!(test) { 1 << 20 } else { 1 << 30 };

/// What an import found and did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ImportReport {
    /// Lines that were read.
    pub lines: u64,
    /// Runs among them, tombstones too.
    pub runs: u64,
    /// Of those, the ones of which the store did not know as much before.
    pub new_runs: u64,
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
    /// Lines of a type that this program does not know: a newer one wrote them.
    pub skipped: u64,
}

impl Tracer {
    /// Adds what another store [exported](Self::export): runs with their processes, tags, flags, labels, retractions, and what
    /// was logged to tasks and found of them.
    ///
    /// Runs are known by their uuid, all else by its content, so an import twice is an import once, two stores can be
    /// merged either way round, and the order of lines and files does not matter. Of two reports of a run the later
    /// stands, and a whole run counts for more than its tombstone; of two outputs of a task under one id, or two labels, the
    /// earlier. Runs get numbers of this store. What the other store
    /// took back, such as a flag, is not taken back here.
    ///
    /// Lines are written in batches, a few hundred in memory at a time, with all edges they imply. The first line that
    /// cannot be read ends the import; all lines before it are in the store then, and to import the mended file again does
    /// no harm.
    ///
    /// # Errors
    /// A line cannot be read or holds what cannot be stored ([`ErrorKind::Invalid`], the message names line and fault), the
    /// file is no export or has a newer format, or the store cannot be written.
    pub fn import(&self, from: &mut impl BufRead) -> Result<ImportReport> {
        let mut batch = Batch { tracer: self, lines: Vec::new(), bytes: 0, report: ImportReport::default() };
        let read = batch.read(from);
        // What stands before a bad line is not lost.
        batch.write()?;
        let report = batch.report;
        read.map(|()| report).map_err(|error| {
            let outcome = imported(&report, error.kind());
            error.then(&outcome)
        })
    }

    /// Adds runs that come from elsewhere, each without a process of this host, in batches.
    pub(super) fn take(&self, lines: impl IntoIterator<Item = Content>) -> Result<ImportReport> {
        let mut batch = Batch { tracer: self, lines: Vec::new(), bytes: 0, report: ImportReport::default() };
        for content in lines {
            batch.add(content, 0)?;
        }
        batch.write()?;
        Ok(batch.report)
    }
}

fn imported(report: &ImportReport, kind: ErrorKind) -> String {
    let how = if kind == ErrorKind::Invalid { "mend the line and import again" } else { "import again to go on" };
    match report.runs {
        0 => "nothing was imported".to_owned(),
        1 => format!("1 run before it is imported; {how}"),
        runs => format!("{runs} runs before it are imported; {how}"),
    }
}

/// A line that was read and can be stored.
pub(super) enum Content {
    Run(Box<Moved>),
    Tag { component: String, tag: String },
    Flag(Mentioned),
    Label { label: String, pointer: Option<Mentioned> },
    Retraction(Retraction),
    Task(String),
    Output { task: String, told: Told },
    Feedback { task: String, told: Told },
    Part { task: String, part: MovedPart },
    Answer { task: String, found: MovedAnswer },
}

/// Lines that are written together.
struct Batch<'t> {
    tracer: &'t Tracer,
    lines: Vec<Content>,
    bytes: usize,
    report: ImportReport,
}

impl Batch<'_> {
    fn read(&mut self, from: &mut impl BufRead) -> Result<()> {
        let mut line = Vec::new();
        let mut has_header = false;
        for number in 1_u64.. {
            let length = read_line(from, number, &mut line)?;
            if length == 0 {
                break;
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            let at = |error: Error| error.at(format_args!("line {number}"));
            let parsed = parse(&line, has_header).map_err(at)?;
            has_header |= matches!(parsed, Line::Header(_));
            self.report.lines += 1;
            match content(parsed).map_err(at)? {
                Parsed::Content(content) => self.add(content, length)?,
                Parsed::Header => {}
                Parsed::Unknown => self.report.skipped += 1,
            }
        }
        if has_header { Ok(()) } else { Err(invalid("there is nothing to import: the file is empty")) }
    }

    fn add(&mut self, content: Content, bytes: usize) -> Result<()> {
        self.lines.push(content);
        self.bytes += bytes;
        if self.lines.len() < LINES && self.bytes < BYTES {
            return Ok(());
        }
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        let lines = std::mem::take(&mut self.lines);
        self.bytes = 0;
        let before = self.report;
        let written = self.tracer.store().write(None, |tx| {
            let mut report = before;
            lines.iter().try_for_each(|line| take(tx, line, &mut report)).map(|()| report)
        });
        self.report = written?;
        Ok(())
    }
}

fn take(tx: &Write<'_>, content: &Content, report: &mut ImportReport) -> Result<()> {
    match content {
        Content::Run(moved) => {
            report.runs += 1;
            report.new_runs += u64::from(take_run(tx, moved)?);
            Ok(())
        }
        Content::Tag { component, tag } => {
            report.tags += 1;
            tx.take_tag(component, tag)
        }
        Content::Flag(flag) => {
            report.flags += 1;
            tx.take_flag(flag)
        }
        Content::Label { label, pointer: Some(pointer) } => {
            report.labels += 1;
            tx.take_label(label, pointer)
        }
        Content::Label { label, pointer: None } => tx.label(label).map(drop),
        Content::Retraction(retracted) => {
            report.retractions += 1;
            tx.take_retraction(retracted)
        }
        Content::Task(task) => tx.task(task).map(drop),
        Content::Output { task, told } => {
            report.outputs += 1;
            tx.take_output(task, told)
        }
        Content::Feedback { task, told } => {
            report.feedback += 1;
            tx.take_feedback(task, told)
        }
        Content::Part { task, part } => {
            report.profiles += 1;
            tx.take_part(task, part).map(drop)
        }
        Content::Answer { task, found } => {
            report.answers += 1;
            tx.take_answer(task, found)
        }
    }
}

/// Says whether the store knew less of the run before.
fn take_run(tx: &Write<'_>, Moved { entry, process }: &Moved) -> Result<bool> {
    let put = resolve::put_run(tx, entry, process.as_ref().map(|noticed| &noticed.process))?;
    if let Some(noticed) = process {
        tx.notice(noticed)?;
    }
    // Remarks are made at any time, so also on a run of which nothing else is new.
    for note in &entry.notes {
        tx.put_note(put.run, crate::clock::to_micros(note.written_at), &note.text)?;
    }
    Ok(put.change.is_some())
}

/// Reads a line. The first must be a header.
fn parse(line: &[u8], has_header: bool) -> Result<Line> {
    let parsed = serde_json::from_slice(line);
    match parsed {
        Ok(parsed) if has_header || matches!(parsed, Line::Header(_)) => Ok(parsed),
        Err(source) if has_header => {
            Err(invalid(&format!("this is no line of an export: {source}")).with_source(source))
        }
        _ => {
            let advice = if serde_json::from_slice::<super::python::Row>(line).is_ok() {
                "it looks like a table of the Python mltrace: import it with --from-python-mltrace"
            } else {
                "an export begins with a header: write one with `mltrace export`"
            };
            Err(invalid(&format!("this is no export of a store: {advice}")))
        }
    }
}

enum Parsed {
    Header,
    Content(Content),
    Unknown,
}

/// Refuses what cannot be stored.
fn content(line: Line) -> Result<Parsed> {
    Ok(Parsed::Content(match line {
        Line::Unknown => return Ok(Parsed::Unknown),
        Line::Header(header) if header.format > FORMAT => {
            return Err(Error::new(
                ErrorKind::NewerStore,
                format!(
                    "this export has format {} and was written by {}; this program reads formats up to {FORMAT}. Install \
                     a newer mltrace",
                    header.format, header.program
                ),
            ));
        }
        Line::Header(_) => return Ok(Parsed::Header),
        Line::Run(run) => Content::Run(Box::new(storable(Moved::from(*run))?)),
        Line::Tag(line) => {
            limits::name("the component's name", &line.component)?;
            limits::name("the tag", &line.tag)?;
            Content::Tag { component: line.component, tag: line.tag }
        }
        Line::Task(line) => Content::Task(task(line.task)?),
        Line::Output(mut line) => Content::Output { task: task(std::mem::take(&mut line.task))?, told: told(line)? },
        Line::Feedback(mut line) => {
            Content::Feedback { task: task(std::mem::take(&mut line.task))?, told: told(line)? }
        }
        Line::Part(mut line) => {
            let task = task(std::mem::take(&mut line.task))?;
            let part = line.into_part();
            limits::name("the host", &part.host)?;
            Content::Part { task, part }
        }
        Line::Answer(mut line) => {
            let task = task(std::mem::take(&mut line.task))?;
            let found = line.into_answer();
            found.metric.as_ref().map_or(Ok(()), |metric| limits::name("the metric", metric))?;
            [found.from, found.to, found.found_at].into_iter().try_for_each(|at| limits::time("a time", at))?;
            Content::Answer { task, found }
        }
        Line::Flag(line) => Content::Flag(mentioned(line.into())?),
        Line::Label(line) => {
            limits::name("the label", &line.label)?;
            let pointer = line.pointer.map(|pointer| mentioned(pointer.into())).transpose()?;
            Content::Label { label: line.label, pointer }
        }
        Line::Retraction(line) => {
            limits::name("the label", &line.label)?;
            limits::text("who retracted it", &line.by)?;
            limits::text("the reason", &line.reason)?;
            limits::time("the time of the retraction", line.at)?;
            let RetractionLine { label, at, by, reason } = line;
            Content::Retraction(Retraction { label, retracted_at: at, retracted_by: by, reason })
        }
    }))
}

fn task(name: String) -> Result<String> {
    limits::name("the task's name", &name)?;
    Ok(name)
}

/// JSON has no number that is not finite.
fn told(line: ToldLine) -> Result<Told> {
    let told = line.into_told();
    limits::name("the id", &told.id)?;
    limits::time("the time", told.at)?;
    Ok(told)
}

fn mentioned(mentioned: Mentioned) -> Result<Mentioned> {
    limits::version_of("the pointer", &mentioned.name, mentioned.version.as_ref())?;
    limits::time("the time", mentioned.at)?;
    Ok(mentioned)
}

/// A run as a store can have it, whoever wrote the line.
pub(super) fn storable(moved: Moved) -> Result<Moved> {
    let entry = &moved.entry;
    limits::check(entry)?;
    check_origin(&moved)?;
    if entry.status == Status::Lost {
        return Err(invalid("the run is `lost`, which is never stored: write `running`"));
    }
    if (entry.status == Status::Running) != entry.ended_at.is_none() {
        return Err(invalid("a run has an `ended_at` if and only if it is not `running`"));
    }
    if let Some(collected_at) = entry.collected_at {
        limits::time("the time of its collection", collected_at)?;
    }
    if entry.ended_at.is_some_and(|ended_at| ended_at < entry.started_at) {
        return Err(invalid("the run ended before it started"));
    }
    Ok(moved)
}

/// What only programs write of themselves, so that nothing but a line can hold what is wrong.
fn check_origin(Moved { entry, process }: &Moved) -> Result<()> {
    let definition = &entry.definition;
    let mut texts = vec![("the commit of the build", &definition.build_commit)];
    if let Some(code) = &definition.code {
        texts.extend([("the file of the code", &code.file), ("the version of the crate", &code.crate_version)]);
        code.snapshot.as_ref().map_or(Ok(()), |snapshot| limits::no_nul("the text of the code", &snapshot.text))?;
    }
    if let Some(noticed) = process {
        let Process { host, started_at, boot_id, pid_namespace, user, program, .. } = &noticed.process;
        limits::text("the host", host)?;
        limits::time("the start of the process", *started_at)?;
        limits::time("the heartbeat of the process", noticed.heartbeat_at)?;
        texts.extend([("the boot", boot_id), ("the namespace", pid_namespace), ("the user", user)]);
        texts.push(("the program", program));
        if let Some(commit) = &noticed.commit {
            texts.push(("the commit", &commit.hash));
            commit.tags.iter().try_for_each(|tag| limits::name("a tag of the commit", tag))?;
        }
    }
    texts.into_iter().try_for_each(|(field, text)| text.as_ref().map_or(Ok(()), |text| limits::text(field, text)))
}

/// Reads the next line, and says how many bytes it has: none at the end.
pub(super) fn read_line(from: &mut impl BufRead, number: u64, line: &mut Vec<u8>) -> Result<usize> {
    line.clear();
    let length = std::io::Read::take(&mut *from, LINE).read_until(b'\n', line).map_err(|source| {
        Error::new(ErrorKind::Io, format!("line {number} cannot be read: {source}")).with_source(source)
    })?;
    if length as u64 == LINE && line.last() != Some(&b'\n') {
        return Err(invalid(&format!("line {number} has more than {LINE} bytes: this is no export")));
    }
    Ok(length)
}

pub(super) fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}
