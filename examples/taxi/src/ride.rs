//! A ride, and the records of the TLC that hold rides.

mod csv;
mod parquet;

use std::path::Path;

use anyhow::{Context, bail, ensure};
use chrono::NaiveDateTime;

pub(crate) use self::csv::RideWriter;

/// The columns the pipeline needs, in the order of [`Ride`]'s fields. The TLC has changed the case of
/// names over the years, so names are compared without it.
const COLUMNS: [Column; 9] = [
    Column::new("tpep_pickup_datetime", "pickup_datetime"),
    Column::new("tpep_dropoff_datetime", "dropoff_datetime"),
    Column::new("passenger_count", "passenger_count"),
    Column::new("trip_distance", "trip_distance"),
    Column::new("RatecodeID", "rate_code_id"),
    Column::new("PULocationID", "pickup_location_id"),
    Column::new("DOLocationID", "dropoff_location_id"),
    Column::new("fare_amount", "fare_amount"),
    Column::new("tip_amount", "tip_amount"),
];

/// Rides as a file gives them, one after the other.
pub(crate) type Rides = Box<dyn Iterator<Item = anyhow::Result<Ride>>>;

/// One ride of a yellow taxi. Counts and codes are whole numbers, kept as the `f64` that they become
/// as features.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ride {
    pub(crate) pickup: NaiveDateTime,
    pub(crate) dropoff: NaiveDateTime,
    /// Empty where the driver's device sent none.
    pub(crate) passenger_count: Option<f64>,
    /// Miles.
    pub(crate) distance: f64,
    /// Empty on the same rides as `passenger_count`.
    pub(crate) rate_code: Option<f64>,
    pub(crate) pickup_zone: f64,
    pub(crate) dropoff_zone: f64,
    /// Dollars, without the tip.
    pub(crate) fare: f64,
    /// Dollars. Tips in cash are not recorded.
    pub(crate) tip: f64,
}

/// Opens a file of TLC records.
pub(crate) fn read(path: &Path) -> anyhow::Result<Rides> {
    match Kind::of(path) {
        Some(Kind::Csv) => csv::read(path),
        Some(Kind::CsvGz) => csv::read_gz(path),
        Some(Kind::Parquet) => parquet::read(path),
        None => bail!("{} is no file this example can read: give it .csv, .csv.gz or .parquet", path.display()),
    }
}

/// The files the pipeline can read, told by the end of their names.
pub(crate) enum Kind {
    Csv,
    CsvGz,
    Parquet,
}

