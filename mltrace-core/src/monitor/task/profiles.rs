//! Profiles of a task's data by the day, in parts from whichever process made them.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use uuid::Uuid;

use super::super::profile::Profile;
use super::Task;
use crate::error::Result;
use crate::limits;
use crate::store;

/// The profile of a part of a day's data. Host and identity tell it from other parts, so that it can be handed over again.
#[derive(Debug, Clone)]
pub struct ProfilePart {
    /// The day, UTC.
    pub day: NaiveDate,
    /// The host on which it was made.
    pub host: String,
    /// What the process that made it calls it.
    pub uuid: Uuid,
    /// What the data looks like.
    pub profile: Profile,
}

impl Task {
    /// Keeps a part of a day's profile, and says whether it was not there.
    ///
    /// ```
    /// use mltrace_core::Tracer;
    /// use mltrace_core::monitor::{Column, Profile, ProfilePart};
    ///
    /// let task = Tracer::in_memory()?.task("high_tip")?;
    /// let day = chrono::NaiveDate::from_ymd_opt(2020, 3, 1).unwrap();
    /// let profile = Profile::of([("distance", Column::floats([1.2, 0.8]))])?;
    /// let part = ProfilePart { day, host: "worker-1".into(), uuid: uuid::Uuid::now_v7(), profile };
    /// assert!(task.log_profile(&part)?);
    /// assert!(!task.log_profile(&part)?);
    /// assert_eq!(task.profiles(day, day)?[&day].column("distance").unwrap().count(), 2);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The host's name is empty or too long, or the store cannot be written.
    pub fn log_profile(&self, part: &ProfilePart) -> Result<bool> {
        limits::name("the host", &part.host)?;
        let profile = part.profile.to_bytes()?;
        let part = store::ProfilePart { day: number(part.day), host: &part.host, uuid: part.uuid, profile: &profile };
        self.tracer.store().write(None, |tx| tx.put_profile(tx.task(&self.name)?, &part))
    }

    /// The profiles of some days, by day, each merged from its parts. Days without any are not there.
    ///
    /// # Errors
    /// There is no such task, parts of a day do not merge, or the store cannot be read.
    pub fn profiles(&self, first: NaiveDate, last: NaiveDate) -> Result<BTreeMap<NaiveDate, Profile>> {
        let parts = self.tracer.store().read(|view| view.profiles(self.id(view)?, number(first), number(last)))?;
        let mut days: BTreeMap<NaiveDate, Profile> = BTreeMap::new();
        for (day, bytes) in parts {
            let Some(day) = day_of(day) else { continue };
            days.entry(day).or_default().merge(&Profile::from_bytes(&bytes)?)?;
        }
        Ok(days)
    }
}

/// Days since the epoch.
fn number(day: NaiveDate) -> i64 {
    i64::from(day.to_epoch_days())
}

fn day_of(number: i64) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(i32::try_from(number).ok()?)
}
