//! The catalogue: components, their runs, and tags.

use chrono::{DateTime, Utc};
use mltrace_core::{Component, Page, RunRecord, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Limit, Named, Part};
use crate::api::{Api, Asked, Nothing, Operation};
use crate::body::{Json, expect_room};
use crate::guard::Role;
use crate::problem::Problem;

pub(super) fn add(api: Api) -> Api {
    let tag =
        Operation::change("put", "/components/{name}/tags", "tagComponent", "Add tags to a component", Role::Review);
    api.add(Operation::get("/components", "listComponents", "The components, by name"), components)
        .add(Operation::get("/components/{name}", "getComponent", "A component and its metadata"), component)
        .add(Operation::get("/components/{name}/runs", "listRunsOfComponent", "A component's runs, by start"), history)
        .add(tag, add_tags)
        .add(Operation::get("/tags", "listTags", "The tags, each with the components that carry it"), tags)
}

/// Which components.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Only those that carry this tag.
    tag: Option<String>,
    /// Only those of this owner.
    owner: Option<String>,
    /// At most so many: 1 to 1000, 100 unless given.
    limit: Option<Limit>,
    /// The `next` of the page before. A page may have few components or none, and yet there are more: go on until
    /// `next` is null.
    after: Option<String>,
}

fn components(asked: Asked<'_, Nothing, Wanted, ()>) -> Result<Page<Component>, Problem> {
    let Wanted { tag, owner, limit, after } = asked.query;
    let mut question = asked.tracer.components().limit(super::limit(limit));
    if let Some(tag) = tag {
        question = question.tag(tag);
    }
    if let Some(owner) = owner {
        question = question.owner(owner);
    }
    if let Some(after) = after {
        question = question.after(after);
    }
    Ok(question.page()?)
}

fn component(asked: Asked<'_, Named, Nothing, ()>) -> Result<Component, Problem> {
    Ok(asked.tracer.component(&asked.path.name)?)
}

/// Which runs of a component.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Span {
    /// Only those that started at this time or later.
    since: Option<DateTime<Utc>>,
    /// Only those that started at this time or earlier.
    until: Option<DateTime<Utc>>,
    /// Only those that stand so.
    status: Option<Status>,
    /// Only those of this partition.
    partition: Option<String>,
    /// Only those that were called inside the run of this uuid.
    parent: Option<Uuid>,
    /// Begin with the earliest start rather than the latest.
    oldest_first: Option<bool>,
    /// At most so many: 1 to 1000, 100 unless given.
    limit: Option<Limit>,
    /// The `next` of the page before.
    after: Option<String>,
}

fn history(asked: Asked<'_, Named, Span, ()>) -> Result<Page<RunRecord>, Problem> {
    let span = asked.query;
    let mut question = asked.tracer.history(asked.path.name).limit(super::limit(span.limit).into());
    if let Some(since) = span.since {
        question = question.since(since);
    }
    if let Some(until) = span.until {
        question = question.until(until);
    }
    if let Some(status) = span.status {
        question = question.status(status);
    }
    if let Some(partition) = span.partition {
        question = question.partition(partition);
    }
    if let Some(parent) = span.parent {
        question = question.parent(parent);
    }
    if let Some(after) = span.after {
        question = question.after(&after)?;
    }
    Ok(question.newest_first(!span.oldest_first.unwrap_or_default()).get()?)
}

/// Tags for a component.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewTags {
    /// Those to add; those that are there stay.
    tags: Vec<String>,
}

fn add_tags(asked: Asked<'_, Named, Nothing, Json<NewTags>>) -> Result<Component, Problem> {
    expect_room(asked.body.0.tags.len(), asked.limits.array)?;
    asked.tracer.tag(&asked.path.name, &asked.body.0.tags)?;
    Ok(asked.tracer.component(&asked.path.name)?)
}

/// A tag, and who carries it.
#[derive(Debug, Serialize, JsonSchema)]
struct TagUse {
    /// The tag.
    tag: String,
    /// The components that carry it, by name.
    components: Vec<String>,
}

fn tags(asked: Asked<'_, Nothing, Part, ()>) -> Result<Page<TagUse>, Problem> {
    let tags = asked.tracer.tags()?.into_iter().map(|(tag, components)| TagUse { tag, components }).collect();
    Ok(asked.query.of(tags, |used| used.tag.clone()))
}
