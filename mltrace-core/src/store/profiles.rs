//! What data of runs looks like, in the form in which profiles are kept. What that form says is `monitor`'s to know.

use chrono::NaiveDate;

use super::engine::{Row, Value};
use super::rows::damaged;
use super::{View, Write};
use crate::error::Result;
use crate::model::{ProfileEntry, RunId};

impl Write<'_> {
    pub(super) fn put_run_profiles(&self, run: RunId, profiles: &[ProfileEntry]) -> Result<()> {
        for ProfileEntry { name, day, bytes } in profiles {
            self.execute(
                "INSERT INTO run_profile (run, name, day, profile) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                &[run.into(), name.into(), day.map(number).into(), Value::from(bytes.as_slice())],
            )?;
        }
        Ok(())
    }
}

impl View<'_> {
    /// The profiles that a run made, by name: of each that of all first, then those of single days.
    pub(crate) fn profiles_of_run(&self, run: RunId) -> Result<Vec<ProfileEntry>> {
        self.all(
            "SELECT name, day, profile FROM run_profile WHERE run = ?1 ORDER BY name, day IS NOT NULL, day",
            &[run.into()],
            profile,
        )
    }
}

/// Columns 0 to 2: name, day, profile.
pub(super) fn profile(row: &dyn Row) -> Result<ProfileEntry> {
    let day = row.optional_integer(1)?.map(day).transpose()?;
    Ok(ProfileEntry { name: row.text(0)?.to_owned(), day, bytes: row.blob(2)?.to_vec() })
}

/// Days since the epoch.
pub(super) fn number(day: NaiveDate) -> i64 {
    day.to_epoch_days().into()
}

pub(super) fn day(number: i64) -> Result<NaiveDate> {
    let day = i32::try_from(number).ok().and_then(NaiveDate::from_epoch_days);
    day.ok_or_else(|| damaged("a day that is none"))
}
