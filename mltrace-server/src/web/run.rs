//! Everything about one run.

use std::collections::HashMap;
use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;
use mltrace_core::{
    CheckStatus, CommitSource, Dependency, ErrorKind, InputRecord, IoPointer, Note, RunId, RunPart, RunRecord, Stale,
    Tracer,
};
use serde::Deserialize;

use super::folders::{Line, lines};
use super::form::back;
use super::frame::Frame;
use super::site::{Change, Site, Visit};
use super::words::{FEW, Next};
use super::{link, words};
use crate::api::Nothing;
use crate::problem::Problem;

/// Of each of its lists so much is shown at once.
const SHOWN: usize = 200;
/// And so much of what it wrote.
const WROTE: u32 = 200;
/// Of the reasons for which it is stale so many are shown: they stand above all else.
const REASONS: usize = 10;

pub(super) fn add(site: Site) -> Site {
    site.view("/runs/{id}", run)
        .view("/runs/{id}/brief", brief)
        .change("/runs/{id}/notes", add_note)
        .change("/runs/{id}/notes/edit", edit_note)
        .change("/flag", flag)
}

/// Which run.
#[derive(Debug, Deserialize)]
struct Numbered {
    id: RunId,
}

/// From where on its lists are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct From {
    stale: usize,
    stale_at_start: usize,
    labels: usize,
    checks: usize,
    read: usize,
    declared: usize,
    wrote: u32,
    metrics: usize,
    params: usize,
    told: usize,
}

/// A run, as a page.
#[derive(Template)]
#[template(path = "web/run.html")]
struct Shown {
    frame: Frame,
    /// The run with those of its outputs that are shown.
    run: RunRecord,
    /// How many it has.
    wrote: u64,
    parent: Option<RunId>,
    /// Who is asked about its component.
    owner: Option<String>,
    /// The one before it of the same component and partition, to compare it with.
    previous: Option<RunId>,
    from: From,
    /// The last writers of outputs without versions, where those are other runs: a flag would be theirs.
    written_again: HashMap<String, RunId>,
}

/// A run beside a graph.
#[derive(Template)]
#[template(path = "web/brief.html")]
struct Brief {
    run: RunRecord,
    /// How many it has in all, of which it holds some.
    inputs: u64,
    outputs: u64,
}

fn run(visit: Visit<'_, Numbered, From>) -> Result<Shown, Problem> {
    let Visit { tracer, path, query: from, frame } = visit;
    let RunPart { run, outputs: wrote, .. } =
        tracer.run_with_outputs(path.id, from.wrote..from.wrote.saturating_add(WROTE))?;
    let parent = run.parent.map(|parent| tracer.run_id(parent)).transpose()?.flatten();
    let owner = tracer.component(&run.component)?.owner;
    let previous = tracer.run_before(run.id)?;
    let written_again = if frame.may_review { written_again(tracer, &run)? } else { HashMap::new() };
    Ok(Shown { frame, run, wrote, parent, owner, previous, from, written_again })
}

fn written_again(tracer: &Tracer, run: &RunRecord) -> Result<HashMap<String, RunId>, Problem> {
    let unversioned = run.outputs.iter().filter(|output| output.version.is_none());
    let names: Vec<_> = unversioned.map(|output| output.name.as_str()).collect();
    let writers = names.iter().zip(tracer.to_blame(&names)?);
    let others = writers.filter_map(|(name, writer)| Some((*name, writer.filter(|writer| *writer != run.id)?)));
    Ok(others.map(|(name, writer)| (name.to_owned(), writer)).collect())
}

fn brief(Visit { tracer, path: Numbered { id }, .. }: Visit<'_, Numbered, Nothing>) -> Result<Brief, Problem> {
    let RunPart { mut run, inputs, outputs, .. } = run_part(tracer, id, FEW)?;
    run.stale = tracer.stale_runs(&[id], Duration::ZERO)?.pop();
    Ok(Brief { run, inputs, outputs })
}

