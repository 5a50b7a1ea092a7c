//! Small pieces that many pages show. Each escapes what it is made of.
#![allow(clippy::trivially_copy_pass_by_ref, reason = "templates hand over references")]

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, SecondsFormat, Utc};
use mltrace_core::{CheckStatus, IoPointer, RunId, RunRecord, Status, Version, VersionKind};

use super::link;

/// A time in UTC, which the page's script shows in the reader's own zone.
#[derive(Template)]
#[template(source = r#"<time datetime="{{ self.exact() }}">{{ self.shown() }}</time>"#, ext = "html")]
pub(super) struct Time(DateTime<Utc>);

impl Time {
    fn exact(&self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    fn shown(&self) -> String {
        self.0.format("%Y-%m-%d %H:%M:%S").to_string()
    }
}

pub(super) fn time(time: &DateTime<Utc>) -> Time {
    Time(*time)
}

/// How a run stands.
#[derive(Template)]
#[template(source = r#"<span class="status {{ self.0 }}">{{ self.0 }}</span>"#, ext = "html")]
pub(super) struct Badge(Status);

pub(super) fn badge(status: &Status) -> Badge {
    Badge(*status)
}

/// A run by its number and component, as a link to it.
#[derive(Template)]
#[template(
    source = r#"<a href="/runs/{{ id }}">#{{ id }} <bdi>{{ component }}</bdi>{% if let Some(partition) = partition %} [<bdi>{{ partition }}</bdi>]{% endif %}</a>"#,
    ext = "html"
)]
pub(super) struct RunLink<'r> {
    id: RunId,
    component: &'r str,
    partition: Option<&'r str>,
}

pub(super) fn run_link(run: &RunRecord) -> RunLink<'_> {
    RunLink { id: run.id, component: &run.component, partition: run.partition.as_deref() }
}

pub(super) fn run_named<'r>(id: &RunId, component: &'r str) -> RunLink<'r> {
    RunLink { id: *id, component, partition: None }
}

/// A name that leads to where it came from.
#[derive(Template)]
#[template(source = r#"<a class="pointer" href="{{ link }}"><bdi>{{ name }}</bdi></a>"#, ext = "html")]
pub(super) struct PointerLink<'p> {
    name: &'p str,
    link: String,
}

pub(super) fn pointer_link(name: &str) -> PointerLink<'_> {
    PointerLink { name, link: link::of("/trace", name) }
}

/// A component that leads to its page.
pub(super) fn component_link(name: &str) -> PointerLink<'_> {
    PointerLink { name, link: link::of("/components", name) }
}

/// An owner, who leads to all that is theirs.
pub(super) fn owner_link(name: &str) -> PointerLink<'_> {
    PointerLink { name, link: link::to("/components", &[("owner", name)]) }
}

/// A tag, which leads to what else carries it.
#[derive(Template)]
#[template(source = r#"<a class="tag" href="{{ link }}"><bdi>{{ name }}</bdi></a>"#, ext = "html")]
pub(super) struct TagLink<'t> {
    name: &'t str,
    link: String,
}

pub(super) fn tag_link(name: &str) -> TagLink<'_> {
    TagLink { name, link: link::to("/components", &[("tag", name)]) }
}

/// A label that leads to its page.
pub(super) fn label_link(name: &str) -> TagLink<'_> {
    TagLink { name, link: link::of("/labels", name) }
}

impl HtmlSafe for TagLink<'_> {}
impl HtmlSafe for Time {}
impl HtmlSafe for Badge {}
impl HtmlSafe for RunLink<'_> {}
impl HtmlSafe for PointerLink<'_> {}

/// How a check ended.
pub(super) fn outcome(status: &CheckStatus) -> &'static str {
    match status {
        CheckStatus::Passed => "passed",
        CheckStatus::Failed => "failed",
    }
}

/// A metric with the digits that matter.
pub(super) fn metric(value: &f64) -> String {
    mltrace_core::__words::metric(*value)
}

/// A value in few characters.
pub(super) fn short(value: &f64) -> String {
    mltrace_core::__words::short(*value)
}

/// A time in UTC, as it stands in tables by the day.
pub(super) fn utc(time: &DateTime<Utc>) -> String {
    mltrace_core::__words::utc(*time)
}

/// A share in percent.
pub(super) fn percent(share: &f64) -> String {
    mltrace_core::__words::percent(*share)
}

/// Wall time from start to end, where a run has ended.
pub(super) fn took(run: &RunRecord) -> String {
    run.duration_ms.map(mltrace_core::__words::duration).unwrap_or_default()
}

/// Enough of a version to tell it apart; all of it stands where the pointer leads.
pub(super) fn version(version: &Version) -> String {
    let length = if version.kind == VersionKind::Stated { 24 } else { 8 };
    let mut shown: String = version.value.chars().take(length).collect();
    if version.kind == VersionKind::Stated && shown.len() < version.value.len() {
        shown.push('…');
    }
    format!("{}:{shown}", version.kind)
}

/// The first output, and how many more there are.
pub(super) struct Outputs<'r>(pub(super) &'r [IoPointer]);

impl fmt::Display for Outputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            [only] => pointer_link(&only.name).fmt(f),
            [first, rest @ ..] => {
                write!(f, "{} <span class=\"more\">+{}</span>", pointer_link(&first.name), rest.len())
            }
        }
    }
}

impl HtmlSafe for Outputs<'_> {}
