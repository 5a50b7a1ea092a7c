//! Runs for tests, with times in microseconds and stated versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::clock::from_micros;
use crate::error::Result;
use crate::lineage::resolve;
use crate::model::{
    Definition, InputEntry, IoPointer, PointerType, RunEntry, RunId, RunRecord, Status, Version, VersionKind,
};
use crate::provenance;
use crate::store::Store;

/// A completed run of a component from one time to another, that reads and writes nothing.
pub(crate) fn run(component: &str, started_at: i64, ended_at: i64) -> RunEntry {
    let definition = Definition {
        identity: [0; 16],
        component: component.to_owned(),
        states_metadata: false,
        description: None,
        owner: None,
        tags: Vec::new(),
        stale_after_s: None,
        code: None,
        build_commit: None,
        in_repository: false,
    };
    RunEntry {
        uuid: Uuid::now_v7(),
        report: 0,
        definition: Arc::new(definition.identified()),
        status: Status::Completed,
        started_at: from_micros(started_at),
        ended_at: Some(from_micros(ended_at)),
        parent: None,
        partition: None,
        inputs: Vec::new(),
        outputs: Vec::new(),
        upstream: Vec::new(),
        params: BTreeMap::new(),
        metrics: BTreeMap::new(),
        checks: Vec::new(),
        labels: Vec::new(),
        notes: Vec::new(),
        profiles: Vec::new(),
        error: None,
        collected_at: None,
    }
}

/// A pointer from `name`, or from `name@version` for a stated version, or `name@kind:value` for a measured one.
pub(crate) fn pointer(text: &str) -> IoPointer {
    let (name, version) = text.split_once('@').map_or((text, None), |(name, version)| (name, Some(version)));
    let version = version.map(|version| match version.split_once(':') {
        Some(("hash", value)) => Version { kind: VersionKind::Hash, value: value.to_owned() },
        Some(("tree", value)) => Version { kind: VersionKind::Tree, value: value.to_owned() },
        _ => Version { kind: VersionKind::Stated, value: version.to_owned() },
    });
    IoPointer { version, ..IoPointer::new(name).of_type(PointerType::Unknown) }
}

impl RunEntry {
    /// Reads a pointer when the run starts.
    pub(crate) fn reads(self, text: &str) -> Self {
        let at = self.started_at.timestamp_micros();
        self.reads_at(text, at)
    }

    pub(crate) fn reads_at(mut self, text: &str, captured_at: i64) -> Self {
        self.inputs.push(InputEntry { pointer: pointer(text), captured_at: from_micros(captured_at) });
        self
    }

    pub(crate) fn writes(mut self, text: &str) -> Self {
        self.outputs.push(pointer(text));
        self
    }

    pub(crate) fn ending(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// The same run while it is still open.
    pub(crate) fn open(mut self) -> Self {
        self.status = Status::Running;
        self.ended_at = None;
        self
    }
}

impl Store {
    pub(crate) fn put(&self, entry: &RunEntry) -> Result<RunId> {
        self.write(None, |tx| Ok(resolve::put_run(tx, entry, provenance::process())?.run))
    }

    pub(crate) fn get(&self, id: RunId) -> RunRecord {
        self.read(|view| view.run(id)).unwrap().unwrap()
    }
}
