//! Questions for whether files still hold what runs recorded.

use std::collections::BTreeMap;
use std::path::Path;

use super::not_found;
use crate::artifact;
use crate::error::Result;
use crate::fingerprint::may_be_escaped;
use crate::model::{IoPointer, RunId, Verified, VerifyReport, VerifyStatus, Version, VersionKind};
use crate::provenance;
use crate::store::{NameId, Names, Origin, View};
use crate::tracer::Tracer;

impl Tracer {
    /// Whether files still hold what runs wrote last, and sources what runs read last.
    pub fn verify(&self) -> Verify<'_> {
        Verify { tracer: self, pointer: None }
    }
}

/// A question for whether files still hold what runs recorded.
///
/// Each file is measured as it was when it was recorded, whatever its size now. Of an artifact every version is compared
/// that runs wrote, or where none did that they read. A folder is measured with this tracer's fingerprint limit, so a store
/// whose programs set another one needs a tracer with the same.
///
/// A file that isn't as a run on another host left it may be that host's own, so nothing is said of it.
///
/// ```
/// use mltrace_core::{ComponentRun, Tracer};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("rides.csv");
/// let tracer = Tracer::in_memory()?;
/// let mut run = ComponentRun::new("cleaning");
/// run.start().add_output(&path).add_output("prediction-17");
/// std::fs::write(&path, "1.2,10")?;
/// run.end();
/// tracer.log_component_run(run)?;
/// assert_eq!(tracer.verify().get()?.intact, 1);
///
/// std::fs::write(&path, "1.2,99")?;
/// let report = tracer.verify().get()?;
/// assert_eq!((report.changed, report.unknown), (1, 1));
/// assert_eq!(report.items[0].component, "cleaning");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct Verify<'t> {
    tracer: &'t Tracer,
    pointer: Option<String>,
}

impl Verify<'_> {
    /// Only this pointer, a name or else a path.
    pub fn pointer(mut self, name: impl Into<String>) -> Self {
        self.pointer = Some(name.into());
        self
    }

    /// The report.
    ///
    /// # Errors
    /// No run wrote or read the pointer, or the store cannot be read. A file that cannot be read is unknown.
    pub fn get(self) -> Result<VerifyReport> {
        self.each(|_| ())
    }

    /// The report, after handing each file to `each` when it has been looked at: large ones take their time.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn each(self, mut each: impl FnMut(&Verified)) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        if let Some(name) = &self.pointer {
            for recorded in self.recorded_of(name)? {
                let verified = recorded.verify(self.tracer);
                each(&verified);
                report.count(verified.status);
                report.items.push(verified);
            }
            return Ok(report);
        }
        let count = |view: &View<'_>| Ok(view.count_names_written()? - view.count_names_written_at_a_version()?);
        report.unknown = self.tracer.store().read(count)?;
        for names in [Names::Written, Names::OnlyRead] {
            let mut after = NameId::BEFORE_ALL;
            // Files are read between looks at the store, never during one: that would hold up its writers' log.
            while let Some((last, all_recorded)) = self.next_page(names, after)? {
                after = last;
                for recorded in all_recorded {
                    let verified = recorded.verify(self.tracer);
                    each(&verified);
                    report.count(verified.status);
                    if verified.status.is_news() {
                        report.items.push(verified);
                    }
                }
            }
        }
        Ok(report)
    }

    fn recorded_of(&self, name: &str) -> Result<Vec<Recorded>> {
        self.tracer.store().read(|view| {
            let unknown = || not_found(format!("no run wrote or read `{name}`"));
            recorded(view, self.tracer.pointer_id(view, name)?.ok_or_else(unknown)?)
        })
    }

    /// What was recorded of the next few names, with the last of them.
    fn next_page(&self, names: Names, after: NameId) -> Result<Option<(NameId, Vec<Recorded>)>> {
        const PAGE: i64 = 256;
        self.tracer.store().read(|view| {
            let page = view.names_after(after, names, PAGE)?;
            let Some(&last) = page.last() else { return Ok(None) };
            let mut all = Vec::with_capacity(page.len());
            for name in page {
                all.extend(recorded(view, name)?);
            }
            Ok(Some((last, all)))
        })
    }
}

