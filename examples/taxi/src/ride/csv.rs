//! Rides in CSV: as the TLC published them until 2022, and as the pipeline hands them on.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use anyhow::Context;
use csv::{ErrorKind, Reader, StringRecord, Writer};
use flate2::bufread::MultiGzDecoder;

use super::{COLUMNS, Cell, Ride, Rides, positions};

/// Reads rides from a CSV file.
pub(super) fn read(path: &Path) -> anyhow::Result<Rides> {
    rides(open(path)?, path, "the file cannot be read")
}

/// Reads rides from a CSV file packed with gzip.
pub(super) fn read_gz(path: &Path) -> anyhow::Result<Rides> {
    rides(MultiGzDecoder::new(open(path)?), path, "the gzip file is damaged or cut short: fetch it again")
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(BufReader::new(file))
}

/// `unreadable` is what to say when the bytes can't be had; records that are no CSV are told apart.
fn rides(content: impl Read + 'static, path: &Path, unreadable: &'static str) -> anyhow::Result<Rides> {
    let path = path.to_owned();
    let explain = move |error: csv::Error, path: &Path| {
        let advice =
            if matches!(error.kind(), ErrorKind::Io(_)) { unreadable } else { "the file is no well-formed CSV" };
        anyhow::Error::new(error).context(format!("{}: {advice}", path.display()))
    };
    let mut reader = Reader::from_reader(content);
    let names = reader.headers().map_err(|error| explain(error, &path))?;
    let positions = positions(&path, &names.iter().collect::<Vec<_>>())?;
    Ok(Box::new(reader.into_records().map(move |record| {
        let record = record.map_err(|error| explain(error, &path))?;
        ride(&record, positions).with_context(|| {
            let line = record.position().map_or(0, csv::Position::line);
            format!("line {line} of {}", path.display())
        })
    })))
}

fn ride(record: &StringRecord, positions: [usize; COLUMNS.len()]) -> anyhow::Result<Ride> {
    Ride::from_cells(positions.map(|position| match record.get(position).map(str::trim) {
        None | Some("") => Cell::Empty,
        Some(text) => Cell::Text(text),
    }))
}

/// Writes rides under the TLC's names, so that [`read`] reads them back.
pub(crate) struct RideWriter<W: Write>(Writer<W>);

impl<W: Write> RideWriter<W> {
    /// Writes the header.
    pub(crate) fn new(out: W) -> anyhow::Result<Self> {
        let mut writer = Writer::from_writer(out);
        writer.write_record(COLUMNS.map(|column| column.tlc))?;
        Ok(Self(writer))
    }

    /// Writes one ride.
    pub(crate) fn write(&mut self, ride: &Ride) -> anyhow::Result<()> {
        let category = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        self.0.write_record([
            ride.pickup.to_string(),
            ride.dropoff.to_string(),
            category(ride.passenger_count),
            ride.distance.to_string(),
            category(ride.rate_code),
            ride.pickup_zone.to_string(),
            ride.dropoff_zone.to_string(),
            ride.fare.to_string(),
            ride.tip.to_string(),
        ])?;
        Ok(())
    }

    /// Hands everything written to the file. Without it an error of the last bytes would pass unseen.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        Ok(self.0.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tempfile::TempDir;

    use super::super::tests::ride;
    use super::*;

    const TLC: &str = "\
VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,\
store_and_fwd_flag,PULocationID,DOLocationID,payment_type,fare_amount,tip_amount
1,2020-01-17 16:57:19,2020-01-17 17:11:18,1,1.40,1,N,163,68,1,10,3.55
";
    const RENAMED: &str = "\
pickup_datetime,dropoff_datetime,passenger_count,trip_distance,rate_code_id,pickup_location_id,\
dropoff_location_id,fare_amount,tip_amount
2020-01-17 16:57:19,2020-01-17 17:11:18,1.0,1.4,1.0,163,68,10.0,3.55
2020-01-17 16:57:19,2020-01-17 17:11:18,,1.4,,163,68,10.0,3.55
";

