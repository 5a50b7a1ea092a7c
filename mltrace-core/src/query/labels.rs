//! Labels, what carries them, and their retraction.

use std::path::Path;

use super::{not_found, the_version_seen, there_are};
use crate::clock::{now, to_micros};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    IoPointer, Label, LabelBrief, LabelCarriers, LabelledPointer, Page, Recorded, Retracted, Retraction, Violation,
};
use crate::store::{LabelId, View};
use crate::tracer::Tracer;
use crate::{limits, lineage, provenance};

/// Of what a label is attached to, so much is told where it may be on anything.
const ATTACHED: usize = 100;

impl Tracer {
    /// Labels a name and all its versions, or one of them. A name is taken as it is, else as a path; one that no run has
    /// read or written yet can be labelled, too.
    pub fn label(&self, pointer: impl Into<String>, label: impl Into<String>) -> Labelling<'_> {
        Labelling { tracer: self, pointer: pointer.into(), label: label.into(), version: None }
    }

    /// Retracts a label, for a reason: from now on nothing should read what carries it.
    pub fn retract(&self, label: impl Into<String>, reason: impl Into<String>) -> Retracting<'_> {
        Retracting { tracer: self, label: label.into(), reason: reason.into(), by: None }
    }

    /// The labels, by name, with what they are attached to.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn labels(&self) -> Result<Vec<Label>> {
        self.store()
            .read(|view| view.labels()?.into_iter().map(|(id, name)| lineage::labels::label(view, id, name)).collect())
    }

    /// At most so many of the labels, by name, from the one after a name on, each with all that it is attached to. The page's
    /// `next` is the name of the last of them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn labels_after(&self, after: Option<&str>, limit: u32) -> Result<Page<Label>> {
        self.store()
            .read(|view| labels_after(view, "", after, limit, |(id, name)| lineage::labels::label(view, id, name)))
    }

    /// At most so many of the labels whose names begin so, by name, from the one after a name on. Each comes with at most
    /// 100 of the names that it is attached to. The page's `next` is the name of the last label.
    ///
    /// ```
    /// use mltrace_core::Tracer;
    ///
    /// let tracer = Tracer::in_memory()?;
    /// for label in ["customer-7", "customer-8", "vendor"] {
    ///     tracer.label("raw/2020-05.parquet", label).write()?;
    /// }
    /// let page = tracer.label_briefs("customer", None, 1)?;
    /// assert_eq!(page.items[0].label.name, "customer-7");
    /// let rest = tracer.label_briefs("customer", page.next.as_deref(), 10)?;
    /// assert_eq!((rest.items.len(), rest.next), (1, None));
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn label_briefs(&self, beginning: &str, after: Option<&str>, limit: u32) -> Result<Page<LabelBrief>> {
        self.store().read(|view| {
            labels_after(view, beginning, after, limit, |(id, name)| lineage::labels::brief(view, id, name, ATTACHED))
        })
    }

    /// A label, and the runs nearest to it of those that read what carries it: at most so many are looked for, so that a
    /// label which has touched everything is not followed everywhere. [`impact_label`](Self::impact_label) tells all.
    ///
    /// ```
    /// use mltrace_core::{ComponentRun, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// tracer.label("raw", "customer-7").write()?;
    /// tracer.retract("customer-7", "consent withdrawn").write()?;
    /// let mut run = ComponentRun::new("clean");
    /// run.start().add_input("raw").end();
    /// let id = tracer.log_component_run(run)?;
    /// let carriers = tracer.label_carriers("customer-7", 100)?;
    /// assert_eq!((carriers.runs, carriers.heedless, carriers.may_be_more), (vec![id], vec![id], false));
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such label, or the store cannot be read.
    pub fn label_carriers(&self, label: &str, at_most: usize) -> Result<LabelCarriers> {
        self.store().read(|view| {
            let id = view.label_id(label)?.ok_or_else(|| no_label(view, label))?;
            let brief = lineage::labels::brief(view, id, label.to_owned(), ATTACHED)?;
            let (runs, may_be_more) = lineage::labels::nearest_carriers(view, id, at_most)?;
            let mut heedless = Vec::new();
            if let Some(retraction) = &brief.label.retraction {
                let since = to_micros(retraction.retracted_at);
                for &run in &runs {
                    heedless.extend(view.started_at(run)?.filter(|&started_at| since <= started_at).map(|_| run));
                }
            }
            Ok(LabelCarriers { brief, runs, heedless, may_be_more })
        })
    }

    /// The retractions, the latest first, each with the runs that did not heed it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn retracted(&self) -> Result<Vec<Retracted>> {
        self.store().read(|view| {
            let mut found = Vec::new();
            for (id, _) in view.labels()? {
                if let Some(retraction) = view.retraction(id)? {
                    found.push(retracted(view, id, retraction)?);
                }
            }
            found.sort_by_key(|retracted| std::cmp::Reverse(retracted.retraction.retracted_at));
            Ok(found)
        })
    }

    /// Which of these inputs, of a run that is about to start and puts these labels on them, carry a retracted label.
    pub(crate) fn retracted_among(&self, inputs: &[IoPointer], labels: &[String]) -> Result<Vec<Violation>> {
        self.store().read(|view| lineage::labels::retracted_among(view, inputs, labels, to_micros(now())))
    }

    /// The name by which runs know, or will know, what a text spells.
    fn name_of(&self, view: &View<'_>, text: &str) -> Result<String> {
        let path = Path::new(text);
        let name = self.path_name(path);
        let is_path = || path.is_absolute() || path.starts_with(".") || path.starts_with("..") || path.exists();
        let is_name = view.pointer_id(text)?.is_some() || view.pointer_id(&name)?.is_none() && !is_path();
        Ok(if is_name { text.to_owned() } else { name })
    }
}

