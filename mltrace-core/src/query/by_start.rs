//! Questions for the runs of many components in the order of their starts.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::brief::in_order;
use crate::clock::to_micros;
use crate::error::Result;
use crate::model::{Page, RunBrief, RunId, Status};
use crate::store::{ComponentId, HistoryKey, View};
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

/// A question for the runs of all components by start. What it takes grows with the components, not with their runs.
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

    /// Looks for runs of a status among so many at most, 5,000 unless told: a page can then hold fewer runs than its limit,
    /// or none, and have a `next`.
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
            let mut runs = view.by_start(self.since, self.until, self.after)?;
            if let Some(tag) = &self.tag {
                let tagged = self.tagged(view, tag)?;
                runs.only(|component| tagged.contains(&component));
            }
            let limit = self.limit as usize;
            let (mut items, mut last, mut left) = (Vec::new(), None, self.within);
            while left > 0 && items.len() < limit {
                let size = left.min(if self.status.is_some() { AT_ONCE } else { self.limit });
                let keys = runs.take(view, size as usize)?;
                let ids: Vec<RunId> = keys.iter().map(|key| key.run).collect();
                for (key, run) in keys.iter().zip(in_order(view, &ids)?) {
                    if items.len() == limit {
                        return Ok(Page { items, next: last.as_ref().map(ToString::to_string) });
                    }
                    last = Some(*key);
                    items.extend(self.status.is_none_or(|status| run.status == status).then_some(run));
                }
                left -= size;
                if keys.len() < size as usize {
                    return Ok(Page { items, next: None });
                }
            }
            let has_more = !runs.take(view, 1)?.is_empty();
            Ok(Page { items, next: last.filter(|_| has_more).map(|key| key.to_string()) })
        })
    }

    fn tagged(&self, view: &View<'_>, tag: &str) -> Result<HashSet<ComponentId>> {
        let components = self.tracer.components().tag(tag).all(view)?;
        components.iter().filter_map(|component| view.component_id(&component.name).transpose()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::from_micros;
    use crate::component_run::ComponentRun;

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
