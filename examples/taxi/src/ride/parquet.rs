//! Rides in Parquet, as the TLC publishes them since 2022. Between the years it has changed integer
//! widths, doubles to integers, the case of names and the compression; only the names matter here.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use chrono::{DateTime, NaiveDateTime};
use parquet::basic::{LogicalType, TimeUnit};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

use super::{COLUMNS, Cell, Ride, Rides, positions};

/// Reads rides from a Parquet file; columns that the pipeline has no use for are not unpacked.
pub(super) fn read(path: &Path) -> anyhow::Result<Rides> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let damaged = || format!("{} is damaged or no Parquet file: fetch it again", path.display());
    let reader = SerializedFileReader::new(file).with_context(damaged)?;
    let schema = reader.metadata().file_metadata().schema().clone();
    let fields = schema.get_fields();
    let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    let wanted = positions(path, &names)?.map(|position| Arc::clone(&fields[position]));
    let units = wanted.each_ref().map(|field| unit(field));
    let projection =
        Type::group_type_builder(schema.name()).with_fields(wanted.to_vec()).build().with_context(damaged)?;
    let rows = RowIter::from_file_into(Box::new(reader)).project(Some(projection)).with_context(damaged)?;
    let path = path.to_owned();
    Ok(Box::new(rows.zip(1_u64..).map(move |(row, number)| {
        row.map_err(anyhow::Error::new)
            .and_then(|row| ride(&row, units))
            .with_context(|| format!("row {number} of {}", path.display()))
    })))
}

fn ride(row: &Row, units: [Option<TimeUnit>; COLUMNS.len()]) -> anyhow::Result<Ride> {
    let mut cells = [Cell::Empty; COLUMNS.len()];
    for (((_, field), unit), cell) in row.get_column_iter().zip(units).zip(&mut cells) {
        *cell = self::cell(field, unit)?;
    }
    Ride::from_cells(cells)
}

/// The unit of a column of times: the row reader hands some of them on as bare integers.
fn unit(field: &Type) -> Option<TimeUnit> {
    match field.get_basic_info().logical_type_ref() {
        Some(LogicalType::Timestamp(timestamp)) => Some(timestamp.unit),
        _ => None,
    }
}

fn cell(field: &Field, unit: Option<TimeUnit>) -> anyhow::Result<Cell<'_>> {
    Ok(match (field, unit) {
        (Field::Null, _) => Cell::Empty,
        (Field::Long(value), Some(unit)) => Cell::Time(time(*value, unit)?),
        (Field::TimestampMicros(value), _) => Cell::Time(time(*value, TimeUnit::MICROS)?),
        (Field::TimestampMillis(value), _) => Cell::Time(time(*value, TimeUnit::MILLIS)?),
        (Field::Long(value), None) => {
            Cell::Number(f64::from(i32::try_from(*value).with_context(|| format!("{value} is out of range"))?))
        }
        (Field::Int(value), _) => Cell::Number(f64::from(*value)),
        (Field::Short(value), _) => Cell::Number(f64::from(*value)),
        (Field::Byte(value), _) => Cell::Number(f64::from(*value)),
        (Field::UInt(value), _) => Cell::Number(f64::from(*value)),
        (Field::UShort(value), _) => Cell::Number(f64::from(*value)),
        (Field::UByte(value), _) => Cell::Number(f64::from(*value)),
        (Field::Float(value), _) => Cell::Number(f64::from(*value)),
        (Field::Double(value), _) => Cell::Number(*value),
        (Field::Str(text), _) => Cell::Text(text),
        (other, _) => bail!("{other} is neither a number nor a time"),
    })
}

