//! The run in the store, as it follows from what is known of it.

use std::collections::BTreeMap;

use mltrace_core::{Check, CheckStatus, CodeReport, GitReport, PointerReport, RunReport, Status, Version, VersionKind};

use super::event::{clean, uuid};
use super::facets::{
    Assertions, DatasetVersion, Documentation, ErrorMessage, Found, LONGEST, Ownership, Parent, SourceCode,
    SourceCodeLocation, Sql, Tags, Test, Tests,
};
use super::names::component;
use super::told::{How, Of, Side, Told};

impl Told {
    /// The run. Outputs count where it has completed; where it has not, those do that an event names which ends it.
    pub(crate) fn run(&self) -> RunReport {
        let end = self.head.end;
        let how = end.map(|end| end.how);
        let started_at = self.head.started_at.unwrap_or(self.head.first_told_at);
        let location = self.facet::<SourceCodeLocation>(Of::Job, "sourceCodeLocation");
        let failed = how == Some(How::Fail);
        let error = self.facet::<ErrorMessage>(Of::Run, "errorMessage").filter(|_| failed);
        let parent = self.facet::<Parent>(Of::Run, "parent");
        RunReport {
            uuid: None,
            component: component(&self.head.job.namespace, &self.head.job.name),
            // Clocks of two machines can disagree.
            started_at: end.map_or(started_at, |end| started_at.min(end.at)),
            ended_at: end.map(|end| end.at),
            status: Some(match how {
                None => Status::Running,
                Some(How::Complete) => Status::Completed,
                Some(How::Abort) => Status::Cancelled,
                Some(How::Fail) => Status::Failed,
            }),
            partition: None,
            parent: parent.and_then(|parent| uuid(&parent.run.id)),
            inputs: self.pointers(Side::Input, |_| true),
            outputs: self.pointers(Side::Output, |at_end| how == Some(How::Complete) || how.is_some() && at_end),
            upstream: Vec::new(),
            params: self.to_params(),
            metrics: BTreeMap::new(),
            checks: self.checks(),
            labels: Vec::new(),
            notes: Vec::new(),
            error: error.map(|error| clean(&error.message)),
            git: GitReport {
                commit: location.as_ref().and_then(|location| location.version.as_deref()).map(clean),
                dirty: None,
                tags: Vec::new(),
            },
            code: self.code(location),
            description: self.facet::<Documentation>(Of::Job, "documentation").map(|said| clean(&said.description)),
            owner: self.owner(),
            tags: self.tags(),
            stale_after_s: None,
            host: None,
            pid: None,
        }
    }

    fn pointers(&self, wanted: Side, counts: impl Fn(bool) -> bool) -> Vec<PointerReport> {
        let wanted = self.datasets.iter().filter(|((side, _), dataset)| *side == wanted && counts(dataset.at_end));
        wanted
            .map(|((side, name), _)| {
                let version = self.facet::<DatasetVersion>(Of::Dataset(*side, name.clone()), "version");
                let stated = version.filter(|version| is_name(&version.version));
                PointerReport {
                    version: stated.map(|stated| version_of(&stated.version)),
                    ..PointerReport::from(name.as_str())
                }
            })
            .collect()
    }

    fn code(&self, location: Option<SourceCodeLocation>) -> Option<CodeReport> {
        let source = self.facet::<SourceCode>(Of::Job, "sourceCode").map(|code| code.text);
        let snapshot = source.or_else(|| Some(self.facet::<Sql>(Of::Job, "sql")?.query));
        let file = location.and_then(|location| location.path.or(location.url));
        (snapshot.is_some() || file.is_some()).then(|| CodeReport {
            file: file.as_deref().map(clean),
            line: None,
            crate_version: None,
            snapshot: snapshot.as_deref().map(clean),
        })
    }

    fn owner(&self) -> Option<String> {
        let owners = self.facet::<Ownership>(Of::Job, "ownership")?.owners;
        let names: Vec<String> = owners.iter().map(|owner| clean(&owner.name)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn tags(&self) -> Vec<String> {
        let tags = self.facet::<Tags>(Of::Job, "tags").map(|facet| facet.tags).unwrap_or_default();
        let mut tags: Vec<String> = tags
            .iter()
            .map(|tag| match tag.value.as_deref() {
                None | Some("" | "true") => clean(&tag.key),
                Some(value) => clean(&format!("{}={value}", tag.key)),
            })
            .filter(|tag| is_name(tag))
            .collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    /// What was checked, each once: some producers tell of a test as one of the run and as an assertion on the data.
    fn checks(&self) -> Vec<Check> {
        let mut found: BTreeMap<String, Check> = BTreeMap::new();
        let mut add = |check: Check| {
            let rank = |check: &Check| (check.status == CheckStatus::Failed, check.message.is_some());
            let known = found.entry(check.name.clone()).or_insert_with(|| check.clone());
            if rank(&check) > rank(known) {
                *known = check;
            }
        };
        // Whether any failed, by what a test that is the same is called.
        let mut asserted: BTreeMap<String, bool> = BTreeMap::new();
        for (side, name) in self.datasets.keys() {
            let of = Of::Dataset(*side, name.clone());
            let assertions = self.facet::<Assertions>(of, "dataQualityAssertions").map(|facet| facet.assertions);
            for assertion in assertions.unwrap_or_default() {
                let what = assertion.column.as_ref().map(|column| format!("{}({column})", assertion.kind));
                let what = what.unwrap_or_else(|| assertion.kind.clone());
                add(check(&format!("{what} of {name}"), assertion.success, &assertion.found));
                *asserted.entry(assertion.name.unwrap_or(assertion.kind)).or_default() |= !assertion.success;
            }
        }
        let tests: Vec<Test> = self.facet::<Tests>(Of::Run, "test").map(|facet| facet.tests).unwrap_or_default();
        for test in tests {
            let held = match test.status.to_ascii_lowercase().as_str() {
                "pass" | "passed" | "success" => true,
                "fail" | "failed" | "error" => false,
                // One that was skipped has found nothing.
                _ => continue,
            };
            // A failure is told of here unless it is told of there.
            if !asserted.get(&test.name).is_some_and(|any_failed| held || *any_failed) {
                add(check(&test.name, held, &test.found));
            }
        }
        found.into_values().filter(|check| !check.name.is_empty()).collect()
    }
}

fn check(name: &str, held: bool, found: &Found) -> Check {
    let status = if held { CheckStatus::Passed } else { CheckStatus::Failed };
    let message = found.message().filter(|_| !held);
    Check { name: clean(name), status, message: message.as_deref().map(clean) }
}

/// What another store has measured is evidence here, too; anything else is what the producer states.
fn version_of(text: &str) -> Version {
    let measured = [VersionKind::Hash, VersionKind::Sampled, VersionKind::Tree].into_iter().find_map(|kind| {
        let digits = text.strip_prefix(&format!("{kind}:"))?;
        let is_hash = digits.len() == 64 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        is_hash.then(|| Version { kind, value: digits.to_owned() })
    });
    measured.unwrap_or_else(|| Version { kind: VersionKind::Stated, value: clean(text) })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST
}
