//! What is shown of answers, alike on the command line and on the page: what is asked together, what stands first, and the words.

mod drifted;
mod measured;
mod retrained;

use chrono::Days;

use super::drift::Window;
pub use drifted::{Beside, beside, by_weight, measure_of, notes, said_of, verdict, word};
pub use measured::{FEWEST, Measured, Measuring, Tail, Worst, is_certain, measure, remark};
pub use retrained::{answered, asked, concluded};

/// The days of a window.
pub fn days(window: Window) -> String {
    let after_first = Days::new(u64::from(window.days).saturating_sub(1));
    let last = window.first.checked_add_days(after_first).unwrap_or(window.first);
    if last == window.first { format!("{last} (UTC)") } else { format!("{} to {last} (UTC)", window.first) }
}
