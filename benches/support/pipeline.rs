//! Made runs: two inputs, two outputs under random names, one dependency that follows from the inputs.

use std::hint::black_box;

use mltrace::{IoPointer, component};

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

/// What one run reads and writes. The first input is the first output of the run before it, or a source where a chain
/// begins; the second is always a source.
pub(crate) struct MadeRun {
    pub(crate) inputs: [Made; 2],
    pub(crate) outputs: [Made; 2],
}

/// Chains of runs, each so long; the last may be shorter.
pub(crate) fn chains(runs: u32, length: u32) -> Vec<MadeRun> {
    let mut random = Random(1);
    let sources: Vec<_> = (1..=12).map(|month| random.made(&format!("raw/2020-{month:02}.csv"))).collect();
    let mut made: Vec<MadeRun> = Vec::new();
    for run in 0..runs {
        let first = match made.last() {
            Some(before) if run % length > 0 => before.outputs[0].clone(),
            _ => sources[0].clone(),
        };
        let prefix = random.hexadecimal();
        let outputs = ["features.csv", "features.schema.json"].map(|file| random.made(&format!("{prefix}/{file}")));
        made.push(MadeRun { inputs: [first, sources[made.len() % 11 + 1].clone()], outputs });
    }
    made
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

/// Records a run by [`featuregen`].
pub(crate) fn call(made: &MadeRun) {
    let inputs = made.inputs.each_ref().map(Made::pointer);
    let outputs = made.outputs.each_ref().map(Made::pointer);
    black_box(featuregen(&inputs, &outputs));
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
