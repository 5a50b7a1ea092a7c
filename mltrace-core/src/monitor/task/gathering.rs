//! Windows while their outputs come in.

use std::mem;
use std::ops::Range;

use super::super::metric::{Figure, Tally};
use crate::error::Result;
use crate::store::Pair;

/// What is kept of the outputs of a window that are labelled.
pub(super) enum Kept {
    /// What a metric needs of them.
    Tally(Tally),
    /// All of them, and those of the windows before.
    Pairs(Pairs),
}

/// Labelled outputs, for a function to look at.
#[derive(Default)]
pub(super) struct Pairs {
    truth: Vec<f64>,
    predicted: Vec<f64>,
}

/// A window and what was found of it.
pub(super) struct Found {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) figure: Option<Figure>,
    pub(super) outputs: u64,
    /// Which of the labelled outputs of the whole answer are its own.
    pub(super) labelled: Range<usize>,
}

/// What was found, and the pairs where they were kept.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) windows: Vec<Found>,
    pub(super) pairs: Pairs,
}

/// A window into which outputs come, and those that were before it.
pub(super) struct Gathering {
    current: Found,
    kept: Kept,
    /// Whether each window also holds those before it.
    is_rolling: bool,
    before: Vec<Found>,
}

impl Gathering {
    pub(super) fn new(kept: Kept, is_rolling: bool, from: i64, to: i64) -> Self {
        Self { current: Found::nothing(from, to, 0), kept, is_rolling, before: Vec::new() }
    }

    /// Up to when outputs are the current window's.
    pub(super) fn to(&self) -> i64 {
        self.current.to
    }

    pub(super) fn add(&mut self, pair: Pair) -> Result<()> {
        self.current.outputs += 1;
        let Some(truth) = pair.truth else { return Ok(()) };
        self.current.labelled.end += 1;
        match &mut self.kept {
            Kept::Tally(tally) => tally.add(truth, pair.value),
            Kept::Pairs(pairs) => {
                pairs.truth.push(truth);
                pairs.predicted.push(pair.value);
                Ok(())
            }
        }
    }

    /// Takes in outputs that are not labelled.
    pub(super) fn count(&mut self, outputs: u64) {
        self.current.outputs += outputs;
    }

    /// Ends the window, and begins the one that ends here.
    pub(super) fn go_on(&mut self, end: i64) {
        self.current.figure = self.kept.figure();
        let next = if self.is_rolling {
            Found { to: end, figure: None, labelled: self.current.labelled.clone(), ..self.current }
        } else {
            self.kept.forget();
            Found::nothing(self.current.to, end, self.current.labelled.end)
        };
        self.before.push(mem::replace(&mut self.current, next));
    }

    pub(super) fn end(mut self) -> Gathered {
        self.current.figure = self.kept.figure();
        let mut windows = self.before;
        windows.push(self.current);
        let pairs = match self.kept {
            Kept::Tally(_) => Pairs::default(),
            Kept::Pairs(pairs) => pairs,
        };
        Gathered { windows, pairs }
    }
}

impl Kept {
    fn figure(&mut self) -> Option<Figure> {
        match self {
            Self::Tally(tally) => tally.figure(),
            Self::Pairs(_) => None,
        }
    }

    /// Leaves what the next window does not hold.
    fn forget(&mut self) {
        if let Self::Tally(tally) = self {
            tally.clear();
        }
    }
}

impl Found {
    fn nothing(from: i64, to: i64, first_label: usize) -> Self {
        Self { from, to, figure: None, outputs: 0, labelled: first_label..first_label }
    }
}

impl Pairs {
    /// What a function makes of some of them, truth and predictions; `None` of none, and of what is no number.
    pub(super) fn figure(&self, which: Range<usize>, of: impl Fn(&[f64], &[f64]) -> f64) -> Option<Figure> {
        let some = self.truth.get(which.clone()).zip(self.predicted.get(which));
        let some = some.filter(|(truth, _)| !truth.is_empty());
        some.map(|(truth, predicted)| of(truth, predicted)).filter(|figure| figure.is_finite()).map(Figure::Number)
    }
}
