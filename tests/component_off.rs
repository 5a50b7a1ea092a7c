//! With the feature `off` a component is the bare function.
#![cfg(feature = "off")]
#![deny(warnings, clippy::all, clippy::pedantic)]

mod component_support;

use component_support::{block_on, recorded};
use mltrace::component;

#[component(owner = "data-team", inputs(raw), outputs(clean), params(month), partition = month, run = run)]
fn clean(raw: &str, month: u8) -> Result<String, std::num::ParseIntError> {
    run.input("table");
    run.metric("month", f64::from(month));
    let clean: u8 = raw.parse()?;
    Ok(clean.to_string())
}

#[component(inputs(raw), run = run)]
async fn serve(raw: &str) -> usize {
    std::future::ready(()).await;
    run.note("served");
    raw.len()
}

#[component(blocking, deny_retracted, inputs(raw), labels(raw), before(panic!("{raw}")), after(ret.is_err()))]
fn guarded(raw: &str) -> Result<usize, Box<dyn std::error::Error>> {
    Ok(raw.parse()?)
}

struct Rides;

#[component(inputs(rides))]
fn without_capture(rides: Rides) -> Rides {
    rides
}

#[test]
fn nothing_is_recorded_and_the_results_are_the_same() {
    let runs = recorded(|| {
        assert_eq!(clean("7", 1).expect("a number"), "7");
        assert!(clean("x", 1).is_err());
        assert_eq!(block_on(serve("rides")), 5);
        assert_eq!(guarded("5").expect("nothing is checked, so nothing blocks"), 5);
        let Rides = without_capture(Rides);
    });
    assert!(runs.is_empty());
}
