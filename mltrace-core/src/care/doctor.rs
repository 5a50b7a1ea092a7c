//! The health of a store: what is wrong, what is worth knowing, and what takes the space.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::error::Result;
use crate::model::RunId;
use crate::provenance;
use crate::store::{Shape, Store, View};
use crate::tracer::Tracer;

/// What is known of a store's health. Its JSON is stable; sizes are bytes.
///
/// ```
/// use mltrace_core::Tracer;
///
/// let health = Tracer::in_memory()?.doctor()?;
/// assert!(health.is_sound() && health.findings.is_empty());
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// The store's file; `None` for one in memory.
    pub path: Option<String>,
    /// The schema number of the file. This program writes `newest_schema`.
    pub schema: i64,
    /// The newest schema number that this program knows.
    pub newest_schema: i64,
    /// What is wrong with the file, in sentences: nothing, if it is sound.
    pub damage: Vec<String>,
    /// What is worth knowing, and what to do about it.
    pub findings: Vec<Finding>,
    /// Runs that have not ended although their process is gone.
    pub gone: Vec<OpenRun>,
    /// The tables, largest first. Of a damaged file none.
    pub tables: Vec<TableSize>,
    /// The database.
    pub bytes: u64,
    /// Of those, what is free for reuse.
    pub free_bytes: u64,
    /// The log beside the file, of what was written last.
    pub log_bytes: u64,
}

/// Something worth knowing about a store that is no damage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub message: String,
    /// What to do about it.
    pub advice: String,
}

/// A run that has not ended, and since when it is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OpenRun {
    /// The run.
    pub run: RunId,
    /// Its component.
    pub component: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
}

/// A table and what it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableSize {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// What it takes with its indexes.
    pub bytes: u64,
}

impl Health {
    /// Whether nothing is wrong with the file.
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty()
    }
}

impl Tracer {
    /// Looks the store over. Reads the whole file once: about a second for each gigabyte.
    ///
    /// # Errors
    /// The store cannot be read at all. Damage that leaves it readable is no error, but told.
    pub fn doctor(&self) -> Result<Health> {
        let store = self.store();
        let mut health = store.read(examine)?;
        health.path = store.path().map(|path| path.to_string_lossy().into_owned());
        health.log_bytes = store.log_bytes();
        if let Some((message, advice)) = store.network_trouble() {
            health.find(message, advice);
        }
        Ok(health)
    }
}

fn examine(view: &View<'_>) -> Result<Health> {
    let mut health = Health {
        path: None,
        schema: view.schema()?,
        newest_schema: Store::newest_schema(),
        damage: view.damage()?,
        findings: Vec::new(),
        gone: Vec::new(),
        tables: Vec::new(),
        bytes: 0,
        free_bytes: 0,
        log_bytes: 0,
    };
    // Of a damaged file nothing else can be believed.
    if health.is_sound() {
        health.measure(view.shape()?);
        health.look_for_open_runs(view)?;
        health.look_for_unresolved(view)?;
        health.look_for_labels_alone(view)?;
        health.look_for_waste(view)?;
    }
    Ok(health)
}

impl Health {
    fn measure(&mut self, shape: Shape) {
        self.bytes = shape.space.total;
        self.free_bytes = shape.space.free;
        let sized = shape.space.tables.into_iter().zip(shape.rows);
        self.tables = sized.map(|((table, bytes), rows)| TableSize { table, rows, bytes }).collect();
        self.tables.sort_by(|a, b| (b.bytes, &a.table).cmp(&(a.bytes, &b.table)));
    }

    fn find(&mut self, message: String, advice: &str) {
        self.findings.push(Finding { message, advice: advice.to_owned() });
    }

    fn look_for_open_runs(&mut self, view: &View<'_>) -> Result<()> {
        for run in view.open_runs()? {
            let is_gone = view.process_of(run)?.is_some_and(|process| provenance::is_gone(&process));
            if let Some(record) = view.run(run)?.filter(|_| is_gone) {
                self.gone.push(OpenRun { run, component: record.component, started_at: record.started_at });
            }
        }
        if !self.gone.is_empty() {
            let message = format!("{} not ended, and the process is gone", runs_have(self.gone.len() as u64));
            self.find(message, "their programs died: look at them with `mltrace inspect` and run them again");
        }
        Ok(())
    }

    fn look_for_unresolved(&mut self, view: &View<'_>) -> Result<()> {
        for (component, upstream, runs) in view.unresolved()? {
            let message = format!(
                "{} of `{component}` declared `{upstream}` upstream, which has no run that ended before",
                if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") }
            );
            self.find(message, "check the name given to `set_upstream`, or import the runs that are missing");
        }
        Ok(())
    }

