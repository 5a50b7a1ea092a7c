//! The first stage: rides that count.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use mltrace::component;

use crate::io::{self, Folder};
use crate::month::Month;
use crate::progress::{Progress, grouped};
use crate::ride::{self, Ride, RideWriter};

/// Keeps the rides that ended in the month, not before they began, and cost something.
#[component(
    owner = "data engineering",
    tags("etl"),
    inputs(raw),
    outputs(clean),
    params(month),
    partition = month
)]
pub(crate) fn cleaning(raw: &Path, month: Month, folder: &Folder) -> anyhow::Result<PathBuf> {
    let progress = Progress::of_unknown_length("cleaning", month);
    let clean = folder.version(&format!("clean/{month}"), "csv")?;
    let (mut seen, mut kept) = (0_u32, 0_u32);
    io::write(&clean, |out| {
        let mut writer = RideWriter::new(out)?;
        for ride in ride::read(raw)? {
            let ride = ride?;
            seen += 1;
            progress.advance();
            if counts(&ride, month) {
                kept += 1;
                writer.write(&ride)?;
            }
        }
        ensure!(
            kept > 0,
            "no rides of {month} are left of the {} in {}: does it hold that month?",
            grouped(seen),
            raw.display()
        );
        writer.finish()
    })?;
    progress.done(&format!("{} of {} rides kept", grouped(kept), grouped(seen)));
    Ok(clean)
}

fn counts(ride: &Ride, month: Month) -> bool {
    month.contains(ride.dropoff) && ride.dropoff >= ride.pickup && ride.fare > 0.0
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::ride::tests::ride;

    fn is_kept(pickup: &str, dropoff: &str, fare: f64) -> bool {
        let ride =
            Ride { pickup: pickup.parse().expect("a time"), dropoff: dropoff.parse().expect("a time"), fare, ..ride() };
        counts(&ride, "2020-01".parse().expect("a month"))
    }

    #[test]
    fn the_first_instant_of_the_month_is_in_and_the_first_of_the_next_is_out() {
        assert!(is_kept("2019-12-31T23:50:00", "2020-01-01T00:00:00", 5.0));
        assert!(!is_kept("2019-12-31T23:50:00", "2019-12-31T23:59:59", 5.0));
        assert!(is_kept("2020-01-31T23:50:00", "2020-01-31T23:59:59", 5.0));
        assert!(!is_kept("2020-01-31T23:50:00", "2020-02-01T00:00:00", 5.0));
    }

    #[test]
    fn a_ride_that_ends_before_it_begins_is_out_and_one_without_length_is_in() {
        assert!(!is_kept("2020-01-10T12:00:01", "2020-01-10T12:00:00", 5.0));
        assert!(is_kept("2020-01-10T12:00:00", "2020-01-10T12:00:00", 5.0));
    }

    #[test]
    fn a_ride_that_cost_nothing_or_less_is_out() {
        let (pickup, dropoff) = ("2020-01-10T12:00:00", "2020-01-10T12:10:00");
        assert!(is_kept(pickup, dropoff, 0.01));
        assert!(!is_kept(pickup, dropoff, 0.0));
        assert!(!is_kept(pickup, dropoff, -0.01));
    }

    fn raw(folder: &TempDir, rides: &[Ride]) -> PathBuf {
        let path = folder.path().join("raw.csv");
        let mut writer = RideWriter::new(fs::File::create(&path).expect("a file")).expect("a writer");
        for ride in rides {
            writer.write(ride).expect("written");
        }
        writer.finish().expect("written");
        path
    }

    #[test]
    fn the_rides_that_count_are_written_as_they_were() {
        let root = TempDir::new().expect("a folder");
        let free = Ride { fare: 0.0, ..ride() };
        let raw = raw(&root, &[ride(), free]);
        let folder = Folder::new(root.path());
        let clean = cleaning(&raw, "2020-01".parse().expect("a month"), &folder).expect("cleaned");
        let rides: Vec<Ride> = ride::read(&clean).expect("opened").collect::<Result<_, _>>().expect("read");
        assert_eq!(rides, [ride()]);
    }

    #[test]
    fn a_file_without_rides_of_the_month_says_so_and_leaves_no_version() {
        let root = TempDir::new().expect("a folder");
        let raw = raw(&root, &[ride(), ride()]);
        let folder = Folder::new(root.path());
        let error = cleaning(&raw, "2020-02".parse().expect("a month"), &folder).expect_err("none");
        let error = format!("{error:#}");
        assert!(error.contains("no rides of 2020-02 are left of the 2 in"), "{error}");
        folder.latest("clean/2020-02").expect_err("no version");
    }
}
