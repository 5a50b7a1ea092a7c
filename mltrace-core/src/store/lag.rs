//! How long labels take, in steps that grow with the lag: sixteen to each doubling, so that a step is at most 6 % wide.

/// Doublings that are told by their steps alone.
const BITS: u32 = 4;

/// The step of a lag in microseconds.
pub(super) fn step(lag: i64) -> i64 {
    let lag = lag.max(0).unsigned_abs();
    let doublings = lag.checked_ilog2().unwrap_or_default().saturating_sub(BITS);
    (i64::from(doublings) << BITS).saturating_add_unsigned(lag >> doublings)
}

/// The longest lag of a step.
#[cfg(feature = "monitor")]
fn longest(step: i64) -> i64 {
    let doublings = u32::try_from((step >> BITS) - 1).unwrap_or_default();
    let lead = step - (i64::from(doublings) << BITS);
    i64::try_from(((i128::from(lead) + 1) << doublings) - 1).unwrap_or(i64::MAX)
}

/// The age by which 95 of 100 labels have come, of labels counted by their step; `None` of none.
#[cfg(feature = "monitor")]
pub(crate) fn usual(steps: &[(i64, i64)]) -> Option<i64> {
    let all: i128 = steps.iter().map(|&(_, labels)| i128::from(labels)).sum();
    let mut before = 0;
    let reached = steps.iter().find(|&&(_, labels)| {
        before += i128::from(labels);
        before * 100 >= all * 95
    });
    reached.map(|&(step, _)| longest(step))
}

#[cfg(all(test, feature = "monitor"))]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_one_another_and_hold_what_they_say() {
        let lags = (0..4_000).chain((12..63).flat_map(|bits| {
            let power = 1_i64 << bits;
            [power - 1, power, power + 1, power + (power >> 5)]
        }));
        let mut last = 0;
        for lag in lags.chain([i64::MAX]) {
            let step = step(lag);
            assert!(step >= last, "{lag}");
            last = step;
            let longest = longest(step);
            assert!(longest >= lag && i128::from(longest) <= i128::from(lag) * 17 / 16 + 1, "{lag} {step} {longest}");
            assert_eq!(self::step(longest), step, "{lag}");
        }
        assert_eq!(step(-7), step(0));
    }

    #[test]
    fn the_usual_lag_is_reached_by_95_of_100() {
        assert_eq!(usual(&[]), None);
        assert_eq!(usual(&[(3, 94), (5, 6)]), Some(5));
        assert_eq!(usual(&[(3, 95), (5, 5)]), Some(3));
    }
}
