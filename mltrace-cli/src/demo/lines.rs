//! The story as an export of a store, whose lines can tell of any time, host and commit.

use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::iter;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use mltrace_core::monitor::Profile;
use mltrace_core::{Result, Tracer};
use serde_json::{Value, json};

/// What the source says of a stage.
#[derive(Clone, Copy)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) owner: &'static str,
    pub(super) tag: &'static str,
    /// In seconds; `None` where nothing is stated.
    pub(super) stale_after: Option<u64>,
    pub(super) host: &'static str,
    /// About how many seconds it takes.
    pub(super) takes: i64,
    /// Its file and what that holds.
    pub(super) code: (&'static str, &'static str),
}

/// A run, as a line of an export.
pub(super) struct Run {
    line: Value,
    started_at: DateTime<Utc>,
    pub(super) ended_at: DateTime<Utc>,
}

impl Run {
    pub(super) fn of(stage: &Stage, commit: &str, started_at: DateTime<Utc>) -> Self {
        let uneven = (digest((stage.name, started_at)) % 256).cast_signed();
        let ended_at = started_at + TimeDelta::milliseconds(stage.takes * (900 + uneven));
        // What stands above the function is no part of it.
        let (file, source) = stage.code;
        let text = &source[source.find("///").unwrap_or(0)..];
        let line = json!({
            "type": "run", "uuid": uuid((stage.name, started_at)), "status": "completed",
            "started_at": started_at, "ended_at": ended_at,
            "definition": {
                "component": stage.name, "states_metadata": true, "description": stage.description,
                "owner": stage.owner, "tags": [stage.tag], "stale_after_s": stage.stale_after, "build_commit": commit,
                "code": {"file": file, "snapshot": {"identity": uuid(text), "text": text}},
            },
            "process": {
                "uuid": uuid((stage.host, started_at)), "host": stage.host, "pid": 4_000 + uneven,
                "started_at": started_at, "heartbeat_at": ended_at,
            },
            "inputs": [], "outputs": [], "checks": [], "notes": [], "profiles": [], "params": {}, "metrics": {},
        });
        Self { line, started_at, ended_at }
    }

    pub(super) fn partition(mut self, partition: &str) -> Self {
        self.line["partition"] = partition.into();
        self
    }

    pub(super) fn input(self, name: &str, version: impl Display) -> Self {
        let mut input = pointer(name, &version);
        input["captured_at"] = json!(self.started_at);
        self.add("inputs", input)
    }

    pub(super) fn output(self, name: &str, version: impl Display) -> Self {
        self.add("outputs", pointer(name, &version))
    }

    /// Answers to somebody, by their ids.
    pub(super) fn answers<'i>(self, ids: impl IntoIterator<Item = &'i str>) -> Self {
        ids.into_iter().fold(self, |run, id| run.add("outputs", json!({"name": id, "type": "endpoint"})))
    }

    pub(super) fn param(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.line["params"][name] = value.into();
        self
    }

    pub(super) fn metric(mut self, name: &str, value: f64) -> Self {
        self.line["metrics"][name] = value.into();
        self
    }

    pub(super) fn check(self, name: &str, found: std::result::Result<(), String>) -> Self {
        let status = if found.is_ok() { "passed" } else { "failed" };
        self.add("checks", json!({"name": name, "status": status, "message": found.err()}))
    }

    /// A remark that somebody made an hour later, if any.
    pub(super) fn note(self, text: &str) -> Self {
        if text.is_empty() {
            return self;
        }
        let written_at = self.ended_at + TimeDelta::hours(1);
        self.add("notes", json!({"written_at": written_at, "text": text}))
    }

    pub(super) fn fails(mut self, error: &str) -> Self {
        self.line["status"] = "failed".into();
        self.line["error"] = error.into();
        self
    }

    /// Its process fell silent and never told how the run ended.
    pub(super) fn lost(mut self) -> Self {
        self.line["status"] = "running".into();
        self.line["ended_at"] = Value::Null;
        self
    }

    /// What its data looks like, as a whole and day by day.
    pub(super) fn profile(self, name: &str, (whole, days): (Profile, Vec<(NaiveDate, Profile)>)) -> Result<Self> {
        let entry = |day: Option<NaiveDate>, profile: &Profile| {
            let digits = profile.to_bytes()?.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
            Ok(json!({"name": name, "day": day, "profile": digits}))
        };
        let run = self.add("profiles", entry(None, &whole)?);
        days.into_iter().try_fold(run, |run, (day, profile)| Ok(run.add("profiles", entry(Some(day), &profile)?)))
    }

    fn add(mut self, list: &str, item: Value) -> Self {
        if let Value::Array(items) = &mut self.line[list] {
            items.push(item);
        }
        self
    }
}

/// Something in a version that its writer states; a name that says so is a model's.
fn pointer(name: &str, version: &dyn Display) -> Value {
    let kind = if name.starts_with("model/") { "model" } else { "data" };
    json!({"name": name, "type": kind, "version": {"kind": "stated", "value": version.to_string()}})
}

/// The same for the same thing.
fn uuid(of: impl Hash) -> String {
    format!("{:016x}{:016x}", digest((0, &of)), digest((1, &of)))
}

fn digest(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// What has happened by now, line by line.
pub(super) struct Lines {
    now: DateTime<Utc>,
    told: Vec<(DateTime<Utc>, String)>,
}

impl Lines {
    pub(super) fn until(now: DateTime<Utc>) -> Self {
        Self { now, told: Vec::new() }
    }

    /// Tells of a run, if it is over by now.
    pub(super) fn run(&mut self, run: &Run) -> bool {
        self.tell(run.ended_at, &run.line)
    }

    /// Tells of something, if it happened by now.
    pub(super) fn tell(&mut self, at: DateTime<Utc>, line: &Value) -> bool {
        let has_happened = at <= self.now;
        if has_happened {
            self.told.push((at, line.to_string()));
        }
        has_happened
    }

    /// In the order in which it happened, as runs are numbered.
    pub(super) fn import_into(mut self, tracer: &Tracer) -> Result<()> {
        self.told.sort_by_key(|(at, _)| *at);
        let header = json!({"type": "header", "format": 1, "program": "mltrace serve --demo"});
        let lines = self.told.iter().map(|(_, line)| format!("{line}\n"));
        let text: String = iter::once(format!("{header}\n")).chain(lines).collect();
        tracer.import(&mut text.as_bytes()).map(drop)
    }
}
