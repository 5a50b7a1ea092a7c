//! Which open runs are lost: computed when they are read, so that a process that was only thought dead brings them back.

use super::engine::Row;
use super::rows::Coded;
use crate::clock;
use crate::error::Result;
use crate::model::Status;
use crate::provenance::Sighting;

/// A process that has said for so long nothing is taken for dead, in microseconds.
const SILENCE: i64 = 60_000_000;

/// The columns that [`status`] reads, of a process `w`.
pub(super) const LIVENESS: &str = "w.heartbeat_at, w.pid, w.start_ticks, w.boot_id, w.pid_namespace";

/// How a run stands, given its status as stored and the columns of [`LIVENESS`] from a place on.
pub(super) fn status(row: &dyn Row, stored: usize, from: usize) -> Result<Status> {
    let status = Status::decode(row.integer(stored)?)?;
    let Some(heartbeat_at) = row.optional_integer(from)? else { return Ok(status) };
    if status != Status::Running {
        return Ok(status);
    }
    let sighting = Sighting {
        pid: row.integer(from + 1)?,
        start_ticks: row.optional_integer(from + 2)?.map(i64::cast_unsigned),
        boot_id: row.optional_text(from + 3)?,
        pid_namespace: row.optional_text(from + 4)?,
    };
    let is_silent = clock::to_micros(clock::now()).saturating_sub(heartbeat_at) > SILENCE;
    Ok(if is_silent || sighting.is_gone() { Status::Lost } else { Status::Running })
}
