use super::RunRecord;

/// A run and the first of what it read and wrote, for lists: a run may have read and written very much.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunPart {
    /// The run, with no more inputs and outputs than were asked for, and the dependencies that those inputs prove.
    pub run: RunRecord,
    /// How many inputs it has.
    pub inputs: u64,
    /// How many outputs it has.
    pub outputs: u64,
}
