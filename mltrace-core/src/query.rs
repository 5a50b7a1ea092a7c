//! Questions that a tracer answers. Answers are owned values that borrow nothing from the store.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::clock::{now, to_micros};
use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use crate::lineage::trace::{self, Reach};
use crate::model::{Component, Graph, IoPointer, Page, RunId, RunRecord, Status, Version};
use crate::store::{HistoryFilter, HistoryKey, NameId, VersionId, View};
use crate::tracer::Tracer;

impl Tracer {
    /// Everything about one run.
    ///
    /// # Errors
    /// There is no such run, or the store cannot be read.
    pub fn run(&self, id: RunId) -> Result<RunRecord> {
        self.store().read(|view| run(view, id))
    }

    /// The id of the run with an identity that holds everywhere, such as a run's parent; `None` if it is not here.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn run_id(&self, uuid: Uuid) -> Result<Option<RunId>> {
        self.store().read(|view| view.run_id(uuid))
    }

    /// The last runs that were recorded, newest first. The page's `next` is the id of the last run it shows, from which
    /// [`recent_before`](Self::recent_before) goes on.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn recent(&self, limit: u32) -> Result<Page<RunRecord>> {
        self.recent_before(RunId(i64::MAX), limit)
    }

    /// The last runs that were recorded before a run, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn recent_before(&self, before: RunId, limit: u32) -> Result<Page<RunRecord>> {
        self.store().read(|view| {
            let mut ids = view.recent(before, limit.saturating_add(1))?;
            let has_more = ids.len() > limit as usize;
            ids.truncate(limit as usize);
            let next = ids.last().filter(|_| has_more).map(ToString::to_string);
            Ok(Page { items: view.runs(&ids)?, next })
        })
    }

    /// The runs recorded after one, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn recorded_after(&self, id: RunId) -> Result<Vec<RunRecord>> {
        self.store().read(|view| view.runs(&view.recorded_after(id)?))
    }

    /// A component's runs by start, newest first unless told otherwise.
    pub fn history(&self, component: impl Into<String>) -> History<'_> {
        History {
            tracer: self,
            component: component.into(),
            filter: HistoryFilter::default(),
            newest_first: true,
            after: None,
            limit: 100,
        }
    }

    /// Where an output came from. A name is taken as it is, else as a path.
    pub fn trace(&self, output: impl Into<String>) -> Trace<'_> {
        Trace::new(self, Origin::Output(output.into()))
    }

    /// Where everything that a run read came from. The run is given, so a version or a time changes nothing.
    pub fn trace_run(&self, run: RunId) -> Trace<'_> {
        Trace::new(self, Origin::Run(run))
    }

    /// A component and its metadata.
    ///
    /// # Errors
    /// There is no such component, or the store cannot be read.
    pub fn component(&self, name: &str) -> Result<Component> {
        self.store().read(|view| {
            let id = view.component_that_ran(name)?.ok_or_else(|| no_component(view, name))?;
            view.component(id, name.to_owned())
        })
    }

    /// The components, by name.
    pub fn components(&self) -> Components<'_> {
        Components { tracer: self, tag: None, owner: None }
    }

    /// All tags, each with the names of the components that carry it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn tags(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for component in self.components().get()? {
            for tag in component.tags {
                tags.entry(tag).or_default().push(component.name.clone());
            }
        }
        Ok(tags)
    }

    /// Tags a component by hand; such a tag stays whatever its code says later.
    ///
    /// # Errors
    /// There is no such component, a tag is empty or too long, or the store cannot be written.
    pub fn tag<T: AsRef<str>>(&self, component: &str, tags: impl IntoIterator<Item = T>) -> Result<()> {
        self.store().write(None, |tx| {
            let id = tx.component_that_ran(component)?.ok_or_else(|| no_component(tx, component))?;
            for tag in tags {
                limits::name("a tag", tag.as_ref())?;
                tx.tag(id, tag.as_ref())?;
            }
            Ok(())
        })
    }

    /// Adds a remark to a run.
    ///
    /// # Errors
    /// There is no such run, the text is empty or too long, or the store cannot be written.
    pub fn add_note(&self, id: RunId, text: &str) -> Result<()> {
        if text.trim().is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "the note is empty; nothing was written"));
        }
        limits::text("the note", text)?;
        self.store().write(None, |tx| {
            tx.expect_run(id)?;
            tx.put_note(id, to_micros(now()), text)
        })
    }

    /// What is known of a name: as the latest run wrote it, or else as the last run read it.
    ///
    /// # Errors
    /// No run wrote or read it, or the store cannot be read.
    pub fn io_pointer(&self, name: &str) -> Result<IoPointer> {
        self.store().read(|view| {
            let unknown = || not_found(format!("no run wrote or read `{name}`"));
            let id = self.pointer_id(view, name)?.ok_or_else(unknown)?;
            match view.latest_writer(id, None)? {
                Some(writer) => view.output(writer.run, id, None),
                None => view.last_input(id),
            }?
            .ok_or_else(unknown)
        })
    }

    /// The key of a pointer by its name, else by the path that the text spells.
    fn pointer_id(&self, view: &View<'_>, text: &str) -> Result<Option<NameId>> {
        match view.pointer_id(text)? {
            Some(id) => Ok(Some(id)),
            None => view.pointer_id(&self.path_name(Path::new(text))),
        }
    }
}

