use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{IoPointer, RunId, RunRecord, Version};

/// A mark on data that follows it downstream, such as a customer or a consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Label {
    /// Its name.
    pub name: String,
    /// What it was attached to, by name; what carries it because of that is another question.
    pub pointers: Vec<LabelledPointer>,
    /// Who withdrew it, when and why; `None` while it holds.
    pub retraction: Option<Retraction>,
}

/// A name, or one version of it, to which a label was attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LabelledPointer {
    /// What it is called in the store.
    pub name: String,
    /// The one version that is labelled; `None` for all of them.
    pub version: Option<Version>,
    /// The label.
    pub label: String,
    /// When it was attached.
    pub attached_at: DateTime<Utc>,
    /// Whether any run has read or written the name so far.
    pub known: bool,
}

/// The end of a label: from now on nothing should read what carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Retraction {
    /// The label.
    pub label: String,
    /// When it was retracted.
    pub retracted_at: DateTime<Utc>,
    /// Who retracted it.
    pub retracted_by: String,
    /// Why.
    pub reason: String,
}

/// Something read that carries a label which had been retracted by then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Violation {
    /// The input's name; for a dependency that was declared, the upstream component's.
    pub pointer: String,
    /// The label.
    pub label: String,
    /// When it was retracted.
    pub retracted_at: DateTime<Utc>,
    /// Who retracted it.
    pub retracted_by: String,
    /// Why.
    pub reason: String,
}

/// A retraction, and the runs that did not heed it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Retracted {
    /// The retraction.
    #[serde(flatten)]
    pub retraction: Retraction,
    /// The runs that read what carries the label and started after it was retracted, by start.
    pub runs: Vec<RunRecord>,
}

/// What the store holds after it was asked to record something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Recorded<T> {
    /// As the store holds it.
    #[serde(flatten)]
    pub entry: T,
    /// `false` where the store held it before, so that nothing was written.
    pub is_new: bool,
}

/// Everything that carries a label.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LabelImpact {
    /// The label, and what it was attached to.
    pub label: Label,
    /// What carries it: what it was attached to, and all that the runs below wrote; by name.
    pub pointers: Vec<IoPointer>,
    /// The runs that read what carries it. Its root is empty; those that read what the label was attached to have depth 1.
    #[serde(flatten)]
    pub graph: super::Graph,
}

/// A label as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LabelBrief {
    /// The label, with some of what it was attached to.
    pub label: Label,
    /// Whether it was attached to more than that.
    pub has_more: bool,
}

/// A label, and the nearest of the runs that read what carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LabelCarriers {
    /// The label, with some of what it was attached to.
    pub brief: LabelBrief,
    /// The runs, nearest first, of those that are as near the last ones.
    pub runs: Vec<RunId>,
    /// Of these, the ones that started after the label was retracted.
    pub heedless: Vec<RunId>,
    /// Not all runs were looked for: there may be more.
    pub may_be_more: bool,
}
