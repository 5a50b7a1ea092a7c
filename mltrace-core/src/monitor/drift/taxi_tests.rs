//! The rule on real months: samples of New York's yellow taxis, where `MLTRACE_TAXI_DATA` names the folder `yellow-10k`.

use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;
use std::{env, fs, thread};

use chrono::{Datelike, NaiveDateTime, Timelike};
use flate2::read::GzDecoder;

use super::super::profile::{Column, Profile};
use super::super::statistics::distance::kolmogorov_smirnov;
use super::super::statistics::tail::kolmogorov_log10_p;
use super::*;
use crate::monitor::testing::uniform;

const NUMERIC: [&str; 3] = ["trip_distance", "trip_time", "trip_speed"];
const CATEGORICAL: [&str; 8] = [
    "pickup_weekday",
    "pickup_hour",
    "pickup_minute",
    "work_hours",
    "passenger_count",
    "PULocationID",
    "DOLocationID",
    "RatecodeID",
];

/// The features of one ride.
#[derive(Debug, Clone, Copy)]
struct Ride {
    day: NaiveDate,
    numeric: [f64; 3],
    categorical: [Option<i64>; 8],
}

/// The rides of a month of 2020 that are clean, or nothing where there is no data.
fn month(number: u32) -> Option<Vec<Ride>> {
    let Some(folder) = env::var_os("MLTRACE_TAXI_DATA") else {
        eprintln!("skipped: MLTRACE_TAXI_DATA names no folder with the sample of the taxi records");
        return None;
    };
    let file = Path::new(&folder).join(format!("yellow_tripdata_sample_2020-{number:02}.csv.gz"));
    let mut text = String::new();
    GzDecoder::new(fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|&column| column == name).unwrap();
    let names = ["pickup_datetime", "dropoff_datetime", "fare_amount", "trip_distance", "passenger_count"];
    let keys = ["pickup_location_id", "dropoff_location_id", "rate_code_id"];
    let (names, keys) = (names.map(at), keys.map(at));
    Some(lines.filter_map(|line| ride(&line.split(',').collect::<Vec<_>>(), names, keys, number)).collect())
}

fn ride(fields: &[&str], names: [usize; 5], keys: [usize; 3], month: u32) -> Option<Ride> {
    let time = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
    let [picked_up, dropped_off] = [time(fields[names[0]]), time(fields[names[1]])];
    let number = |at: usize| fields[at].parse::<f64>().ok();
    #[allow(clippy::cast_possible_truncation, reason = "small keys, some of which are written with a decimal point")]
    let key = |at: usize| number(at).map(|key| key as i64);
    let is_in_month = (dropped_off.year(), dropped_off.month()) == (2020, month);
    if !is_in_month || dropped_off < picked_up || number(names[2])? <= 0.0 {
        return None;
    }
    let (hour, weekday) = (picked_up.hour(), picked_up.weekday().num_days_from_monday());
    let (distance, time) = (number(names[3])?, (dropped_off - picked_up).num_seconds() as f64);
    let is_at_work = weekday < 5 && (8..=18).contains(&hour);
    let [weekday, hour, minute] = [weekday, hour, picked_up.minute()].map(|part| Some(i64::from(part)));
    let [from, to, rate] = keys.map(key);
    let categorical = [weekday, hour, minute, Some(i64::from(is_at_work)), key(names[4]), from, to, rate];
    Some(Ride { day: picked_up.date(), numeric: [distance, time, distance / (time + 1e-7)], categorical })
}

fn columns(rides: &[Ride]) -> Vec<(&'static str, Column)> {
    let numeric = |at: usize| Column::floats(rides.iter().map(move |ride| ride.numeric[at]));
    let categorical =
        |at: usize| Column::integers(rides.iter().map(move |ride| ride.categorical[at])).of_kind(Kind::Categorical);
    let numeric = NUMERIC.into_iter().enumerate().map(|(at, name)| (name, numeric(at)));
    numeric.chain(CATEGORICAL.into_iter().enumerate().map(|(at, name)| (name, categorical(at)))).collect()
}

