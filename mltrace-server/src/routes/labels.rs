//! Labels, and their retraction.

use mltrace_core::{Label, Page, Recorded, Retraction};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Named, Part};
use crate::api::{Api, Asked, Nothing, Operation};
use crate::body::Json;
use crate::guard::Role;
use crate::problem::Problem;

pub(super) fn add(api: Api) -> Api {
    let retract = Operation::change(
        "post",
        "/labels/{name}/retract",
        "retractLabel",
        "Retract a label: nothing should read any more what carries it",
        Role::Review,
    );
    api.add(Operation::get("/labels", "listLabels", "The labels, by name, with what they are on"), labels)
        .add(retract, retract_label)
}

fn labels(asked: Asked<'_, Nothing, Part, ()>) -> Result<Page<Label>, Problem> {
    let Part { limit, after } = asked.query;
    Ok(asked.tracer.labels_after(after.as_deref(), super::limit(limit))?)
}

/// Why a label is retracted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Reason {
    /// Why.
    #[schemars(length(min = 1))]
    reason: String,
    #[schemars(length(min = 1))]
    /// Who retracts it; the name of the token that is used, unless given.
    by: Option<String>,
}

fn retract_label(asked: Asked<'_, Named, Nothing, Json<Reason>>) -> Result<Recorded<Retraction>, Problem> {
    let Json(Reason { reason, by }) = asked.body;
    let mut question = asked.tracer.retract(asked.path.name, reason);
    if let Some(by) = by.or(asked.who.0) {
        question = question.by(by);
    }
    Ok(question.write()?)
}
