//! What this server was asked and did not do.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;

#[derive(Debug, Default)]
pub(crate) struct Refusals {
    turned_away: AtomicU64,
    refused: AtomicU64,
}

impl Refusals {
    /// Counts an answer, if it says to try again.
    pub(crate) fn answer(&self, status: StatusCode) {
        if status == StatusCode::SERVICE_UNAVAILABLE {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts runs or events that were refused, each by itself.
    pub(crate) fn refuse(&self, count: usize) {
        self.refused.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}
