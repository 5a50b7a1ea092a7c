//! Flags on outputs that somebody complains about.

use std::path::Path;

use super::{current, not_found, the_version};
use crate::clock::{now, to_micros};
use crate::error::Result;
use crate::limits;
use crate::lineage::review;
use crate::model::{Flagged, IoPointer, RunId, Version};
use crate::store::{Flag, NameId, VersionId, View, Write};
use crate::tracer::Tracer;

impl Tracer {
    /// Flags an output for [`review`](Self::review), as it is now: its present version is what stays flagged when the name is
    /// written again. An output without a version, such as a prediction's id, stays with the run that has written it by now.
    /// A name is taken as it is, else as a path; one that no run wrote can be flagged too. To flag again what is flagged
    /// changes nothing.
    ///
    /// ```
    /// use mltrace_core::{ComponentRun, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// let mut run = ComponentRun::new("inference");
    /// run.start().add_output("ride-17").end();
    /// let id = tracer.log_component_run(run)?;
    /// assert_eq!(tracer.flag("ride-17")?.written_by, Some(id));
    /// assert!(tracer.run(id)?.outputs[0].flagged);
    /// assert_eq!(tracer.flag("ride-99")?.written_by, None);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The name is empty or too long, or the store cannot be written.
    pub fn flag(&self, output: &str) -> Result<Flagged> {
        self.store().write(None, |tx| self.flag_within(tx, output))
    }

