//! The components, and tags by hand.

use askama::Template;
use mltrace_core::Component;
use serde::Deserialize;

use super::component::{self, One};
use super::form::given;
use super::frame::Frame;
use super::site::{Change, Shown, Site, Visit};
use super::{link, words};
use crate::api::Nothing;
use crate::problem::Problem;

/// So many components at a time.
const PART: u32 = 50;

pub(super) fn add(site: Site) -> Site {
    site.view("/components", components).view("/components/{name}", component::component).change("/components", tag)
}

/// Which components, or of one of them which runs. What a form leaves empty is not asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    pub(super) name: Option<String>,
    pub(super) tag: String,
    pub(super) owner: String,
    pub(super) after: Option<String>,
    pub(super) status: String,
    pub(super) since: String,
    pub(super) until: String,
    pub(super) partition: String,
    /// Partitions before this one.
    pub(super) before: Option<String>,
    /// Metrics after this one.
    pub(super) metrics_after: Option<String>,
}

/// The components, as a page.
#[derive(Template)]
#[template(path = "web/components.html")]
struct All {
    frame: Frame,
    asked: Asked,
    components: Vec<Component>,
    /// Where the list goes on.
    next: Option<String>,
}

fn components(visit: Visit<'_, Nothing, Asked>) -> Result<Shown<All, One>, Problem> {
    let Visit { tracer, query: asked, frame, .. } = visit;
    if let Some(name) = asked.name.clone() {
        return Ok(Shown::One { page: Box::new(component::one(tracer, &name, asked, frame)?) });
    }
    let mut question = tracer.components().limit(PART);
    let mut narrowed = Vec::new();
    if let Some(tag) = given(&asked.tag) {
        question = question.tag(tag);
        narrowed.push(("tag", tag));
    }
    if let Some(owner) = given(&asked.owner) {
        question = question.owner(owner);
        narrowed.push(("owner", owner));
    }
    if let Some(after) = &asked.after {
        question = question.after(after);
    }
    let page = question.page()?;
    let next = page.next.map(|next| link::to(&link::to("/components", &narrowed), &[("after", &next)]));
    Ok(Shown::All { page: Box::new(All { frame, components: page.items, next, asked }) })
}

impl All {
    fn is_narrowed(&self) -> bool {
        [&self.asked.tag, &self.asked.owner].into_iter().any(|field| given(field).is_some())
    }
}

/// A tag for a component.
#[derive(Debug, Deserialize)]
struct NewTag {
    name: String,
    tag: String,
}

fn tag(change: Change<'_, Nothing, NewTag>) -> Result<String, Problem> {
    let NewTag { name, tag } = change.form;
    change.tracer.tag(&name, [tag.trim()])?;
    Ok(link::of("/components", &name))
}
