//! The last runs, live, endless; all of them, or those that are sought.

use std::collections::HashMap;

use askama::Template;
use chrono::{DateTime, Utc};
use mltrace_core::{ByStart, Page, RunBrief, RunId, RunPart, Status, Tracer};
use serde::Deserialize;

use super::form::{self, given, time};
use super::frame::Frame;
use super::run::run_part;
use super::site::{Site, Visit};
use super::{link, words};
use crate::api::Nothing;
use crate::problem::Problem;

/// So many runs at a time.
const PART: u32 = 50;
/// Of what a run wrote so much is shown.
pub(super) const SHOWN: u32 = 1;
/// Where runs are sought, so many are looked at together.
const WINDOW: u32 = 250;
/// And so many before the reader is asked whether to go on.
const MOST: u32 = 5_000;
/// Of the runs that are running the last so many are watched until they end: they stand in an address.
const WATCHED: u32 = 500;

pub(super) fn add(site: Site) -> Site {
    site.view("/", recent).view("/recent/older", older).view("/recent/newer", newer).view("/recent/row/{id}", row)
}

/// Which runs are sought, as the form sends it: what was left empty is sent empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    status: String,
    component: String,
    tag: String,
    since: String,
    until: String,
    /// Where to go on.
    after: Option<String>,
    /// The newest run that the page has.
    newest: Option<RunId>,
    /// Runs up to there that were running and may come to be sought.
    open: String,
}

/// The last runs, as a page.
#[derive(Template)]
#[template(path = "web/recent.html")]
struct Recent {
    frame: Frame,
    asked: Asked,
    part: Part,
    /// Where to ask for newer runs; of an older part nowhere.
    newer: Option<String>,
}

/// Some runs, newest first, and where those before them begin.
#[derive(Template)]
#[template(path = "web/recent_part.html")]
struct Part {
    runs: Vec<RunPart>,
    /// The addresses of the rest: as a page, and as a part of this one.
    next: Option<[String; 2]>,
    /// How many were looked at, where that was given up before the part was full.
    given_up: Option<u64>,
    is_sought: bool,
    is_of_running: bool,
    /// The address of the page that begins with these.
    here: String,
    is_first: bool,
}

/// Runs that were recorded since the page was made.
#[derive(Template)]
#[template(path = "web/recent_newer.html")]
struct Newer {
    runs: Vec<RunPart>,
    /// Where to ask for the next.
    next: String,
    /// There are more than are put in at a time.
    is_cut: bool,
    is_of_running: bool,
    here: String,
}

/// A run that is on the page already.
#[derive(Template)]
#[template(
    source = r#"{% let list = list.name() %}{% if let Some(part) = part %}{% include "web/recent_row.html" %}{% endif %}"#,
    ext = "html"
)]
struct Row {
    /// Nothing of a run that has ended in a list of those that are running.
    part: Option<RunPart>,
    list: List,
}

/// In which list and of what it stands.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Place {
    status: String,
    list: List,
}

/// The lists of runs that may stand on one page.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum List {
    #[default]
    Run,
    Heedless,
}

impl List {
    fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Heedless => "heedless",
        }
    }
}

#[derive(Debug, Deserialize)]
struct Numbered {
    id: RunId,
}

/// Which runs are sought.
struct Filter<'a> {
    tracer: &'a Tracer,
    status: Option<Status>,
    component: Option<&'a str>,
    tag: Option<&'a str>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    /// Whether a component has the tag, of those that were asked about.
    tagged: HashMap<String, bool>,
}

fn recent(visit: Visit<'_, Nothing, Asked>) -> Result<Recent, Problem> {
    let Visit { tracer, query: asked, frame, .. } = visit;
    // Looked up first: a run that comes or ends meanwhile is rather asked for twice than never.
    let newest = tracer.last_recorded()?;
    let mut filter = Filter::of(tracer, &asked)?;
    let watches = asked.after.is_none() && filter.waits_for_ends();
    let mut open = if watches { filter.may_come(tracer.open_runs(MOST)?)? } else { Vec::new() };
    let part = part(tracer, &asked)?;
    open.retain(|id| part.runs.iter().all(|part| part.run.id != *id));
    let newer = part.is_first.then(|| asked.newer(newest, &open));
    Ok(Recent { frame, asked, part, newer })
}

fn older(visit: Visit<'_, Nothing, Asked>) -> Result<Part, Problem> {
    let Visit { tracer, query, .. } = visit;
    part(tracer, &query)
}