/// A question for components.
///
/// ```
/// use mltrace_core::{ComponentRun, Tracer};
///
/// let tracer = Tracer::in_memory()?;
/// for (component, owner) in [("clean", "data team"), ("train", "science")] {
///     let mut run = ComponentRun::new(component);
///     run.owner(owner).start().end();
///     tracer.log_component_run(run)?;
/// }
/// let owned = tracer.components().owner("science").get()?;
/// assert_eq!(owned[0].name, "train");
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct Components<'t> {
    tracer: &'t Tracer,
    tag: Option<String>,
    owner: Option<String>,
}

impl Components<'_> {
    /// Those that carry this tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Those of this owner.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// The components.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn get(self) -> Result<Vec<Component>> {
        let all: Vec<Component> = self
            .tracer
            .store()
            .read(|view| view.component_names()?.into_iter().map(|(id, name)| view.component(id, name)).collect())?;
        let is_wanted = |component: &Component| {
            self.tag.as_ref().is_none_or(|tag| component.tags.contains(tag))
                && (self.owner.is_none() || component.owner == self.owner)
        };
        Ok(all.into_iter().filter(is_wanted).collect())
    }
}

/// A question for the runs of a component.
///
/// ```
/// use mltrace_core::{ComponentRun, Status, Tracer};
///
/// let tracer = Tracer::in_memory()?;
/// for partition in ["2020-01", "2020-02"] {
///     let mut run = ComponentRun::new("cleaning");
///     run.start().partition(partition).end();
///     tracer.log_component_run(run)?;
/// }
/// let page = tracer.history("cleaning").status(Status::Completed).limit(1).get()?;
/// assert_eq!(page.items[0].partition.as_deref(), Some("2020-02"));
/// let rest = tracer.history("cleaning").after(page.next.as_deref().unwrap())?.get()?;
/// assert_eq!(rest.items[0].partition.as_deref(), Some("2020-01"));
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct History<'t> {
    tracer: &'t Tracer,
    component: String,
    filter: HistoryFilter,
    newest_first: bool,
    after: Option<HistoryKey>,
    limit: u64,
}