/// A run with so many of its pointers.
pub(super) fn run_part(tracer: &Tracer, id: RunId, pointers: u32) -> Result<RunPart, Problem> {
    let found = tracer.run_parts(&[id], pointers)?.pop();
    found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no run {id}")))
}

/// Why it is stale, or was.
struct Staleness<'r> {
    title: &'static str,
    list: &'static str,
    reasons: &'r [Stale],
    next: Next,
}

/// An input, and the runs that wrote it.
type Input<'r> = (&'r InputRecord, Vec<&'r Dependency>);

/// A piece of what programs told of the run in events.
struct Told<'r> {
    /// Of what: the run, the job, an input, an output.
    of: &'r str,
    key: &'r str,
    pointer: Option<&'r str>,
    text: String,
}

impl Shown {
    fn source(&self) -> &'static str {
        match self.run.git.source {
            Some(CommitSource::Build) => "stated by the build",
            Some(CommitSource::Cwd) => "checked out where it ran",
            _ => "",
        }
    }

    fn failed(&self) -> usize {
        self.run.checks.iter().filter(|check| check.status == CheckStatus::Failed).count()
    }

    /// Why it is stale, under a title that says when.
    fn staleness(&self) -> Vec<Staleness<'_>> {
        let now = self.run.stale.as_deref().unwrap_or_default();
        let at_start = self.run.stale_at_start.as_deref().unwrap_or_default();
        let what = |stale: &[Stale]| stale.iter().map(|reason| (reason.kind, reason.run)).collect::<Vec<_>>();
        let told = match (now.is_empty(), at_start.is_empty()) {
            (false, false) if what(now) == what(at_start) => [("Stale now, and when it started", now), ("", &[])],
            (false, false) => [("Stale now", now), ("Stale when it started", at_start)],
            _ => [("Stale now, fresh when it started", now), ("Stale when it started, fresh now", at_start)],
        };
        let places = [("stale", self.from.stale), ("stale_at_start", self.from.stale_at_start)];
        let told = told.into_iter().zip(places).filter(|((_, reasons), _)| !reasons.is_empty());
        told.map(|((title, reasons), (list, from))| {
            let next = self.behind(list, "reasons", from.saturating_add(REASONS), reasons.len());
            let rest = &reasons[from.min(reasons.len())..];
            Staleness { title, list, reasons: &rest[..rest.len().min(REASONS)], next }
        })
        .collect()
    }

    fn inputs(&self) -> Vec<Line<'_, Input<'_>>> {
        let mut writers: HashMap<&str, Vec<&Dependency>> = HashMap::new();
        for to in &self.run.dependencies {
            writers.entry(to.pointer.as_deref().unwrap_or_default()).or_default().push(to);
        }
        let inputs = self.run.inputs.iter().skip(self.from.read).take(SHOWN);
        lines(inputs.map(|input| {
            let writers = writers.get(input.pointer.name.as_str()).cloned().unwrap_or_default();
            (input.pointer.name.as_str(), (input, writers))
        }))
    }

    fn outputs(&self) -> Vec<Line<'_, (u32, &IoPointer)>> {
        lines((self.from.wrote..).zip(&self.run.outputs).map(|(place, output)| (output.name.as_str(), (place, output))))
    }

    /// The run to which a flag on an output of this one would go instead.
    fn written_again(&self, output: &IoPointer) -> Option<&RunId> {
        self.written_again.get(&output.name).filter(|_| output.version.is_none())
    }

    /// By which a note's text is known again: browsers send line breaks in another way than they were given.
    fn mark(text: &str) -> String {
        blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
    }

    /// The way to the next of a list that is shown from a place on.
    fn next(&self, list: &str, what: &'static str, from: usize, all: usize) -> Next {
        self.behind(list, what, from.saturating_add(SHOWN), all)
    }

    fn next_outputs(&self) -> Next {
        let all = usize::try_from(self.wrote).unwrap_or(usize::MAX);
        self.behind("wrote", "outputs", self.from.wrote.saturating_add(WROTE) as usize, all)
    }

    /// The way to what there is of a list behind a place.
    fn behind(&self, list: &str, what: &'static str, place: usize, all: usize) -> Next {
        let link = link::with(&self.frame.here, list, Some(&place.to_string())) + "#" + list;
        Next { link, more: all.saturating_sub(place), what }
    }

    fn declared(&self) -> impl Iterator<Item = &Dependency> {
        self.all_declared().skip(self.from.declared).take(SHOWN)
    }

    fn all_declared(&self) -> impl Iterator<Item = &Dependency> {
        self.run.dependencies.iter().filter(|to| to.pointer.is_none())
    }

    /// How many pieces there are, and those that are shown.
    fn told(&self) -> (usize, Vec<Told<'_>>) {
        let all = self.run.params.iter().filter(|(name, _)| words::is_told(name));
        let shown = all.clone().skip(self.from.told).take(SHOWN).map(|(name, value)| {
            let (path, pointer) = name.split_once(':').map_or((name.as_str(), None), |(path, to)| (path, Some(to)));
            let mut path = path.splitn(3, '.').skip(1);
            let of = path.next().unwrap_or("events");
            let text = serde_json::to_string_pretty(value).unwrap_or_default();
            Told { of, key: path.next().unwrap_or_default(), pointer, text }
        });
        (all.count(), shown.collect())
    }

    /// In what the code is written, as far as the name of its file tells.
    fn language(&self) -> &'static str {
        let file = self.run.code.file.as_deref().unwrap_or_default();
        match file.rsplit('.').next() {
            Some("py") => "python",
            Some("sql") => "sql",
            _ if file.is_empty() => "sql",
            _ => "rust",
        }
    }
}

