//! Does blame land where it should? Random pipelines, in each of which one run is bad: some of the outputs behind which it
//! stands are flagged, and a few that are good. The table of where the bad run then ranks is printed with `--nocapture`.
#![allow(clippy::cast_precision_loss, reason = "numbers of some hundred outputs")]

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::ancestry::Outputs;
use super::review::{Evidence, Ranked};
use crate::model::{ReviewOrder, RunId};
use crate::store::{ComponentId, Node, Store};
use crate::testing::run;

const PIPELINES: u64 = 2_000;

/// How many of the outputs behind which the bad run stands are flagged; `None` for all.
const FLAGS: [Option<usize>; 5] = [Some(1), Some(2), Some(5), Some(20), None];

/// A generator that is the same everywhere (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From the first to the last, both of which it may be.
    fn between(&mut self, first: usize, last: usize) -> usize {
        first + usize::try_from(self.roll() % (last - first + 1) as u64).unwrap()
    }

    fn is(&mut self, percent: usize) -> bool {
        self.between(1, 100) <= percent
    }

    /// So many of these, none twice.
    fn pick(&mut self, mut from: Vec<usize>, number: usize) -> Vec<usize> {
        (0..number.min(from.len())).map(|_| from.swap_remove(self.between(0, from.len() - 1))).collect()
    }
}

/// The runs of a pipeline over some days. Each is known by its place.
#[derive(Default)]
struct Pipeline {
    nodes: Vec<Node>,
    /// For each prediction, the run that wrote it.
    predictions: Vec<usize>,
}

impl Pipeline {
    fn add(&mut self, component: ComponentId, upstream: &[usize]) -> usize {
        let upstream: BTreeSet<RunId> = upstream.iter().map(|&place| id(place)).collect();
        let place = self.nodes.len();
        let (started_at, uuid) = (i64::try_from(place).unwrap(), uuid::Uuid::from_u128(place as u128));
        self.nodes.push(Node { run: id(place), uuid, component, started_at, upstream: upstream.into_iter().collect() });
        place
    }

    /// Each day is downloaded, cleaned with a lookup table and made into features; every few days a model is trained on the
    /// last days; each day some batches serve predictions, with the day's features, the last model or the one before, and a
    /// configuration that changes at times.
    fn grow(dice: &mut Dice, components: &[ComponentId; 7]) -> Self {
        let [download, lookup, clean, featuregen, train, configure, serve] = *components;
        let mut all = Self::default();
        let (every, window) = (dice.between(1, 4), dice.between(1, 4));
        let (rolls, starts_warm, tests_two) = (dice.is(30), dice.is(20), dice.is(40));
        let (mut tables, mut configs) = (vec![all.add(lookup, &[])], vec![all.add(configure, &[])]);
        let (mut features, mut models): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for day in 0..dice.between(6, 14) {
            if dice.is(15) {
                tables.push(all.add(lookup, &[]));
            }
            if dice.is(20) {
                configs.push(all.add(configure, &[]));
            }
            let raw = all.add(download, &[]);
            let cleaned = all.add(clean, &[raw, *tables.last().unwrap()]);
            let yesterday = features.last().copied().filter(|_| rolls);
            features.push(all.add(featuregen, &[&[cleaned][..], yesterday.as_slice()].concat()));
            if day % every == 0 {
                let days = features.iter().rev().take(window).copied();
                let before = models.last().copied().filter(|_| starts_warm);
                let upstream: Vec<usize> = days.chain(before).collect();
                models.push(all.add(train, &upstream));
            }
            for _ in 0..dice.between(2, 6) {
                let second = models.len().saturating_sub(1 + usize::from(tests_two && dice.is(50)));
                let upstream = [*features.last().unwrap(), models[second], *configs.last().unwrap()];
                let batch = all.add(serve, &upstream);
                all.predictions.extend(vec![batch; dice.between(1, 6)]);
            }
        }
        all
    }

    /// For each run the predictions that it is behind.
    fn behind(&self) -> Vec<BTreeSet<usize>> {
        let mut behind = vec![BTreeSet::new(); self.nodes.len()];
        for (prediction, &batch) in self.predictions.iter().enumerate() {
            let mut open = vec![batch];
            while let Some(place) = open.pop() {
                if behind[place].insert(prediction) {
                    open.extend(self.nodes[place].upstream.iter().map(|&run| place_of(run)));
                }
            }
        }
        behind
    }

