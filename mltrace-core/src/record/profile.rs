//! What data of a run looks like.

use chrono::NaiveDate;

use super::RunHandle;
use super::body::harmless;
use super::live::Live;
use crate::error::Result;
use crate::limits;
use crate::monitor::{Column, RunProfile};

impl RunHandle {
    /// Sums up what this run reads or writes, under a name such as `features`, so that data of a deployed model can be compared
    /// with what the model was trained on. What is said under the same name again is added, so a run may profile batch by batch.
    /// The data counts as that of the day on which the run started; [`profile_by_day`](Self::profile_by_day) says more.
    ///
    /// ```
    /// # use mltrace_core::{Tracer, scoped, __private::{Ended, Meta, Run}};
    /// # static META: Meta = Meta { name: "train", owner: None, description: None, tags: &[], stale_after_secs: None, buffered: false,
    /// #     file: file!(), line: line!(), source: "", tokens: "", manifest_dir: None, crate_version: "0", commit: None, in_unit_test: true };
    /// use mltrace_core::monitor::Column;
    ///
    /// fn body(run: &Run, distances: &[f64], zones: &[&str]) {
    ///     run.profile("features", [
    ///         ("distance", Column::floats(distances.iter().copied())),
    ///         ("zone", Column::texts(zones.iter().copied())),
    ///     ]);
    /// }
    /// # let tracer = Tracer::in_memory()?;
    /// # let _guard = scoped(&tracer);
    /// # let run = Run::start(&META); body(&run, &[1.0, 3.0], &["Astoria", "Bronx"]); run.finish(|| Ended::Completed);
    /// # let profiles = tracer.profiles(tracer.recent(1)?.items[0].id)?;
    /// # assert_eq!(profiles["features"].whole().column("distance").unwrap().count(), 2);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    pub fn profile<N: Into<String>>(&self, name: &str, columns: impl IntoIterator<Item = (N, Column)>) {
        if let Some(live) = &self.0 {
            live.profile(name, || RunProfile::of(columns));
        }
    }

    /// As [`profile`](Self::profile), of rows whose days are given, UTC, one for each. So the days of a window find what to be
    /// compared with, and what is trained on tells how much its columns differ from themselves.
    pub fn profile_by_day<N: Into<String>>(
        &self,
        name: &str,
        days: impl IntoIterator<Item = NaiveDate>,
        columns: impl IntoIterator<Item = (N, Column)>,
    ) {
        if let Some(live) = &self.0 {
            live.profile(name, || RunProfile::by_day(days, columns));
        }
    }
}

impl Live {
    fn profile(&self, name: &str, sum_up: impl FnOnce() -> Result<RunProfile>) {
        harmless("record a profile", || {
            let profile = limits::name("a profile's name", name).and_then(|()| sum_up());
            let Some(mut state) = self.open_state("a profile") else { return };
            let Err(error) = profile.and_then(|profile| profile.add_to(&mut state.profiles, name)) else { return };
            state.dropped.push(format!("the profile `{name}`: {error}"));
            // Whoever listens to events may trace, too.
            drop(state);
            tracing::warn!(component = %self.definition.component, %error, "the profile `{name}` is not recorded");
        });
    }
}