fn time(value: i64, unit: TimeUnit) -> anyhow::Result<NaiveDateTime> {
    let instant = match unit {
        TimeUnit::MILLIS => DateTime::from_timestamp_millis(value),
        TimeUnit::MICROS => DateTime::from_timestamp_micros(value),
        TimeUnit::NANOS => Some(DateTime::from_timestamp_nanos(value)),
    };
    instant.map(|instant| instant.naive_utc()).with_context(|| format!("{value} is a time out of range"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use parquet::basic::Compression;
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
    use parquet::schema::parser::parse_message_type;
    use tempfile::TempDir;

    use super::super::tests::ride;
    use super::*;

    /// As the TLC writes since 2023: wider and narrower integers, a capital letter, columns more.
    const TODAY: &str = "message schema {
        OPTIONAL INT32 VendorID;
        OPTIONAL INT64 tpep_pickup_datetime (TIMESTAMP(MICROS,false));
        OPTIONAL INT64 tpep_dropoff_datetime (TIMESTAMP(MICROS,false));
        OPTIONAL INT64 passenger_count;
        OPTIONAL DOUBLE trip_distance;
        OPTIONAL INT64 RatecodeID;
        OPTIONAL BYTE_ARRAY store_and_fwd_flag (UTF8);
        OPTIONAL INT32 PULocationID;
        OPTIONAL INT32 DOLocationID;
        OPTIONAL INT64 payment_type;
        OPTIONAL DOUBLE fare_amount;
        OPTIONAL DOUBLE tip_amount;
        OPTIONAL DOUBLE Airport_fee;
        OPTIONAL DOUBLE cbd_congestion_fee;
    }";

    /// As the TLC wrote 2020 anew: counts as doubles, zones as 64-bit integers.
    const OF_2020: &str = "message schema {
        OPTIONAL INT64 tpep_pickup_datetime (TIMESTAMP(MICROS,false));
        OPTIONAL INT64 tpep_dropoff_datetime (TIMESTAMP(MICROS,false));
        OPTIONAL DOUBLE passenger_count;
        OPTIONAL DOUBLE trip_distance;
        OPTIONAL DOUBLE RatecodeID;
        OPTIONAL INT64 PULocationID;
        OPTIONAL INT64 DOLocationID;
        OPTIONAL DOUBLE fare_amount;
        OPTIONAL DOUBLE tip_amount;
        OPTIONAL INT32 airport_fee;
    }";

    /// The number to write in a column; `None` leaves it empty.
    type Value = Option<f64>;

    /// Two rows: the ride of the other tests, and the same without a passenger count and rate code.
    fn values(name: &str) -> [Value; 2] {
        let value = match name {
            "tpep_pickup_datetime" => 1_579_280_239.0,
            "tpep_dropoff_datetime" => 1_579_281_078.0,
            "passenger_count" | "RatecodeID" => return [Some(1.0), None],
            "trip_distance" => 1.4,
            "PULocationID" => 163.0,
            "DOLocationID" => 68.0,
            "fare_amount" => 10.0,
            "tip_amount" => 3.55,
            _ => return [None, None],
        };
        [Some(value), Some(value)]
    }

    fn write(schema: &str, compression: Compression, per_second: f64) -> (TempDir, PathBuf) {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("x.parquet");
        let schema = Arc::new(parse_message_type(schema).expect("a schema"));
        let properties = WriterProperties::builder().set_compression(compression).build();
        let file = File::create(&path).expect("a file");
        let mut writer = SerializedFileWriter::new(file, Arc::clone(&schema), Arc::new(properties)).expect("a writer");
        let mut group = writer.next_row_group().expect("a group");
        for field in schema.get_fields() {
            let column = group.next_column().expect("a column").expect("a column");
            let scale = if field.name().ends_with("datetime") { per_second } else { 1.0 };
            write_column(column, field, scale);
        }
        group.close().expect("closed");
        writer.close().expect("closed");
        (folder, path)
    }

    #[expect(clippy::cast_possible_truncation, reason = "small test values")]
    fn write_column(mut column: SerializedColumnWriter<'_>, field: &Type, scale: f64) {
        let rows = values(field.name()).map(|value| value.map(|value| value * scale));
        let present: Vec<f64> = rows.iter().flatten().copied().collect();
        let levels = rows.map(|row| i16::from(row.is_some()));
        let levels = Some(&levels[..]);
        match field.get_physical_type() {
            parquet::basic::Type::INT32 => {
                let values: Vec<i32> = present.iter().map(|v| *v as i32).collect();
                column.typed::<Int32Type>().write_batch(&values, levels, None)
            }
            parquet::basic::Type::INT64 => {
                let values: Vec<i64> = present.iter().map(|v| *v as i64).collect();
                column.typed::<Int64Type>().write_batch(&values, levels, None)
            }
            parquet::basic::Type::DOUBLE => column.typed::<DoubleType>().write_batch(&present, levels, None),
            _ => {
                let values: Vec<ByteArray> = present.iter().map(|_| ByteArray::from("N")).collect();
                column.typed::<ByteArrayType>().write_batch(&values, levels, None)
            }
        }
        .expect("written");
        column.close().expect("closed");
    }

    fn rides(path: &Path) -> anyhow::Result<Vec<Ride>> {
        read(path)?.collect()
    }

    fn expected() -> [Ride; 2] {
        let empty = Ride { passenger_count: None, rate_code: None, ..ride() };
        [ride(), empty]
    }

    #[test]
    fn the_files_of_today_are_read() {
        let (_folder, path) = write(TODAY, Compression::ZSTD(parquet::basic::ZstdLevel::default()), 1e6);
        assert_eq!(rides(&path).expect("rides"), expected());
    }

    #[test]
    fn the_files_of_2020_are_read_in_each_compression() {
        for compression in
            [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(parquet::basic::GzipLevel::default())]
        {
            let (_folder, path) = write(OF_2020, compression, 1e6);
            assert_eq!(rides(&path).expect("rides"), expected());
        }
    }

    #[test]
    fn times_in_milliseconds_and_nanoseconds_are_the_same_times() {
        for (unit, per_second) in [("MILLIS", 1e3), ("NANOS", 1e9)] {
            let schema = OF_2020.replace("MICROS", unit);
            let (_folder, path) = write(&schema, Compression::SNAPPY, per_second);
            assert_eq!(rides(&path).expect("rides"), expected());
        }
    }

    #[test]
    fn missing_columns_are_all_named() {
        let schema = OF_2020.replace("tpep_", "lpep_").replace("tip_amount", "tips");
        let (_folder, path) = write(&schema, Compression::SNAPPY, 1e6);
        let error = rides(&path).expect_err("missing").to_string();
        for name in ["tpep_pickup_datetime", "tpep_dropoff_datetime", "tip_amount"] {
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn times_without_their_type_are_refused_by_row_and_column() {
        let schema = OF_2020.replace("(TIMESTAMP(MICROS,false))", "");
        let (_folder, path) = write(&schema, Compression::SNAPPY, 1.0);
        let error = format!("{:#}", rides(&path).expect_err("no times"));
        assert!(error.contains("row 1 of"), "{error}");
        assert!(error.contains("tpep_pickup_datetime: 1579280239 is a number"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_parquet_says_so() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("x.parquet");
        fs::write(&path, "tpep_pickup_datetime,fare_amount\n").expect("written");
        let error = format!("{:#}", rides(&path).expect_err("no Parquet"));
        assert!(error.contains("damaged or no Parquet file"), "{error}");
    }
}
