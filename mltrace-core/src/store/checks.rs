//! The results of a component's checks.

use super::engine::Value;
use super::rows::Coded;
use super::{ComponentId, View};
use crate::error::Result;
use crate::model::{Check, CheckStatus, RunId};

/// Which results of a component's checks are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct CheckFilter {
    pub(crate) name: Option<String>,
    pub(crate) status: Option<CheckStatus>,
}

/// A result's place: after its run's, in the order in which the checks ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CheckKey {
    /// When the run started, in microseconds.
    pub(crate) started_at: i64,
    pub(crate) run: RunId,
    pub(crate) position: i64,
}

impl View<'_> {
    /// Results of a component's checks after `after`: those of the latest run first, of one run in their order.
    pub(crate) fn checks(
        &self,
        component: ComponentId,
        filter: &CheckFilter,
        after: Option<CheckKey>,
        limit: u64,
    ) -> Result<Vec<(CheckKey, Check)>> {
        let first = CheckKey { started_at: i64::MAX, run: RunId(i64::MAX), position: i64::MAX };
        let after = after.unwrap_or(first);
        self.all(
            "SELECT r.started_at, r.id, k.position, k.name, k.status, k.message
             FROM run r JOIN check_result k ON k.run = r.id
             WHERE r.component = ?1 AND (r.started_at, r.id) <= (?2, ?3) AND (r.id <> ?3 OR k.position > ?4)
               AND (?5 IS NULL OR k.name = ?5) AND (?6 IS NULL OR k.status = ?6)
             ORDER BY r.started_at DESC, r.id DESC, k.position LIMIT ?7",
            &[
                component.into(),
                Value::from(after.started_at),
                after.run.into(),
                after.position.into(),
                filter.name.as_ref().into(),
                filter.status.map(Coded::code).into(),
                i64::try_from(limit).unwrap_or(i64::MAX).into(),
            ],
            |row| {
                let key =
                    CheckKey { started_at: row.integer(0)?, run: RunId(row.integer(1)?), position: row.integer(2)? };
                let check = Check {
                    name: row.text(3)?.to_owned(),
                    status: CheckStatus::decode(row.integer(4)?)?,
                    message: row.optional_text(5)?.map(ToOwned::to_owned),
                };
                Ok((key, check))
            },
        )
    }
}
