//! The facets from which a run in the store learns something. All others are kept and shown as they came.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::told::{Facet, Of, Place, Told};

/// The key of a facet that could not be used, with the reason.
const SET_ASIDE: &str = "_setAside";
/// The key by which a producer takes a facet back.
const DELETED: &str = "_deleted";

/// Bytes that are kept of a facet, written as JSON; as many as of any param, less what is added here.
const LARGEST: usize = (64 << 10) - 64;
/// How deep its lists and objects may nest.
const DEEPEST: usize = 60;
/// Bytes that are kept of a name.
pub(super) const LONGEST: usize = 4 << 10;
/// Characters that are kept of a reason, which may repeat what it is about.
const REASON: usize = 300;

#[derive(Deserialize)]
pub(super) struct Parent {
    pub(super) run: ParentRun,
    pub(super) job: Option<ParentJob>,
}

#[derive(Deserialize)]
pub(super) struct ParentJob {
    pub(super) namespace: String,
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct ParentRun {
    #[serde(rename = "runId")]
    pub(super) id: String,
}

#[derive(Deserialize)]
pub(super) struct ErrorMessage {
    pub(super) message: String,
}

#[derive(Deserialize)]
pub(super) struct SourceCode {
    #[serde(rename = "sourceCode")]
    pub(super) text: String,
}

#[derive(Deserialize)]
pub(super) struct Sql {
    pub(super) query: String,
}

#[derive(Deserialize)]
pub(super) struct SourceCodeLocation {
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) version: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Ownership {
    pub(super) owners: Vec<Owner>,
}

#[derive(Deserialize)]
pub(super) struct Owner {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct Tags {
    pub(super) tags: Vec<Tag>,
}

#[derive(Deserialize)]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Documentation {
    pub(super) description: String,
}

#[derive(Deserialize)]
pub(super) struct DatasetVersion {
    #[serde(rename = "datasetVersion")]
    pub(super) version: String,
}

#[derive(Deserialize)]
pub(super) struct Assertions {
    pub(super) assertions: Vec<Assertion>,
}

#[derive(Deserialize)]
pub(super) struct Assertion {
    #[serde(rename = "assertion")]
    pub(super) kind: String,
    pub(super) name: Option<String>,
    pub(super) success: bool,
    pub(super) column: Option<String>,
    #[serde(flatten)]
    pub(super) found: Found,
}

#[derive(Deserialize)]
pub(super) struct Tests {
    pub(super) tests: Vec<Test>,
}

#[derive(Deserialize)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) status: String,
    #[serde(flatten)]
    pub(super) found: Found,
}

/// What a check found. Some producers write these as the numbers that they are.
#[derive(Deserialize)]
pub(super) struct Found {
    description: Option<Value>,
    expected: Option<Value>,
    actual: Option<Value>,
}

impl Found {
    /// What did not hold, as far as the producer says.
    pub(super) fn message(&self) -> Option<String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let compared = self.expected.as_ref().zip(self.actual.as_ref());
        let compared =
            compared.map(|(expected, actual)| format!("expected {}, found {}", text(expected), text(actual)));
        let said = self.description.as_ref().map(text);
        [said, compared].into_iter().flatten().reduce(|said, compared| format!("{said}: {compared}"))
    }
}

impl Told {
    /// A facet, if it was told, can be read, and was not taken back.
    pub(super) fn facet<F: DeserializeOwned>(&self, of: Of, key: &str) -> Option<F> {
        let facet = self.facets.get(&Place { of, key: key.to_owned() })?;
        if facet.is_set_aside() || facet.value.get(DELETED) == Some(&Value::Bool(true)) {
            return None;
        }
        F::deserialize(&facet.value).ok()
    }
}

impl Facet {
    pub(super) fn is_set_aside(&self) -> bool {
        self.value.get(SET_ASIDE).is_some()
    }
}

/// A facet as it is kept, and why it is set aside where it cannot be used.
pub(super) fn checked(place: &Place, value: Value) -> (Value, Option<String>) {
    let aside = |reason: String, value: Option<Value>| {
        let kept = match value {
            Some(value) => json!({ SET_ASIDE: reason, "facet": value }),
            None => json!({ SET_ASIDE: reason }),
        };
        (kept, Some(reason))
    };
    let bytes = value.to_string().len();
    if bytes > LARGEST {
        return aside(format!("the facet has {bytes} bytes, and {LARGEST} are kept of one"), None);
    }
    if !nests_within(DEEPEST, &value) {
        return aside(format!("the facet nests more than {DEEPEST} deep"), None);
    }
    match misread(place, &value) {
        Some(reason) if bytes > LARGEST / 2 => aside(reason, None),
        Some(reason) => aside(reason, Some(value)),
        None => (value, None),
    }
}

/// Why a facet that is used here cannot be.
fn misread(place: &Place, value: &Value) -> Option<String> {
    if !value.is_object() {
        return Some("a facet is an object".to_owned());
    }
    if value.get(DELETED) == Some(&Value::Bool(true)) {
        return None;
    }
    let error = reading(place)?(value)?.to_string();
    let reason: String = error.chars().take(REASON).collect();
    Some(format!("the facet cannot be read: {reason}"))
}

/// Whether the run learns something from this facet.
pub(super) fn is_used(place: &Place) -> bool {
    reading(place).is_some()
}

/// What finds the fault with a facet that is used here.
fn reading(place: &Place) -> Option<fn(&Value) -> Option<serde_json::Error>> {
    fn fault<F: DeserializeOwned>(value: &Value) -> Option<serde_json::Error> {
        F::deserialize(value).err()
    }
    Some(match (&place.of, place.key.as_str()) {
        (Of::Run, "parent") => fault::<Parent>,
        (Of::Run, "errorMessage") => fault::<ErrorMessage>,
        (Of::Run, "test") => fault::<Tests>,
        (Of::Job, "sourceCode") => fault::<SourceCode>,
        (Of::Job, "sql") => fault::<Sql>,
        (Of::Job, "sourceCodeLocation") => fault::<SourceCodeLocation>,
        (Of::Job, "ownership") => fault::<Ownership>,
        (Of::Job, "tags") => fault::<Tags>,
        (Of::Job, "documentation") => fault::<Documentation>,
        (Of::Dataset(..), "version") => fault::<DatasetVersion>,
        (Of::Dataset(..), "dataQualityAssertions") => fault::<Assertions>,
        _ => return None,
    })
}

fn nests_within(levels: usize, value: &Value) -> bool {
    let fits = |inner: &Value| levels > 0 && nests_within(levels - 1, inner);
    match value {
        Value::Array(items) => items.iter().all(fits),
        Value::Object(fields) => fields.values().all(fits),
        _ => true,
    }
}
