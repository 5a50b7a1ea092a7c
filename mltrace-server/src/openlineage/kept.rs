//! What is known of a run, as params of the run.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::told::{Dataset, Facet, Of, Place, Side, Told};

/// The param of the head. All others follow it, and each other, in the order of their names.
const HEAD: &str = "openlineage";
/// The key under which a facet says when it was told.
pub(super) const TOLD_AT: &str = "_toldAt";

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
        let (path, pointer) = name.split_once(':').map_or((name, None), |(path, pointer)| (path, Some(pointer)));
        let (of, key) = path.split_once('.').map_or((path, None), |(of, key)| (of, Some(key)));
        let of = match (of, pointer) {
            ("run", None) => Of::Run,
            ("job", None) => Of::Job,
            (side, Some(pointer)) => Of::Dataset(Side::named(side)?, pointer.to_owned()),
            _ => return None,
        };
        match (of, key) {
            (of, Some(key)) => {
                let told_at: DateTime<Utc> = serde_json::from_value(value.as_object_mut()?.remove(TOLD_AT)?).ok()?;
                self.facets.insert(Place { of, key: key.to_owned() }, Facet { told_at, value });
            }
            (Of::Dataset(side, pointer), None) => {
                let dataset: Dataset = serde_json::from_value(value).ok()?;
                self.datasets.insert((side, pointer), dataset);
            }
            _ => return None,
        }
        Some(())
    }
}

impl Place {
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