fn against(reference: &Reference, rides: &[Ride]) -> Profile {
    reference.profile(columns(rides)).unwrap()
}

fn drifting(report: &DriftReport) -> Vec<&str> {
    report.columns.iter().filter(|found| found.status == Status::Drift).map(|found| found.column.as_str()).collect()
}

/// How many of all columns, taken as numbers and null as -1, plain Kolmogorov and Smirnov find unlike at 5 %.
fn plain_alarms(a: &[Ride], b: &[Ride]) -> usize {
    let number = |at: usize, ride: &Ride| match at.checked_sub(NUMERIC.len()) {
        None => ride.numeric[at],
        Some(at) => ride.categorical[at].unwrap_or(-1) as f64,
    };
    let is_unlike = |at: &usize| {
        let [a, b] = [a, b].map(|rides| rides.iter().map(|ride| number(*at, ride)).collect::<Vec<_>>());
        let (n, m) = (a.len() as f64, b.len() as f64);
        kolmogorov_log10_p((n * m / (n + m)).sqrt() * kolmogorov_smirnov(&a, &b).unwrap()) < 0.05_f64.log10()
    };
    (0..NUMERIC.len() + CATEGORICAL.len()).filter(is_unlike).count()
}

#[test]
fn real_months_drift_from_april_on_where_plain_tests_cry_wolf_from_february() {
    let Some(january) = month(1) else { return };
    let reference = Reference::new(Profile::of(columns(&january)).unwrap());
    let mut table = String::new();
    let (mut found, mut plain) = (Vec::new(), Vec::new());
    for number in 2..=6 {
        let rides = month(number).unwrap();
        let live = against(&reference, &rides);
        let report = reference.drift(&live).get().unwrap();
        for column in &report.columns {
            let ColumnDrift { statistic, noise, bound, tolerance, .. } = column;
            let [statistic, noise, bound] = [statistic, noise, bound].map(|figure| figure.unwrap());
            let name = column.column.as_str();
            write!(table, "{number} {name:16} {statistic:.4} {noise:.4} {bound:.4} {tolerance:.2} {:6}", column.status)
                .unwrap();
            if let Some(at) = NUMERIC.iter().position(|&numeric| numeric == name) {
                let [a, b] =
                    [&january, &rides].map(|rides| rides.iter().map(|ride| ride.numeric[at]).collect::<Vec<_>>());
                let exactly = kolmogorov_smirnov(&a, &b).unwrap();
                write!(table, " exactly {exactly:.4}, {:.4} more", exactly - statistic).unwrap();
                assert!((-1e-12..0.004).contains(&(exactly - statistic)), "{name}: {statistic} of {exactly}");
                assert_eq!(exactly - noise > *tolerance, column.status == Status::Drift, "{name}: exactly {exactly}");
            }
            let Companions { log10_p, stability_index, wasserstein, cramers_v, .. } = column.companions.unwrap();
            writeln!(table, " log10 p {log10_p:.1} psi {stability_index:.3} w1 {wasserstein:.3?} v {cramers_v:.3?}")
                .unwrap();
        }
        found.push(drifting(&report).len());
        plain.push(plain_alarms(&january, &rides));
        if number == 4 {
            let expected = ["DOLocationID", "PULocationID", "RatecodeID", "passenger_count", "pickup_hour"];
            assert_eq!(drifting(&report), [&expected[..], &["trip_speed", "trip_time"]].concat());
            assert_eq!(report.severity, Severity::Critical);
        }
    }
    println!("{table}drift {found:?}, plain tests {plain:?}");
    assert_eq!(found, [0, 0, 7, 5, 5]);
    assert_eq!(plain, [3, 6, 10, 10, 10]);
}

