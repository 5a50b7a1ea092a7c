//! Questions for the runs of many components in the order of their starts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::brief::in_order;
use crate::clock::to_micros;
use crate::error::Result;
use crate::model::{Page, RunBrief, Status};
use crate::store::{ComponentId, Describes, HistoryFilter, HistoryKey, Sought, View};
use crate::tracer::Tracer;

impl Tracer {
    /// The runs of all components by start, the last first.
    pub fn by_start(&self) -> ByStart<'_> {
        ByStart {
            tracer: self,
            tag: None,
            status: None,
            since: None,
            until: None,
            after: None,
            limit: 100,
            within: 5_000,
        }
    }
}

/// A question for the runs of all components by start.
///
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use mltrace_core::{ComponentRun, Tracer};
///
/// let tracer = Tracer::in_memory()?;
/// let at = |hour| DateTime::UNIX_EPOCH + TimeDelta::hours(hour);
/// for (component, hour) in [("train", 3), ("clean", 1), ("infer", 2)] {
///     let mut run = ComponentRun::new(component);
///     run.started_at(at(hour)).ended_at(at(hour));
///     tracer.log_component_run(run)?;
/// }
/// let page = tracer.by_start().until(at(2)).limit(1).briefs()?;
/// assert_eq!(page.items[0].component, "infer");
/// let rest = tracer.by_start().until(at(2)).after(page.next.as_deref().unwrap())?.briefs()?;
/// assert_eq!((rest.items[0].component.as_str(), rest.next), ("clean", None));
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `briefs` to ask"]
pub struct ByStart<'t> {
    tracer: &'t Tracer,
    tag: Option<String>,
    status: Option<Status>,
    since: Option<i64>,
    until: Option<i64>,
    after: Option<HistoryKey>,
    limit: u32,
    within: u32,
}

/// So many runs are looked at together.
const AT_ONCE: u32 = 250;
/// The runs of so many components are merged; among those of more some will soon be met.
const MERGED: usize = if cfg!(test) { 1 } else { 100 };

impl ByStart<'_> {
    /// Runs of the components that carry this tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Runs that stand so.
    pub fn status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// Runs that started at this time or later.
    pub fn since(mut self, time: DateTime<Utc>) -> Self {
        self.since = Some(to_micros(time));
        self
    }

    /// Runs that started at this time or earlier.
    pub fn until(mut self, time: DateTime<Utc>) -> Self {
        self.until = Some(to_micros(time));
        self
    }

    /// At most so many runs; 100 unless told.
    pub fn limit(mut self, runs: u32) -> Self {
        self.limit = runs;
        self
    }

    /// Looks for runs of a status, or of a tag that many components carry, among so many at most, 5,000 unless told: a page
    /// can then hold fewer runs than its limit, or none, and have a `next`.
    pub fn within(mut self, runs: u32) -> Self {
        self.within = runs;
        self
    }

    /// Goes on where an earlier page ended, given its `next`.
    ///
    /// # Errors
    /// The cursor is not one that such a page gave.
    pub fn after(mut self, cursor: &str) -> Result<Self> {
        self.after = Some(cursor.parse()?);
        Ok(self)
    }

    /// The runs in brief.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn briefs(self) -> Result<Page<RunBrief>> {
        self.tracer.store().read(|view| {
            let span = HistoryFilter { since: self.since, until: self.until, ..HistoryFilter::default() };
            let mut tagged = self.tag.as_deref().map(|tag| Tagged::by(view, tag)).transpose()?;
            let mut runs = view.by_start(&span, self.after, tagged.as_ref().and_then(Tagged::few))?;
            let is_picky = self.status.is_some() || tagged.as_ref().is_some_and(|tagged| tagged.few().is_none());
            let (limit, mut left) = (self.limit as usize, self.within);
            let (mut items, mut last) = (Vec::new(), None);
            while left > 0 && items.len() < limit {
                let size = left.min(if is_picky { AT_ONCE } else { self.limit });
                left -= size;
                let taken = runs.take(view, size as usize)?;
                let mut wanted = Vec::new();
                for run in &taken {
                    let may_be_of_status = self.may_be_of_status(run.reported()?);
                    if may_be_of_status && tagged.as_mut().map_or(Ok(true), |tagged| tagged.has(view, run.component))? {
                        wanted.push(run.key.run);
                    }
                }
                let found = in_order(view, &wanted)?.into_iter();
                let mut found = found.filter(|run| self.status.is_none_or(|status| run.status == status));
                items.extend(found.by_ref().take(limit - items.len()));
                if found.next().is_some() {
                    return Ok(Page { next: items.last().map(|run| key(run).to_string()), items });
                }
                if taken.len() < size as usize {
                    return Ok(Page { items, next: None });
                }
                last = taken.last().map(|run| run.key);
            }
            let has_more = !runs.take(view, 1)?.is_empty();
            Ok(Page { items, next: last.filter(|_| has_more).map(|key| key.to_string()) })
        })
    }

    /// Whether a run that was reported so may be sought: one that is lost was reported as running.
    fn may_be_of_status(&self, reported: Status) -> bool {
        self.status.is_none_or(|status| reported == if status == Status::Lost { Status::Running } else { status })
    }
}

