use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Something a run read or wrote: a file, a table, a model, a prediction's id.
///
/// The `name` says which thing, the [`Version`] which bytes.
///
/// ```
/// use mltrace_core::{IoPointer, PointerType};
///
/// let table = IoPointer::new("warehouse.rides").of_type(PointerType::Data).at_version("snapshot-81");
/// assert_eq!(table.version.unwrap().to_string(), "stated:snapshot-81");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IoPointer {
    /// What it is called in the store; paths are written relative to the project root when inside it.
    pub name: String,
    /// How the program spelled it, where that differs from `name`; of an artifact the file of this version.
    pub spelled: Option<String>,
    /// The content behind the name when it was captured; `None` for a bare name or a missing file.
    pub version: Option<Version>,
    /// What kind of thing it is.
    #[serde(rename = "type")]
    pub pointer_type: PointerType,
    /// Whether somebody flagged this output for review.
    pub flagged: bool,
    /// Labels it carries; `None` where the answer did not walk the lineage for them.
    pub labels: Option<Vec<String>>,
}

impl IoPointer {
    /// A pointer by its bare name, its type inferred from the name.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            pointer_type: PointerType::infer(&name),
            name,
            spelled: None,
            version: None,
            flagged: false,
            labels: None,
        }
    }

    /// The same pointer with its type stated rather than inferred.
    #[must_use]
    pub fn of_type(mut self, pointer_type: PointerType) -> Self {
        self.pointer_type = pointer_type;
        self
    }

    /// The same pointer with a version that the program knows itself, such as a table's snapshot id.
    #[must_use]
    pub fn at_version(mut self, stated: impl Into<String>) -> Self {
        self.version = Some(Version { kind: VersionKind::Stated, value: stated.into() });
        self
    }
}

/// What kind of thing a pointer names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PointerType {
    /// Data: a table, a file of rows.
    Data,
    /// A trained model.
    Model,
    /// Something served to someone outside the pipeline, such as a prediction.
    Endpoint,
    /// Neither stated nor recognisable.
    Unknown,
}

const DATA_EXTENSIONS: &[&str] = &[
    "csv", "tsv", "parquet", "pq", "arrow", "feather", "avro", "orc", "json", "jsonl", "ndjson", "txt", "npy", "npz",
    "xlsx", "db", "sqlite",
];
const MODEL_EXTENSIONS: &[&str] = &[
    "onnx",
    "pt",
    "pth",
    "pkl",
    "pickle",
    "joblib",
    "h5",
    "hdf5",
    "keras",
    "pb",
    "tflite",
    "safetensors",
    "gguf",
    "bst",
    "mlmodel",
    "ckpt",
    "model",
];

impl PointerType {
    /// The type a name suggests: its extension first (compression endings aside), then the words "data" and
    /// "model" in the file name.
    ///
    /// ```
    /// use mltrace_core::PointerType;
    ///
    /// assert_eq!(PointerType::infer("raw/2020-01.csv.gz"), PointerType::Data);
    /// assert_eq!(PointerType::infer("out/my_model_v3"), PointerType::Model);
    /// assert_eq!(PointerType::infer("a1b2"), PointerType::Unknown);
    /// ```
    pub fn infer(name: &str) -> Self {
        let mut file = Cow::Borrowed(name.rsplit(['/', '\\']).next().unwrap_or(name));
        if file.bytes().any(|byte| byte.is_ascii_uppercase()) {
            file.to_mut().make_ascii_lowercase();
        }
        let stem =
            [".gz", ".zst", ".bz2", ".xz", ".zip"].iter().find_map(|end| file.strip_suffix(end)).unwrap_or(&file);
        let extension = stem.rsplit_once('.').map_or("", |(_, extension)| extension);
        let is_data = DATA_EXTENSIONS.contains(&extension);
        let is_model = MODEL_EXTENSIONS.contains(&extension);
        if is_model || !is_data && file.contains("model") {
            Self::Model
        } else if is_data || file.contains("data") {
            Self::Data
        } else {
            Self::Unknown
        }
    }
}

impl fmt::Display for PointerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Data => "data",
            Self::Model => "model",
            Self::Endpoint => "endpoint",
            Self::Unknown => "unknown",
        })
    }
}

/// Evidence of the content behind a name at one moment. Versions of different kinds cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Version {
    /// How the evidence was taken.
    pub kind: VersionKind,
    /// The evidence: lower-case hexadecimal BLAKE3 for the measured kinds, the program's own text for `stated`.
    pub value: String,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.value)
    }
}

/// How a [`Version`] was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum VersionKind {
    /// BLAKE3 of a file's whole content; `b3sum` prints the same.
    Hash,
    /// BLAKE3 of a large file's size and of its first, middle and last MiB.
    Sampled,
    /// BLAKE3 of a directory's sorted relative paths and their versions.
    Tree,
    /// Stated by the program.
    Stated,
}

impl fmt::Display for VersionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hash => "hash",
            Self::Sampled => "sampled",
            Self::Tree => "tree",
            Self::Stated => "stated",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_outranks_a_word_in_the_file_name() {
        assert_eq!(PointerType::infer("model_scores.csv"), PointerType::Data);
        assert_eq!(PointerType::infer("data.onnx"), PointerType::Model);
    }

    #[test]
    fn only_the_file_name_is_searched_for_words() {
        assert_eq!(PointerType::infer("models/latest"), PointerType::Unknown);
        assert_eq!(PointerType::infer("x/train_data"), PointerType::Data);
    }
}
