//! Numbers for tests.

/// Numbers from 0 to 1 that look random: the upper bits of a linear congruential generator by D. E. Knuth.
pub(crate) fn uniform(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Within a share of the expected value.
#[track_caller]
pub(crate) fn assert_close(found: f64, expected: f64, relative: f64, what: &str) {
    let tolerance = relative * expected.abs().max(f64::MIN_POSITIVE);
    assert!((found - expected).abs() <= tolerance, "{what}: {found}, expected {expected}");
}