/// At most so many of the labels whose names begin so, from the one after a name on, each as `told`.
fn labels_after<T>(
    view: &View<'_>,
    beginning: &str,
    after: Option<&str>,
    limit: u32,
    told: impl FnMut((LabelId, String)) -> Result<T>,
) -> Result<Page<T>> {
    let limit = limit as usize;
    let mut labels = view.labels_after(beginning, after, limit + 1)?;
    let has_more = labels.len() > limit;
    labels.truncate(limit);
    let next = labels.last().filter(|_| has_more).map(|(_, name)| name.clone());
    Ok(Page { items: labels.into_iter().map(told).collect::<Result<_>>()?, next })
}

/// A label that is being attached.
///
/// ```
/// use mltrace_core::Tracer;
///
/// let tracer = Tracer::in_memory()?;
/// let labelled = tracer.label("raw/2020-05.parquet", "customer-7").write()?;
/// assert!(labelled.is_new);
/// assert!(!labelled.entry.known, "no run has read it yet");
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `write` to attach it"]
pub struct Labelling<'t> {
    tracer: &'t Tracer,
    pointer: String,
    label: String,
    version: Option<String>,
}

impl Labelling<'_> {
    /// Only this version, which a run wrote or read, given by the beginning of its value.
    pub fn version(mut self, beginning: impl Into<String>) -> Self {
        self.version = Some(beginning.into());
        self
    }

    /// Attaches it, unless it is attached already.
    ///
    /// # Errors
    /// The label or the name is empty or too long, no run wrote or read such a version, or the store cannot be written.
    pub fn write(self) -> Result<Recorded<LabelledPointer>> {
        limits::name("the label", &self.label)?;
        limits::name("the pointer's name", &self.pointer)?;
        self.tracer.store().write(None, |tx| {
            let name = self.tracer.name_of(tx, &self.pointer)?;
            let id = tx.text(&name)?;
            let version = self.version.as_deref().map(|begin| the_version_seen(tx, id, &name, begin)).transpose()?;
            let label = tx.label(&self.label)?;
            let is_new = tx.attach(label, id, version, to_micros(now()))?;
            let attached = tx.attached(label)?.into_iter().find(|found| found.name == id && found.version == version);
            let entry = attached.ok_or_else(|| Error::new(ErrorKind::Internal, "a label that was attached is not"))?;
            Ok(Recorded { entry: entry.pointer, is_new })
        })
    }
}

/// A label that is being retracted.
///
/// ```
/// use mltrace_core::Tracer;
///
/// let tracer = Tracer::in_memory()?;
/// tracer.label("raw/2020-05.parquet", "customer-7").write()?;
/// let first = tracer.retract("customer-7", "consent withdrawn").by("privacy office").write()?;
/// assert!(first.is_new);
/// let again = tracer.retract("customer-7", "asked once more").write()?;
/// assert_eq!((again.is_new, again.entry.reason.as_str()), (false, "consent withdrawn"));
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `write` to retract it"]
pub struct Retracting<'t> {
    tracer: &'t Tracer,
    label: String,
    reason: String,
    by: Option<String>,
}

impl Retracting<'_> {
    /// Who retracts it; the name of the user who runs this process unless told.
    pub fn by(mut self, who: impl Into<String>) -> Self {
        self.by = Some(who.into());
        self
    }

    /// Retracts it. If it was retracted before, the first retraction stands.
    ///
    /// # Errors
    /// There is no such label, no reason or nobody is given or they are too long, or the store cannot be written.
    pub fn write(self) -> Result<Recorded<Retraction>> {
        if self.reason.trim().is_empty() {
            let message = "the reason is empty: say why the label is retracted; nothing was written";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        limits::text("the reason", &self.reason)?;
        let user = || provenance::process().user.clone().unwrap_or_else(|| "unknown".to_owned());
        let by = self.by.unwrap_or_else(user);
        limits::name("who retracts it", &by)?;
        self.tracer.store().write(None, |tx| {
            let id = tx.label_id(&self.label)?.ok_or_else(|| no_label(tx, &self.label))?;
            if let Some(entry) = tx.retraction(id)? {
                return Ok(Recorded { entry, is_new: false });
            }
            let retracted_at = now();
            tx.retract(id, to_micros(retracted_at), &by, &self.reason)?;
            let entry = Retraction { label: self.label, retracted_at, retracted_by: by, reason: self.reason };
            Ok(Recorded { entry, is_new: true })
        })
    }
}

/// A retraction with the runs that started after it and read what carries the label.
fn retracted(view: &View<'_>, label: LabelId, retraction: Retraction) -> Result<Retracted> {
    let since = to_micros(retraction.retracted_at);
    let mut runs = Vec::new();
    for run in lineage::labels::carriers(view, label)? {
        let started_at = view.started_at(run)?;
        runs.extend(started_at.filter(|&started_at| since <= started_at).map(|started_at| (started_at, run)));
    }
    runs.sort_unstable();
    let ids: Vec<_> = runs.into_iter().map(|(_, id)| id).collect();
    Ok(Retracted { retraction, runs: view.runs(&ids)? })
}

/// Names the labels that may have been meant.
pub(super) fn no_label(view: &View<'_>, name: &str) -> Error {
    let known = view.labels().unwrap_or_default().into_iter().map(|(_, known)| known).collect();
    let hint = there_are(name, known).unwrap_or_else(|| "there are no labels yet".to_owned());
    not_found(format!("there is no label `{name}`: {hint}"))
}
