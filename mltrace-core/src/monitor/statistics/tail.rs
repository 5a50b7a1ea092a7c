//! Quantiles of the usual distributions, and tails so thin that only their logarithm is a number.

use std::f64::consts::{LN_2, LN_10, PI};

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal, StudentsT};
use statrs::function::gamma::{gamma_ur, ln_gamma};

/// The standard normal value that is exceeded with a probability.
pub(crate) fn normal_quantile(upper_tail: f64) -> f64 {
    -Normal::standard().inverse_cdf(upper_tail)
}

/// The value of chi-squared with so many degrees of freedom that is exceeded with a probability.
pub(crate) fn chi_squared_quantile(upper_tail: f64, degrees: f64) -> f64 {
    ChiSquared::new(degrees).map_or(f64::INFINITY, |distribution| distribution.inverse_cdf(1.0 - upper_tail))
}

/// The value of Student's t with so many degrees of freedom that is exceeded with a probability.
pub(crate) fn t_quantile(upper_tail: f64, degrees: f64) -> f64 {
    StudentsT::new(0.0, 1.0, degrees).map_or(f64::INFINITY, |distribution| -distribution.inverse_cdf(upper_tail))
}

/// The decimal logarithm of the probability that chi-squared with so many degrees of freedom reaches `x`.
///
/// Above its mean by the continued fraction of the incomplete gamma function (Abramowitz and Stegun 6.5.31), whose logarithm
/// holds where the probability itself is too small for a number.
pub(crate) fn chi_squared_log10_p(x: f64, degrees: f64) -> f64 {
    let (a, x) = (degrees / 2.0, x / 2.0);
    if x <= 0.0 {
        return 0.0;
    }
    if x < a + 1.0 {
        return gamma_ur(a, x).log10();
    }
    (-x + a * x.ln() - ln_gamma(a) + gamma_fraction(a, x).ln()) / LN_10
}

/// By Lentz's method. Near its mean a distribution of many degrees of freedom takes some hundred steps.
#[allow(clippy::many_single_char_names, reason = "the letters of the formula")]
fn gamma_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / f64::MIN_POSITIVE;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for step in 1..100_000 {
        let step = f64::from(step);
        let numerator = -step * (step - a);
        b += 2.0;
        d = 1.0 / away_from_zero(numerator * d + b);
        c = away_from_zero(b + numerator / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    fraction
}

fn away_from_zero(value: f64) -> f64 {
    if value.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { value }
}

/// The decimal logarithm of the probability that Kolmogorov's limiting distribution reaches `x`, which for two samples of n
/// and m is the statistic times sqrt(nm / (n + m)). Source: A. Kolmogorov, *Giornale dell'Istituto Italiano degli Attuari* 4
/// (1933); below 1 by the other form of the series, which converges there.
pub(crate) fn kolmogorov_log10_p(x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x < 1.0 {
        let below = |j: f64| (-(2.0 * j - 1.0).powi(2) * PI * PI / (8.0 * x * x)).exp();
        return (1.0 - (2.0 * PI).sqrt() / x * (below(1.0) + below(2.0) + below(3.0))).log10();
    }
    let square = x * x;
    // Relative to its first term, so that it does not vanish.
    let rest: f64 = [-6.0, 16.0, -30.0, 48.0].map(|k: f64| k.signum() * (-k.abs() * square).exp()).iter().sum();
    (LN_2 - 2.0 * square + rest.ln_1p()) / LN_10
}

#[cfg(test)]
mod tests {
    //! Expected values were computed with SciPy 1.17.1, and the logarithms with mpmath 1.4 at 40 digits.

    use super::*;
    use crate::monitor::testing::assert_close;

    #[test]
    fn quantiles_are_those_of_scipy() {
        for (alpha, degrees, expected) in [
            (0.01 / 11.0, 6.0, 22.685_139_184_634_266),
            (0.01, 1.0, 6.634_896_601_021_217),
            (0.01 / 40.0, 250.0, 335.321_440_888_291_65),
            (1e-6, 9_999.0, 10_685.656_220_071_616),
        ] {
            assert_close(chi_squared_quantile(alpha, degrees), expected, 1e-9, "chi-squared");
        }
        for (alpha, degrees, expected) in [
            (0.01 / 11.0, 6.0, 5.306_671_624_513_083),
            (0.01, 4.0, 3.746_947_387_979_197),
            (0.01 / 40.0, 51.0, 3.718_105_085_829_858_3),
        ] {
            assert_close(t_quantile(alpha, degrees), expected, 1e-9, "t");
        }
        for (alpha, expected) in
            [(0.01, 2.326_347_874_040_840_8), (0.01 / 11.0, 3.118_428_612_302_513_3), (1e-6, 4.753_424_308_822_899)]
        {
            assert_close(normal_quantile(alpha), expected, 1e-9, "normal");
        }
    }

    #[test]
    fn tails_have_a_logarithm_where_they_are_too_thin_for_a_number() {
        for (x, degrees, expected) in [
            (5_000.0, 6.0, -1_079.241_007_300_901),
            (4_000.0, 250.0, -666.411_328_311_454_8),
            (800.0, 3.0, -172.363_765_852_440_25),
            (100_000.0, 9_999.0, -14_546.954_558_452_744),
            (3.0, 10.0, -0.008_143_297_651_399_88),
        ] {
            assert_close(chi_squared_log10_p(x, degrees), expected, 1e-10, "chi-squared");
        }
        let (n, m) = (6_405_008.0_f64, 6_299_354.0);
        assert_close(kolmogorov_log10_p((n * m / (n + m)).sqrt() * 0.0465), -5_964.322_588_799_111, 1e-12, "months");
        assert_close(kolmogorov_log10_p(5_000_f64.sqrt() * 0.05), -10.556_332_051_917_316, 1e-12, "samples");
    }

    /// The values of mpmath, with which `scipy.special.kolmogorov` agrees to nine digits.
    #[test]
    fn the_distribution_of_kolmogorov_is_right_from_end_to_end() {
        for (x, expected) in [
            (0.1, 1.0),
            (0.3, 0.999_990_694_198_665_5),
            (0.5, 0.963_945_243_664_875_1),
            (0.8276, 0.499_958_416_563_547_3),
            (1.2, 0.112_249_666_670_724_96),
            (2.0, 0.000_670_925_255_779_695_3),
            (5.0, 3.857_499_695_927_835_6e-22),
        ] {
            assert_close(10_f64.powf(kolmogorov_log10_p(x)), expected, 1e-12, "kolmogorov");
        }
        assert_eq!((kolmogorov_log10_p(0.0), chi_squared_log10_p(0.0, 3.0)), (0.0, 0.0));
    }
}
