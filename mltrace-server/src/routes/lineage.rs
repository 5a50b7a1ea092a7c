//! Where things came from, what came of them, and what is wrong with them.

use chrono::{DateTime, Utc};
use mltrace_core::{Diff, Graph, Judgement, LabelImpact, Page, Review, ReviewOrder, RunId, VerifyReport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Limit, Part};
use crate::api::{Api, Asked, Nothing, Operation};
use crate::problem::Problem;

pub(super) fn add(api: Api) -> Api {
    let verify =
        Operation::get("/verify", "verify", "Whether files on the server's host still hold what runs recorded");
    api.add(Operation::get("/trace", "trace", "Every run behind an output, or behind a run"), trace)
        .add(Operation::get("/impact", "impact", "What came of a name, of a run, or of a label"), impact)
        .add(Operation::get("/diff", "diff", "What changed between two runs, and where that began"), diff)
        .add(Operation::get("/stale", "listStale", "The latest run of each component and partition, judged"), stale)
        .add(
            Operation::get("/review", "review", "The runs behind what is flagged, the likeliest culprit first"),
            review,
        )
        .add(verify.of_files(), self::verify)
}

/// Of what to ask, and how far to go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct From {
    /// The name of an output; either this or `run`.
    output: Option<String>,
    /// The number of a run; either this or `output`.
    run: Option<RunId>,
    /// From the run that wrote this version of the output, given by its beginning, rather than from the latest.
    version: Option<String>,
    /// From the latest run that had written the output by this time.
    as_of: Option<DateTime<Utc>>,
    /// At most so many hops.
    depth: Option<u32>,
    /// Show the runs of this component, and go no further behind them.
    stop_at: Option<String>,
}

fn trace(asked: Asked<'_, Nothing, From, ()>) -> Result<Graph, Problem> {
    let From { output, run, version, as_of, depth, stop_at } = asked.query;
    let mut question = match (output, run) {
        (Some(output), None) => asked.tracer.trace(output),
        (None, Some(run)) => asked.tracer.trace_run(run),
        _ => return Err(Problem::refused("give either `output` or `run`")),
    };
    if let Some(version) = version {
        question = question.version(version);
    }
    if let Some(time) = as_of {
        question = question.as_of(time);
    }
    if let Some(hops) = depth {
        question = question.depth(hops);
    }
    if let Some(component) = stop_at {
        question = question.stop_at(component);
    }
    Ok(question.get()?)
}

/// Of what to ask, and how far to go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Of {
    /// A name; one of this, `run` and `label`.
    pointer: Option<String>,
    /// The number of a run.
    run: Option<RunId>,
    /// A label.
    label: Option<String>,
    /// Only what this version of the name has touched, given by its beginning.
    version: Option<String>,
    /// At most so many hops; not of a label.
    depth: Option<u32>,
}

/// What came of a name or a run, or of a label.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Touched {
    /// Of a label.
    Label(Box<LabelImpact>),
    /// Of a name or a run.
    Graph(Box<Graph>),
}

fn impact(asked: Asked<'_, Nothing, Of, ()>) -> Result<Touched, Problem> {
    let Of { pointer, run, label, version, depth } = asked.query;
    let mut question = match (pointer, run, label) {
        (None, None, Some(label)) => return Ok(Touched::Label(Box::new(asked.tracer.impact_label(&label)?))),
        (Some(pointer), None, None) => asked.tracer.impact(pointer),
        (None, Some(run), None) => asked.tracer.impact_run(run),
        _ => return Err(Problem::refused("give one of `pointer`, `run` and `label`")),
    };
    if let Some(version) = version {
        question = question.version(version);
    }
    if let Some(hops) = depth {
        question = question.depth(hops);
    }
    Ok(Touched::Graph(Box::new(question.get()?)))
}

/// Two runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Two {
    /// The number of the one.
    before: RunId,
    /// The number of the other.
    after: RunId,
}

fn diff(asked: Asked<'_, Nothing, Two, ()>) -> Result<Diff, Problem> {
    Ok(asked.tracer.diff(asked.query.before, asked.query.after)?)
}

/// What to judge.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Judged {
    /// Only this component.
    component: Option<String>,
    /// Only this partition.
    partition: Option<String>,
    /// What was stale at this time, rather than now.
    as_of: Option<DateTime<Utc>>,
    /// At most so many: 1 to 1000, 100 unless given.
    limit: Option<Limit>,
    /// The `next` of the page before.
    after: Option<String>,
}

fn stale(asked: Asked<'_, Nothing, Judged, ()>) -> Result<Page<Judgement>, Problem> {
    let Judged { component, partition, as_of, limit, after } = asked.query;
    let mut question = asked.tracer.stale();
    if let Some(component) = component {
        question = question.component(component);
    }
    if let Some(partition) = partition {
        question = question.partition(partition);
    }
    if let Some(time) = as_of {
        question = question.as_of(time);
    }
    // No name holds the sign between them, and it stands before all others.
    let key = |judged: &Judgement| format!("{}\0{}", judged.component, judged.partition.as_deref().unwrap_or_default());
    Ok(Part { limit, after }.of(question.get()?, key))
}

/// In which order, and how many.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Ranked {
    /// By what; by suspicion unless given.
    by: Option<ReviewOrder>,
    /// At most so many runs: 1 to 1000, 100 unless given.
    limit: Option<Limit>,
}

fn review(asked: Asked<'_, Nothing, Ranked, ()>) -> Result<Review, Problem> {
    let limit = super::limit(asked.query.limit) as usize;
    Ok(asked.tracer.review().by(asked.query.by.unwrap_or_default()).limit(limit).get()?)
}

/// Which files.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Only that of this name.
    pointer: Option<String>,
}

fn verify(asked: Asked<'_, Nothing, Which, ()>) -> Result<VerifyReport, Problem> {
    let mut question = asked.tracer.verify();
    if let Some(pointer) = asked.query.pointer {
        question = question.pointer(pointer);
    }
    Ok(question.get()?)
}
