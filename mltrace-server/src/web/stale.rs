//! What is stale, component by component.

use askama::Template;
use mltrace_core::Judgement;
use serde::Deserialize;

use super::frame::Frame;
use super::site::{Site, Visit};
use super::{link, words};
use crate::api::Nothing;
use crate::problem::Problem;

/// So many components are judged at a time, for all that is behind each has to be looked at.
const COMPONENTS: u32 = 25;
/// Of each so many partitions.
const PARTITIONS: u32 = 10;

pub(super) fn add(site: Site) -> Site {
    site.view("/stale", stale)
}

/// Where to go on.
#[derive(Debug, Deserialize)]
struct After {
    after: Option<String>,
}

/// Some components judged, as a page.
#[derive(Template)]
#[template(path = "web/stale.html")]
struct Judged {
    frame: Frame,
    /// The first and the last that were judged.
    span: Option<(String, String)>,
    components: usize,
    fresh: usize,
    stale: Vec<Judgement>,
    /// Those of which only the newest partitions were judged.
    cut: Vec<String>,
    next: Option<String>,
}

fn stale(visit: Visit<'_, Nothing, After>) -> Result<Judged, Problem> {
    let Visit { tracer, query, frame, .. } = visit;
    let mut question = tracer.components().limit(COMPONENTS);
    if let Some(after) = query.after {
        question = question.after(after);
    }
    let page = question.page()?;
    let (mut stale, mut fresh, mut cut) = (Vec::new(), 0, Vec::new());
    for component in &page.items {
        let name = component.name.as_str();
        let partitions = tracer.partitions(name, None, PARTITIONS)?;
        if partitions.next.is_some() {
            cut.push(name.to_owned());
        }
        let partitions = [None].into_iter().chain(partitions.items.into_iter().map(Some));
        for judged in tracer.stale().component(name).partitions(partitions).get()? {
            if judged.stale.is_empty() {
                fresh += 1;
            } else {
                stale.push(judged);
            }
        }
    }
    let span = page.items.first().zip(page.items.last()).map(|(a, b)| (a.name.clone(), b.name.clone()));
    let next = page.next.map(|next| link::to("/stale", &[("after", &next)]));
    Ok(Judged { frame, span, components: page.items.len(), fresh, stale, cut, next })
}
