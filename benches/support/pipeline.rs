//! Made runs: two inputs, two outputs under random names, one dependency that follows from the inputs.

use std::hint::black_box;

use mltrace::{ComponentRun, IoPointer, Tracer, component};

/// A name and the version stated for it.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) name: String,
    pub(crate) version: String,
}

impl Made {
    pub(crate) fn pointer(&self) -> IoPointer {
        IoPointer::new(&self.name).at_version(&self.version)
    }
}

/// What one run reads and writes.
pub(crate) struct MadeRun {
    pub(crate) inputs: [Made; 2],
    pub(crate) outputs: [Made; 2],
    /// It ends a chain.
    is_last: bool,
}

/// Runs without end, in chains. The first input is the first output of the run before it, or a source where a chain begins;
/// the second is always a source. Outputs have random names.
pub(crate) struct Runs {
    random: Random,
    sources: Vec<Made>,
    length: u32,
    count: u32,
    before: Option<Made>,
    /// The name of every first output, and so of every first input.
    overwritten: Option<&'static str>,
}

impl Runs {
    /// Chains of so many runs each.
    pub(crate) fn in_chains(length: u32) -> Self {
        let mut random = Random(1);
        let sources = (1..=12).map(|month| random.made(&format!("raw/2020-{month:02}.csv"))).collect();
        Self { random, sources, length, count: 0, before: None, overwritten: None }
    }

    /// One chain, of which every run reads and overwrites this name.
    pub(crate) fn overwriting(name: &'static str) -> Self {
        Self { overwritten: Some(name), ..Self::in_chains(u32::MAX) }
    }

    /// From the same sources, with other names and versions.
    pub(crate) fn others(self) -> Self {
        Self { random: Random(2), ..self }
    }
}

impl Iterator for Runs {
    type Item = MadeRun;

    fn next(&mut self) -> Option<MadeRun> {
        let place = self.count % self.length;
        let source = |month: u32| self.sources[month as usize].clone();
        let first = self.before.take().filter(|_| place > 0).unwrap_or_else(|| source(0));
        let second = source(self.count % 11 + 1);
        let prefix = self.random.hexadecimal();
        let features = self.overwritten.map_or_else(|| format!("{prefix}/features.csv"), ToOwned::to_owned);
        let outputs = [features, format!("{prefix}/features.schema.json")].map(|name| self.random.made(&name));
        self.count += 1;
        self.before = Some(outputs[0].clone());
        Some(MadeRun { inputs: [first, second], outputs, is_last: place + 1 == self.length })
    }
}

/// Turns rides into rows of features, as an annotated function with a source text of one kilobyte.
#[component(name = "featuregen", owner = "data-team", tags("features"), inputs(inputs), outputs(outputs))]
fn featuregen(inputs: &[IoPointer; 2], outputs: &[IoPointer; 2]) -> usize {
    // What the forest may look at. Everything here is known when a ride begins; nothing of its end may leak in.
    const FEATURES: [&str; 11] = [
        "pickup_weekday",   // 0 is Monday
        "pickup_hour",      // local time of the pickup
        "pickup_minute",    // tips rise towards the full hour
        "work_hours",       // Monday to Friday, 8 to 18
        "passenger_count",  // zero where the driver did not say
        "trip_distance",    // miles on the meter
        "trip_time",        // seconds from pickup to dropoff
        "trip_speed",       // miles a second
        "pickup_location",  // one of 265 zones
        "dropoff_location", // one of 265 zones
        "rate_code",        // standard, airport, negotiated and others
    ];
    // Each row refers to the rides it came from and to the file that it goes to.
    let rows = inputs.len() + outputs.len();
    rows * FEATURES.len()
}

/// What a chain ends with.
#[component(name = "inference", owner = "serving-team", inputs(inputs), outputs(outputs))]
fn inference(inputs: &[IoPointer; 2], outputs: &[IoPointer; 2]) -> usize {
    inputs.len() + outputs.len()
}

/// Records a run by an annotated function.
pub(crate) fn call(made: &MadeRun) {
    let inputs = made.inputs.each_ref().map(Made::pointer);
    let outputs = made.outputs.each_ref().map(Made::pointer);
    let stage = if made.is_last { inference } else { featuregen };
    black_box(stage(&inputs, &outputs));
}

/// Records a run by hand.
pub(crate) fn log(tracer: &Tracer, made: &MadeRun) -> mltrace::Result<()> {
    tracer.log_component_run(by_hand(made)).map(drop)
}

/// Queues a run by hand.
pub(crate) fn queue(tracer: &Tracer, made: &MadeRun) -> mltrace::Result<()> {
    tracer.queue_component_run(by_hand(made)).map(drop)
}

fn by_hand(made: &MadeRun) -> ComponentRun {
    let mut run = ComponentRun::new("featuregen");
    run.start();
    for input in &made.inputs {
        run.add_input(input.pointer());
    }
    for output in &made.outputs {
        run.add_output(output.pointer());
    }
    run.end();
    run
}

/// The generator splitmix64: the same runs on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 32 digits, as a random id has.
    fn hexadecimal(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    fn made(&mut self, name: &str) -> Made {
        Made { name: name.to_owned(), version: self.hexadecimal() }
    }
}