fn newer(visit: Visit<'_, Nothing, Asked>) -> Result<Newer, Problem> {
    let Visit { tracer, query: asked, .. } = visit;
    let mut newest = asked.newest.unwrap_or(RunId(0));
    let mut filter = Filter::of(tracer, &asked)?;
    let mut runs = tracer.briefs(&asked.open()?)?;
    runs.sort_unstable_by_key(|run| run.id);
    let (mut ids, mut open) = (Vec::new(), Vec::new());
    for _ in 0..MOST / WINDOW {
        let found = tracer.briefs_after(newest, WINDOW)?;
        newest = found.last().map_or(newest, |run| run.id);
        let is_last = found.len() < WINDOW as usize;
        runs.extend(found);
        open.extend(filter.may_come(runs.clone())?);
        ids.extend(filter.keep(std::mem::take(&mut runs))?);
        if is_last || ids.len() > PART as usize {
            break;
        }
    }
    ids.reverse();
    let is_cut = ids.len() > PART as usize;
    if is_cut {
        ids.clear();
    }
    let next = asked.newer(newest, &open);
    let (is_of_running, here) = (asked.is_of_running(), link::to("/", &asked.question()));
    Ok(Newer { runs: tracer.run_parts(&ids, SHOWN)?, next, is_cut, is_of_running, here })
}

fn row(visit: Visit<'_, Numbered, Place>) -> Result<Row, Problem> {
    let Visit { tracer, path: Numbered { id }, query: Place { status, list }, .. } = visit;
    let part = run_part(tracer, id, SHOWN)?;
    let stays = form::status(&status)? != Some(Status::Running) || part.run.status == Status::Running;
    Ok(Row { part: stays.then_some(part), list })
}

fn part(tracer: &Tracer, asked: &Asked) -> Result<Part, Problem> {
    let mut filter = Filter::of(tracer, asked)?;
    let after = asked.after.as_deref();
    let Sought { ids, next, looked } = match filter.by_start() {
        Some(question) => sought_by_start(question, after)?,
        None => filter.sought(after)?,
    };
    let given_up = (next.is_some() && ids.len() < PART as usize).then_some(looked);
    let at = |place, after: Option<&str>| {
        link::to(place, &[asked.question(), after.map(|after| ("after", after)).into_iter().collect()].concat())
    };
    Ok(Part {
        runs: tracer.run_parts(&ids, SHOWN)?,
        next: next.map(|next| ["/", "/recent/older"].map(|place| at(place, Some(&next)))),
        given_up,
        is_sought: asked.is_sought(),
        is_of_running: asked.is_of_running(),
        here: at("/", after),
        is_first: after.is_none(),
    })
}

/// Runs that were found.
struct Sought {
    ids: Vec<RunId>,
    /// Where to go on.
    next: Option<String>,
    /// How many were looked at, where there are more.
    looked: u64,
}

fn sought_by_start(question: ByStart<'_>, after: Option<&str>) -> Result<Sought, Problem> {
    let question = question.limit(PART).within(MOST);
    let question = if let Some(after) = after { question.after(after)? } else { question };
    let Page { items, next } = question.briefs()?;
    Ok(Sought { ids: items.into_iter().map(|run| run.id).collect(), next, looked: MOST.into() })
}

impl<'a> Filter<'a> {
    fn of(tracer: &'a Tracer, asked: &'a Asked) -> Result<Self, Problem> {
        Ok(Self {
            tracer,
            status: form::status(&asked.status)?,
            component: given(&asked.component),
            tag: given(&asked.tag),
            since: time(&asked.since)?,
            until: time(&asked.until)?,
            tagged: HashMap::new(),
        })
    }