impl History<'_> {
    /// At most so many runs; 100 unless told.
    pub fn limit(mut self, runs: u64) -> Self {
        self.limit = runs;
        self
    }

    /// Runs that started at this time or later.
    pub fn since(mut self, time: DateTime<Utc>) -> Self {
        self.filter.since = Some(to_micros(time));
        self
    }

    /// Runs that started at this time or earlier.
    pub fn until(mut self, time: DateTime<Utc>) -> Self {
        self.filter.until = Some(to_micros(time));
        self
    }

    /// Runs that stand so.
    pub fn status(mut self, status: Status) -> Self {
        self.filter.status = Some(status);
        self
    }

    /// Runs of this partition.
    pub fn partition(mut self, partition: impl Into<String>) -> Self {
        self.filter.partition = Some(partition.into());
        self
    }

    /// Runs that were called inside this one.
    pub fn parent(mut self, parent: Uuid) -> Self {
        self.filter.parent = Some(parent);
        self
    }

    /// Whether to begin with the latest start (the default) or the earliest.
    pub fn newest_first(mut self, newest_first: bool) -> Self {
        self.newest_first = newest_first;
        self
    }

    /// Goes on where an earlier page ended, given its `next`.
    ///
    /// # Errors
    /// The cursor is not one that a history gave.
    pub fn after(mut self, cursor: &str) -> Result<Self> {
        let key = cursor.split_once('.').and_then(|(started_at, run)| {
            Some(HistoryKey { started_at: started_at.parse().ok()?, run: run.parse().ok()? })
        });
        let invalid = || Error::new(ErrorKind::Invalid, format!("`{cursor}` is not a cursor of a history"));
        self.after = Some(key.ok_or_else(invalid)?);
        Ok(self)
    }

    /// The runs.
    ///
    /// # Errors
    /// There is no such component, or the store cannot be read.
    pub fn get(self) -> Result<Page<RunRecord>> {
        self.tracer.store().read(|view| {
            let mut keys = self.keys(view, self.limit.saturating_add(1))?;
            let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
            let has_more = keys.len() > shown;
            keys.truncate(shown);
            let last = keys.last().filter(|_| has_more);
            let next = last.map(|key| format!("{}.{}", key.started_at, key.run));
            let ids: Vec<RunId> = keys.iter().map(|key| key.run).collect();
            Ok(Page { items: view.runs(&ids)?, next })
        })
    }

    /// The run at a place, counted from 0 at the end where the history begins; `None` past the other end.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn nth(self, place: u64) -> Result<Option<RunRecord>> {
        self.tracer.store().read(|view| {
            let keys = self.keys(view, place.saturating_add(1))?;
            let found = usize::try_from(place).ok().and_then(|place| keys.get(place));
            found.map(|key| run(view, key.run)).transpose()
        })
    }

    fn keys(&self, view: &View<'_>, limit: u64) -> Result<Vec<HistoryKey>> {
        let component = view.component_that_ran(&self.component)?.ok_or_else(|| no_component(view, &self.component))?;
        view.history(component, &self.filter, self.newest_first, self.after, limit)
    }
}

/// A question for the runs behind an output.
///
/// ```
/// use mltrace_core::{ComponentRun, Tracer};
///
/// let tracer = Tracer::in_memory()?;
/// for (component, input, output) in [("clean", "raw", "rides"), ("train", "rides", "forest")] {
///     let mut run = ComponentRun::new(component);
///     run.start().add_input(input).add_output(output).end();
///     tracer.log_component_run(run)?;
/// }
/// let graph = tracer.trace("forest").get()?;
/// let stages: Vec<_> = graph.runs.iter().map(|found| (found.depth, found.run.component.as_str())).collect();
/// assert_eq!(stages, [(0, "train"), (1, "clean")]);
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct Trace<'t> {
    tracer: &'t Tracer,
    origin: Origin,
    version: Option<String>,
    as_of: Option<DateTime<Utc>>,
    reach: Reach,
}

#[derive(Debug, Clone)]
enum Origin {
    Output(String),
    Run(RunId),
}

impl<'t> Trace<'t> {
    fn new(tracer: &'t Tracer, origin: Origin) -> Self {
        Self { tracer, origin, version: None, as_of: None, reach: Reach::default() }
    }

