//! The uuids of runs and processes: v7, so that they sort by time.

use std::sync::{Mutex, PoisonError};

use uuid::{ContextV7, Timestamp, Uuid};

use crate::fork::PerProcess;

/// A uuid that is greater than all that this process made before.
///
/// Not by `Uuid::now_v7`, whose counter a process that is forked off would go on with as its parent does, and whose lock it
/// may inherit locked.
pub(crate) fn new_uuid() -> Uuid {
    static CONTEXT: PerProcess<Mutex<ContextV7>> = PerProcess::new();
    let context = CONTEXT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    Uuid::new_v7(Timestamp::now(&*context))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_ascend_within_a_process() {
        let made: Vec<Uuid> = (0..10_000).map(|_| new_uuid()).collect();
        assert!(made.is_sorted_by(|earlier, later| earlier < later));
        assert!(made.iter().all(|uuid| uuid.get_version_num() == 7));
    }
}
