//! Everything about one run.

use askama::Template;
use chrono::Utc;
use mltrace_core::__words::{age, commit};
use mltrace_core::{Dependency, IoPointer, RunId, RunRecord};
use serde::Deserialize;

use super::form::back;
use super::frame::Frame;
use super::site::{Change, Site, Visit};
use super::words;
use crate::api::Nothing;
use crate::problem::Problem;

/// Of a long list so many are shown at once.
const SHOWN: usize = 100;

pub(super) fn add(site: Site) -> Site {
    site.view("/runs/{id}", run).change("/runs/{id}/notes", add_note).change("/flag", flag)
}

/// Which run.
#[derive(Debug, Deserialize)]
struct Numbered {
    id: RunId,
}

/// A run, as a page.
#[derive(Template)]
#[template(path = "web/run.html")]
struct Shown {
    frame: Frame,
    run: RunRecord,
    parent: Option<RunId>,
    /// The one before it of the same component and partition, to compare it with.
    previous: Option<RunId>,
}

fn run(visit: Visit<'_, Numbered, Nothing>) -> Result<Shown, Problem> {
    let tracer = visit.tracer;
    let run = tracer.run(visit.path.id)?;
    let parent = run.parent.map(|parent| tracer.run_id(parent)).transpose()?.flatten();
    let mut before = tracer.history(run.component.as_str()).until(run.started_at).limit(2);
    if let Some(partition) = &run.partition {
        before = before.partition(partition.as_str());
    }
    let previous = before.get()?.items.into_iter().map(|found| found.id).find(|id| *id != run.id);
    Ok(Shown { frame: visit.frame, run, parent, previous })
}

impl Shown {
    fn age(&self) -> String {
        age(self.run.started_at, Utc::now())
    }

    fn commit(&self) -> Option<String> {
        commit(&self.run.git)
    }

    fn inputs(&self) -> Vec<(&IoPointer, Vec<&Dependency>)> {
        let writers =
            |name: &str| self.run.dependencies.iter().filter(|to| to.pointer.as_deref() == Some(name)).collect();
        self.run.inputs.iter().take(SHOWN).map(|input| (&input.pointer, writers(&input.pointer.name))).collect()
    }

    fn declared(&self) -> Vec<&Dependency> {
        self.run.dependencies.iter().filter(|to| to.pointer.is_none()).collect()
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
    let id = change.path.id;
    change.tracer.add_note(id, change.form.text.trim())?;
    Ok(format!("/runs/{id}#notes"))
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
