//! Questions for what is stale.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::catalogue::no_component;
use super::{not_found, started_at};
use crate::clock::{from_micros, now, to_micros};
use crate::error::Result;
use crate::lineage::stale::Judge;
use crate::model::{Judgement, RunId, Stale};
use crate::store::{ComponentId, NameId, View};
use crate::tracer::Tracer;

impl Tracer {
    /// What is stale: the latest completed run of each component and partition, judged.
    pub fn stale(&self) -> Staleness<'_> {
        Staleness { tracer: self, component: None, partitions: None, as_of: None }
    }

    /// Why one run is stale, whatever its status.
    pub fn stale_run(&self, run: RunId) -> StaleRun<'_> {
        StaleRun { tracer: self, run, as_of: None }
    }

    /// Why runs are stale: as many of these, in this order, as are judged within a time, but the first in any case. What
    /// several of them have behind them is looked up once.
    ///
    /// # Errors
    /// A run is not there, or the store cannot be read.
    pub fn stale_runs(&self, runs: &[RunId], within: Duration) -> Result<Vec<Vec<Stale>>> {
        let began = Instant::now();
        self.store().read(|view| {
            let mut judge = Judge::as_of(view, to_micros(now()));
            let mut judged = Vec::with_capacity(runs.len());
            for &run in runs {
                if !judged.is_empty() && began.elapsed() > within {
                    break;
                }
                judged.push(judge.judge(run)?);
            }
            Ok(judged)
        })
    }
}

/// A question for what is stale.
///
/// The latest completed run of each component and partition is judged, fresh ones too. Only runs that had ended by the
/// moment of the question count; [`StaleKind`](crate::StaleKind) names the rules.
///
/// ```
/// use mltrace_core::{ComponentRun, StaleKind, Tracer};
///
/// let tracer = Tracer::in_memory()?;
/// for (component, input, output) in [("clean", "raw", "rides"), ("train", "rides", "forest"), ("clean", "raw", "rides")] {
///     let mut run = ComponentRun::new(component);
///     run.start().add_input(input).add_output(output).end();
///     tracer.log_component_run(run)?;
/// }
/// let judged = tracer.stale().get()?;
/// assert_eq!((judged[0].component.as_str(), judged[0].stale.len()), ("clean", 0));
/// let reason = &judged[1].stale[0];
/// assert_eq!(reason.kind, StaleKind::FresherUpstream);
/// assert!(reason.message.starts_with("it read `rides` from #1 clean; #3 clean has written over it"));
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct Staleness<'t> {
    tracer: &'t Tracer,
    component: Option<String>,
    partitions: Option<Vec<Option<String>>>,
    as_of: Option<DateTime<Utc>>,
}

impl Staleness<'_> {
    /// Only this component.
    pub fn component(mut self, component: impl Into<String>) -> Self {
        self.component = Some(component.into());
        self
    }

    /// Only this partition.
    pub fn partition(self, partition: impl Into<String>) -> Self {
        self.partitions([Some(partition.into())])
    }

    /// Only these partitions, `None` for the runs that have none: a component may have more than anyone wants judged.
    pub fn partitions(mut self, partitions: impl IntoIterator<Item = Option<String>>) -> Self {
        self.partitions = Some(partitions.into_iter().collect());
        self
    }

    /// What was stale at this time, rather than now.
    pub fn as_of(mut self, time: DateTime<Utc>) -> Self {
        self.as_of = Some(time);
        self
    }

    /// The judged runs, by component and partition.
    ///
    /// # Errors
    /// There is no such component, or the store cannot be read.
    pub fn get(self) -> Result<Vec<Judgement>> {
        let as_of = to_micros(self.as_of.unwrap_or_else(now));
        self.tracer.store().read(|view| {
            let mut judge = Judge::as_of(view, as_of);
            let mut judged = Vec::new();
            for (id, component) in self.components(view)? {
                for partition in self.partition_ids(view, id)? {
                    let Some(latest) = view.latest_completed(id, partition, as_of)? else { continue };
                    judged.push(Judgement {
                        component: component.clone(),
                        partition: partition.map(|partition| view.name_text(partition)).transpose()?,
                        run: latest.run,
                        ended_at: from_micros(latest.ended_at),
                        stale: judge.judge(latest.run)?,
                    });
                }
            }
            judged.sort_by(|a, b| (&a.component, &a.partition).cmp(&(&b.component, &b.partition)));
            Ok(judged)
        })
    }

    fn components(&self, view: &View<'_>) -> Result<Vec<(ComponentId, String)>> {
        let Some(name) = &self.component else { return view.component_names(None) };
        let id = view.component_that_ran(name)?.ok_or_else(|| no_component(view, name))?;
        Ok(vec![(id, name.clone())])
    }

    fn partition_ids(&self, view: &View<'_>, component: ComponentId) -> Result<Vec<Option<NameId>>> {
        let Some(partitions) = &self.partitions else { return view.partitions(component) };
        let id = |partition: &Option<String>| match partition {
            None => Ok(Some(None)),
            Some(partition) => Ok(view.name_id(partition)?.map(Some)),
        };
        partitions.iter().filter_map(|partition| id(partition).transpose()).collect()
    }
}

