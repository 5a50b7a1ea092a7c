//! Small pieces that many pages show. Each escapes what it is made of.
#![allow(clippy::trivially_copy_pass_by_ref, reason = "templates hand over references")]

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, SecondsFormat, Utc};
use mltrace_core::__words::count;
pub(super) use mltrace_core::__words::marks;
use mltrace_core::{
    Check, CheckStatus, IoPointer, Parting, RunId, RunPart, RunRecord, StaleKind, Status, Version, VersionKind,
};

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

/// Data of which a part of the name is shown, as it is below its folder. It leads to where that version came from, for which
/// another may have been written since.
pub(super) fn data_link<'p>(name: &str, version: Option<&Version>, shown: &'p str) -> PointerLink<'p> {
    PointerLink { name: shown, link: place_of(name, version) }
}

/// Where the lineage of data stands.
pub(super) fn place_of(name: &str, version: Option<&Version>) -> String {
    let place = link::of("/trace", name);
    version.map_or_else(|| place.clone(), |version| link::to(&place, &[("version", &version.to_string())]))
}

/// A component that leads to its page.
pub(super) fn component_link(name: &str) -> PointerLink<'_> {
    PointerLink { name, link: link::of("/components", name) }
}

/// A task that leads to its page.
pub(super) fn task_link(name: &str) -> PointerLink<'_> {
    PointerLink { name, link: super::task::link_to(name, &[]) }
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

/// The labels that data carries, the first of them.
pub(super) struct Labels<'l>(pub(super) Option<&'l [String]>);

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Few { shown, more } = Few::of(self.0.unwrap_or_default());
        shown.iter().try_for_each(|label| write!(f, " {}", label_link(label)))?;
        if more > 0 { write!(f, " <span class=\"more\">and {more} more labels</span>") } else { Ok(()) }
    }
}

impl HtmlSafe for Labels<'_> {}
impl HtmlSafe for TagLink<'_> {}
impl HtmlSafe for Time {}
impl HtmlSafe for Badge {}
impl HtmlSafe for RunLink<'_> {}
impl HtmlSafe for PointerLink<'_> {}

/// What is known of the end of a lost run.
pub(super) fn lost(run: &RunRecord) -> Option<String> {
    let process = match (run.pid, &run.host) {
        (Some(pid), Some(host)) => format!("process {pid} on {host}"),
        _ => "its process".to_owned(),
    };
    let said = || format!("It never said how it ended: {process} ended first, or fell silent.");
    (run.status == Status::Lost).then(said)
}

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

/// How long ago something was.
pub(super) fn age(time: &DateTime<Utc>) -> String {
    mltrace_core::__words::age(*time, Utc::now())
}

/// How many edges lie between.
pub(super) fn hops(hops: &u32) -> String {
    count(u64::from(*hops), "hop")
}

/// In what two runs differ at which lineages part.
pub(super) fn differs(parting: &Parting) -> String {
    parting.differs.iter().copied().map(mltrace_core::__words::parted).collect::<Vec<_>>().join(", ")
}

/// A suspicion as the command line shows it.
pub(super) fn suspicion(suspicion: &f64) -> String {
    format!("{suspicion:.2}")
}

/// The rule by which a run is stale.
pub(super) fn rule(kind: &StaleKind) -> &'static str {
    mltrace_core::__words::rule(*kind)
}

/// The commit as people quote it.
pub(super) fn commit(run: &RunRecord) -> Option<String> {
    mltrace_core::__words::commit(&run.git)
}

/// A param as its author would write it, as much as has room in a list.
pub(super) fn param(value: &serde_json::Value) -> String {
    const LONGEST: usize = 300;
    cut(&value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned), LONGEST)
}

/// Whether a param holds what programs told of the run in events, which has a section of its own.
pub(super) fn is_told(param: &str) -> bool {
    param.split('.').next() == Some("openlineage")
}

/// The params that a run was given itself.
pub(super) fn own_params(run: &RunRecord) -> impl Iterator<Item = (&String, &serde_json::Value)> {
    run.params.iter().filter(|(name, _)| !is_told(name))
}

/// Enough of an error to know it.
pub(super) fn beginning(text: &str) -> String {
    const LONGEST: usize = 600;
    cut(text, LONGEST)
}

fn cut(text: &str, letters: usize) -> String {
    let mut rest = text.chars();
    let mut shown: String = rest.by_ref().take(letters).collect();
    if rest.next().is_some() {
        shown.push('…');
    }
    shown
}

/// The checks, those that failed first.
pub(super) fn failed_first(checks: &[Check]) -> Vec<&Check> {
    let (failed, passed): (Vec<_>, Vec<_>) = checks.iter().partition(|check| check.status == CheckStatus::Failed);
    [failed, passed].concat()
}

