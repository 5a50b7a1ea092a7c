//! Questions for the results of checks.

use super::catalogue::no_component;
use crate::clock::from_micros;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CheckStatus, Page, RunCheck, RunId};
use crate::store::{CheckFilter, CheckKey};
use crate::tracer::Tracer;

impl Tracer {
    /// The results of a component's checks: those of the run with the latest start first, of one run in the order in
    /// which they ran.
    pub fn checks(&self, component: impl Into<String>) -> Checks<'_> {
        Checks { tracer: self, component: component.into(), filter: CheckFilter::default(), after: None, limit: 100 }
    }
}

/// A question for the results of a component's checks.
///
/// ```
/// use mltrace_core::{CheckStatus, ComponentRun, Tracer, check};
///
/// let tracer = Tracer::in_memory()?;
/// for rows in [120, 57, 130] {
///     let mut run = ComponentRun::new("cleaning");
///     run.start().check("enough rows", check::row_count(rows, 100..)).check("sorted", true).end();
///     tracer.log_component_run(run)?;
/// }
/// let failed = tracer.checks("cleaning").status(CheckStatus::Failed).get()?;
/// assert_eq!(failed.items.len(), 1);
/// assert_eq!(failed.items[0].check.message.as_deref(), Some("57 rows, expected at least 100"));
///
/// let newest = tracer.checks("cleaning").name("enough rows").limit(1).get()?;
/// assert_eq!(newest.items[0].check.status, CheckStatus::Passed);
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct Checks<'t> {
    tracer: &'t Tracer,
    component: String,
    filter: CheckFilter,
    after: Option<CheckKey>,
    limit: u64,
}

impl Checks<'_> {
    /// Results of the check of this name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.filter.name = Some(name.into());
        self
    }

    /// Results of this kind.
    pub fn status(mut self, status: CheckStatus) -> Self {
        self.filter.status = Some(status);
        self
    }

    /// At most so many results; 100 unless told.
    pub fn limit(mut self, results: u64) -> Self {
        self.limit = results;
        self
    }

    /// Goes on where an earlier page ended, given its `next`.
    ///
    /// # Errors
    /// The cursor is not one that such a question gave.
    pub fn after(mut self, cursor: &str) -> Result<Self> {
        let numbers: Vec<i64> = cursor.split('.').map_while(|part| part.parse().ok()).collect();
        let [started_at, run, position] = numbers[..] else {
            return Err(Error::new(ErrorKind::Invalid, format!("`{cursor}` is not a cursor of checks")));
        };
        self.after = Some(CheckKey { started_at, run: RunId(run), position });
        Ok(self)
    }

    /// The results.
    ///
    /// # Errors
    /// There is no such component, or the store cannot be read.
    pub fn get(self) -> Result<Page<RunCheck>> {
        let Self { tracer, component, filter, after, limit } = self;
        tracer.store().read(|view| {
            let id = view.component_that_ran(&component)?.ok_or_else(|| no_component(view, &component))?;
            let mut found = view.checks(id, &filter, after, limit.saturating_add(1))?;
            let shown = usize::try_from(limit).unwrap_or(usize::MAX);
            let has_more = found.len() > shown;
            found.truncate(shown);
            let last = found.last().filter(|_| has_more);
            let next = last.map(|(key, _)| format!("{}.{}.{}", key.started_at, key.run, key.position));
            let items = found.into_iter().map(|(key, check)| RunCheck {
                run: key.run,
                component: component.clone(),
                started_at: from_micros(key.started_at),
                check,
            });
            Ok(Page { items: items.collect(), next })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::component_run::ComponentRun;

    /// Logs a run for each list of checks, each a number for its name and whether it held.
    fn logged(runs: &[(u8, Vec<(u8, bool)>)]) -> Tracer {
        let tracer = Tracer::in_memory().unwrap();
        for (second, checks) in runs {
            let mut run = ComponentRun::new("cleaning");
            let at = from_micros(i64::from(*second) * 1_000_000);
            run.started_at(at).ended_at(at);
            for (name, holds) in checks {
                run.check(name.to_string(), *holds);
            }
            tracer.log_component_run(run).unwrap();
        }
        let mut other = ComponentRun::new("train");
        other.start().check("0", false).end();
        tracer.log_component_run(other).unwrap();
        tracer
    }

    #[test]
    fn a_component_that_never_ran_is_not_found() {
        let error = logged(&[]).checks("cleaning").get().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_cursor_of_another_question_is_refused() {
        let tracer = logged(&[]);
        for cursor in ["", "1", "1.2", "1.2.3.4", "1.2.x"] {
            assert_eq!(tracer.checks("train").after(cursor).unwrap_err().kind(), ErrorKind::Invalid, "{cursor}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pages_of_any_size_give_every_result_once_in_order(
            runs in prop::collection::vec((0_u8..4, prop::collection::vec((0_u8..3, any::<bool>()), 0..4)), 1..8),
            name in prop::option::of(0_u8..3),
            status in prop::option::of(prop::sample::select(vec![CheckStatus::Passed, CheckStatus::Failed])),
            limit in 1_u64..5,
        ) {
            let tracer = logged(&runs);
            let mut expected = Vec::new();
            let mut newest_first: Vec<_> = (1_i64..).zip(&runs).collect();
            newest_first.sort_by_key(|(id, (second, _))| std::cmp::Reverse((*second, *id)));
            for (id, (_, checks)) in newest_first {
                for (given, holds) in checks {
                    let found = if *holds { CheckStatus::Passed } else { CheckStatus::Failed };
                    if name.is_none_or(|name| name == *given) && status.is_none_or(|status| status == found) {
                        expected.push((RunId(id), given.to_string(), found));
                    }
                }
            }
            let ask = || {
                let mut question = tracer.checks("cleaning").limit(limit);
                if let Some(name) = name {
                    question = question.name(name.to_string());
                }
                if let Some(status) = status {
                    question = question.status(status);
                }
                question
            };
            let mut found = Vec::new();
            let mut page = ask().get().unwrap();
            loop {
                prop_assert!(page.items.len() as u64 <= limit);
                found.extend(page.items.into_iter().map(|item| (item.run, item.check.name, item.check.status)));
                let Some(next) = page.next else { break };
                page = ask().after(&next).unwrap().get().unwrap();
            }
            prop_assert_eq!(found, expected);
        }
    }
}