    fn file(folder: &TempDir, name: &str, content: &[u8]) -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("written");
        path
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(text.as_bytes()).expect("packed");
        packer.finish().expect("packed")
    }

    fn rides(path: &Path) -> anyhow::Result<Vec<Ride>> {
        crate::ride::read(path)?.collect()
    }

    fn error_of(name: &str, content: &[u8]) -> String {
        let folder = TempDir::new().expect("a folder");
        let path = file(&folder, name, content);
        format!("{:#}", rides(&path).expect_err("an error"))
    }

    #[test]
    fn the_tlcs_csv_is_read() {
        let folder = TempDir::new().expect("a folder");
        let path = file(&folder, "x.csv", TLC.as_bytes());
        assert_eq!(rides(&path).expect("rides"), [ride()]);
    }

    #[test]
    fn a_packed_csv_is_read_also_in_several_members() {
        let folder = TempDir::new().expect("a folder");
        let (header, record) = TLC.split_once('\n').expect("two lines");
        let content = [gzip(&format!("{header}\n")), gzip(record)].concat();
        let path = file(&folder, "x.csv.gz", &content);
        assert_eq!(rides(&path).expect("rides"), [ride()]);
    }

    #[test]
    fn renamed_columns_whole_floats_and_empty_values_are_read() {
        let folder = TempDir::new().expect("a folder");
        let path = file(&folder, "x.csv", RENAMED.as_bytes());
        let empty = Ride { passenger_count: None, rate_code: None, ..ride() };
        assert_eq!(rides(&path).expect("rides"), [ride(), empty]);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("x.csv");
        let written = [ride(), Ride { passenger_count: None, fare: -2.5, ..ride() }];
        let mut writer = RideWriter::new(File::create(&path).expect("a file")).expect("a writer");
        for ride in &written {
            writer.write(ride).expect("written");
        }
        writer.finish().expect("written");
        assert_eq!(rides(&path).expect("rides"), written);
    }

    #[test]
    fn missing_columns_are_all_named() {
        let error = error_of("x.csv", b"trip_distance,fare_amount\n1,2\n");
        assert!(error.contains("tpep_pickup_datetime (or pickup_datetime)"), "{error}");
        assert!(error.contains("tip_amount"), "{error}");
        assert!(error.contains("It has trip_distance, fare_amount"), "{error}");
    }

    #[test]
    fn an_empty_file_says_that_it_has_no_columns() {
        let error = error_of("x.csv", b"");
        assert!(error.contains("no columns at all"), "{error}");
    }

    #[test]
    fn a_damaged_gzip_says_so() {
        let mut content = gzip(&TLC.repeat(50));
        content.truncate(content.len() / 2);
        let error = error_of("x.csv.gz", &content);
        assert!(error.contains("damaged or cut short"), "{error}");
    }

    #[test]
    fn a_value_that_does_not_fit_is_told_by_line_and_column() {
        let error = error_of("x.csv", TLC.replace("1.40", "far").as_bytes());
        assert!(error.contains("line 2 of"), "{error}");
        assert!(error.contains("trip_distance: `far` is no number"), "{error}");
        let error = error_of("x.csv", TLC.replace("163", "16.3").as_bytes());
        assert!(error.contains("PULocationID: 16.3 is no whole number"), "{error}");
        let error = error_of("x.csv", TLC.replace("2020-01-17 16:57:19", "yesterday").as_bytes());
        assert!(error.contains("`yesterday` is no time"), "{error}");
    }

    #[test]
    fn a_record_cut_short_says_that_the_csv_is_not_well_formed() {
        let error = error_of("x.csv", format!("{TLC}1,2020-01").as_bytes());
        assert!(error.contains("no well-formed CSV"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = rides(Path::new("nowhere.csv")).expect_err("not there");
        assert!(error.to_string().contains("cannot open nowhere.csv"));
    }
}