/// A remark.
#[derive(Debug, Deserialize)]
struct NewNote {
    text: String,
}

fn add_note(change: Change<'_, Numbered, NewNote>) -> Result<String, Problem> {
    let Change { tracer, path: Numbered { id }, form: NewNote { text }, .. } = change;
    tracer.add_note(id, &typed(&text))?;
    Ok(format!("/runs/{id}#notes"))
}

/// A remark as it was shown, and what it is to say.
#[derive(Debug, Deserialize)]
struct EditedNote {
    /// In microseconds.
    written_at: i64,
    mark: String,
    text: String,
}

fn edit_note(change: Change<'_, Numbered, EditedNote>) -> Result<String, Problem> {
    let Change { tracer, path: Numbered { id }, form: EditedNote { written_at, mark, text }, .. } = change;
    let run = run_part(tracer, id, 0)?.run;
    let is_it = |note: &&Note| note.written_at.timestamp_micros() == written_at && Shown::mark(&note.text) == mark;
    let text = typed(&text);
    match run.notes.iter().find(is_it).map(|note| tracer.edit_note(id, note, &text)) {
        Some(Ok(())) => Ok(format!("/runs/{id}#notes")),
        Some(Err(error)) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => {
            let meanwhile =
                format!("nothing was written: somebody edited this note of #{id} meanwhile, or took it away");
            let yours = if text.is_empty() { String::new() } else { format!(". This is what you wrote:\n\n{text}") };
            Err(Problem::new(StatusCode::CONFLICT, meanwhile + &yours))
        }
    }
}

/// What somebody typed, without what browsers make of line breaks.
fn typed(text: &str) -> String {
    text.trim().replace("\r\n", "\n")
}

/// Which output, and whether it is to be flagged.
#[derive(Debug, Deserialize)]
struct Flag {
    name: String,
    version: Option<String>,
    on: bool,
    back: Option<String>,
}

fn flag(change: Change<'_, Nothing, Flag>) -> Result<String, Problem> {
    let Flag { name, version, on, back: place } = change.form;
    match (on, version) {
        (true, None) => drop(change.tracer.flag(&name)?),
        (true, Some(version)) => drop(change.tracer.flag_version(&name, &version)?),
        (false, None) => drop(change.tracer.unflag(&name)?),
        (false, Some(version)) => drop(change.tracer.unflag_version(&name, &version)?),
    }
    Ok(back(place))
}
