//! Logging runs by hand, for work that is no function of yours: a job in another program, a backfill, a manual step.

use mltrace::{ComponentRun, IoPointer, PointerType, log_component_run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Something that happens now: start and end take the times, and fingerprint files.
    let mut export = ComponentRun::new("export");
    export.owner("warehouse").tag("etl").start();
    let snapshot = IoPointer::new("warehouse.rides").of_type(PointerType::Data).at_version("snapshot-81");
    export.add_output(&snapshot).param("since", "2020-01-01")?.metric("rows", 9_957.0);
    export.end();
    let export = log_component_run(export)?;

    // Something that happened: a retraining last week, by another team, told afterwards.
    let mut training = ComponentRun::new("training");
    training.started_at("2020-02-01T09:00:00Z".parse()?).ended_at("2020-02-01T09:40:00Z".parse()?);
    training.add_input(&snapshot).add_output("models/high_tip").partition("2020-01");
    training.set_upstream("export").note("logged afterwards, from the team's notebook");
    let training = log_component_run(training)?;

    println!("logged as runs {export} and {training}: see `mltrace inspect {training}`");
    Ok(())
}
