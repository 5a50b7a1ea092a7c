//! Whether a model that is in use still does what it did when it was trained: its outputs, the labels that come late, and
//! how far its data has moved.
#![allow(clippy::cast_precision_loss, reason = "counts stay below 2^53, up to which a float holds every integer")]
#![cfg_attr(test, allow(clippy::float_cmp, reason = "tests compare exactly where a figure is exact"))]

mod drift;
mod metric;
mod moments;
mod profile;
mod retrain;
mod runs;
#[cfg(test)]
mod runs_tests;
mod statistics;
mod task;
#[cfg(test)]
mod testing;

pub use drift::{Alarm, Calibration, ColumnDrift, Companions, Drift, DriftReport, Reference, Severity, Status, Window};
pub use metric::{Confusion, Figure, Metric};
pub use moments::Moments;
pub use profile::{Bin, CategoryCount, Column, ColumnProfile, ColumnSummary, Kind, Percentile, Profile, RunProfile};
pub use retrain::{
    Age, Answer, Checklist, Criterion, DataRule, DriftRule, Finding, MetricRule, ModelRule, Retrain, RetrainReport,
};
pub use statistics::distance::kolmogorov_smirnov;
pub use task::{
    AlarmChange, Arrival, Estimate, Estimating, KeptDrift, KeptFigure, LabelledOutput, Logged, Metrics, OutputDay,
    Outputs, ProfilePart, ReferenceSource, Spread, Task, TaskDrift, TaskDriftReport, Training, WindowFigure,
    WindowOutput, Windows,
};

/// What the command line and the page show alike of answers. Not a stable API.
#[doc(hidden)]
#[path = "overview/mod.rs"]
pub mod __overview;
