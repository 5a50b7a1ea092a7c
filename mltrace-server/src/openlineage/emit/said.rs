//! What is said of a run, in the words of OpenLineage.

use std::path::Path;

use mltrace_core::{IoPointer, RunRecord, Status, Tracer, Version, VersionKind};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::collector::Collector;
use super::parent::Parent;
use crate::openlineage::Told;

/// Who says it.
const PRODUCER: &str = concat!("https://docs.rs/mltrace-server/", env!("CARGO_PKG_VERSION"));
const SPECIFICATION: &str = "https://openlineage.io/spec";
/// A job that has to be named, and nobody knows how.
const UNKNOWN: &str = "unknown";
/// The schemes under which a name is a path from the root on; elsewhere it is a key, or a table.
const FILE_SYSTEMS: [&str; 5] = ["abfs", "abfss", "dbfs", "hdfs", "viewfs"];

/// Whether a run starts or has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Start,
    End,
}

/// Who says it, and out of which store.
pub(super) struct Said<'s> {
    pub(super) tracer: &'s Tracer,
    pub(super) collector: &'s Collector,
}

impl Said<'_> {
    /// The event. Both carry what the run reads and writes, as far as it is known.
    pub(super) fn event(&self, kind: Kind, run: &RunRecord) -> mltrace_core::Result<Value> {
        let time = match kind {
            Kind::Start => run.started_at,
            Kind::End => run.ended_at.unwrap_or(run.started_at),
        };
        Ok(json!({
            "eventTime": time,
            "eventType": event_type(kind, run.status),
            "producer": PRODUCER,
            "schemaURL": format!("{SPECIFICATION}/2-0-2/OpenLineage.json#/$defs/RunEvent"),
            "run": { "runId": run.uuid, "facets": self.run_facets(kind, run)? },
            "job": { "namespace": self.namespace(), "name": run.component, "facets": self.job_facets(run)? },
            "inputs": run.inputs.iter().map(|input| self.dataset(&input.pointer)).collect::<Vec<_>>(),
            "outputs": run.outputs.iter().map(|output| self.dataset(output)).collect::<Vec<_>>(),
        }))
    }

    fn run_facets(&self, kind: Kind, run: &RunRecord) -> mltrace_core::Result<Value> {
        let mut facets = Map::new();
        let caller = run.parent.map(|run| self.caller(run)).transpose()?;
        if let Some(Parent { namespace, job, run }) = caller.as_ref().or(self.collector.parent()) {
            let parent = json!({ "run": { "runId": run }, "job": { "namespace": namespace, "name": job } });
            facets.insert("parent".to_owned(), facet("1-2-0/ParentRunFacet", parent));
        }
        if let Some(error) = run.error.as_ref().filter(|_| kind == Kind::End) {
            let error = json!({ "message": error, "programmingLanguage": language(run) });
            facets.insert("errorMessage".to_owned(), facet("1-0-1/ErrorMessageRunFacet", error));
        }
        if kind == Kind::End && !run.checks.is_empty() {
            let tests = run.checks.iter().map(|check| {
                let status = if check.status == mltrace_core::CheckStatus::Passed { "pass" } else { "fail" };
                let mut test = json!({ "name": check.name, "status": status });
                if let Some(message) = &check.message {
                    test["description"] = message.as_str().into();
                }
                test
            });
            let tests = json!({ "tests": tests.collect::<Vec<_>>() });
            facets.insert("test".to_owned(), facet("1-0-1/TestRunFacet", tests));
        }
        Ok(facets.into())
    }

    fn namespace(&self) -> &str {
        self.collector.namespace()
    }

    /// A run's parent, which may have come as events; of one that is not in this store only the identity is known.
    fn caller(&self, run: Uuid) -> mltrace_core::Result<Parent> {
        let id = self.tracer.run_id(run)?;
        let caller = id.map(|id| self.tracer.runs(&[id])).transpose()?.and_then(|mut runs| runs.pop());
        let told = caller.as_ref().and_then(|caller| Told::of_params(&caller.params));
        let (namespace, job) = match (told, caller) {
            (Some(told), _) => (told.head.job.namespace, told.head.job.name),
            (None, Some(caller)) => (self.namespace().to_owned(), caller.component),
            (None, None) => (self.namespace().to_owned(), UNKNOWN.to_owned()),
        };
        Ok(Parent { namespace, job, run })
    }

    fn job_facets(&self, run: &RunRecord) -> mltrace_core::Result<Value> {
        let component = self.tracer.component(&run.component)?;
        let kind = json!({ "processingType": "BATCH", "integration": "MLTRACE", "jobType": "COMPONENT" });
        let mut facets = Map::from_iter([("jobType".to_owned(), facet("2-0-4/JobTypeJobFacet", kind))]);
        if let Some(description) = component.description {
            let said = json!({ "description": description });
            facets.insert("documentation".to_owned(), facet("1-1-0/DocumentationJobFacet", said));
        }
        if let Some(owner) = component.owner {
            let owners = json!({ "owners": [{ "name": owner }] });
            facets.insert("ownership".to_owned(), facet("1-0-1/OwnershipJobFacet", owners));
        }
        if !component.tags.is_empty() {
            let tags: Vec<_> = component.tags.iter().map(|tag| json!({ "key": tag, "value": "true" })).collect();
            facets.insert("tags".to_owned(), facet("1-0-0/TagsJobFacet", json!({ "tags": tags })));
        }
        if let Some(text) = &run.code.snapshot {
            let code = json!({ "language": language(run), "sourceCode": text });
            facets.insert("sourceCode".to_owned(), facet("1-0-1/SourceCodeJobFacet", code));
        }
        if let (Some(commit), Some(file)) = (&run.git.commit, &run.code.file) {
            // Where the repository is published is not known, and a URL is asked for.
            let place = json!({ "type": "git", "url": format!("file:{file}"), "path": file, "version": commit });
            facets.insert("sourceCodeLocation".to_owned(), facet("1-1-0/SourceCodeLocationJobFacet", place));
        }
        Ok(facets.into())
    }

    /// By the standard's naming, as far as a name follows it; any other is one of this namespace.
    fn dataset(&self, pointer: &IoPointer) -> Value {
        let path = self.tracer.path_of(pointer);
        let (namespace, name) = match &path {
            Some(path) => ("file", path.to_string_lossy().into_owned()),
            None => by_scheme(&pointer.name).unwrap_or_else(|| (self.namespace(), pointer.name.clone())),
        };
        let version = pointer.version.as_ref().map(|version| {
            let stated = json!({ "datasetVersion": version_text(version) });
            facet("1-0-1/DatasetVersionDatasetFacet", stated)
        });
        let facets: Map<String, Value> = version.into_iter().map(|facet| ("version".to_owned(), facet)).collect();
        json!({ "namespace": namespace, "name": name, "facets": facets })
    }
}

