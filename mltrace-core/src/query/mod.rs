//! Questions that a tracer answers. Answers are owned values that borrow nothing from the store.

mod brief;
mod by_start;
mod catalogue;
mod checks;
mod diff;
mod flag;
mod history;
mod impact;
mod labels;
mod review;
mod stale;
mod trace;
mod verify;

use std::ops::Range;
use std::path::Path;

use uuid::Uuid;

pub use by_start::ByStart;
pub use catalogue::Components;
pub use checks::Checks;
pub use history::History;
pub use impact::Impact;
pub use labels::{Labelling, Retracting};
pub use review::Reviewing;
pub use stale::{StaleRun, Staleness};
pub use trace::Trace;
pub use verify::Verify;

use crate::clock::{now, to_micros};
use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use crate::lineage::labels::fill;
use crate::lineage::stale::Judge;
use crate::model::{IoPointer, Note, Page, RunId, RunPart, RunRecord, Version};
use crate::store::{NameId, Pointers, VersionId, View};
use crate::tracer::Tracer;

impl Tracer {
    /// Everything about one run, with the labels that it carries and what it read of retracted ones; and whether it is
    /// stale: now, and as of its start. Who shows none of that asks for [`runs`](Self::runs).
    ///
    /// # Errors
    /// There is no such run, or the store cannot be read.
    pub fn run(&self, id: RunId) -> Result<RunRecord> {
        Ok(self.run_with_outputs(id, 0..u32::MAX)?.run)
    }

    /// The same, but of its outputs those at these places alone: a run may have written very many.
    ///
    /// ```
    /// use mltrace_core::{ComponentRun, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// let mut run = ComponentRun::new("split");
    /// run.start().add_output((0..300).map(|number| format!("part-{number}")).collect::<Vec<_>>()).end();
    /// let id = tracer.log_component_run(run)?;
    /// let part = tracer.run_with_outputs(id, 200..210)?;
    /// assert_eq!((part.run.outputs.len(), part.run.outputs[0].name.as_str(), part.outputs), (10, "part-200", 300));
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such run, or the store cannot be read.
    pub fn run_with_outputs(&self, id: RunId, outputs: Range<u32>) -> Result<RunPart> {
        let now = to_micros(now());
        let pointers = Pointers { outputs, ..Pointers::ALL };
        self.store().read(|view| {
            let mut found = view.run_parts(&[id], &pointers)?.pop().ok_or_else(|| no_run(id))?;
            fill(view, &mut found.run, &pointers.outputs)?;
            found.run.stale = Some(Judge::as_of(view, now).judge(id)?);
            found.run.stale_at_start = Some(Judge::as_of(view, to_micros(found.run.started_at)).judge(id)?);
            Ok(found)
        })
    }

