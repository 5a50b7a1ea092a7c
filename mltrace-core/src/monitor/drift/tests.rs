use super::super::profile::{Column, ColumnProfile, Profile};
use super::*;
use crate::error::ErrorKind;
use crate::monitor::testing::{assert_close, uniform};

fn reference(column: Column) -> Reference {
    Reference::new(Profile::of([("column", column)]).unwrap())
}

fn drift(reference: &Reference, column: Column) -> ColumnDrift {
    report(reference, column).columns.remove(0)
}

fn report(reference: &Reference, column: Column) -> DriftReport {
    reference.drift(&reference.profile([("column", column)]).unwrap()).get().unwrap()
}

fn floats(values: Vec<f64>) -> Column {
    Column::floats(values)
}

/// `b` of so many thousandths, and else `a`.
fn letters(count: usize, thousandths: usize) -> Column {
    Column::texts((0..count).map(|at| if at % 1_000 < thousandths { "b" } else { "a" }))
}

fn day(number: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2020, 1, 6).unwrap() + chrono::Days::new(number)
}

#[test]
fn a_change_is_ok_within_chance_a_shift_within_tolerance_and_drift_beyond() {
    let reference = reference(floats(uniform(1, 10_000)));
    let moved = |by: f64| drift(&reference, floats(uniform(2, 10_000).into_iter().map(|value| value + by).collect()));
    for (by, status) in [(0.0, Status::Ok), (0.07, Status::Shift), (0.2, Status::Drift)] {
        let found = moved(by);
        assert_eq!(found.status, status, "{found:?}");
        assert_eq!(found.alarms, if status == Status::Drift { vec![Alarm::Drift] } else { vec![] });
        assert_eq!((found.tolerance, found.calibration), (0.1, Calibration::Uncalibrated { chunks: 0 }));
        let noise = ((2.0_f64 / 0.01).ln() / 2.0 * 2e-4).sqrt();
        assert_close(found.noise.unwrap(), noise, 1e-12, "noise");
        assert_close(found.bound.unwrap(), (found.statistic.unwrap() - noise).max(0.0), 1e-12, "bound");
    }
}

/// S and the cells by hand; chi-squared of SciPy 1.17.1: `chi2.isf(0.01, 1)` = 6.634896601021217.
#[test]
fn the_distance_of_categories_is_judged_by_the_formula() {
    let found = drift(&reference(letters(10_000, 100)), letters(10_000, 400));
    assert_close(found.statistic.unwrap(), 0.302_167_222_638_654_1, 1e-9, "jensenshannon([.9, .1], [.6, .4], base=2)");
    let noise = (6.634_896_601_021_217 * 2e-4 / (8.0 * std::f64::consts::LN_2)).sqrt();
    assert_close(found.noise.unwrap(), noise, 1e-9, "noise");
    assert_eq!(found.status, Status::Drift);
    let companions = found.companions.unwrap();
    // Of 2,400, and the tail of one degree of freedom is erfc(sqrt(1200)): by its asymptotic series.
    let x = 1_200_f64;
    let series = 1.0 - 1.0 / (2.0 * x) + 3.0 / (4.0 * x * x);
    let log10_p = (-x + (series / (x * std::f64::consts::PI).sqrt()).ln()) / std::f64::consts::LN_10;
    assert_close(companions.log10_p, log10_p, 1e-9, "log10 p");
    assert_eq!(companions.p, 0.0);
    assert_close(companions.cramers_v.unwrap(), 0.346_410_161_513_775_5, 1e-9, "association");
}

#[test]
fn nothing_to_see_is_never_fine() {
    let reference = reference(floats(uniform(1, 1_000)));
    let dead = report(&reference, floats(vec![]));
    assert_eq!((dead.columns[0].status, dead.severity), (Status::NoData, Severity::Critical));
    assert_eq!(dead.columns[0].alarms, [Alarm::NoData]);
    assert_eq!(drift(&reference, Column::floats([None::<f64>; 500])).status, Status::NoData);
    assert_eq!(drift(&reference, floats(uniform(2, 29))).status, Status::TooFew);
    assert_eq!(drift(&reference, floats(uniform(2, 30))).status, Status::Ok);
    let absent = reference.drift(&Profile::default()).get().unwrap();
    assert_eq!(absent.columns[0].alarms, [Alarm::NoData]);
}