fn event_type(kind: Kind, status: Status) -> &'static str {
    match (kind, status) {
        (Kind::Start, _) => "START",
        (Kind::End, Status::Completed) => "COMPLETE",
        (Kind::End, Status::Failed | Status::Panicked) => "FAIL",
        (Kind::End, _) => "ABORT",
    }
}

/// `s3://bucket/key` is `key` of `s3://bucket`, and `hdfs://node/path` is `/path` of `hdfs://node`.
fn by_scheme(name: &str) -> Option<(&str, String)> {
    let scheme = name.find("://")?;
    let authority = scheme + 3;
    let (namespace, path) = name.split_at(authority + name[authority..].find('/')?);
    let key = &path[1..];
    let is_path = FILE_SYSTEMS.contains(&&name[..scheme]);
    (!key.is_empty()).then(|| (namespace, if is_path { path } else { key }.to_owned()))
}

/// What a program states, as it states it; what was measured, with how.
fn version_text(version: &Version) -> String {
    match version.kind {
        VersionKind::Stated => version.value.clone(),
        _ => version.to_string(),
    }
}

/// By the ending of its file: runs are reported out of any language.
fn language(run: &RunRecord) -> &str {
    let ending = run.code.file.as_deref().and_then(|file| Path::new(file).extension()?.to_str());
    match ending {
        Some("rs") => "rust",
        Some("py") => "python",
        other => other.unwrap_or(UNKNOWN),
    }
}

fn facet(schema: &str, fields: Value) -> Value {
    let name = schema.split_once('/').map_or(schema, |(_, name)| name);
    let mut facet = fields;
    facet["_producer"] = PRODUCER.into();
    facet["_schemaURL"] = format!("{SPECIFICATION}/facets/{schema}.json#/$defs/{name}").into();
    facet
}
