//! One component: what it is, whether it is stale, and how its runs went.

use std::collections::BTreeMap;

use askama::Template;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use mltrace_core::__words::{count, duration, metric};
use mltrace_core::{Component, Judgement, RunId, RunRecord, Status, Tracer};
use serde::Deserialize;

use super::components::Asked;
use super::form::{self, given};
use super::frame::Frame;
use super::site::Visit;
use super::task::day_start;
use super::trend::{Trend, trend};
use super::{link, words};
use crate::problem::Problem;

/// So many runs at a time.
const PART: u64 = 50;
/// Among so many runs those are looked for that were asked for.
const LOOKED_AT: u64 = 20_000;
/// So many partitions are judged at a time.
const JUDGED: u32 = 20;
/// So many metrics are drawn, and of a run so many are shown.
const METRICS: usize = 5;
/// And so many at a time of those after them, where these are asked for.
const MORE_METRICS: usize = 50;

/// Which component.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    name: String,
}

/// A component, as a page.
#[derive(Template)]
#[template(path = "web/component.html")]
pub(super) struct One {
    frame: Frame,
    component: Component,
    asked: Asked,
    judged: Vec<Judgement>,
    older_partitions: Option<String>,
    runs: Vec<RunRecord>,
    older_runs: Option<String>,
    charts: Charts,
}

/// How long the runs took, and some of their metrics.
struct Charts {
    drawn: Vec<Trend>,
    /// How many metrics come after these, and where they are.
    next: Option<(String, String)>,
    /// Where the first ones are, unless these are.
    first: Option<String>,
}

pub(super) fn component(visit: Visit<'_, Named, Asked>) -> Result<One, Problem> {
    one(visit.tracer, &visit.path.name, visit.query, visit.frame)
}

pub(super) fn one(tracer: &Tracer, name: &str, asked: Asked, frame: Frame) -> Result<One, Problem> {
    let component = tracer.component(name)?;
    let here = here(name, &asked);
    let (judged, before) = judged(tracer, name, asked.before.as_deref())?;
    let mut history = tracer.history(name).limit(PART).within(LOOKED_AT);
    if let Some(status) = form::status(&asked.status)? {
        history = history.status(status);
    }
    if let Some(since) = given(&asked.since) {
        history = history.since(day_start(day(since)?));
    }
    if let Some(until) = given(&asked.until) {
        history = history.until(end_of(day(until)?));
    }
    if let Some(partition) = given(&asked.partition) {
        history = history.partition(partition);
    }
    if let Some(after) = &asked.after {
        history = history.after(after)?;
    }
    let page = history.briefs()?;
    let ids: Vec<RunId> = page.items.iter().map(|run| run.id).collect();
    let runs: Vec<RunRecord> = tracer.run_parts(&ids, 0)?.into_iter().map(|part| part.run).collect();
    Ok(One {
        frame,
        component,
        judged,
        older_partitions: before.map(|before| link::with(&here, "before", Some(&before)) + "#stale"),
        older_runs: page.next.map(|next| link::with(&here, "after", Some(&next)) + "#runs"),
        charts: charts(&runs, asked.metrics_after.as_deref(), &here),
        runs,
        asked,
    })
}

/// Where this page is, with all that it was asked.
fn here(name: &str, asked: &Asked) -> String {
    let places = [("before", &asked.before), ("after", &asked.after), ("metrics_after", &asked.metrics_after)];
    let places = places.into_iter().filter_map(|(key, place)| Some((key, place.as_deref()?)));
    link::to(&link::of("/components", name), &narrowed(asked).into_iter().chain(places).collect::<Vec<_>>())
}

/// The question as it stands in an address, but for the place in a list.
fn narrowed(asked: &Asked) -> Vec<(&'static str, &str)> {
    let fields =
        [("status", &asked.status), ("since", &asked.since), ("until", &asked.until), ("partition", &asked.partition)];
    fields.into_iter().filter_map(|(key, field)| Some((key, given(field)?))).collect()
}

/// The latest runs of some partitions, judged, and where the partitions before these begin.
fn judged(tracer: &Tracer, name: &str, before: Option<&str>) -> Result<(Vec<Judgement>, Option<String>), Problem> {
    let page = tracer.partitions(name, before, JUDGED)?;
    let without = before.is_none().then_some(None);
    let partitions: Vec<_> = without.into_iter().chain(page.items.into_iter().map(Some)).collect();
    let mut judged = tracer.stale().component(name).partitions(partitions.clone()).get()?;
    judged.sort_by_key(|judged| partitions.iter().position(|partition| *partition == judged.partition));
    Ok((judged, page.next))
}

fn day(text: &str) -> Result<NaiveDate, Problem> {
    text.parse().map_err(|_| Problem::bad_request(format!("`{text}` is no day: write it as 2020-01-31")))
}

fn end_of(day: NaiveDate) -> DateTime<Utc> {
    let next = day.checked_add_days(Days::new(1)).map_or(DateTime::<Utc>::MAX_UTC, day_start);
    next - TimeDelta::microseconds(1)
}

/// Draws how long the runs took and the first of their metrics, or those after one.
fn charts(runs: &[RunRecord], after: Option<&str>, here: &str) -> Charts {
    let place = |after: Option<&str>| link::with(here, "metrics_after", after) + "#runs";
    let mut values: BTreeMap<&str, usize> = BTreeMap::new();
    for name in runs.iter().flat_map(|run| run.metrics.keys()) {
        *values.entry(name).or_default() += 1;
    }
    // One value makes no line.
    let lines = values.into_iter().filter(|(_, values)| *values > 1).map(|(name, _)| name);
    let mut names = lines.filter(|name| after.is_none_or(|after| *name > after));
    let shown: Vec<&str> = names.by_ref().take(if after.is_some() { MORE_METRICS } else { METRICS }).collect();
    let more = names.count() as u64;
    let over = |value: &dyn Fn(&RunRecord) -> Option<f64>| runs.iter().rev().filter_map(value).collect::<Vec<_>>();
    let took = trend("took", &over(&|run| run.duration_ms), duration);
    let metrics = shown.iter().filter_map(|name| trend(name, &over(&|run| run.metrics.get(*name).copied()), metric));
    Charts {
        drawn: took.into_iter().chain(metrics).collect(),
        next: shown.last().filter(|_| more > 0).map(|last| (count(more, "more metric"), place(Some(last)))),
        first: after.map(|_| place(None)),
    }
}

impl One {
    fn is_narrowed(&self) -> bool {
        !narrowed(&self.asked).is_empty()
    }

    /// The page without a question.
    fn whole(&self) -> String {
        link::of("/components", &self.component.name)
    }

    fn of_partition(&self, partition: &str) -> String {
        link::to(&self.whole(), &[("partition", partition)]) + "#runs"
    }

    fn metrics(run: &RunRecord) -> impl Iterator<Item = (&String, &f64)> {
        run.metrics.iter().take(METRICS)
    }
}