#[test]
fn where_the_reference_has_nothing_either_there_is_no_alarm() {
    let found = drift(&reference(floats(vec![])), floats(uniform(1, 100)));
    assert_eq!((found.status, found.alarms), (Status::NoData, vec![]));
}

#[test]
fn a_category_that_is_all_null_is_no_data() {
    let reference = reference(letters(1_000, 500));
    assert_eq!(drift(&reference, Column::texts([None::<&str>; 500])).alarms, [Alarm::NoData]);
}

#[test]
fn one_distinct_value_is_ok_and_another_one_drifts() {
    let of = |value: f64| floats(vec![value; 200]);
    let numeric = reference(of(4.0));
    assert_eq!(drift(&numeric, of(4.0)).status, Status::Ok);
    let moved = drift(&numeric, of(4.0_f64.next_up()));
    assert_eq!(
        (moved.status, moved.statistic, moved.companions.unwrap().wasserstein),
        (Status::Drift, Some(1.0), None)
    );
    let categorical = reference(letters(200, 0));
    assert_eq!(drift(&categorical, letters(300, 0)).statistic, Some(0.0));
    assert_eq!(drift(&categorical, letters(300, 1_000)).alarms, [Alarm::Drift, Alarm::Unseen]);
}

#[test]
fn a_key_is_reported_and_never_judged() {
    let keys = |from: u32| (from..from + 1_000).map(|key| format!("ride-{key}")).collect::<Vec<_>>();
    let column = |keys: &[String]| Column::texts(keys.iter().map(String::as_str));
    // Counted exactly, in a sketch that knows them all, and in one that does not.
    for count in [1, 11, 20] {
        let (many, others): (Vec<_>, Vec<_>) =
            (0..count).map(|at| (keys(at * 1_000), keys(90_000 + at * 1_000))).unzip();
        let found = report(&reference(column(&many.concat())), column(&others.concat()));
        assert_eq!((found.columns[0].status, found.severity, found.judged), (Status::Identifier, Severity::None, 0));
    }
}

#[test]
fn a_new_category_alarms_at_five_percent_and_not_at_half_a_percent() {
    let reference = reference(letters(10_000, 0));
    assert_eq!(drift(&reference, letters(10_000, 5)).alarms, []);
    let found = drift(&reference, letters(10_000, 50));
    assert!(found.alarms.contains(&Alarm::Unseen), "{found:?}");
    // The distance alone, 0.16 between 0 and 5 %, is beyond what is tolerated, too.
    assert_eq!(found.alarms, [Alarm::Drift, Alarm::Unseen]);
}

#[test]
fn nulls_alarm_by_themselves_also_where_the_numbers_stay() {
    let with_nulls = |seed: u64, every: usize| {
        Column::floats(
            uniform(seed, 10_000).into_iter().enumerate().map(move |(at, value)| (at % every != 0).then_some(value)),
        )
    };
    let reference = reference(with_nulls(1, 100));
    let found = drift(&reference, with_nulls(2, 20));
    assert_eq!((found.status, found.alarms), (Status::Ok, vec![Alarm::Nulls]));
    assert_close(found.null_share, 0.05, 1e-12, "share");
    assert_eq!(drift(&reference, with_nulls(2, 50)).alarms, [], "from 1 to 2 % is tolerated");
}

#[test]
fn one_of_four_columns_is_a_warning_two_are_critical_and_so_is_the_score_alone() {
    let columns = |moved: usize| {
        (0..4).map(move |at| {
            let by = if at < moved { 0.5 } else { 0.0 };
            (format!("column-{at}"), floats(uniform(at as u64, 1_000).into_iter().map(|value| value + by).collect()))
        })
    };
    let reference = Reference::new(Profile::of(columns(0)).unwrap());
    let severity = |moved: usize, score: &str| {
        reference.drift(&reference.profile(columns(moved)).unwrap()).score(score).get().unwrap().severity
    };
    assert_eq!(
        [0, 1, 2].map(|moved| severity(moved, "column-3")),
        [Severity::None, Severity::Warning, Severity::Critical]
    );
    assert_eq!(severity(1, "column-0"), Severity::Critical);
}

