//! The baseline for reading: the same columns by hand on rusqlite, as owned values.
//!
//! One prepared statement walks or lists the runs with all their columns; one each adds the inputs with their edges, the
//! outputs, the declared dependencies, and the params, metrics, checks and notes of all those runs at once.

use std::ops::Range;

use mltrace::RunRecord;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, Statement};

use super::Result;

type Columns = Vec<Value>;

/// A run with all that belongs to it.
#[derive(Default)]
pub(crate) struct RawRecord {
    id: i64,
    columns: Columns,
    inputs: Vec<Columns>,
    outputs: Vec<Columns>,
    others: Vec<Columns>,
}

/// A run's id and component, the names of its inputs and outputs, and how much else it has.
#[derive(Debug, PartialEq)]
pub(crate) struct Summary(i64, Vec<String>, usize);

impl RawRecord {
    fn summary(&self) -> Summary {
        let first = std::iter::once(&self.columns[1]);
        let names = self.inputs.iter().chain(&self.outputs).map(|columns| &columns[0]);
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            other => format!("{other:?}"),
        };
        Summary(self.id, first.chain(names).map(text).collect(), self.others.len())
    }
}

fn summary(record: &RunRecord) -> Summary {
    let inputs = record.inputs.iter().map(|input| &input.pointer.name);
    let outputs = record.outputs.iter().map(|output| &output.name);
    let others = record.params.len() + record.metrics.len() + record.checks.len() + record.notes.len();
    Summary(
        record.id.0,
        std::iter::once(&record.component).chain(inputs).chain(outputs).cloned().collect(),
        others + record.dependencies.iter().filter(|dependency| dependency.pointer.is_none()).count(),
    )
}

/// Fails where an answer of ours does not hold the very runs of the baseline's.
pub(crate) fn expect_the_same<'r>(raw: &[RawRecord], ours: impl Iterator<Item = &'r RunRecord>) -> Result<()> {
    let (raw, ours): (Vec<_>, Vec<_>) = (raw.iter().map(RawRecord::summary).collect(), ours.map(summary).collect());
    if raw == ours { Ok(()) } else { Err(format!("not the same answer: {ours:?}, raw {raw:?}").into()) }
}

pub(crate) struct RawReader<'c> {
    begin: Statement<'c>,
    end: Statement<'c>,
    runs: Statement<'c>,
    inputs: Statement<'c>,
    outputs: Statement<'c>,
    declared: Statement<'c>,
    facts: Statement<'c>,
}

const COLUMNS: &str = "
    r.id, r.uuid, c.name, r.status, p.text, r.started_at, r.ended_at, r.parent, r.error,
    d.file, d.line, d.crate_version, s.text, d.build_commit, d.in_repository,
    w.host, w.pid, w.git_commit, w.git_dirty, w.git_tags, w.git_source";

const JOINS: &str = "
    JOIN component c ON c.id = r.component
    JOIN definition d ON d.id = r.definition
    LEFT JOIN snapshot s ON s.id = d.snapshot
    LEFT JOIN text p ON p.id = r.partition
    LEFT JOIN process w ON w.id = r.process";

impl<'c> RawReader<'c> {
    /// Reads the runs `r` of `from`, which may use tables that `with` makes, in the order and number of `rest`.
    pub(crate) fn new(connection: &'c Connection, with: &str, from: &str, rest: &str) -> Result<Self> {
        let runs = format!("{with} SELECT {COLUMNS} FROM {from} {JOINS} {rest}");
        let flagged =
            "EXISTS (SELECT 1 FROM flag f WHERE f.name = e.name AND (f.version IS NULL OR f.version = e.version))";
        // The keys of the runs come as one JSON array, of which `key` is the place and `value` the run.
        let listed = "json_each(?1) j CROSS JOIN";
        Ok(Self {
            begin: connection.prepare("BEGIN")?,
            end: connection.prepare("ROLLBACK")?,
            runs: connection.prepare(&runs)?,
            inputs: connection.prepare(&format!(
                "SELECT j.key, n.text, s.text, v.kind, v.value, e.type, {flagged}, e.captured_at, e.upstream, c.name,
                        e.match, e.modified, e.overlapping
                 FROM {listed} input e ON e.run = j.value
                 JOIN text n ON n.id = e.name
                 LEFT JOIN text s ON s.id = e.spelled
                 LEFT JOIN version v ON v.id = e.version
                 LEFT JOIN run u ON u.id = e.upstream
                 LEFT JOIN component c ON c.id = u.component"
            ))?,
            outputs: connection.prepare(&format!(
                "SELECT j.key, n.text, s.text, v.kind, v.value, e.type, {flagged}
                 FROM {listed} output e ON e.run = j.value
                 JOIN text n ON n.id = e.name
                 LEFT JOIN text s ON s.id = e.spelled
                 LEFT JOIN version v ON v.id = e.version"
            ))?,
            declared: connection.prepare(&format!(
                "SELECT j.key, e.upstream, c.name FROM {listed} declared e ON e.run = j.value
                 JOIN component c ON c.id = e.component"
            ))?,
            facts: connection.prepare(&format!(
                "SELECT j.key, 'param', n.text, e.value FROM {listed} param e ON e.run = j.value JOIN text n ON n.id = e.name
                 UNION ALL
                 SELECT j.key, 'metric', n.text, e.value FROM {listed} metric e ON e.run = j.value JOIN text n ON n.id = e.name
                 UNION ALL SELECT j.key, e.name, e.status, e.message FROM {listed} check_result e ON e.run = j.value
                 UNION ALL SELECT j.key, 'note', e.written_at, e.text FROM {listed} note e ON e.run = j.value"
            ))?,
        })
    }

    /// The runs, whole, in one view of the store.
    pub(crate) fn read(&mut self, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<RawRecord>> {
        self.begin.execute([])?;
        let mut records = Vec::new();
        let mut rows = self.runs.query(values)?;
        while let Some(row) = rows.next()? {
            records.push(RawRecord { id: row.get(0)?, columns: columns(row, 1..21)?, ..RawRecord::default() });
        }
        drop(rows);
        let keys: Vec<_> = records.iter().map(|record| record.id.to_string()).collect();
        let keys = format!("[{}]", keys.join(","));
        add(&mut self.inputs, &keys, |at, row| {
            records[at].inputs.push(columns(row, 1..13)?);
            Ok(())
        })?;
        add(&mut self.outputs, &keys, |at, row| {
            records[at].outputs.push(columns(row, 1..7)?);
            Ok(())
        })?;
        add(&mut self.declared, &keys, |at, row| {
            records[at].others.push(columns(row, 1..3)?);
            Ok(())
        })?;
        add(&mut self.facts, &keys, |at, row| {
            records[at].others.push(columns(row, 1..4)?);
            Ok(())
        })?;
        self.end.execute([])?;
        Ok(records)
    }
}

/// Hands each row to `each`, with the place of the run that it belongs to.
fn add(statement: &mut Statement<'_>, keys: &str, mut each: impl FnMut(usize, &Row<'_>) -> Result<()>) -> Result<()> {
    let mut rows = statement.query([keys])?;
    while let Some(row) = rows.next()? {
        each(usize::try_from(row.get::<_, i64>(0)?)?, row)?;
    }
    Ok(())
}

fn columns(row: &Row<'_>, from: Range<usize>) -> Result<Columns> {
    let mut columns = Vec::with_capacity(from.len());
    for column in from {
        columns.push(row.get(column)?);
    }
    Ok(columns)
}