    /// From the run that wrote this version of the output, given by the beginning of its value, rather than the latest.
    pub fn version(mut self, beginning: impl Into<String>) -> Self {
        self.version = Some(beginning.into());
        self
    }

    /// From the latest run that had written the output by this time.
    pub fn as_of(mut self, time: DateTime<Utc>) -> Self {
        self.as_of = Some(time);
        self
    }

    /// At most so many hops from the root. What is cut off is counted.
    pub fn depth(mut self, hops: u32) -> Self {
        self.reach.depth = Some(hops);
        self
    }

    /// Shows the runs of this component, and goes no further behind them.
    pub fn stop_at(mut self, component: impl Into<String>) -> Self {
        self.reach.stop_at = Some(component.into());
        self
    }

    /// The graph.
    ///
    /// # Errors
    /// No run wrote the output (in that version, by that time), there is no such run, or the store cannot be read.
    pub fn get(self) -> Result<Graph> {
        self.tracer.store().read(|view| match &self.origin {
            Origin::Run(id) => {
                run(view, *id)?;
                trace::upstream(view, *id, None, &self.reach)
            }
            Origin::Output(name) => {
                let (root, pointer) = self.writer(view, name)?;
                trace::upstream(view, root, pointer, &self.reach)
            }
        })
    }

    fn writer(&self, view: &View<'_>, name: &str) -> Result<(RunId, Option<IoPointer>)> {
        let unknown = || not_found(format!("no run wrote or read `{name}`"));
        let id = self.tracer.pointer_id(view, name)?.ok_or_else(unknown)?;
        let version = self.version.as_deref().map(|beginning| the_version(view, id, name, beginning)).transpose()?;
        let ended_by = self.as_of.map(to_micros);
        let writer = match version {
            None => view.latest_writer(id, ended_by)?,
            Some(version) => view.latest_writer_of(id, version, ended_by)?,
        };
        let writer = writer.ok_or_else(|| match self.as_of {
            Some(time) => not_found(format!("no run had written `{name}` by {time}")),
            None => not_found(format!("runs read `{name}`, but no traced run wrote it: it is a source")),
        })?;
        Ok((writer.run, view.output(writer.run, id, version)?))
    }
}

/// The one version of a name that is, or else begins, as given.
fn the_version(view: &View<'_>, id: NameId, name: &str, beginning: &str) -> Result<VersionId> {
    const SHOWN: usize = 5;
    let versions = view.versions_of(id, beginning)?;
    let is_exact = |version: &Version| version.value == beginning || version.to_string() == beginning;
    match versions.as_slice() {
        [] => Err(not_found(format!("no run wrote a version of `{name}` that begins with `{beginning}`"))),
        [(only, _)] => Ok(*only),
        several => several.iter().find(|(_, version)| is_exact(version)).map(|(exact, _)| *exact).ok_or_else(|| {
            let shown: Vec<_> = several.iter().take(SHOWN).map(|(_, version)| version.to_string()).collect();
            let more = if several.len() > SHOWN { ", ..." } else { "" };
            let message = format!("`{beginning}` begins several versions of `{name}`: {}{more}", shown.join(", "));
            Error::new(ErrorKind::Invalid, message)
        }),
    }
}

fn run(view: &View<'_>, id: RunId) -> Result<RunRecord> {
    view.run(id)?.ok_or_else(|| not_found(format!("there is no run {id} in this store")))
}

fn no_component(view: &View<'_>, name: &str) -> Error {
    let known: Vec<_> =
        view.component_names().unwrap_or_default().into_iter().map(|(_, known)| known).take(10).collect();
    let hint =
        if known.is_empty() { "the store is empty".to_owned() } else { format!("there are {}", known.join(", ")) };
    not_found(format!("there is no component `{name}`: {hint}"))
}

fn not_found(message: String) -> Error {
    Error::new(ErrorKind::NotFound, message)
}