#[test]
fn the_more_columns_are_judged_the_wider_the_noise() {
    let columns = |count: usize| (0..count).map(|at| (at.to_string(), floats(uniform(at as u64, 1_000))));
    let noise = |count: usize| {
        let reference = Reference::new(Profile::of(columns(count)).unwrap());
        let report = reference.drift(&reference.profile(columns(count)).unwrap()).get().unwrap();
        assert_eq!(report.judged, count);
        report.columns[0].noise.unwrap()
    };
    assert_close(noise(11), ((2.0_f64 * 1_100.0).ln() / 2.0 * 2e-3).sqrt(), 1e-12, "eleven");
    assert!(noise(1) < noise(11));
}

#[test]
fn a_column_the_reference_has_not_is_named_and_one_of_another_kind_refused() {
    let reference = reference(floats(uniform(1, 100)));
    let live = reference.profile([("column", floats(uniform(2, 100))), ("new", floats(vec![1.0]))]).unwrap();
    assert_eq!(reference.drift(&live).get().unwrap().unknown, ["new"]);
    let other = Profile::of([("column", Column::texts(["a"]))]).unwrap();
    let error = reference.drift(&other).get().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().starts_with("column: it is numeric"), "{error}");
}

#[test]
fn sketches_are_compared_with_their_error_in_the_noise() {
    let values = uniform(1, 50_000);
    let reference = reference(floats(values.clone()));
    let exactly = drift(&reference, floats(values.clone()));
    let sketched = Profile::of([("column", floats(values))]).unwrap();
    let mut merged = Profile::of([("column", floats(vec![0.5]))]).unwrap();
    merged.merge(&sketched).unwrap();
    let about = reference.drift(&merged).get().unwrap().columns.remove(0);
    let error = 2.296 / 1000_f64.powf(0.9723);
    assert_eq!(exactly.statistic, Some(0.0));
    assert!(about.statistic.unwrap() > 0.0 && about.statistic.unwrap() < error, "{about:?}");
    assert_close(about.noise.unwrap() - exactly.noise.unwrap(), error, 1e-3, "error");
}

/// Seven weeks whose weekend differs from its weekdays, of 200 values a day; a week of the given level after them.
fn weeks(levels: &[f64]) -> Reference {
    let columns = |number: u64| of_day(number, levels[usize::try_from(number / 7).unwrap()]);
    let days = 7 * levels.len() as u64;
    let mut whole = Profile::default();
    (0..days).for_each(|number| whole.merge(&Profile::of(columns(number)).unwrap()).unwrap());
    let frozen = Reference::new(whole);
    let history: Vec<_> = (0..days).map(|number| (day(number), frozen.profile(columns(number)).unwrap())).collect();
    frozen.with_days(history).unwrap()
}

fn of_day(number: u64, level: f64) -> [(&'static str, Column); 2] {
    let values = uniform(number + 1, 200);
    let weekday = i64::try_from(number % 7).unwrap();
    [
        ("level", floats(values.iter().map(|value| value + level).collect())),
        ("weekday", Column::integers([weekday; 200])),
    ]
}

fn of_days(reference: &Reference, days: std::ops::Range<u64>, level: f64) -> DriftReport {
    let (first, count) = (days.start, u32::try_from(days.end - days.start).unwrap());
    let mut live = Profile::default();
    days.for_each(|number| live.merge(&reference.profile(of_day(number, level)).unwrap()).unwrap());
    reference.drift(&live).window(day(first), count).get().unwrap()
}

fn column<'r>(report: &'r DriftReport, name: &str) -> &'r ColumnDrift {
    report.columns.iter().find(|column| column.column == name).unwrap()
}