/// What went wrong, a line each: the beginning of the error, and the checks that failed unless it names them.
pub(super) fn trouble(run: &RunRecord) -> Vec<String> {
    const LONGEST: usize = 300;
    const SHOWN: usize = 3;
    let error = run.error.as_deref().unwrap_or_default();
    let first = error.lines().find(|line| !line.trim().is_empty()).map(|line| cut(line, LONGEST));
    let failed = run.checks.iter().filter(|check| check.status == CheckStatus::Failed);
    let names: Vec<&str> = failed.map(|check| check.name.as_str()).collect();
    let checks = (!names.iter().all(|name| error.contains(name))).then(|| {
        let more = names.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let told = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
        format!("{} of {} failed: {told}{more}", names.len(), count(run.checks.len() as u64, "check"))
    });
    first.into_iter().chain(checks).collect()
}

/// A share from 0 to 1 as a bar; it stands beside the figure that it shows.
#[derive(Template)]
#[template(
    source = r#"<svg class="share" viewBox="0 0 48 8" width="48" height="8" aria-hidden="true"><rect class="all" width="48" height="8" rx="2"/><rect width="{{ self.length() }}" height="8" rx="2"/></svg>"#,
    ext = "html"
)]
pub(super) struct Share<'s>(pub(super) &'s f64);

impl Share<'_> {
    fn length(&self) -> String {
        format!("{:.1}", self.0.clamp(0.0, 1.0) * 48.0)
    }
}

impl HtmlSafe for Share<'_> {}

/// The way to the next of a list, where there are any.
#[derive(Template)]
#[template(
    source = r#"{% if more > 0 %}<p><a href="{{ link }}">The next of {{ more }} more {{ what }}</a></p>{% endif %}"#,
    ext = "html"
)]
pub(super) struct Next {
    pub(super) link: String,
    pub(super) more: usize,
    pub(super) what: &'static str,
}

impl HtmlSafe for Next {}

/// So much is shown of much.
pub(super) const FEW: u32 = 5;

/// The first of many.
pub(super) struct Few<T> {
    pub(super) shown: Vec<T>,
    pub(super) more: usize,
}

impl<T> Few<T> {
    pub(super) fn of(all: impl IntoIterator<Item = T>) -> Self {
        let mut all = all.into_iter();
        Self { shown: all.by_ref().take(FEW as usize).collect(), more: all.count() }
    }

    /// The first of so many, of which these are some.
    fn among(shown: impl IntoIterator<Item = T>, all: u64) -> Self {
        let shown: Vec<T> = shown.into_iter().take(FEW as usize).collect();
        let more = usize::try_from(all).unwrap_or(usize::MAX) - shown.len();
        Self { shown, more }
    }

    /// The same of what is shown: the others need not be looked at.
    pub(super) fn map<U>(self, each: impl FnMut(T) -> U) -> Few<U> {
        Few { shown: self.shown.into_iter().map(each).collect(), more: self.more }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }
}

/// The version that all of these are, if it is one.
pub(super) fn one_version<'v>(mut versions: impl Iterator<Item = Option<&'v Version>>) -> Option<&'v Version> {
    let first = versions.next()??;
    versions.all(|version| version == Some(first)).then_some(first)
}

/// A name in the version that was read or written, if one is known.
pub(super) type Data<'d> = (&'d str, Option<&'d Version>);

pub(super) fn data(pointer: &IoPointer) -> Data<'_> {
    (&pointer.name, pointer.version.as_ref())
}

impl fmt::Display for Few<Data<'_>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, version)) in self.shown.iter().enumerate() {
            f.write_str(if place > 0 { ", " } else { "" })?;
            data_link(name, *version, name).fmt(f)?;
        }
        if self.more > 0 {
            write!(f, " <span class=\"more\">and {} more</span>", self.more)?;
        }
        Ok(())
    }
}

impl HtmlSafe for Few<Data<'_>> {}

/// What a run read, the first of so much.
pub(super) fn read<'r>(run: &'r RunRecord, inputs: &u64) -> Few<Data<'r>> {
    Few::among(run.inputs.iter().map(|input| data(&input.pointer)), *inputs)
}

/// What it wrote.
pub(super) fn wrote<'r>(run: &'r RunRecord, outputs: &u64) -> Few<Data<'r>> {
    Few::among(run.outputs.iter().map(data), *outputs)
}

/// The first output, and how many more there are.
pub(super) struct Outputs<'r>(pub(super) &'r RunPart);

impl fmt::Display for Outputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunPart { run, outputs, .. } = self.0;
        let Some(first) = run.outputs.first() else { return Ok(()) };
        data_link(&first.name, first.version.as_ref(), &first.name).fmt(f)?;
        if *outputs > 1 { write!(f, " <span class=\"more\">+{}</span>", outputs - 1) } else { Ok(()) }
    }
}

impl HtmlSafe for Outputs<'_> {}
