//! Which run trained the model behind an output, and which run said what the data looked like?
//!
//! Both are the nearest: of the runs behind one, by the fewest hops, the first that wrote a model which was read on the way;
//! and the first that profiled its data. Of several as near, those of the first input.

use std::collections::HashSet;

use crate::error::Result;
use crate::model::RunId;
use crate::store::{ReadModel, View};

/// The model behind a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trained {
    By {
        model: String,
        run: RunId,
    },
    /// A model was read that no run has written.
    Elsewhere {
        model: String,
    },
    /// No model was read.
    Nowhere,
}

/// The run that wrote the model which this one read, or one behind it.
pub(crate) fn behind(view: &View<'_>, run: RunId) -> Result<Trained> {
    let mut elsewhere = Trained::Nowhere;
    for level in Levels::from(view, vec![run], HashSet::new()) {
        for run in level? {
            for ReadModel { name: model, writer } in view.models_read(run)? {
                match writer {
                    Some(run) => return Ok(Trained::By { model, run }),
                    None if elsewhere == Trained::Nowhere => elsewhere = Trained::Elsewhere { model },
                    None => {}
                }
            }
        }
    }
    Ok(elsewhere)
}

/// The runs nearest to one, or it itself, that profiled anything, all of one distance.
pub(crate) fn profiled(view: &View<'_>, run: RunId) -> Result<Vec<RunId>> {
    nearest(view, run, HashSet::new(), |run| view.has_profile(run, None))
}

/// The runs nearest to one, or it itself, that profiled under a name, without those behind the training of its model.
pub(crate) fn profiled_as(view: &View<'_>, run: RunId, training: Option<RunId>, name: &str) -> Result<Vec<RunId>> {
    nearest(view, run, training.into_iter().collect(), |run| view.has_profile(run, Some(name)))
}

fn nearest(
    view: &View<'_>,
    run: RunId,
    without: HashSet<RunId>,
    is_wanted: impl Fn(RunId) -> Result<bool>,
) -> Result<Vec<RunId>> {
    for level in Levels::from(view, vec![run], without) {
        let mut found = Vec::new();
        for run in level? {
            if is_wanted(run)? {
                found.push(run);
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// Runs by their distance upstream, each once.
struct Levels<'v> {
    view: &'v View<'v>,
    next: Vec<RunId>,
    seen: HashSet<RunId>,
}

impl<'v> Levels<'v> {
    fn from(view: &'v View<'v>, next: Vec<RunId>, seen: HashSet<RunId>) -> Self {
        Self { view, next, seen }
    }

    fn go_on(&mut self) -> Result<Vec<RunId>> {
        let mut level = std::mem::take(&mut self.next);
        level.retain(|&run| self.seen.insert(run));
        for &run in &level {
            self.next.extend(self.view.upstream_ids(run)?);
        }
        Ok(level)
    }
}

impl Iterator for Levels<'_> {
    type Item = Result<Vec<RunId>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.go_on()).filter(|level| !level.as_ref().is_ok_and(Vec::is_empty))
    }
}