    fn evidence(&self, flagged: &BTreeSet<usize>) -> Evidence {
        let mut writers: HashMap<RunId, u64> = HashMap::new();
        for &prediction in flagged {
            *writers.entry(id(self.predictions[prediction])).or_default() += 1;
        }
        let unflagged = |_: &[ComponentId], since: i64| {
            let mut counts: HashMap<RunId, u64> = HashMap::new();
            let others = (0..self.predictions.len()).filter(|prediction| !flagged.contains(prediction));
            let batches = others.map(|prediction| self.predictions[prediction]);
            for batch in batches.filter(|&batch| self.nodes[batch].started_at >= since) {
                *counts.entry(id(batch)).or_default() += 1;
            }
            Ok(counts)
        };
        let mut ask = |ids: &[RunId]| Ok(ids.iter().map(|&run| self.nodes[place_of(run)].clone()).collect());
        Evidence::new(&writers, &mut ask, unflagged).unwrap()
    }
}

fn id(place: usize) -> RunId {
    RunId(i64::try_from(place).unwrap())
}

fn place_of(run: RunId) -> usize {
    usize::try_from(run.0).unwrap()
}

/// The keys of the components, as a store gives them.
fn components() -> [ComponentId; 7] {
    let store = Store::in_memory().unwrap();
    ["download", "lookup", "clean", "featuregen", "train", "configure", "serve"].map(|name| {
        store.put(&run(name, 0, 1)).unwrap();
        store.read(|view| view.component_id(name)).unwrap().unwrap()
    })
}

/// The suspects by another score, the nearest and newest first where it is the same.
fn by_score(evidence: &Evidence, score: impl Fn(Outputs) -> f64) -> Vec<Ranked<usize>> {
    let mut ranked = evidence.runs(ReviewOrder::Suspicion);
    ranked.sort_by_key(|ranked| (ranked.depth, Reverse(ranked.started_at)));
    ranked.sort_by(|a, b| score(b.behind).total_cmp(&score(a.behind)));
    ranked
}

/// Failed / sqrt(all failed x (failed + passed)), of Ochiai.
fn by_ochiai(evidence: &Evidence) -> Vec<Ranked<usize>> {
    by_score(evidence, |behind| behind.flagged as f64 / ((behind.flagged + behind.others) as f64).sqrt())
}

/// How likely the flags are if the run is bad, known how many of them are strays: no order can do better.
fn by_likelihood(evidence: &Evidence, case: &Case<'_>) -> Vec<Ranked<usize>> {
    let strays = case.flagged.difference(&case.behind[case.bad]).count() as u64;
    let all = evidence.all;
    by_score(evidence, move |behind| {
        if all.flagged - behind.flagged == strays {
            let others = all.others - behind.others;
            -ln_choose(behind.flagged + behind.others, behind.flagged) - ln_choose(others + strays, strays)
        } else {
            f64::NEG_INFINITY
        }
    })
}

/// The logarithm of the number of ways to choose some of so many.
fn ln_choose(from: u64, some: u64) -> f64 {
    (0..some).map(|nth| ((from - nth) as f64 / (nth + 1) as f64).ln()).sum()
}

/// A pipeline, its bad run, and what is flagged.
struct Case<'p> {
    pipeline: &'p Pipeline,
    behind: &'p [BTreeSet<usize>],
    bad: usize,
    flagged: BTreeSet<usize>,
}

impl<'p> Case<'p> {
    fn plant(
        dice: &mut Dice,
        pipeline: &'p Pipeline,
        behind: &'p [BTreeSet<usize>],
        flags: Option<usize>,
        has_strays: bool,
    ) -> Self {
        let needed = flags.unwrap_or(1);
        let bad = dice.pick((0..behind.len()).filter(|&place| behind[place].len() >= needed).collect(), 1)[0];
        let number = flags.unwrap_or(behind[bad].len());
        let mut flagged: BTreeSet<usize> =
            dice.pick(behind[bad].iter().copied().collect(), number).into_iter().collect();
        if has_strays {
            let good = (0..pipeline.predictions.len()).filter(|prediction| !behind[bad].contains(prediction));
            flagged.extend(dice.pick(good.collect(), number.div_ceil(10)));
        }
        Self { pipeline, behind, bad, flagged }
    }

    /// Whether nothing tells a run from the bad one: of the flagged outputs and those compared they are behind the same.
    fn is_in_series(&self, place: usize) -> bool {
        let earliest = self.flagged.iter().map(|&prediction| self.pipeline.predictions[prediction]).min();
        let told = self.behind[place].symmetric_difference(&self.behind[self.bad]);
        told.map(|&prediction| self.pipeline.predictions[prediction]).all(|batch| Some(batch) < earliest)
    }

    /// How many runs stand before the bad one, less those in series with it; counted from 1.
    fn rank(&self, order: &[Ranked<usize>], evidence: &Evidence) -> usize {
        let places = order.iter().map(|ranked| place_of(evidence.run(ranked.subject)));
        1 + places.take_while(|&place| place != self.bad).filter(|&place| !self.is_in_series(place)).count()
    }
}