impl VerifyReport {
    fn count(&mut self, status: VerifyStatus) {
        *match status {
            VerifyStatus::Intact => &mut self.intact,
            VerifyStatus::Changed => &mut self.changed,
            VerifyStatus::Missing => &mut self.missing,
            VerifyStatus::Unknown => &mut self.unknown,
        } += 1;
    }
}

/// What the store says of one file.
struct Recorded {
    pointer: IoPointer,
    run: RunId,
    origin: Origin,
    written: bool,
}

/// What was recorded last of a name: one file, or all versions of an artifact.
fn recorded(view: &View<'_>, name: NameId) -> Result<Vec<Recorded>> {
    let writer = view.latest_writer(name, None)?;
    let written = writer.is_some();
    let last = match writer {
        Some(writer) => view.output(writer.run, name, None)?.map(|pointer| (writer.run, pointer)),
        None => view.last_reading(name, None)?,
    };
    let Some((run, pointer)) = last else { return Ok(Vec::new()) };
    let files = if number_of(&pointer).is_some() { versions(view, name, written)? } else { vec![(run, pointer)] };
    let with_origin = files.into_iter().filter_map(|(run, pointer)| {
        let origin = view.origin(run).transpose()?;
        Some(origin.map(|origin| Recorded { pointer, run, origin, written }))
    });
    with_origin.collect()
}

/// The last record of each version of an artifact, by number.
fn versions(view: &View<'_>, name: NameId, written: bool) -> Result<Vec<(RunId, IoPointer)>> {
    let mut by_number = BTreeMap::new();
    let keep = |run, pointer: IoPointer| {
        if let Some(number) = number_of(&pointer) {
            by_number.insert(number, (run, pointer));
        }
    };
    if written { view.each_version_written(name, keep) } else { view.each_version_read(name, keep) }?;
    Ok(by_number.into_values().collect())
}

/// The number of the version, if the pointer is one of an artifact.
fn number_of(pointer: &IoPointer) -> Option<u64> {
    artifact::number_of(pointer.spelled.as_deref()?, &pointer.name)
}

/// What a look at the disk gave.
enum Found {
    Version(Version),
    Nothing,
    /// And why.
    Unknown(String),
}

impl Recorded {
    fn verify(self, tracer: &Tracer) -> Verified {
        let file = match &self.pointer.spelled {
            Some(spelled) if number_of(&self.pointer).is_some() => spelled.clone(),
            _ => self.pointer.name.clone(),
        };
        let found = self.look(tracer, &file);
        let (status, now, reason) = match found {
            Found::Version(now) if self.pointer.version.as_ref() == Some(&now) => {
                (VerifyStatus::Intact, Some(now), None)
            }
            Found::Unknown(reason) => (VerifyStatus::Unknown, None, Some(reason)),
            Found::Version(_) | Found::Nothing if !self.is_of_this_host() => {
                let host = self.origin.host.as_deref().unwrap_or_default();
                let reason = format!("it was recorded on the host {host}, and here it is another or none");
                (VerifyStatus::Unknown, None, Some(reason))
            }
            Found::Version(now) => (VerifyStatus::Changed, Some(now), None),
            Found::Nothing => (VerifyStatus::Missing, None, None),
        };
        let Self { pointer, run, origin, written } = self;
        Verified { status, file, pointer, run, component: origin.component, written, now, reason }
    }

    fn look(&self, tracer: &Tracer, file: &str) -> Found {
        let unknown = |reason: &str| Found::Unknown(reason.to_owned());
        let Some(version) = &self.pointer.version else { return unknown("no version of it was recorded") };
        if version.kind == VersionKind::Stated {
            return unknown("its version was stated by the program, not measured");
        }
        let Some(path) = tracer.fingerprinter().path(file) else {
            let has_root = tracer.fingerprinter().root.is_some();
            let is_relative = Path::new(file).is_relative();
            return unknown(if is_relative && !has_root {
                "its path begins at a project folder that this store doesn't lie in"
            } else {
                "its name is no path"
            });
        };
        match tracer.fingerprinter().version_of_kind(&path, version.kind) {
            Ok(Some(found)) => Found::Version(found),
            Ok(None) if may_be_escaped(file) => unknown("its path is no UTF-8, and its name only stands for it"),
            Ok(None) => Found::Nothing,
            Err(error) => Found::Unknown(format!("it cannot be measured: {error}")),
        }
    }

    fn is_of_this_host(&self) -> bool {
        self.origin.host.as_ref().is_none_or(|host| *host == provenance::process().host)
    }
}
