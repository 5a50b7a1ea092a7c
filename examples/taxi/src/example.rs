//! An example to learn from: the features of a ride, and whether its tip was high.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, ensure};
use chrono::{NaiveDate, NaiveDateTime};
use csv::{Reader, StringRecord, Writer};
use mltrace::monitor::{Column, Kind};

/// The features, in the order the model sees them.
pub(crate) const FEATURES: [&str; 11] = [
    "pickup_weekday",
    "pickup_hour",
    "pickup_minute",
    "work_hours",
    "passenger_count",
    "trip_distance",
    "trip_time",
    "trip_speed",
    "PULocationID",
    "DOLocationID",
    "RatecodeID",
];

/// Those that are amounts; the others are categories, numbered.
const AMOUNTS: [&str; 3] = ["trip_distance", "trip_time", "trip_speed"];

/// What stands for each label in a file.
const LABELS: [&str; 2] = ["0", "1"];

/// One ride as the model sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Example {
    /// When the ride began, and the model was asked.
    pub(crate) pickup: NaiveDateTime,
    /// In the order of [`FEATURES`].
    pub(crate) features: [f64; FEATURES.len()],
    /// The label.
    pub(crate) high_tip: bool,
}

/// Reads a file of examples whole.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Example>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut examples = Vec::new();
    for record in Reader::from_reader(file).into_records() {
        let example = record.map_err(anyhow::Error::new).and_then(|r| parse(&r));
        examples.push(example.with_context(|| {
            let number = examples.len() + 1;
            format!("example {number} of {}", path.display())
        })?);
    }
    Ok(examples)
}

fn parse(record: &StringRecord) -> anyhow::Result<Example> {
    let count = FEATURES.len();
    ensure!(record.len() == count + 2, "{} values where a time, {count} and a label belong", record.len());
    let pickup = record[0].parse().with_context(|| format!("pickup: `{}` is no time", &record[0]))?;
    let mut features = [0.0; FEATURES.len()];
    for ((feature, text), name) in features.iter_mut().zip(record.iter().skip(1)).zip(FEATURES) {
        *feature = text.parse().with_context(|| format!("{name}: `{text}` is no number"))?;
    }
    let high_tip = &record[count + 1] == LABELS[1];
    Ok(Example { pickup, features, high_tip })
}

/// The day of each example; the records know no zone, so that a day of New York stands for one of UTC.
pub(crate) fn days(examples: &[Example]) -> impl Iterator<Item = NaiveDate> {
    examples.iter().map(|example| example.pickup.date())
}

/// The features column by column, as they are to be summed up.
pub(crate) fn columns(examples: &[Example]) -> impl Iterator<Item = (&'static str, Column)> {
    columns_of(examples.iter().map(|example| &example.features))
}

/// As [`columns`], where there are no labels as yet.
pub(crate) fn columns_of<'r>(
    rows: impl Iterator<Item = &'r [f64; FEATURES.len()]> + Clone,
) -> impl Iterator<Item = (&'static str, Column)> {
    FEATURES.into_iter().enumerate().map(move |(at, name)| {
        let column = Column::floats(rows.clone().map(move |features| features[at]));
        (name, if AMOUNTS.contains(&name) { column } else { column.of_kind(Kind::Categorical) })
    })
}

/// Writes examples as CSV, the label last.
pub(crate) struct ExampleWriter<W: Write>(Writer<W>);

impl<W: Write> ExampleWriter<W> {
    /// Writes the header.
    pub(crate) fn new(out: W) -> anyhow::Result<Self> {
        let mut writer = Writer::from_writer(out);
        writer.write_record(["pickup"].into_iter().chain(FEATURES).chain(["high_tip"]))?;
        Ok(Self(writer))
    }

    /// Writes one example.
    pub(crate) fn write(&mut self, example: &Example) -> anyhow::Result<()> {
        self.0.write_field(example.pickup.format("%FT%T%.f").to_string())?;
        for feature in &example.features {
            self.0.write_field(feature.to_string())?;
        }
        self.0.write_field(LABELS[usize::from(example.high_tip)])?;
        Ok(self.0.write_record(None::<&[u8]>)?)
    }

    /// Hands everything written to the file. Without it an error of the last bytes would pass unseen.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        Ok(self.0.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn examples_come_back_bit_for_bit() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("x.csv");
        let at = |time: &str| time.parse().expect("a time");
        let mut written =
            vec![Example { pickup: at("2020-01-17T16:57:19"), features: [0.1 + 0.2; 11], high_tip: true }];
        written.push(Example { pickup: at("2020-01-17T00:00:00.25"), features: [1.4 / 1e-7; 11], high_tip: false });
        let mut writer = ExampleWriter::new(File::create(&path).expect("a file")).expect("a writer");
        for example in &written {
            writer.write(example).expect("written");
        }
        writer.finish().expect("written");
        assert_eq!(read(&path).expect("read"), written);
    }

    #[test]
    fn a_file_of_something_else_is_told_by_row() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("x.csv");
        fs::write(&path, "a,b\n1,2\n").expect("written");
        let error = format!("{:#}", read(&path).expect_err("no examples"));
        assert!(error.contains("example 1 of"), "{error}");
        assert!(error.contains("2 values where a time, 11 and a label belong"), "{error}");
    }
}