fn key(run: &RunBrief) -> HistoryKey {
    HistoryKey { started_at: to_micros(run.started_at), run: run.id }
}

/// The components that carry a tag.
struct Tagged<'a> {
    tag: &'a str,
    /// All of them, if they are few.
    few: Option<Vec<ComponentId>>,
    /// Otherwise those that were asked about.
    known: HashMap<ComponentId, bool>,
}

impl<'a> Tagged<'a> {
    fn by(view: &View<'_>, tag: &'a str) -> Result<Self> {
        let mut tagged = Self { tag, few: None, known: HashMap::new() };
        let ever = view.components_sought(Sought::Described(Describes::Tag, tag), "", None, MERGED + 1)?.names;
        if ever.len() <= MERGED {
            let mut few = Vec::new();
            for name in ever {
                if tagged.is_on(view, &name)? {
                    few.extend(view.component_id(&name)?);
                }
            }
            tagged.few = Some(few);
        }
        Ok(tagged)
    }

    fn few(&self) -> Option<&[ComponentId]> {
        self.few.as_deref()
    }

    fn has(&mut self, view: &View<'_>, component: ComponentId) -> Result<bool> {
        if self.few.is_some() {
            return Ok(true);
        }
        if let Some(&known) = self.known.get(&component) {
            return Ok(known);
        }
        let has = view.ever_tagged(component, self.tag)?.map_or(Ok(false), |name| self.is_on(view, &name))?;
        self.known.insert(component, has);
        Ok(has)
    }

    fn is_on(&self, view: &View<'_>, component: &str) -> Result<bool> {
        Ok(view.component(component)?.is_some_and(|component| component.tags.iter().any(|tag| tag == self.tag)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::clock::from_micros;
    use crate::component_run::ComponentRun;
    use crate::lineage::resolve::put_run;
    use crate::model::Process;
    use crate::provenance;
    use crate::testing::run;

    #[test]
    fn a_run_whose_process_died_is_found_among_the_lost_alone() {
        let tracer = Tracer::in_memory().unwrap();
        let died = Process { uuid: Uuid::now_v7(), start_ticks: Some(1), ..provenance::process().clone() };
        let lost = tracer.store().write(None, |tx| Ok(put_run(tx, &run("train", 0, 1).open(), &died)?.run)).unwrap();
        let running = tracer.store().put(&run("train", 0, 1).open()).unwrap();
        let of = |status| {
            let page = tracer.by_start().status(status).briefs().unwrap();
            page.items.into_iter().map(|run| run.id).collect::<Vec<_>>()
        };
        assert_eq!((of(Status::Lost), of(Status::Running)), (vec![lost], vec![running]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn runs_of_all_components_are_told_by_start_and_each_once(
            runs in prop::collection::vec((0_usize..3, 0_i64..6, any::<bool>()), 1..20),
            [since, until] in [prop::option::of(0_i64..6), prop::option::of(0_i64..6)],
            is_tagged in any::<bool>(),
            is_of_status in any::<bool>(),
            limit in 1_u32..4,
            within in 1_u32..8,
        ) {
            let tracer = Tracer::in_memory().unwrap();
            let at = |second: i64| from_micros(second * 1_000_000);
            let mut expected = Vec::new();
            for (component, second, fails) in runs {
                let mut run = ComponentRun::new(["clean", "train", "infer"][component]);
                run.started_at(at(second)).ended_at(at(second));
                if component > 0 {
                    run.tag("nightly");
                }
                if fails {
                    run.fail("no rows");
                }
                let id = tracer.log_component_run(run).unwrap();
                let is_in_time = since.is_none_or(|since| since <= second) && until.is_none_or(|until| second <= until);
                if is_in_time && (!is_tagged || component > 0) && (!is_of_status || fails) {
                    expected.push((second, id));
                }
            }
            expected.sort_unstable_by(|a, b| b.cmp(a));
            let mut question = tracer.by_start().limit(limit).within(within);
            if let Some(since) = since {
                question = question.since(at(since));
            }
            if let Some(until) = until {
                question = question.until(at(until));
            }
            if is_tagged {
                question = question.tag("nightly");
            }
            if is_of_status {
                question = question.status(Status::Failed);
            }
            let mut found = Vec::new();
            let mut page = question.clone().briefs().unwrap();
            loop {
                prop_assert!(page.items.len() <= limit.min(within) as usize);
                found.extend(page.items.into_iter().map(|run| run.id));
                let Some(next) = page.next else { break };
                page = question.clone().after(&next).unwrap().briefs().unwrap();
            }
            prop_assert_eq!(found, expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
        }
    }
}