impl Kind {
    /// The kind of a file, if it is one of them.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let from_the_end: Vec<&str> = name.rsplit('.').collect();
        match from_the_end[..] {
            ["csv", _, ..] => Some(Self::Csv),
            ["gz", "csv", _, ..] => Some(Self::CsvGz),
            ["parquet", _, ..] => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// A column under the TLC's name, and under the one that a widely copied sample gave it.
struct Column {
    tlc: &'static str,
    renamed: &'static str,
}

impl Column {
    const fn new(tlc: &'static str, renamed: &'static str) -> Self {
        Self { tlc, renamed }
    }

    fn is_named(&self, name: &str) -> bool {
        let name = name.trim();
        name.eq_ignore_ascii_case(self.tlc) || name.eq_ignore_ascii_case(self.renamed)
    }

    fn names(&self) -> String {
        if self.tlc == self.renamed { self.tlc.to_owned() } else { format!("{} (or {})", self.tlc, self.renamed) }
    }
}

/// Where each of [`COLUMNS`] stands among the names of a file. All that are missing are named at once.
fn positions(path: &Path, names: &[&str]) -> anyhow::Result<[usize; COLUMNS.len()]> {
    let found = COLUMNS.map(|column| names.iter().position(|name| column.is_named(name)));
    let missing: Vec<String> = std::iter::zip(&COLUMNS, &found)
        .filter(|(_, position)| position.is_none())
        .map(|(column, _)| column.names())
        .collect();
    ensure!(
        missing.is_empty(),
        "{} lacks {}. It has {}. Yellow-taxi records of the TLC are needed",
        path.display(),
        missing.join(", "),
        if names.is_empty() { "no columns at all".to_owned() } else { names.join(", ") }
    );
    Ok(found.map(Option::unwrap_or_default))
}

/// One value of a record, before it is known to fit its column.
#[derive(Clone, Copy, Debug)]
enum Cell<'a> {
    Empty,
    Text(&'a str),
    Number(f64),
    Time(NaiveDateTime),
}

impl Cell<'_> {
    fn time(self) -> anyhow::Result<NaiveDateTime> {
        match self {
            Self::Time(time) => Ok(time),
            Self::Text(text) => NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
                .with_context(|| format!("`{text}` is no time like 2020-01-31 23:59:59")),
            Self::Number(number) => bail!("{number} is a number, not a time"),
            Self::Empty => bail!("the time is missing"),
        }
    }

    fn number(self) -> anyhow::Result<Option<f64>> {
        let number = match self {
            Self::Number(number) => number,
            Self::Text(text) => text.parse().with_context(|| format!("`{text}` is no number"))?,
            Self::Time(time) => bail!("{time} is a time, not a number"),
            Self::Empty => return Ok(None),
        };
        Ok((!number.is_nan()).then_some(number))
    }

    fn amount(self) -> anyhow::Result<f64> {
        self.number()?.context("the number is missing")
    }

    /// A count or a code. Some of the TLC's files write `1.0` for 1.
    fn category(self) -> anyhow::Result<Option<f64>> {
        let number = self.number()?;
        if let Some(number) = number {
            ensure!(number >= 0.0 && number.fract() == 0.0, "{number} is no whole number from 0 up");
        }
        Ok(number)
    }
}

impl Ride {
    /// A ride from its values, in the order of [`COLUMNS`].
    fn from_cells(cells: [Cell<'_>; COLUMNS.len()]) -> anyhow::Result<Self> {
        let column = |index: usize| format!("column {}", COLUMNS[index].tlc);
        let zone = |index: usize| {
            cells[index].category().and_then(|zone| zone.context("the zone is missing")).with_context(|| column(index))
        };
        Ok(Self {
            pickup: cells[0].time().with_context(|| column(0))?,
            dropoff: cells[1].time().with_context(|| column(1))?,
            passenger_count: cells[2].category().with_context(|| column(2))?,
            distance: cells[3].amount().with_context(|| column(3))?,
            rate_code: cells[4].category().with_context(|| column(4))?,
            pickup_zone: zone(5)?,
            dropoff_zone: zone(6)?,
            fare: cells[7].amount().with_context(|| column(7))?,
            tip: cells[8].amount().with_context(|| column(8))?,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A short ride in January 2020, for tests to bend.
    pub(crate) fn ride() -> Ride {
        Ride {
            pickup: "2020-01-17T16:57:19".parse().expect("a time"),
            dropoff: "2020-01-17T17:11:18".parse().expect("a time"),
            passenger_count: Some(1.0),
            distance: 1.4,
            rate_code: Some(1.0),
            pickup_zone: 163.0,
            dropoff_zone: 68.0,
            fare: 10.0,
            tip: 3.55,
        }
    }

    #[test]
    fn a_file_of_another_kind_is_refused_with_the_kinds_it_may_be() {
        let error = read(Path::new("rides.xlsx")).err().expect("refused");
        assert!(error.to_string().contains(".csv, .csv.gz or .parquet"));
    }

    #[test]
    fn the_kind_is_told_by_the_end_of_the_name_whatever_its_case() {
        let known = |name| Kind::of(Path::new(name)).is_some();
        assert!(["a.csv", "A.CSV", "a.csv.gz", "a.parquet", "yellow.2020-01.csv"].into_iter().all(known));
        assert!(!["csv", "a.gz", "a.csv.zip", "a.txt", ""].into_iter().any(known));
    }

    #[test]
    fn names_match_whatever_their_case() {
        let names = COLUMNS.map(|column| column.tlc.to_uppercase());
        let names = names.each_ref().map(String::as_str);
        let found = positions(Path::new("x.csv"), &names).expect("all there");
        assert_eq!(found, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn not_a_number_is_an_empty_value() {
        assert_eq!(Cell::Number(f64::NAN).category().expect("empty"), None);
    }
}