#[test]
fn a_column_that_wanders_is_tolerated_as_far_as_it_wandered() {
    let steady = weeks(&[0.0; 7]);
    let wandering = weeks(&[0.0, 0.3, 0.1, 0.25, 0.05, 0.2, 0.15]);
    let (steady, wandering) = (of_days(&steady, 49..56, 0.25), of_days(&wandering, 49..56, 0.25));
    assert_eq!(column(&steady, "level").status, Status::Drift);
    assert_eq!(column(&steady, "level").calibration, Calibration::Calibrated { chunks: 7 });
    assert_ne!(column(&wandering, "level").status, Status::Drift);
    assert!(column(&wandering, "level").tolerance > 0.2);
}

#[test]
fn a_week_that_was_unlike_the_others_is_told() {
    let odd = of_days(&weeks(&[0.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.0]), 49..56, 0.0);
    assert_eq!(column(&odd, "level").anomalous, [day(21)]);
}

#[test]
fn a_weekday_column_is_seasonal_by_the_day_and_judged_by_the_week() {
    let reference = weeks(&[0.0; 7]);
    for number in 49..56 {
        let by_day = of_days(&reference, number..number + 1, 0.0);
        assert_eq!(column(&by_day, "weekday").status, Status::Seasonal);
        assert_eq!((by_day.judged, by_day.severity), (1, Severity::None));
        assert_eq!(column(&by_day, "level").reference_count, 1_400, "the same weekday of seven weeks");
        assert_eq!(column(&by_day, "level").calibration, Calibration::Calibrated { chunks: 7 });
    }
    let by_week = of_days(&reference, 49..56, 0.0);
    assert_eq!((column(&by_week, "weekday").status, by_week.judged), (Status::Ok, 2));
}

