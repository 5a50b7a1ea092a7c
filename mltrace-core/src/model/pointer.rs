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
        // Bytes rather than characters: each string that a traced function reads or writes comes by here.
        let file = name.as_bytes().rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
        let mut file = Cow::Borrowed(file);
        if file.iter().any(u8::is_ascii_uppercase) {
            file.to_mut().make_ascii_lowercase();
        }
        let has = |word: &[u8]| file.windows(word.len()).any(|part| part == word);
        Self::of_extension(&file).unwrap_or_else(|| match () {
            () if has(b"model") => Self::Model,
            () if has(b"data") => Self::Data,
            () => Self::Unknown,
        })
    }

    fn of_extension(file: &[u8]) -> Option<Self> {
        const PACKED: [&[u8]; 5] = [b".gz", b".zst", b".bz2", b".xz", b".zip"];
        let stem = PACKED.iter().find_map(|end| file.strip_suffix(*end)).unwrap_or(file);
        let dot = stem.iter().rposition(|&byte| byte == b'.')?;
        match &stem[dot + 1..] {
            b"csv" | b"tsv" | b"parquet" | b"pq" | b"arrow" | b"feather" | b"avro" | b"orc" | b"json" | b"jsonl"
            | b"ndjson" | b"txt" | b"npy" | b"npz" | b"xlsx" | b"db" | b"sqlite" => Some(Self::Data),
            b"onnx" | b"pt" | b"pth" | b"pkl" | b"pickle" | b"joblib" | b"h5" | b"hdf5" | b"keras" | b"pb"
            | b"tflite" | b"safetensors" | b"gguf" | b"bst" | b"mlmodel" | b"ckpt" | b"model" => Some(Self::Model),
            _ => None,
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

impl Version {
    /// Whether its spelling begins so, with its kind or without.
    pub(crate) fn begins_so(&self, text: &str) -> bool {
        self.value.starts_with(text) || self.to_string().starts_with(text)
    }
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