/// A question for the reasons why one run is stale.
///
/// ```
/// use mltrace_core::{ComponentRun, Tracer};
///
/// let tracer = Tracer::in_memory()?;
/// let mut run = ComponentRun::new("clean");
/// run.start().add_input("raw").add_output("rides").end();
/// let id = tracer.log_component_run(run)?;
/// assert!(tracer.stale_run(id).get()?.is_empty());
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct StaleRun<'t> {
    tracer: &'t Tracer,
    run: RunId,
    as_of: Option<DateTime<Utc>>,
}

impl StaleRun<'_> {
    /// As it was at this time, rather than now.
    pub fn as_of(mut self, time: DateTime<Utc>) -> Self {
        self.as_of = Some(time);
        self
    }

    /// The reasons, none where the run is fresh.
    ///
    /// # Errors
    /// There is no such run, it had not started by that time, or the store cannot be read.
    pub fn get(self) -> Result<Vec<Stale>> {
        self.tracer.store().read(|view| {
            let started_at = from_micros(started_at(view, self.run)?);
            if let Some(time) = self.as_of.filter(|time| *time < started_at) {
                return Err(not_found(format!("run {} had not started by {time}", self.run)));
            }
            Judge::as_of(view, to_micros(self.as_of.unwrap_or_else(now))).judge(self.run)
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{ComponentRun, ErrorKind};

    fn log(tracer: &Tracer, component: &str, partition: Option<&str>, minute: i64) -> RunId {
        let mut run = ComponentRun::new(component);
        run.started_at(at(minute)).ended_at(at(minute + 1));
        if let Some(partition) = partition {
            run.partition(partition);
        }
        tracer.log_component_run(run).unwrap()
    }

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    #[test]
    fn of_each_partition_the_latest_run_is_judged() {
        let tracer = Tracer::in_memory().unwrap();
        for (minute, partition) in
            [(0, Some("b")), (2, None), (4, Some("a")), (6, Some("b")), (8, None), (5, Some("a"))]
        {
            log(&tracer, "clean", partition, minute);
        }
        log(&tracer, "train", None, 20);
        let judged = |question: Staleness<'_>| -> Vec<_> {
            let all = question.get().unwrap();
            all.into_iter().map(|one| (one.component, one.partition.unwrap_or_default(), one.run.0)).collect()
        };
        let own = |(component, partition, run): (&str, &str, i64)| (component.to_owned(), partition.to_owned(), run);
        let expected = [("clean", "", 5), ("clean", "a", 6), ("clean", "b", 4), ("train", "", 7)].map(own);
        assert_eq!(judged(tracer.stale()), expected);
        assert_eq!(judged(tracer.stale().component("clean").partition("b")), expected[2..3]);
        assert_eq!(judged(tracer.stale().partition("none")), []);
        assert_eq!(judged(tracer.stale().as_of(at(3))), [("clean", "", 2), ("clean", "b", 1)].map(own));
    }

    #[test]
    fn a_run_that_failed_is_not_judged_in_place_of_one_that_completed() {
        let tracer = Tracer::in_memory().unwrap();
        let completed = log(&tracer, "clean", None, 0);
        let mut failed = ComponentRun::new("clean");
        failed.started_at(at(5)).ended_at(at(6)).fail("no rides");
        tracer.log_component_run(failed).unwrap();
        let judged = tracer.stale().get().unwrap();
        assert_eq!(judged.iter().map(|one| one.run).collect::<Vec<_>>(), [completed]);
    }

    #[test]
    fn a_run_is_not_judged_as_of_a_time_before_it_started() {
        let tracer = Tracer::in_memory().unwrap();
        let run = log(&tracer, "clean", None, 5);
        let error = tracer.stale_run(run).as_of(at(4)).get().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.to_string(), "run 1 had not started by 1970-01-01 00:04:00 UTC");
        assert_eq!(tracer.stale_run(run).as_of(at(5)).get().unwrap(), []);
        assert_eq!(tracer.stale_run(RunId(7)).get().unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn runs_are_judged_together_as_they_are_alone_while_there_is_time() {
        let tracer = Tracer::in_memory().unwrap();
        for (minute, component, input, output) in
            [(0, "clean", "raw", "rides"), (5, "train", "rides", "forest"), (10, "clean", "raw", "rides")]
        {
            let mut run = ComponentRun::new(component);
            run.started_at(at(minute)).ended_at(at(minute + 1)).add_input(input).add_output(output);
            tracer.log_component_run(run).unwrap();
        }
        let runs = [RunId(2), RunId(3), RunId(1)];
        let alone = runs.map(|run| tracer.stale_run(run).get().unwrap());
        assert_eq!(tracer.stale_runs(&runs, Duration::MAX).unwrap(), alone);
        assert_eq!(alone.map(|stale| stale.len()), [1, 0, 0]);
        assert_eq!(tracer.stale_runs(&runs, Duration::ZERO).unwrap().len(), 1, "one is judged in any case");
    }

    #[test]
    fn lists_judge_nothing_and_a_run_is_judged_twice() {
        let tracer = Tracer::in_memory().unwrap();
        let run = log(&tracer, "clean", None, 5);
        let listed = tracer.runs(&[RunId(7), run]).unwrap();
        assert_eq!(listed, tracer.recent(1).unwrap().items, "a run that is not there is left out");
        assert_eq!((&listed[0].stale, &listed[0].stale_at_start, &listed[0].labels), (&None, &None, &None));
        let found = tracer.run(run).unwrap();
        assert_eq!((found.stale, found.stale_at_start), (Some(Vec::new()), Some(Vec::new())));
    }
}
