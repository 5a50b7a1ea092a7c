-- A prediction task. Its tables stay empty where nobody monitors.
CREATE TABLE task (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- An output and its label, one of which may not be there as yet: either can come first. Found by a hash checked against the
-- name, as texts are: ids are random names.
CREATE TABLE pair (
    id        INTEGER PRIMARY KEY,
    task      INTEGER NOT NULL REFERENCES task (id),
    hash      INTEGER NOT NULL, -- of the name
    name      TEXT NOT NULL, -- of the output, also as the pointer that inference wrote
    value     REAL,
    output_at INTEGER,
    truth     REAL,
    label_at  INTEGER
);
CREATE INDEX pair_by_hash ON pair (task, hash);
CREATE INDEX pair_by_time ON pair (task, output_at) WHERE output_at IS NOT NULL;
-- Labels come late, and some never: whoever asks for them must not have to read all that waits for its own.
CREATE INDEX pair_labelled ON pair (task, output_at, label_at) WHERE output_at IS NOT NULL AND label_at IS NOT NULL;

-- How many labels came how long after their outputs: when a window is old enough to be judged is asked with each answer.
CREATE TABLE label_lag (
    task   INTEGER NOT NULL REFERENCES task (id),
    step   INTEGER NOT NULL, -- sixteen to each doubling of the lag in microseconds
    labels INTEGER NOT NULL,
    PRIMARY KEY (task, step)
) WITHOUT ROWID;

-- What was found of a window at some time, which later labels can change: a row is news, never a repetition.
CREATE TABLE task_metric (
    id          INTEGER PRIMARY KEY,
    task        INTEGER NOT NULL REFERENCES task (id),
    name        TEXT NOT NULL,
    threshold   REAL, -- NULL where the metric needs none
    starts_at   INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    measured_at INTEGER NOT NULL,
    answer      TEXT NOT NULL -- JSON
);
CREATE INDEX task_metric_by_window ON task_metric (task, name, ends_at, starts_at);

-- How far a window was found from its reference, so that an alarm is news only where it was not one before.
CREATE TABLE task_drift (
    id         INTEGER PRIMARY KEY,
    task       INTEGER NOT NULL REFERENCES task (id),
    first_day  INTEGER NOT NULL, -- since the epoch, UTC
    end_day    INTEGER NOT NULL, -- the first after the window
    checked_at INTEGER NOT NULL,
    answer     TEXT NOT NULL -- JSON
);
CREATE INDEX task_drift_by_time ON task_drift (task, end_day);

-- What data of a run looks like: all of it, and where that is known each day's alone. A tombstone keeps its profiles, for
-- a task in use may be compared with them.
CREATE TABLE run_profile (
    run     INTEGER NOT NULL REFERENCES run (id),
    name    TEXT NOT NULL,
    day     INTEGER, -- since the epoch, UTC; NULL for all days
    profile BLOB NOT NULL
);
CREATE UNIQUE INDEX run_profile_by_run ON run_profile (run, name, day);
CREATE INDEX run_profile_by_day ON run_profile (name, day) WHERE day IS NOT NULL;

-- Parts of a day's profile, each counted once however often it is handed over.
CREATE TABLE task_profile (
    task    INTEGER NOT NULL REFERENCES task (id),
    day     INTEGER NOT NULL, -- since the epoch, UTC
    host    TEXT NOT NULL,
    uuid    BLOB NOT NULL,
    profile BLOB NOT NULL,
    PRIMARY KEY (task, day, host, uuid)
);