/// Where the bad run ranked in each pipeline.
#[derive(Default)]
struct Ranks(Vec<usize>);

impl Ranks {
    fn share_first(&self) -> f64 {
        self.0.iter().filter(|&&rank| rank == 1).count() as f64 / self.0.len() as f64
    }

    /// As [`Self::share_first`], of the pipelines in which another order puts the bad run first.
    fn share_first_where(&self, other: &Self) -> f64 {
        let told = self.0.iter().zip(&other.0).filter(|&(_, &other)| other == 1).map(|(&rank, _)| rank);
        Self(told.collect()).share_first()
    }
}

impl fmt::Display for Ranks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
        let mean = sorted.iter().sum::<usize>() as f64 / sorted.len() as f64;
        let first = 100.0 * self.share_first();
        write!(f, "{first:5.1} % {mean:6.2} {:4} {:4} {:4}", at(50), at(90), at(99))
    }
}

const ORDERS: [&str; 4] = ["suspicion", "coverage", "Ochiai", "the best"];

/// What is flagged at random is often behind a smaller part of the pipeline than the bad run, and then nothing can tell: even
/// the best order there is, which knows how many flags are strays, is not always right. Suspicion does not know it, and a
/// weight that trusts all flags more finds fewer culprits among strays.
#[test]
fn blame_lands_on_the_bad_run() {
    let components = components();
    let settings: Vec<_> = FLAGS.into_iter().flat_map(|flags| [(flags, false), (flags, true)]).collect();
    let mut ranks: Vec<[Ranks; ORDERS.len()]> = settings.iter().map(|_| Default::default()).collect();
    for seed in 0..PIPELINES {
        let mut dice = Dice(seed);
        let pipeline = Pipeline::grow(&mut dice, &components);
        let behind = pipeline.behind();
        for (ranks, &(flags, has_strays)) in ranks.iter_mut().zip(&settings) {
            let case = Case::plant(&mut dice, &pipeline, &behind, flags, has_strays);
            let evidence = pipeline.evidence(&case.flagged);
            let orders = [
                evidence.runs(ReviewOrder::Suspicion),
                evidence.runs(ReviewOrder::Coverage),
                by_ochiai(&evidence),
                by_likelihood(&evidence, &case),
            ];
            for (ranks, order) in ranks.iter_mut().zip(&orders) {
                ranks.0.push(case.rank(order, &evidence));
            }
        }
    }
    println!("flags  strays  order       first    mean  50%  90%  99%  first where the best is");
    for (ranks, (flags, has_strays)) in ranks.iter().zip(&settings) {
        let flags = flags.map_or_else(|| "all".to_owned(), |flags| flags.to_string());
        let strays = if *has_strays { "some" } else { "none" };
        let best = &ranks[ORDERS.len() - 1];
        for (order, ranks) in ORDERS.iter().zip(ranks) {
            let told = 100.0 * ranks.share_first_where(best);
            println!("{flags:>5}  {strays:6}  {order:10} {ranks}  {told:5.1} %");
        }
    }
    let is_clear = |&(flags, has_strays): &(Option<usize>, bool)| flags.is_none_or(|flags| flags >= 5) && !has_strays;
    let clear = ranks.iter().zip(&settings).filter(|(_, setting)| is_clear(setting));
    let clear = Ranks(clear.flat_map(|(ranks, _)| ranks[0].0.iter().copied()).collect());
    println!("five flags or more, no strays: suspicion is right in {:.1} %", 100.0 * clear.share_first());
    assert!(clear.share_first() > 0.95, "five flags or more, no strays: {}", clear.share_first());
    for (ranks, &(flags, has_strays)) in ranks.iter().zip(&settings) {
        let [suspicion, coverage, ochiai, best] = ranks.each_ref().map(Ranks::share_first);
        let told = ranks[0].share_first_where(&ranks[ORDERS.len() - 1]);
        let case = format!("{flags:?} flags, strays: {has_strays}");
        assert!(best + 1e-9 >= suspicion, "{case}: nothing is better than the best");
        match (flags, has_strays) {
            (None, false) => assert!(suspicion > 1.0 - 1e-9, "all its outputs and no others: {suspicion}"),
            (Some(1 | 2), _) => {}
            (Some(_), false) => assert!(told > 0.95, "{case}: {told}"),
            (Some(5), true) => assert!(suspicion > 0.6 && suspicion > ochiai, "{case}: {suspicion}"),
            (_, true) => assert!(suspicion > 0.75, "{case}: {suspicion}"),
        }
        if has_strays {
            assert!(suspicion > coverage, "{case}: one stray is enough to mislead coverage");
        }
    }
}