    /// How runs of a time or a tag are asked for, which may lie anywhere.
    fn by_start(&self) -> Option<ByStart<'a>> {
        if self.component.is_some() || (self.tag, self.since, self.until) == (None, None, None) {
            return None;
        }
        let mut question = self.tracer.by_start();
        if let Some(tag) = self.tag {
            question = question.tag(tag);
        }
        if let Some(status) = self.status {
            question = question.status(status);
        }
        if let Some(since) = self.since {
            question = question.since(since);
        }
        if let Some(until) = self.until {
            question = question.until(until);
        }
        Some(question)
    }

    /// Looks through the last runs, or through those of the component, until there are enough.
    fn sought(&mut self, after: Option<&str>) -> Result<Sought, Problem> {
        let mut ids = Vec::new();
        let mut after = after.map(ToOwned::to_owned);
        let mut looked = 0;
        let next = loop {
            let size = if looked == 0 { PART } else { WINDOW };
            let Page { items, next } = self.window(after.as_deref(), size)?;
            looked += items.len() as u64;
            ids.extend(self.keep(items)?);
            if next.is_none() || ids.len() >= PART as usize || looked >= u64::from(MOST) {
                break next;
            }
            after = next;
        };
        Ok(Sought { ids, next, looked })
    }

    /// The next runs to look at, newest first.
    fn window(&self, after: Option<&str>, size: u32) -> Result<Page<RunBrief>, Problem> {
        let Some(component) = self.component else {
            let before = after.map_or(Ok(RunId(i64::MAX)), |after| after.parse().map(RunId));
            let before = before.map_err(|_| Problem::bad_request("`after` is not where a list of runs goes on"))?;
            // One more than is asked for tells whether there are any more.
            let mut items = self.tracer.briefs_before(before, size + 1)?;
            let has_more = items.len() > size as usize;
            items.truncate(size as usize);
            let next = items.last().filter(|_| has_more).map(|run| run.id.to_string());
            return Ok(Page { items, next });
        };
        let mut history = self.tracer.history(component).limit(size.into());
        if let Some(since) = self.since {
            history = history.since(since);
        }
        if let Some(until) = self.until {
            history = history.until(until);
        }
        if let Some(after) = after {
            history = history.after(after)?;
        }
        Ok(history.briefs()?)
    }

    /// Those that are sought, of some that were looked at.
    fn keep(&mut self, runs: Vec<RunBrief>) -> Result<Vec<RunId>, Problem> {
        let status = self.status;
        self.but_for_status(runs.into_iter().filter(|run| status.is_none_or(|status| run.status == status)))
    }

    /// Whether runs that are running now may come to be sought.
    fn waits_for_ends(&self) -> bool {
        self.status.is_some_and(|status| status != Status::Running)
    }

    /// Those that are running, and will be sought if they end as is asked for.
    fn may_come(&mut self, mut runs: Vec<RunBrief>) -> Result<Vec<RunId>, Problem> {
        if !self.waits_for_ends() {
            return Ok(Vec::new());
        }
        runs.retain(|run| run.status == Status::Running);
        runs.sort_unstable_by_key(|run| run.id);
        self.but_for_status(runs)
    }

    /// Those that are sought if their status is.
    fn but_for_status(&mut self, runs: impl IntoIterator<Item = RunBrief>) -> Result<Vec<RunId>, Problem> {
        let mut kept = Vec::new();
        for run in runs {
            let is_meant = self.component.is_none_or(|component| run.component == component)
                && self.since.is_none_or(|since| run.started_at >= since)
                && self.until.is_none_or(|until| run.started_at <= until);
            if is_meant && self.has_tag(&run.component)? {
                kept.push(run.id);
            }
        }
        Ok(kept)
    }

    fn has_tag(&mut self, component: &str) -> Result<bool, Problem> {
        let Some(tag) = self.tag else { return Ok(true) };
        if let Some(&known) = self.tagged.get(component) {
            return Ok(known);
        }
        let found = self.tracer.component(component)?.tags.iter().any(|known| known == tag);
        self.tagged.insert(component.to_owned(), found);
        Ok(found)
    }
}

impl Recent {
    /// The page that begins with the last runs.
    fn newest(&self) -> String {
        link::to("/", &self.asked.question())
    }
}

impl Asked {
    /// What is sought, as it stands in addresses.
    fn question(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("status", self.status.as_str()),
            ("component", &self.component),
            ("tag", &self.tag),
            ("since", &self.since),
            ("until", &self.until),
        ];
        all.into_iter().filter(|(_, text)| given(text).is_some()).collect()
    }

    fn is_sought(&self) -> bool {
        !self.question().is_empty()
    }

    fn is_of_running(&self) -> bool {
        self.status == Status::Running.as_str()
    }

    /// Where to ask for runs that are newer than one, or that were running up to it.
    fn newer(&self, newest: RunId, open: &[RunId]) -> String {
        let newest = newest.to_string();
        let open: Vec<_> = open.iter().rev().take(WATCHED as usize).map(ToString::to_string).collect();
        let open = open.join(":");
        let watched = (!open.is_empty()).then_some(("open", open.as_str()));
        let question = [self.question(), vec![("newest", newest.as_str())], watched.into_iter().collect()].concat();
        link::to("/recent/newer", &question)
    }

    /// The runs that were running.
    fn open(&self) -> Result<Vec<RunId>, Problem> {
        let ids =
            self.open.split(':').filter(|id| !id.is_empty()).take(WATCHED as usize).map(|id| id.parse().map(RunId));
        ids.collect::<Result<_, _>>().map_err(|_| Problem::bad_request("`open` is no list of runs"))
    }
}
