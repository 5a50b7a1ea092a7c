//! Bounds of shares. Source: R. G. Newcombe, *Statistics in Medicine* 17 (1998), 857-872 and 873-890; the interval of a single
//! share is that of E. B. Wilson, *Journal of the American Statistical Association* 22 (1927).

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) part: u64,
    pub(crate) whole: u64,
}

impl Share {
    /// 0 of nothing.
    pub(crate) fn value(self) -> f64 {
        if self.whole == 0 { 0.0 } else { self.part as f64 / self.whole as f64 }
    }

    /// Wilson's bounds, each of which is passed with the probability that a standard normal value exceeds `z`. Of nothing
    /// they are 0 and 1.
    pub(crate) fn bounds(self, z: f64) -> (f64, f64) {
        if self.whole == 0 {
            return (0.0, 1.0);
        }
        let (n, p) = (self.whole as f64, self.value());
        let middle = p + z * z / (2.0 * n);
        let reach = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + z * z / n;
        (((middle - reach) / scale).max(0.0), ((middle + reach) / scale).min(1.0))
    }

    /// Newcombe's lower bound (his method 10) of how much greater the share is than another.
    pub(crate) fn least_rise_from(self, other: Self, z: f64) -> f64 {
        let (lower, _) = self.bounds(z);
        let (_, upper) = other.bounds(z);
        self.value() - other.value() - (self.value() - lower).hypot(upper - other.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::statistics::tail::normal_quantile;
    use crate::monitor::testing::assert_close;

    fn share(part: u64, whole: u64) -> Share {
        Share { part, whole }
    }

    /// Expected values were computed with SciPy 1.17.1, `binomtest(..).proportion_ci(method="wilson")`, one-sided.
    #[test]
    fn bounds_of_a_share_are_wilsons() {
        let z = normal_quantile(0.01);
        assert_close(share(15, 148).bounds(z).0, 0.057_012_696_435_744_546, 1e-10, "lower");
        assert_close(share(15, 148).bounds(z).1, 0.173_816_174_835_178_86, 1e-10, "upper");
        assert_eq!(share(0, 50).bounds(z).0, 0.0);
        assert_close(share(0, 50).bounds(z).1, 0.097_666_655_988_237_9, 1e-10, "upper of none");
        assert_close(share(50, 50).bounds(z).0, 0.902_333_344_011_762_1, 1e-10, "lower of all");
        assert_close(share(500, 10_000).bounds(normal_quantile(0.01 / 11.0)).0, 0.043_629_973_221_187_6, 1e-10, "many");
        assert_eq!(share(0, 0).bounds(z), (0.0, 1.0));
    }

    /// The first is an example of Newcombe's second paper, 0.0524 there. All were computed with
    /// `confint_proportions_2indep(method="newcomb")` of statsmodels 0.15.
    #[test]
    fn the_bound_of_a_difference_is_newcombes() {
        let at = |alpha: f64| normal_quantile(alpha / 2.0);
        let bound = share(56, 70).least_rise_from(share(48, 80), at(0.05));
        assert_close(bound, 0.052_431_472_402_364_98, 1e-9, "published");
        let bound = share(9, 10).least_rise_from(share(3, 10), at(0.02));
        assert_close(bound, 0.092_345_978_924_358_92, 1e-9, "few");
        let bound = share(300, 10_000).least_rise_from(share(20, 9_000), at(0.02 / 11.0));
        assert_close(bound, 0.022_435_044_055_928_204, 1e-9, "nulls");
    }
}