    /// Flags several outputs as [`flag`](Self::flag) does, all or nothing.
    ///
    /// ```
    /// # use mltrace_core::Tracer;
    /// let tracer = Tracer::in_memory()?;
    /// tracer.flag_each(["ride-17", "ride-18"])?;
    /// assert!(tracer.flag_each(["ride-19", ""]).is_err());
    /// assert_eq!(tracer.review().get()?.flagged.len(), 2);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn flag_each(&self, outputs: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Vec<Flagged>> {
        let outputs: Vec<_> = outputs.into_iter().collect();
        self.store().write(None, |tx| outputs.iter().map(|output| self.flag_within(tx, output.as_ref())).collect())
    }

    /// The same, as a part of what is written together.
    pub(crate) fn flag_within(&self, tx: &Write<'_>, output: &str) -> Result<Flagged> {
        self.put_flag(tx, output, present_version)
    }

    /// Which run [`flag`](Self::flag) would blame for each of these names now: of a name without versions that was written
    /// again it is the last run, whichever run is looked at. `None` where no run wrote it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn to_blame(&self, outputs: &[&str]) -> Result<Vec<Option<RunId>>> {
        let now = to_micros(now());
        self.store().read(|view| {
            let to_blame = |output: &&str| {
                let Some(name) = self.pointer_id(view, output)? else { return Ok(None) };
                review::writer(view, name, present_version(view, name)?, now)
            };
            outputs.iter().map(to_blame).collect()
        })
    }

    /// Flags an output as a run wrote it in an earlier version, which is given by its beginning.
    ///
    /// # Errors
    /// No version of the name begins so, or several do; or as [`flag`](Self::flag).
    pub fn flag_version(&self, output: &str, beginning: &str) -> Result<Flagged> {
        let version = |view: &View<'_>, name| the_version(view, name, output, beginning).map(Some);
        self.store().write(None, |tx| self.put_flag(tx, output, version))
    }

    /// Takes away every flag on a name, and gives what was flagged.
    ///
    /// # Errors
    /// Nothing of this name is flagged, or the store cannot be written.
    pub fn unflag(&self, output: &str) -> Result<Vec<Flagged>> {
        self.remove_flags(
            output,
            |_, _| Ok(()),
            || format!("`{output}` is not flagged: see `mltrace review` for what is"),
        )
    }

    /// Takes away the flag on one version of a name, given whole or by its beginning, and gives what was flagged. Other
    /// versions that begin as the whole one does stay flagged.
    ///
    /// # Errors
    /// No version of the name that begins so is flagged, or the store cannot be written.
    pub fn unflag_version(&self, output: &str, beginning: &str) -> Result<Vec<Flagged>> {
        let keep_meant = |view: &View<'_>, flags: &mut Vec<Flag>| {
            flags.retain(|flag| version(flag).is_some_and(|version| version.begins_so(beginning)));
            let Some(name) = flags.first().map(|flag| flag.name) else { return Ok(()) };
            let named = view.version_named(beginning)?;
            let mut is_known = false;
            for whole in view.versions_spelled(beginning)? {
                if flags.iter().any(|flag| flag.version == Some(whole)) {
                    flags.retain(|flag| flag.version == Some(whole));
                    return Ok(());
                }
                is_known |= view.is_written(name, whole)? || view.is_read(name, whole)?;
                if is_known && named == Some(whole) {
                    break;
                }
            }
            if is_known { Err(not_found(format!("`{beginning}` of `{output}` is not flagged"))) } else { Ok(()) }
        };
        self.remove_flags(output, keep_meant, || {
            format!("no version of `{output}` that begins with `{beginning}` is flagged")
        })
    }

    /// Takes away all flags, and gives what was flagged.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn unflag_all(&self) -> Result<Vec<Flagged>> {
        self.store().write(None, |tx| remove(tx, tx.flags()?))
    }

    fn put_flag(
        &self,
        tx: &Write<'_>,
        output: &str,
        version: impl FnOnce(&View<'_>, NameId) -> Result<Option<VersionId>>,
    ) -> Result<Flagged> {
        limits::name("the output", output)?;
        let name = match self.pointer_id(tx, output)? {
            Some(known) => known,
            None => tx.text(output)?,
        };
        let version = version(tx, name)?;
        let flagged_at = to_micros(now());
        let writer = review::writer(tx, name, version, flagged_at)?;
        let flag = match flag_of(tx, name, version, writer)? {
            Some(earlier) => earlier,
            None => tx.put_flag(name, version, flagged_at)?,
        };
        review::flagged(tx, flag, writer)
    }

    fn remove_flags(
        &self,
        output: &str,
        keep_meant: impl Fn(&View<'_>, &mut Vec<Flag>) -> Result<()>,
        nothing: impl FnOnce() -> String,
    ) -> Result<Vec<Flagged>> {
        self.store().write(None, |tx| {
            let of = |name: &str| Ok(tx.name_id(name)?.map(|name| tx.flags_of(name)).transpose()?.unwrap_or_default());
            let mut flags: Vec<Flag> = of(output)?;
            if flags.is_empty() {
                flags = of(&self.path_name(Path::new(output)))?;
            }
            keep_meant(tx, &mut flags)?;
            if flags.is_empty() {
                return Err(not_found(nothing()));
            }
            remove(tx, flags)
        })
    }
}

fn version(flag: &Flag) -> Option<&Version> {
    flag.pointer.version.as_ref()
}

fn present_version(view: &View<'_>, name: NameId) -> Result<Option<VersionId>> {
    let version = current(view, name)?.and_then(|pointer| pointer.version);
    Ok(version.map(|version| view.version_id(&version)).transpose()?.flatten())
}

/// The flag that points at the same output of the same run.
fn flag_of(view: &View<'_>, name: NameId, version: Option<VersionId>, writer: Option<RunId>) -> Result<Option<Flag>> {
    for flag in view.flags_of(name)? {
        if flag.version == version && review::writer(view, name, version, flag.flagged_at)? == writer {
            return Ok(Some(flag));
        }
    }
    Ok(None)
}

fn remove(tx: &Write<'_>, flags: Vec<Flag>) -> Result<Vec<Flagged>> {
    for flag in &flags {
        tx.remove_flag(flag)?;
    }
    let unflagged =
        |Flagged { pointer, written_by }| Flagged { pointer: IoPointer { flagged: false, ..pointer }, written_by };
    Ok(review::flagged_by(tx, flags)?.into_iter().map(unflagged).collect())
}