#[test]
fn a_history_of_no_days_is_refused() {
    let error = reference(floats(vec![1.0])).with_days([]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn splits_of_one_pool_do_not_alarm() {
    let (mut alarms, mut shifts) = (0, 0);
    for trial in 0..200 {
        let values = uniform(trial, 4_000);
        let skewed = |part: &[f64]| floats(part.iter().map(|value| -value.ln()).collect());
        let zones: Vec<i64> = values.iter().map(|value| floor(value * value * 60.0)).collect();
        let columns = |part: std::ops::Range<usize>| {
            [("skewed", skewed(&values[part.clone()])), ("zone", Column::integers(zones[part].iter().copied()))]
        };
        let reference = Reference::new(Profile::of(columns(0..2_000)).unwrap());
        let report = reference.drift(&reference.profile(columns(2_000..4_000)).unwrap()).get().unwrap();
        alarms += usize::from(report.severity > Severity::None);
        shifts += usize::from(report.columns.iter().any(|column| column.status == Status::Shift));
    }
    assert_eq!(alarms, 0);
    assert!(shifts <= 6, "a change that is none in {shifts} of 200, where 2 are to be expected");
}

#[allow(clippy::cast_possible_truncation, reason = "small numbers")]
fn floor(value: f64) -> i64 {
    value.floor() as i64
}

#[test]
fn a_column_that_is_null_but_for_a_few_alarms_by_its_nulls() {
    let mostly_null = |values: usize| Column::floats((0..100_000).map(move |at| (at < values).then_some(0.5)));
    let reference = reference(mostly_null(100_000));
    let found = report(&reference, mostly_null(20));
    assert_eq!((found.columns[0].status, &*found.columns[0].alarms), (Status::TooFew, [Alarm::Nulls].as_slice()));
    assert_eq!(found.severity, Severity::Critical);
}

#[test]
fn a_dead_endpoint_alarms_also_where_its_columns_are_keys_or_its_weekday_has_no_history() {
    let keys = reference(Column::integers(0..1_000));
    assert_eq!(drift(&keys, Column::integers([0_i64; 0])).alarms, [Alarm::NoData]);
    let weekdays = weeks(&[0.0; 7]);
    let weekdays = Reference::new(weekdays.profile_of_all().clone())
        .with_days((0..5).map(|number| (day(number), weekdays.profile(of_day(number, 0.0)).unwrap())))
        .unwrap();
    let saturday = |count: usize| {
        let live = weekdays.profile([("level", floats(uniform(1, count)))]).unwrap();
        weekdays.drift(&live).window(day(54), 1).get().unwrap().columns.remove(0)
    };
    assert_eq!((saturday(0).status, saturday(0).alarms), (Status::NoData, vec![Alarm::NoData]));
    assert_eq!((saturday(100).status, saturday(100).alarms), (Status::TooFew, vec![]));
}

#[test]
fn row_numbers_are_keys_and_amounts_are_not() {
    let rows = reference(Column::integers(0..10_000));
    assert_eq!(drift(&rows, Column::integers(10_000..20_000)).status, Status::Identifier);
    let cents = || uniform(3, 10_000).into_iter().map(|value| floor(value * value * 1e6));
    assert_eq!(drift(&reference(Column::integers(cents())), Column::integers(cents())).status, Status::Ok);
    let declared = reference(Column::integers(0..10_000).of_kind(Kind::Numeric));
    assert_eq!(drift(&declared, Column::integers(10_000..20_000)).status, Status::Drift);
}

/// So many values, drawn from categories by their weights.
fn drawn(weights: impl Iterator<Item = f64>, count: usize, seed: u64) -> Column {
    let mut sum = 0.0;
    let sums: Vec<f64> = weights.map(|weight| (sum += weight, sum).1).collect();
    let category = |at: f64| sums.partition_point(|&up_to| up_to < at * sum).to_string();
    let values: Vec<String> = uniform(seed, count).into_iter().map(category).collect();
    Column::texts(values.iter().map(String::as_str))
}

#[test]
fn more_categories_than_can_be_counted_are_judged() {
    let often = || std::iter::repeat_n(1.0, 15_000);
    let reference = reference(drawn(often(), 300_000, 1));
    let found = report(&reference, drawn(often(), 300_000, 2));
    assert_eq!((found.columns[0].status, found.judged), (Status::Ok, 1));
    let others = Column::texts(
        (0..300_000).map(|at| format!("other-{}", at % 15_000)).collect::<Vec<_>>().iter().map(String::as_str),
    );
    let changed = drift(&reference, others);
    assert_eq!(changed.status, Status::Drift, "{changed:?}");
    let dead = drift(&reference, Column::texts([None::<&str>; 500]));
    assert_eq!(dead.alarms, [Alarm::NoData]);
}

/// By Zipf's law, of which a sketch forgets much of the tail.
#[test]
fn what_a_sketch_of_categories_forgets_is_no_change() {
    let common = || (1..=20_000).map(|rank| f64::from(rank).powf(-1.2));
    let reference = reference(drawn(common(), 1_000_000, 1));
    let same = drift(&reference, drawn(common(), 50_000, 2));
    assert_eq!(same.status, Status::Ok, "{same:?}");
    let mut changed: Vec<f64> = common().collect();
    changed[..20].reverse();
    let changed = drift(&reference, drawn(changed.into_iter(), 50_000, 3));
    assert_eq!(changed.status, Status::Drift, "{changed:?}");
}

#[test]
fn new_categories_are_seen_also_where_they_are_more_than_can_be_counted() {
    let reference = reference(letters(300_000, 500));
    let garbage = |keys: usize| {
        let known = (0..300_000).map(|at| if at % 2 == 0 { "a".to_owned() } else { "b".to_owned() });
        let values: Vec<String> = known.chain((0..keys).map(|key| format!("garbage-{key}"))).collect();
        Column::texts(values.iter().map(String::as_str))
    };
    for keys in [9_000, 12_000] {
        let found = drift(&reference, garbage(keys));
        assert!(found.alarms.contains(&Alarm::Unseen), "{keys}: {found:?}");
    }
}

#[test]
fn new_categories_are_seen_also_among_thousands_that_are_known() {
    let known = || (0..300_000).map(|at| format!("known-{}", at % 8_000));
    let column = |values: Vec<String>| Column::texts(values.iter().map(String::as_str));
    let reference = reference(column(known().collect()));
    let with_garbage = |keys: usize| {
        let values = known().chain((0..keys).map(|key| format!("garbage-{key}"))).collect();
        drift(&reference, column(values)).alarms
    };
    assert!(with_garbage(30_000).contains(&Alarm::Unseen));
    assert!(!with_garbage(2_500).contains(&Alarm::Unseen), "less than one of a hundred");
}

#[test]
fn nulls_alarm_also_where_the_reference_does_not_know_the_weekdays() {
    let reference = reference(floats(uniform(1, 1_000)));
    let nearly_null = (0..100_000).map(|at| (at % 5_000 == 0).then_some(0.5));
    let live = reference.profile([("column", Column::floats(nearly_null))]).unwrap();
    let found = reference.drift(&live).window(day(0), 6).get().unwrap().columns.remove(0);
    assert_eq!((found.status, found.alarms), (Status::TooFew, vec![Alarm::Nulls]));
}

#[test]
fn days_in_sketches_may_begin_with_one_that_is_all_null() {
    let values = |number: u64, level: f64| uniform(number, 200).into_iter().map(move |value| value + level);
    let sketched = |number: u64, level: f64| {
        let column =
            if number == 0 { Column::floats([None::<f64>; 200]) } else { floats(values(number, level).collect()) };
        Profile::of([("column", column)]).unwrap()
    };
    let whole = floats((1..49).flat_map(|number| values(number, 0.0)).collect());
    let reference = reference(whole).with_days((0..49).map(|number| (day(number), sketched(number, 0.0)))).unwrap();
    let mut live = Profile::default();
    (49..56).for_each(|number| live.merge(&sketched(number, 1.0)).unwrap());
    let found = reference.drift(&live).window(day(49), 7).get().unwrap().columns.remove(0);
    assert_eq!((found.status, found.calibration), (Status::Drift, Calibration::Calibrated { chunks: 7 }));
}

#[test]
fn too_short_a_history_makes_nothing_seasonal() {
    let short = weeks(&[0.0]);
    let by_five_days = of_days(&short, 7..14, 0.0);
    assert_ne!(column(&by_five_days, "weekday").status, Status::Seasonal);
    let two = weeks(&[0.0, 2.0]);
    assert_eq!(column(&of_days(&two, 14..21, 5.0), "level").status, Status::Drift);
}

#[test]
fn a_window_of_a_few_days_tells_nothing_where_the_reference_does_not_know_its_days() {
    let reference = reference(floats(uniform(1, 1_000)));
    let live = reference.profile([("column", floats(uniform(2, 1_000)))]).unwrap();
    let found = reference.drift(&live).window(day(0), 6).get().unwrap().columns.remove(0);
    assert_eq!((found.status, found.reference_count), (Status::TooFew, 0));
    let dead = reference.drift(&Profile::default()).window(day(0), 6).get().unwrap();
    assert_eq!(dead.columns[0].alarms, [Alarm::NoData]);
    let error = reference.drift(&live).window(day(0), 0).get().unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("no days"), "{error}");
}

#[test]
fn a_score_that_is_no_column_is_refused() {
    let reference = reference(floats(uniform(1, 100)));
    let error = reference.drift(&Profile::default()).score("colum").get().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("no column `colum`"), "{error}");
}

