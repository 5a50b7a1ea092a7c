//! A model in use whose world changes: riders tip otherwise from the fourth of six weeks on, and rides grow longer. Run it, then ask
//! `mltrace metrics tips --by week`, `mltrace drift tips` and `mltrace retrain tips`.
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use mltrace::monitor::Column;
use mltrace::{Tracer, component};

struct Ride {
    id: String,
    at: DateTime<Utc>,
    miles: f64,
    /// How likely the model finds a high tip.
    score: f64,
    has_high_tip: bool,
}

#[component(run = run, outputs("tips.model"))]
fn train(rides: &[Ride]) {
    let days = || rides.iter().map(|ride| ride.at.date_naive());
    run.metric("f1", 0.70); // on data that the model had not seen
    run.profile_by_day("features", days(), [("miles", Column::floats(rides.iter().map(|ride| ride.miles)))]);
    run.profile_by_day("validation", days(), [("prediction", Column::floats(rides.iter().map(|ride| ride.score)))]);
}

#[component(run = run, inputs("tips.model"), outputs(ids))]
fn predict(rides: &[Ride]) -> Vec<(String, f64, DateTime<Utc>)> {
    let days = rides.iter().map(|ride| ride.at.date_naive());
    run.profile_by_day("features", days, [("miles", Column::floats(rides.iter().map(|ride| ride.miles)))]);
    let ids: Vec<&str> = rides.iter().map(|ride| ride.id.as_str()).collect();
    ids.into_iter().zip(rides).map(|(id, ride)| (id.to_owned(), ride.score, ride.at)).collect()
}

fn main() -> mltrace::Result<()> {
    let tracer = Tracer::open_default()?;
    mltrace::init(tracer.clone())?;
    let today = Utc::now().date_naive();
    let task = tracer.task("tips")?;
    train(&days(today - Days::new(98), 56).flat_map(|day| rides(day, false)).collect::<Vec<_>>());
    for day in days(today - Days::new(42), 42) {
        let rides = rides(day, day >= today - Days::new(24));
        task.log_outputs(predict(&rides))?;
        // Nine of ten labels come, a day later or two.
        let late = |nth: usize| rides[nth].at + TimeDelta::hours(if nth.is_multiple_of(2) { 24 } else { 48 });
        let known = rides.iter().enumerate().filter(|(nth, _)| nth % 10 > 0 && late(*nth) < Utc::now());
        let label = |ride: &Ride| f64::from(u8::from(ride.has_high_tip));
        task.log_feedbacks(known.map(|(nth, ride)| (ride.id.clone(), label(ride), late(nth))))?;
    }
    println!("Six weeks of the task `tips` are logged: mltrace metrics tips --by week");
    Ok(())
}

fn days(first: NaiveDate, count: usize) -> impl Iterator<Item = NaiveDate> {
    first.iter_days().take(count)
}

fn rides(day: NaiveDate, has_changed: bool) -> Vec<Ride> {
    let noon = day.and_hms_opt(12, 0, 0).unwrap_or_default().and_utc();
    let ride = |nth: u64| {
        let chance = |of: u64| chance(day.to_epoch_days().unsigned_abs().into(), 4 * nth + of);
        let score = chance(0);
        Ride {
            id: format!("ride-{}-{nth:02}", day.format("%m%d")),
            at: noon,
            miles: chance(1) * if has_changed { 9.0 } else { 5.0 },
            score,
            has_high_tip: chance(2) < if has_changed { 0.4 } else { score },
        }
    };
    (0..60).map(ride).collect()
}

/// From 0 to 1, the same for the same numbers.
fn chance(day: u64, number: u64) -> f64 {
    let mut bits = (1_000 * day + number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from((bits >> 40) as u32) / f64::from(1_u32 << 24)
}
