-- Times are microseconds since the epoch, UTC. An open run's end is NULL in `run` and the greatest integer in the keys
-- of `input` and `output`, so that "not ended yet" sorts after every end.

CREATE TABLE store (
    min_reader INTEGER NOT NULL, -- the oldest schema number whose programs can read this file
    created_at INTEGER NOT NULL
);

-- Every string that is a key: pointer names, spellings, partitions, names of params and metrics. Looked up by a 64-bit
-- hash checked against the text: random names would make an index on the text itself grow at random places.
CREATE TABLE text (
    id   INTEGER PRIMARY KEY,
    hash INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX text_by_hash ON text (hash);

-- `hash` is the first 64 bits of a measured value, or a hash of a stated one.
CREATE TABLE version (
    id    INTEGER PRIMARY KEY,
    hash  INTEGER NOT NULL,
    kind  INTEGER NOT NULL,
    value BLOB NOT NULL
);
CREATE INDEX version_by_hash ON version (hash);

CREATE TABLE process (
    id            INTEGER PRIMARY KEY,
    uuid          BLOB NOT NULL UNIQUE,
    host          TEXT NOT NULL,
    pid           INTEGER NOT NULL,
    started_at    INTEGER NOT NULL,
    start_ticks   INTEGER,
    boot_id       TEXT,
    pid_namespace TEXT,
    user_name     TEXT,
    program       TEXT,
    heartbeat_at  INTEGER NOT NULL,
    git_commit    TEXT,
    git_dirty     INTEGER,
    git_tags      TEXT,
    git_source    TEXT
);

CREATE TABLE component (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- Tags added by hand; those of the code stand in `definition`.
CREATE TABLE component_tag (
    component INTEGER NOT NULL REFERENCES component (id),
    tag       TEXT NOT NULL,
    PRIMARY KEY (component, tag)
) WITHOUT ROWID;

CREATE TABLE snapshot (
    id       INTEGER PRIMARY KEY,
    identity BLOB NOT NULL UNIQUE,
    text     TEXT NOT NULL
);

-- What the source said of a component: one row per content, so that a run needs one number for its metadata and code.
CREATE TABLE definition (
    id              INTEGER PRIMARY KEY,
    identity        BLOB NOT NULL UNIQUE,
    component       INTEGER NOT NULL REFERENCES component (id),
    states_metadata INTEGER NOT NULL,
    description     TEXT,
    owner           TEXT,
    tags            TEXT NOT NULL,
    stale_after     INTEGER,
    file            TEXT,
    line            INTEGER,
    crate_version   TEXT,
    build_commit    TEXT,
    in_repository   INTEGER NOT NULL,
    snapshot        INTEGER REFERENCES snapshot (id)
);
CREATE INDEX definition_by_component ON definition (component);

CREATE TABLE run (
    id         INTEGER PRIMARY KEY,
    uuid       BLOB NOT NULL UNIQUE,
    component  INTEGER NOT NULL REFERENCES component (id),
    definition INTEGER NOT NULL REFERENCES definition (id),
    process    INTEGER REFERENCES process (id),
    status     INTEGER NOT NULL,
    report     INTEGER NOT NULL, -- counts the reports of an open run: a later one replaces an earlier
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    parent     BLOB, -- a uuid: the parent is often written after its children
    partition  INTEGER REFERENCES text (id),
    error      TEXT
);
CREATE INDEX run_by_start ON run (component, started_at);
CREATE INDEX run_by_end ON run (component, ended_at);

-- An input carries the one edge that it resolves to.
CREATE TABLE input (
    run         INTEGER NOT NULL REFERENCES run (id),
    position    INTEGER NOT NULL,
    name        INTEGER NOT NULL REFERENCES text (id),
    version     INTEGER REFERENCES version (id),
    type        INTEGER NOT NULL,
    spelled     INTEGER REFERENCES text (id),
    captured_at INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL, -- of the run: a new writer asks for the readers that ended after it began
    upstream    INTEGER REFERENCES run (id),
    match       INTEGER NOT NULL,
    modified    INTEGER NOT NULL,
    overlapping INTEGER NOT NULL,
    PRIMARY KEY (run, position)
) WITHOUT ROWID;
CREATE INDEX input_by_name ON input (name, ended_at);
CREATE INDEX input_by_upstream ON input (upstream) WHERE upstream IS NOT NULL;

CREATE TABLE output (
    run       INTEGER NOT NULL REFERENCES run (id),
    position  INTEGER NOT NULL,
    name      INTEGER NOT NULL REFERENCES text (id),
    version   INTEGER REFERENCES version (id),
    type      INTEGER NOT NULL,
    spelled   INTEGER REFERENCES text (id),
    completed INTEGER NOT NULL, -- of the run: completed runs go before the others
    ended_at  INTEGER NOT NULL, -- of the run
    PRIMARY KEY (run, position)
) WITHOUT ROWID;
CREATE INDEX output_by_name ON output (name, completed, ended_at);
CREATE INDEX output_by_version ON output (name, version, ended_at) WHERE version IS NOT NULL;

-- Dependencies that I/O cannot show, kept by name: the component may be unknown as yet.
CREATE TABLE declared (
    run        INTEGER NOT NULL REFERENCES run (id),
    component  INTEGER NOT NULL REFERENCES component (id),
    started_at INTEGER NOT NULL, -- of the run
    upstream   INTEGER REFERENCES run (id),
    PRIMARY KEY (run, component)
) WITHOUT ROWID;
CREATE INDEX declared_by_component ON declared (component, started_at);
CREATE INDEX declared_by_upstream ON declared (upstream) WHERE upstream IS NOT NULL;

CREATE TABLE param (
    run   INTEGER NOT NULL REFERENCES run (id),
    name  INTEGER NOT NULL REFERENCES text (id),
    value TEXT NOT NULL, -- JSON
    PRIMARY KEY (run, name)
) WITHOUT ROWID;

CREATE TABLE metric (
    run   INTEGER NOT NULL REFERENCES run (id),
    name  INTEGER NOT NULL REFERENCES text (id),
    value REAL NOT NULL,
    PRIMARY KEY (run, name)
) WITHOUT ROWID;

CREATE TABLE check_result (
    run      INTEGER NOT NULL REFERENCES run (id),
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    status   INTEGER NOT NULL,
    message  TEXT,
    PRIMARY KEY (run, position)
) WITHOUT ROWID;

CREATE TABLE note (
    id         INTEGER PRIMARY KEY,
    run        INTEGER NOT NULL REFERENCES run (id),
    written_at INTEGER NOT NULL,
    text       TEXT NOT NULL
);
CREATE INDEX note_by_run ON note (run);

-- A flag freezes the version that the name had at that moment.
CREATE TABLE flag (
    id         INTEGER PRIMARY KEY,
    name       INTEGER NOT NULL REFERENCES text (id),
    version    INTEGER REFERENCES version (id),
    flagged_at INTEGER NOT NULL
);
CREATE INDEX flag_by_name ON flag (name);

CREATE TABLE label (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- Without a version the label is on the name and all its versions.
CREATE TABLE label_pointer (
    id          INTEGER PRIMARY KEY,
    label       INTEGER NOT NULL REFERENCES label (id),
    name        INTEGER NOT NULL REFERENCES text (id),
    version     INTEGER REFERENCES version (id),
    attached_at INTEGER NOT NULL
);
CREATE INDEX label_pointer_by_name ON label_pointer (name);
CREATE INDEX label_pointer_by_label ON label_pointer (label);

CREATE TABLE retraction (
    id           INTEGER PRIMARY KEY,
    label        INTEGER NOT NULL REFERENCES label (id),
    retracted_at INTEGER NOT NULL,
    retracted_by TEXT NOT NULL,
    reason       TEXT NOT NULL
);
CREATE INDEX retraction_by_label ON retraction (label);
