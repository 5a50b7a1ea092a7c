//! Looking for something by a part of what it is called.

use std::collections::BTreeSet;

use askama::Template;
use mltrace_core::{Component, LabelBrief, RunId, RunPart, RunRecord, Tracer};
use serde::Deserialize;
use uuid::Uuid;

use super::frame::Frame;
use super::site::{Site, Visit};
use super::{lineage, link, words};
use crate::api::Nothing;
use crate::problem::Problem;

/// So many of a kind are shown.
const SHOWN: u32 = 20;
/// Names of data, notes and commits are looked for in so many of the last runs: no index has parts of them.
const LAST: u32 = 200;
/// Of each so much of what it read and of what it wrote.
const NAMES: u32 = 100;
/// A commit is not looked for by fewer letters.
const COMMIT: usize = 4;

pub(super) fn add(site: Site) -> Site {
    site.view("/search", search)
}

/// What to look for.
#[derive(Debug, Deserialize)]
struct Asked {
    text: Option<String>,
    /// Components after this one.
    after: Option<String>,
}

/// What was found, as a page.
#[derive(Template)]
#[template(path = "web/search.html")]
struct Found {
    frame: Frame,
    text: String,
    /// The run of this number or identity.
    run: Option<RunRecord>,
    /// Data of exactly this name.
    data: Option<String>,
    components: Vec<Component>,
    /// Where the components go on.
    next: Option<String>,
    labels: Vec<LabelBrief>,
    tasks: Vec<String>,
    last: Last,
}

/// What was found in the last runs.
#[derive(Default)]
struct Last {
    names: BTreeSet<String>,
    /// There are others.
    has_more_names: bool,
    /// Runs with the note that it stands in.
    notes: Vec<(RunRecord, String)>,
    commits: Vec<RunRecord>,
}

fn search(visit: Visit<'_, Nothing, Asked>) -> Result<Found, Problem> {
    let Visit { tracer, query, frame, .. } = visit;
    let text = query.text.as_deref().unwrap_or_default().trim().to_owned();
    let mut found = Found {
        frame,
        text,
        run: None,
        data: None,
        components: Vec::new(),
        next: None,
        labels: Vec::new(),
        tasks: Vec::new(),
        last: Last::default(),
    };
    let text = found.text.as_str();
    if text.is_empty() {
        return Ok(found);
    }
    let mut components = tracer.components().containing(text).limit(SHOWN);
    if let Some(after) = query.after {
        components = components.after(after);
    }
    let page = components.page()?;
    found.next = page.next.map(|next| link::to("/search", &[("text", text), ("after", &next)]));
    found.components = page.items;
    found.run = run(tracer, text)?;
    found.data = lineage::data(tracer, text)?.map(|pointer| pointer.name);
    found.labels = tracer.label_briefs(text, None, SHOWN)?.items;
    let small = text.to_lowercase();
    found.tasks = tracer.tasks()?.into_iter().filter(|task| task.to_lowercase().contains(&small)).collect();
    found.tasks.truncate(SHOWN as usize);
    found.last = last(tracer, &small)?;
    Ok(found)
}

/// The run of a number, or of the identity that holds everywhere.
fn run(tracer: &Tracer, text: &str) -> Result<Option<RunRecord>, Problem> {
    let id = match (text.parse::<RunId>(), text.parse::<Uuid>()) {
        (Ok(id), _) => Some(id),
        (_, Ok(uuid)) => tracer.run_id(uuid)?,
        _ => None,
    };
    Ok(tracer.run_parts(id.as_slice(), 0)?.pop().map(|part| part.run))
}

fn last(tracer: &Tracer, small: &str) -> Result<Last, Problem> {
    let mut found = Last::default();
    let shown = SHOWN as usize;
    let last: Vec<RunId> = tracer.briefs_before(RunId(i64::MAX), LAST)?.into_iter().map(|run| run.id).collect();
    for RunPart { run, .. } in tracer.run_parts(&last, NAMES)? {
        let inputs = run.inputs.iter().map(|input| &input.pointer.name);
        for name in inputs.chain(run.outputs.iter().map(|output| &output.name)) {
            if found.names.contains(name) || !name.to_lowercase().contains(small) {
                continue;
            }
            if found.names.len() < shown {
                found.names.insert(name.clone());
            } else {
                found.has_more_names = true;
            }
        }
        let note = run.notes.iter().find(|note| note.text.to_lowercase().contains(small));
        if let Some(note) = note.filter(|_| found.notes.len() < shown) {
            let text = note.text.clone();
            found.notes.push((run.clone(), text));
        }
        let is_commit = small.len() >= COMMIT && run.git.commit.as_ref().is_some_and(|hash| hash.starts_with(small));
        if is_commit && found.commits.len() < shown {
            found.commits.push(run);
        }
    }
    Ok(found)
}

impl Found {
    fn is_empty(&self) -> bool {
        self.run.is_none()
            && self.data.is_none()
            && self.components.is_empty()
            && self.labels.is_empty()
            && self.tasks.is_empty()
            && self.last.names.is_empty()
            && self.last.notes.is_empty()
            && self.last.commits.is_empty()
    }
}
