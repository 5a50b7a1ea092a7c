//! What the pipeline has to tell in the end, for people at 80 columns.

use std::fmt;

use crate::forest::is_high;
use crate::inference::{Answer, Served};
use crate::month::Month;
use crate::progress::grouped;
use crate::score::Score;
use crate::train::{DEPTH, TREES, Trained};

/// Columns of the bar of a perfect F1.
const BAR: u32 = 30;
/// An eighth of a column, two eighths and so on.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// One model's way through the months.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) train_month: Month,
    pub(crate) test_month: Month,
    pub(crate) trained: Trained,
    /// At least one month.
    pub(crate) served: Vec<Served>,
}

impl Report {
    /// The worst prediction of the worst month.
    fn complaint(&self) -> Option<(Month, &Answer)> {
        let f1 = |served: &&Served| served.score.f1();
        let worst = self.served.iter().min_by(|a, b| f1(a).total_cmp(&f1(b)))?;
        Some((worst.month, &worst.worst))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "F1 by month of one model: {TREES} trees of depth {DEPTH}, trained on {}\n", self.train_month)?;
        writeln!(f, "month    role         rides  high tips     F1")?;
        row(f, self.train_month, "train", &self.trained.train)?;
        row(f, self.test_month, "validate", &self.trained.test)?;
        for served in &self.served {
            row(f, served.month, "serve", &served.score)?;
        }
        match self.complaint() {
            Some((month, answer)) => complaint(f, month, answer),
            None => Ok(()),
        }
    }
}

fn row(f: &mut fmt::Formatter<'_>, month: Month, role: &str, score: &Score) -> fmt::Result {
    writeln!(
        f,
        "{month}  {role:<8}  {:>8}  {:>7.1} %  {:.3}  {}",
        grouped(score.total()),
        100.0 * score.actual_rate(),
        score.f1(),
        bar(score.f1(), BAR)
    )
}

fn complaint(f: &mut fmt::Formatter<'_>, month: Month, answer: &Answer) -> fmt::Result {
    let Answer { prediction, high_tip } = answer;
    let verdict = if is_high(prediction.probability) == *high_tip { "right" } else { "wrong" };
    let tip = if *high_tip { "high" } else { "low" };
    writeln!(
        f,
        "\nA {verdict} prediction of {month}: {:.0} % likely to be a high tip, and it was {tip}.\n\
         Ask where it came from:\n\n  cargo run -p mltrace-cli -- trace {}",
        100.0 * prediction.probability,
        prediction.id
    )
}

/// A bar for a share of so many columns, to an eighth of one.
pub(crate) fn bar(share: f64, columns: u32) -> String {
    let full = (1..=columns).take_while(|column| f64::from(*column) <= share * f64::from(columns));
    let full = full.count();
    let rest = share * f64::from(columns) - (0..full).map(|_| 1.0).sum::<f64>();
    let eighth = (1..8_u8).take_while(|eighth| f64::from(*eighth) / 8.0 <= rest);
    "█".repeat(full) + EIGHTHS[eighth.count()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::Prediction;

    fn month(text: &str) -> Month {
        text.parse().expect("a month")
    }

    fn score(hits: usize, misses: usize) -> Score {
        Score::of([vec![(true, true); hits], vec![(false, true); misses]].concat())
    }

    fn served(name: &str, score: Score, probability: f64) -> Served {
        Served {
            month: month(name),
            score,
            worst: Answer { prediction: Prediction { id: format!("id-of-{name}"), probability }, high_tip: false },
        }
    }

    fn report() -> Report {
        Report {
            train_month: month("2020-01"),
            test_month: month("2020-02"),
            trained: Trained { train: score(10_000, 0), test: score(1, 1) },
            served: vec![served("2020-03", score(3, 1), 0.7), served("2020-04", score(1, 3), 0.9)],
        }
    }

    #[test]
    fn every_line_fits_in_eighty_columns() {
        for line in report().to_string().lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn every_month_has_its_role_rides_rate_and_f1() {
        let text = report().to_string();
        assert!(text.contains("2020-01  train       10,000    100.0 %  1.000  ██████"), "{text}");
        assert!(text.contains("2020-02  validate         2    100.0 %  0.667  ██████"), "{text}");
        assert!(text.contains("2020-04  serve            4    100.0 %  0.400  ████████████\n"), "{text}");
    }

    #[test]
    fn it_ends_with_the_command_for_the_worst_prediction_of_the_worst_month() {
        let text = report().to_string();
        assert!(text.contains("A wrong prediction of 2020-04: 90 % likely to be a high tip"), "{text}");
        assert!(text.ends_with("cargo run -p mltrace-cli -- trace id-of-2020-04\n"), "{text}");
    }

    #[test]
    fn a_model_that_is_never_wrong_still_has_a_prediction_to_trace() {
        let mut report = report();
        report.served = vec![served("2020-03", score(3, 0), 0.2)];
        let text = report.to_string();
        assert!(text.contains("A right prediction of 2020-03"), "{text}");
    }

    #[test]
    fn a_bar_grows_by_eighths_of_a_column() {
        assert_eq!(bar(0.0, BAR), "");
        assert_eq!(bar(1.0 / 240.0 + 1e-9, BAR), "▏");
        assert_eq!(bar(0.1, BAR), "███");
        assert_eq!(bar(0.5 / 30.0 + 0.1, BAR), "███▌");
        assert_eq!(bar(1.0, BAR), "█".repeat(30));
    }
}