    /// These runs, in this order, as lists show them: without labels and staleness, for which all that is behind a run is
    /// walked through. Those that are not there are left out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn runs(&self, ids: &[RunId]) -> Result<Vec<RunRecord>> {
        self.store().read(|view| view.runs(ids))
    }

    /// These runs likewise, but of each at most so many inputs and as many outputs.
    ///
    /// ```
    /// use mltrace_core::{ComponentRun, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// let mut run = ComponentRun::new("split");
    /// run.start().add_output((0..300).map(|number| format!("part-{number}")).collect::<Vec<_>>()).end();
    /// let id = tracer.log_component_run(run)?;
    /// let part = &tracer.run_parts(&[id], 1)?[0];
    /// assert_eq!((part.run.outputs.len(), part.run.outputs[0].name.as_str(), part.outputs), (1, "part-0", 300));
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn run_parts(&self, ids: &[RunId], pointers: u32) -> Result<Vec<RunPart>> {
        let pointers = Pointers { inputs: 0..pointers, outputs: 0..pointers };
        self.store().read(|view| view.run_parts(ids, &pointers))
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

    /// Puts a text in place of a note's, which keeps its moment; an empty text takes the note away. The note is given as a
    /// run has it, so that what somebody else made of it meanwhile is not lost.
    ///
    /// Only this store knows of the edit: a run that is still open and that wrote the note itself writes the old text again
    /// when it ends, and an import of what was exported before brings it back, beside the new one.
    ///
    /// ```
    /// use mltrace_core::{ComponentRun, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// let mut run = ComponentRun::new("clean");
    /// run.start().end();
    /// let id = tracer.log_component_run(run)?;
    /// tracer.add_note(id, "the vender resent it")?;
    /// let note = tracer.run(id)?.notes.remove(0);
    /// tracer.edit_note(id, &note, "the vendor resent it")?;
    /// assert_eq!(tracer.run(id)?.notes[0].text, "the vendor resent it");
    /// assert!(tracer.edit_note(id, &note, "").is_err(), "it says something else by now");
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such run, it has no such note any more ([`ErrorKind::NotFound`]), the text is too long, or the store
    /// cannot be written.
    pub fn edit_note(&self, id: RunId, note: &Note, text: &str) -> Result<()> {
        limits::text("the note", text)?;
        let written_at = to_micros(note.written_at);
        self.store().write(None, |tx| {
            tx.expect_run(id)?;
            if !tx.remove_note(id, written_at, &note.text)? {
                let message = format!("run {id} has no such note any more: read it again, it was edited or taken away");
                return Err(not_found(message));
            }
            if text.trim().is_empty() { Ok(()) } else { tx.put_note(id, written_at, text) }
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
            current(view, id)?.ok_or_else(unknown)
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

/// A pointer as the latest run wrote it, or else as the last run read it.
fn current(view: &View<'_>, id: NameId) -> Result<Option<IoPointer>> {
    match view.latest_writer(id, None)? {
        Some(writer) => view.output(writer.run, id, None),
        None => Ok(view.last_reading(id, None)?.map(|(_, pointer)| pointer)),
    }
}

/// The one version of a name that a run wrote and that is, or else begins, as given. A whole version that runs only read
/// begins no other.
fn the_version(view: &View<'_>, id: NameId, name: &str, beginning: &str) -> Result<VersionId> {
    let whole = view.versions_spelled(beginning)?;
    for &version in &whole {
        if view.is_written(id, version)? {
            return Ok(version);
        }
    }
    for &version in &whole {
        if view.is_read(id, version)? {
            return Err(not_found(format!("runs only read `{beginning}` of `{name}`: no traced run wrote it")));
        }
    }
    only_version(&view.versions_of(id, beginning)?, "wrote", name, beginning)
}

/// The one version of a name that a run wrote or read and that is, or else begins, as given.
fn the_version_seen(view: &View<'_>, id: NameId, name: &str, beginning: &str) -> Result<VersionId> {
    match whole_version(view, id, beginning)? {
        Some(whole) => Ok(whole),
        None => only_version(&view.versions_seen(id, beginning)?, "wrote or read", name, beginning),
    }
}

/// The version of a name that a run wrote or read and that is spelled so, whole.
fn whole_version(view: &View<'_>, id: NameId, text: &str) -> Result<Option<VersionId>> {
    for version in view.versions_spelled(text)? {
        if view.is_written(id, version)? || view.is_read(id, version)? {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

/// The one of these versions that begins so; none of them is spelled so whole.
fn only_version(versions: &[(VersionId, Version)], used: &str, name: &str, beginning: &str) -> Result<VersionId> {
    const SHOWN: usize = 5;
    match versions {
        [] => Err(not_found(format!("no run {used} a version of `{name}` that begins with `{beginning}`"))),
        [(only, _)] => Ok(*only),
        several => {
            let shown: Vec<_> = several.iter().take(SHOWN).map(|(_, version)| version.to_string()).collect();
            let more = if several.len() > SHOWN { ", ..." } else { "" };
            let message = format!("`{beginning}` begins several versions of `{name}`: {}{more}", shown.join(", "));
            Err(Error::new(ErrorKind::Invalid, message))
        }
    }
}

fn run(view: &View<'_>, id: RunId) -> Result<RunRecord> {
    view.run(id)?.ok_or_else(|| no_run(id))
}

/// When a run started, in microseconds: who asks whether it is there need not read all of it.
fn started_at(view: &View<'_>, id: RunId) -> Result<i64> {
    view.started_at(id)?.ok_or_else(|| no_run(id))
}

fn no_run(id: RunId) -> Error {
    not_found(format!("there is no run {id} in this store"))
}

/// Which names there are, the nearest to one that was asked for first; `None` of none.
pub(crate) fn there_are(asked: &str, mut known: Vec<String>) -> Option<String> {
    const SHOWN: usize = 5;
    known.sort_by(|a, b| strsim::jaro_winkler(asked, b).total_cmp(&strsim::jaro_winkler(asked, a)));
    known.truncate(SHOWN);
    (!known.is_empty()).then(|| format!("there are {}", known.join(", ")))
}

fn not_found(message: String) -> Error {
    Error::new(ErrorKind::NotFound, message)
}
