//! What runs read and wrote, and flags on it.

use mltrace_core::{Flagged, IoPointer, Page};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Named;
use crate::api::{Api, Asked, Nothing, Operation};
use crate::guard::Role;
use crate::problem::Problem;

pub(super) fn add(api: Api) -> Api {
    let path = "/pointers/{name}/flag";
    api.add(Operation::get("/pointers/{name}", "getPointer", "What is known of a name"), pointer)
        .add(Operation::change("put", path, "flag", "Flag an output for review", Role::Review), flag)
        .add(Operation::change("delete", path, "unflag", "Take flags off a name", Role::Review), unflag)
}

fn pointer(asked: Asked<'_, Named, Nothing, ()>) -> Result<IoPointer, Problem> {
    Ok(asked.tracer.io_pointer(&asked.path.name)?)
}

/// Which version of a name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfVersion {
    /// Only this version, given by its beginning.
    version: Option<String>,
}

fn flag(asked: Asked<'_, Named, OfVersion, ()>) -> Result<Flagged, Problem> {
    let name = &asked.path.name;
    Ok(match asked.query.version {
        Some(version) => asked.tracer.flag_version(name, &version),
        None => asked.tracer.flag(name),
    }?)
}

fn unflag(asked: Asked<'_, Named, OfVersion, ()>) -> Result<Page<Flagged>, Problem> {
    let name = &asked.path.name;
    let items = match asked.query.version {
        Some(version) => asked.tracer.unflag_version(name, &version),
        None => asked.tracer.unflag(name),
    }?;
    Ok(Page { items, next: None })
}