fn add(a: [usize; 3], b: [usize; 3]) -> [usize; 3] {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

#[test]
fn random_splits_of_one_pool_do_not_alarm_where_plain_tests_do_in_one_of_four() {
    const TRIALS: u64 = 1_000;
    let Some(pool) = month(1) else { return };
    let frozen = Reference::new(Profile::of(columns(&pool)).unwrap());
    let split = |trial: u64| {
        let mut order: Vec<(f64, &Ride)> = uniform(trial, pool.len()).into_iter().zip(&pool).collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let shuffled: Vec<Ride> = order.into_iter().map(|(_, ride)| *ride).collect();
        let (a, b) = shuffled.split_at(pool.len() / 2);
        let reference = Reference::new(against(&frozen, a));
        let report = reference.drift(&against(&reference, b)).get().unwrap();
        let has_shift = report.columns.iter().any(|column| column.status == Status::Shift);
        [report.severity > Severity::None, has_shift, plain_alarms(a, b) > 0].map(usize::from)
    };
    let half = |odd: u64| (0..TRIALS / 2).map(|trial| split(2 * trial + odd)).fold([0; 3], add);
    let [alarms, shifts, plain] = thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        add(half(0), other.join().unwrap())
    });
    println!("of {TRIALS} splits: {alarms} alarm, {shifts} have a shift, plain tests alarm in {plain}");
    assert_eq!(alarms, 0);
    // One in a hundred is what the noise allows for.
    assert!(shifts <= 20, "{shifts}");
    assert!(plain >= 200, "{plain}");
}

/// The days from the first week of 2020 that begins on a Monday to 23 February, and the rides of January to April by day.
fn seven_weeks() -> Option<(Reference, Vec<Ride>)> {
    let mut rides = Vec::new();
    for number in 1..=4 {
        rides.extend(month(number)?);
    }
    let days = |first: NaiveDate| first.iter_days().take(49);
    let first = date(1, 6);
    let on = |day: NaiveDate| rides.iter().filter(|ride| ride.day == day).copied().collect::<Vec<_>>();
    let whole: Vec<Ride> = days(first).flat_map(on).collect();
    let frozen = Reference::new(Profile::of(columns(&whole)).unwrap());
    let history: Vec<_> = days(first).map(|day| (day, against(&frozen, &on(day)))).collect();
    Some((frozen.with_days(history).unwrap(), rides))
}

fn date(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2020, month, day).unwrap()
}

fn window(reference: &Reference, rides: &[Ride], first: NaiveDate, days: u32) -> DriftReport {
    let last = first + chrono::Days::new(days.into());
    let live: Vec<Ride> = rides.iter().filter(|ride| (first..last).contains(&ride.day)).copied().collect();
    reference.drift(&against(reference, &live)).window(first, days).get().unwrap()
}

#[test]
fn weeks_drift_when_the_city_stands_still_and_not_before() {
    let Some((reference, rides)) = seven_weeks() else { return };
    let mut found = Vec::new();
    for first in date(2, 24).iter_weeks().take(6) {
        let report = window(&reference, &rides, first, 7);
        println!("{first}: {:?}, {:?}", report.severity, drifting(&report));
        for column in &report.columns {
            let ColumnDrift { column: name, status, statistic, bound, tolerance, anomalous, alarms, count, .. } =
                column;
            println!(
                "  {name:16} {status:8} n {count} {statistic:.4?} {bound:.4?} {tolerance:.4} {alarms:?} {anomalous:?}"
            );
        }
        assert!(report.columns.iter().all(|column| column.calibration == Calibration::Calibrated { chunks: 7 }));
        found.push(report);
    }
    let alarming = |report: &DriftReport| report.columns.iter().filter(|column| !column.alarms.is_empty()).count();
    assert_eq!(found[..2].iter().map(alarming).collect::<Vec<_>>(), [0, 0]);
    assert!(drifting(&found[5]).len() >= 3);
}

#[test]
fn by_the_day_the_weekday_is_seasonal_and_never_drift() {
    let Some((reference, rides)) = seven_weeks() else { return };
    for first in date(2, 24).iter_days().take(43) {
        let report = window(&reference, &rides, first, 1);
        let weekday = report.columns.iter().find(|column| column.column == "pickup_weekday").unwrap();
        assert_eq!(weekday.status, Status::Seasonal, "{first}");
        if first < date(3, 9) {
            println!("{first}: {:?} {:?}", report.severity, drifting(&report));
        }
    }
}