#[test]
fn neither_keys_nor_what_never_had_data_counts_among_the_columns_of_which_many_are_critical() {
    let columns = |by: f64| {
        let key = |at: usize| (format!("key-{at}"), Column::integers(0..1_000));
        let empty = |at: usize| (format!("empty-{at}"), floats(vec![]));
        let level = |at: usize| {
            let by = if at == 0 { by } else { 0.0 };
            (format!("level-{at}"), floats(uniform(1, 1_000).into_iter().map(|value| value + by).collect()))
        };
        (0..9).map(key).chain((0..9).map(empty)).chain((0..3).map(level)).collect::<Vec<_>>()
    };
    let reference = Reference::new(Profile::of(columns(0.0)).unwrap());
    let found = reference.drift(&reference.profile(columns(1.0)).unwrap()).get().unwrap();
    assert_eq!((found.judged, found.severity), (3, Severity::Critical), "one of three");
}

#[test]
fn days_that_do_not_go_with_the_reference_are_refused_by_day_and_column() {
    let frozen = || reference(Column::floats([1.0, 2.0, 3.0].repeat(20)).of_kind(Kind::Categorical));
    let numbers = Profile::of([("column", floats(vec![1.0]))]).unwrap();
    let sound = || frozen().profile([("column", floats(vec![1.0]))]).unwrap();
    for (refused, why) in [(numbers, "it is categorical in the reference"), (Profile::default(), "it is missing")] {
        let error = frozen().with_days([(day(0), sound()), (day(1), refused)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().starts_with(&format!("2020-01-07: column: {why}")), "{error}");
    }
    let other = reference(floats(uniform(1, 100))).profile([("column", floats(vec![0.5]))]).unwrap();
    let error = reference(floats(uniform(2, 100))).with_days([(day(0), other)]).unwrap_err();
    assert!(error.to_string().starts_with("2020-01-06: column: it was counted on the edges of another"), "{error}");
}

#[test]
fn a_reference_that_is_kept_counts_on_the_same_edges() {
    let part = |seed: u64| Profile::of([("column", floats(uniform(seed, 20_000)))]).unwrap();
    let merged = || {
        let mut whole = part(1);
        (2..6).for_each(|seed| whole.merge(&part(seed)).unwrap());
        Reference::new(whole)
    };
    let reference = merged();
    let live = reference.profile([("column", floats(uniform(9, 1_000)))]).unwrap();
    let kept = Reference::from_bytes(&reference.to_bytes().unwrap()).unwrap();
    assert_eq!(kept.drift(&live).get().unwrap(), reference.drift(&live).get().unwrap());
    assert_eq!(reference.drift(&live).get().unwrap().columns[0].status, Status::Ok);
}

#[test]
fn bytes_that_are_no_reference_are_refused() {
    let bytes = weeks(&[0.0]).to_bytes().unwrap();
    assert!(Reference::from_bytes(&bytes).is_ok());
    let profile = Profile::of([("column", floats(vec![1.0]))]).unwrap().to_bytes().unwrap();
    for damaged in [&bytes[..bytes.len() / 2], &profile, b"", b"no reference"] {
        assert_eq!(Reference::from_bytes(damaged).unwrap_err().kind(), ErrorKind::Damaged);
    }
}

/// The size of two months of all of a city's taxis, between which plain tests find what no model would notice.
#[test]
fn millions_of_values_that_moved_by_a_hair_are_a_shift_whatever_p_says() {
    const CHUNK: usize = 100_000;
    let frozen = Profile::of([("column", floats(uniform(1, 10_000)))]).unwrap();
    let shape = frozen.column("column").unwrap().shape();
    let of = |seed: u64, chunks: usize, moved: f64| {
        let mut column = ColumnProfile::nothing(&shape);
        for chunk in 0..chunks {
            let values = uniform(seed + chunk as u64, CHUNK).into_iter().map(|value| value * (1.0 - moved) + moved);
            column.take_in(&floats(values.collect())).unwrap();
        }
        Profile::default().with_column("column", column)
    };
    let reference = Reference::new(of(1_000, 64, 0.0));
    let found = reference.drift(&of(2_000, 63, 0.0137)).get().unwrap().columns.remove(0);
    assert_eq!((found.reference_count, found.count, found.status), (6_400_000, 6_300_000, Status::Shift));
    assert_eq!(found.alarms, []);
    let statistic = found.statistic.unwrap();
    assert!((statistic - 0.0137).abs() < 1e-3, "{statistic}");
    // 2 exp(-2 x²), the first term of the limiting distribution.
    let x2 = 6.4e6 * 6.3e6 / 12.7e6 * statistic.powi(2);
    let companions = found.companions.unwrap();
    assert_close(companions.log10_p, 2_f64.log10() - 2.0 * x2 / std::f64::consts::LN_10, 1e-9, "log10 p");
    assert!(companions.p == 0.0 && companions.log10_p < -400.0, "{companions:?}");
    let found = reference.drift(&of(3_000, 63, 0.0)).get().unwrap().columns.remove(0);
    assert_eq!(found.status, Status::Ok, "{found:?}");
}
