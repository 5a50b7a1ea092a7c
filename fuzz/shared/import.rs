//! Lines imported into an empty store.

use mltrace::{ImportReport, Result, Tracer};

use super::ask;

/// Imports into a store, which is then asked everything: what was taken before a bad line is there too.
pub(crate) fn try_out(import: impl FnOnce(&Tracer) -> Result<ImportReport>) {
    let tracer = Tracer::in_memory().expect("memory");
    ask::told(import(&tracer));
    if !tracer.recent(1).expect("a store of our own").items.is_empty() {
        ask::everything(&tracer);
    }
}