    fn look_for_labels_alone(&mut self, view: &View<'_>) -> Result<()> {
        for (task, labels) in view.labels_alone()? {
            let message = format!("{labels} of the labels that were logged to `{task}` have no output");
            self.find(message, "no metric counts them: check that labels are logged under the ids of their outputs");
        }
        Ok(())
    }

    fn look_for_waste(&mut self, view: &View<'_>) -> Result<()> {
        let unused: Vec<_> = view.orphan_counts()?.into_iter().filter(|(_, rows)| *rows > 0).collect();
        let rows: u64 = unused.iter().map(|(_, rows)| rows).sum();
        if rows > 0 {
            let tables: Vec<_> = unused.iter().map(|(table, rows)| format!("{rows} of {table}")).collect();
            let plural = if rows == 1 { "" } else { "s" };
            let message = format!("{rows} row{plural} that nothing refers to: {}", tables.join(", "));
            self.find(message, "harmless; the next `mltrace gc` with --yes removes them");
        }
        if self.free_bytes > self.bytes / 4 && self.free_bytes > 1 << 20 {
            let message = format!("{} % of the file are free", self.free_bytes * 100 / self.bytes.max(1));
            self.find(message, "new runs reuse it; `mltrace gc` with --yes gives it back to the file system");
        }
        Ok(())
    }
}

fn runs_have(count: u64) -> String {
    if count == 1 { "1 run has".to_owned() } else { format!("{count} runs have") }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::clock::from_micros;
    use crate::lineage::resolve::put_run;
    use crate::model::Process;
    use crate::testing::run;

    /// A process of this boot that has ended: another has its pid now.
    fn ended() -> Process {
        Process { uuid: Uuid::now_v7(), start_ticks: Some(1), ..provenance::process().clone() }
    }

    #[test]
    fn a_run_whose_process_died_is_told_from_one_that_goes_on() {
        let tracer = Tracer::in_memory().unwrap();
        let store = tracer.store();
        store.put(&run("alive", 0, 1).open()).unwrap();
        let dead = store.write(None, |tx| Ok(put_run(tx, &run("dead", 0, 1).open(), &ended())?.run)).unwrap();
        let health = tracer.doctor().unwrap();
        let gone = OpenRun { run: dead, component: "dead".to_owned(), started_at: from_micros(0) };
        assert_eq!(health.gone, [gone]);
        assert_eq!(health.findings[0].message, "1 run has not ended, and the process is gone");
        assert!(health.is_sound(), "that is no damage");
    }

    #[test]
    fn gc_forgets_an_old_run_whose_process_died_and_the_process() {
        let tracer = Tracer::in_memory().unwrap();
        let store = tracer.store();
        store.write(None, |tx| put_run(tx, &run("train", 0, 1).open(), &ended()).map(drop)).unwrap();
        store.put(&run("train", 5, 6)).unwrap();
        assert_eq!(tracer.gc(from_micros(1_000)).collect().unwrap().removed, 1);
        let processes = tracer.doctor().unwrap().tables.into_iter().find(|table| table.table == "process");
        assert_eq!(processes.unwrap().rows, 1);
    }

    #[test]
    fn a_declared_upstream_that_never_ran_is_named() {
        let tracer = Tracer::in_memory().unwrap();
        for at in 0..2 {
            let mut entry = run("report", at, at + 1);
            entry.upstream.push("approval".to_owned());
            tracer.store().put(&entry).unwrap();
        }
        let findings = tracer.doctor().unwrap().findings;
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.starts_with("2 runs of `report` declared `approval` upstream"), "{findings:?}");
    }

    #[test]
    fn rows_that_nothing_refers_to_are_counted_by_table() {
        let tracer = Tracer::in_memory().unwrap();
        let id = tracer.store().put(&run("write", 0, 1).writes("x@1")).unwrap();
        tracer.store().write(None, |tx| tx.remove(&[id])).unwrap();
        let findings = tracer.doctor().unwrap().findings;
        let message = "4 rows that nothing refers to: 1 of definition, 1 of process, 1 of version, 1 of text";
        assert_eq!(findings[0].message, message);
    }

    #[test]
    fn every_table_has_its_size() {
        let tracer = Tracer::in_memory().unwrap();
        tracer.store().put(&run("write", 0, 1).writes("x@1")).unwrap();
        let health = tracer.doctor().unwrap();
        assert_eq!(health.tables.iter().find(|table| table.table == "output").unwrap().rows, 1);
        let sum: u64 = health.tables.iter().map(|table| table.bytes).sum();
        assert!(health.tables.iter().all(|table| table.bytes > 0) && sum <= health.bytes, "{health:?}");
    }
}
