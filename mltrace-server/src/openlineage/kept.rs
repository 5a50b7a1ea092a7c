//! What is known of a run, as params of the run.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::facets::{LONGEST, is_used};
use super::told::{Dataset, Facet, Of, Place, Side, Told};

/// The param of the head. All others follow it, and each other, in the order of their names.
const HEAD: &str = "openlineage";
/// The key under which a facet says when it was told.
pub(super) const TOLD_AT: &str = "_toldAt";
/// Params that are kept of a run; as many as of any.
const MOST: usize = 10_000;

impl Told {
    /// As params: the head, each dataset, and each facet under a name of its own.
    pub(super) fn to_params(&self) -> BTreeMap<String, Value> {
        let head = (HEAD.to_owned(), json(&self.head));
        let datasets = self
            .datasets
            .iter()
            .map(|((side, name), dataset)| (format!("{HEAD}.{}:{name}", side.as_str()), json(dataset)));
        let facets = self.facets.iter().map(|(place, facet)| {
            let mut value = facet.value.clone();
            if let Some(fields) = value.as_object_mut() {
                fields.insert(TOLD_AT.to_owned(), json(&facet.told_at));
            }
            (place.param(), value)
        });
        [head].into_iter().chain(datasets).chain(facets).collect()
    }

    /// What [`to_params`](Self::to_params) has made; `None` of a run that nobody told of in events.
    pub(crate) fn of_params(params: &BTreeMap<String, Value>) -> Option<Self> {
        let head = serde_json::from_value(params.get(HEAD)?.clone()).ok()?;
        let mut told = Self { head, datasets: BTreeMap::new(), facets: BTreeMap::new() };
        for (name, value) in params {
            let Some(rest) = name.strip_prefix(HEAD).and_then(|rest| rest.strip_prefix('.')) else { continue };
            told.take(rest, value.clone());
        }
        Some(told)
    }

    fn take(&mut self, name: &str, mut value: Value) -> Option<()> {
        let (of, key) = match name.split_once(['.', ':'])? {
            ("run", key) => (Of::Run, key),
            ("job", key) => (Of::Job, key),
            (side, _) => {
                let (side, (path, pointer)) = (Side::named(side)?, name.split_once(':')?);
                let Some((_, key)) = path.split_once('.') else {
                    let dataset: Dataset = serde_json::from_value(value).ok()?;
                    self.datasets.insert((side, pointer.to_owned()), dataset);
                    return Some(());
                };
                (Of::Dataset(side, pointer.to_owned()), key)
            }
        };
        let told_at: DateTime<Utc> = serde_json::from_value(value.as_object_mut()?.remove(TOLD_AT)?).ok()?;
        self.facets.insert(Place { of, key: key.to_owned() }, Facet { told_at, value });
        Some(())
    }

    /// Gives up what is worth the least of what the store has no room for, and says how much that is.
    pub(crate) fn cut(&mut self) -> usize {
        self.cut_to(MOST)
    }

    /// Worth is an order that does not depend on what else was told, so that it does not matter what was cut before: what is
    /// not among the first of a part is not among the first of the whole.
    fn cut_to(&mut self, most: usize) -> usize {
        let told = 1 + self.datasets.len() + self.facets.len();
        if told <= most {
            return 0;
        }
        let mut room = most - 1;
        let mut fits = || {
            let fits = room > 0;
            room -= usize::from(fits);
            fits
        };
        let of_run = |place: &Place| is_used(place) && !matches!(place.of, Of::Dataset(..));
        let of_dataset = |place: &Place| is_used(place) && matches!(place.of, Of::Dataset(..));
        self.facets.retain(|place, _| !of_run(place) || fits());
        // A run that writes as much as it reads is rare, and its outputs are what is asked for.
        for kept in [Side::Output, Side::Input] {
            self.datasets.retain(|(side, _), _| *side != kept || fits());
        }
        self.facets.retain(|place, _| !of_dataset(place) || fits());
        self.facets.retain(|place, _| is_used(place) || fits());
        told - 1 - self.datasets.len() - self.facets.len()
    }
}

impl Place {
    /// Whether a param can be its own.
    pub(super) fn has_param(&self) -> bool {
        // Behind a dataset's first colon is its name.
        let ends_early = matches!(self.of, Of::Dataset(..)) && self.key.contains(':');
        !self.key.is_empty() && !ends_early && !self.key.contains('\0') && self.param().len() <= LONGEST
    }

    /// The name of its param.
    pub(super) fn param(&self) -> String {
        match &self.of {
            Of::Run => format!("{HEAD}.run.{}", self.key),
            Of::Job => format!("{HEAD}.job.{}", self.key),
            Of::Dataset(side, pointer) => format!("{HEAD}.{}.{}:{pointer}", side.as_str(), self.key),
        }
    }
}

impl Side {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Input, Self::Output].into_iter().find(|side| side.as_str() == name)
    }
}

/// Of plain data, which always has a form in JSON.
fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::event::read;
    use super::super::names::Names;
    use super::*;

    const MOST: usize = 8;

    fn some_told() -> impl Strategy<Value = Told> {
        let facets = |keys: &'static [&'static str]| {
            prop::sample::subsequence(keys.to_vec(), 0..=keys.len())
                .prop_map(|keys| keys.iter().map(|key| ((*key).to_owned(), json!({"a": 1}))).collect::<Value>())
        };
        let run = facets(&["processing_engine", "spark", "statement.1", "statement.2"]);
        let datasets = || {
            prop::collection::vec((0..9_u8, facets(&["schema", "storage", "symlinks"])), 0..6).prop_map(|datasets| {
                let dataset = |(name, facets): &(u8, Value)| {
                    let mut facets = facets.clone();
                    facets["version"] = json!({"datasetVersion": "1"});
                    json!({"namespace": "db", "name": name.to_string(), "facets": facets})
                };
                datasets.iter().map(dataset).collect::<Value>()
            })
        };
        (0..9_u8, run, datasets(), datasets()).prop_map(|(minute, facets, inputs, outputs)| {
            let event = json!({
                "eventTime": format!("2026-02-01T08:0{minute}:00Z"), "eventType": "RUNNING",
                "run": {"runId": "run", "facets": facets}, "job": {"namespace": "etl", "name": "clean"},
                "inputs": inputs, "outputs": outputs,
            });
            let tracer = mltrace_core::Tracer::in_memory().unwrap();
            read(&event, &Names(&tracer)).unwrap().told.unwrap().1
        })
    }

    proptest! {
        #[test]
        fn what_is_left_does_not_depend_on_what_was_cut_before(told in prop::collection::vec(some_told(), 1..6)) {
            let joined = |cut_each: bool, told: &mut dyn Iterator<Item = &Told>| {
                let mut joined = told.next().unwrap().clone();
                for told in told {
                    if cut_each {
                        joined.cut_to(MOST);
                    }
                    joined.join(told.clone());
                }
                joined.cut_to(MOST);
                joined
            };
            let whole = joined(false, &mut told.iter());
            prop_assert!(whole.to_params().len() <= MOST);
            prop_assert_eq!(&joined(true, &mut told.iter()), &whole);
            prop_assert_eq!(&joined(true, &mut told.iter().rev()), &whole);
            prop_assert_eq!(&joined(true, &mut told.iter().chain(&told)), &whole);
            prop_assert_eq!(Told::of_params(&whole.to_params()).unwrap(), whole);
        }
    }
}
