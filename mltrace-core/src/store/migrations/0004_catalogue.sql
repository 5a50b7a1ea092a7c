-- The runs of all components by start, and the few that have not ended.
CREATE INDEX run_by_time ON run (started_at);
CREATE INDEX run_open ON run (id) WHERE ended_at IS NULL;

-- Who read one version of what all read.
CREATE INDEX input_by_version ON input (name, version, ended_at) WHERE version IS NOT NULL;
-- And who read it where the bytes do not prove that: by what its writer wrote.
CREATE INDEX input_unproven ON input (upstream, name) WHERE match = 2;

-- What any definition of a component, or a person by hand, ever said of it: where to look for the components of which it
-- is said now. The last definition is found by its runs alone.
CREATE TABLE described (
    component TEXT NOT NULL, -- its name: lists go on by it
    kind      INTEGER NOT NULL, -- 0 description, 1 owner, 2 tag
    text      TEXT NOT NULL,
    PRIMARY KEY (component, kind, text)
) WITHOUT ROWID;
CREATE INDEX described_by_text ON described (kind, text, component);

INSERT INTO described
SELECT c.name, 0, d.description FROM definition d JOIN component c ON c.id = d.component WHERE d.description IS NOT NULL
UNION SELECT c.name, 1, d.owner FROM definition d JOIN component c ON c.id = d.component WHERE d.owner IS NOT NULL
UNION SELECT c.name, 2, t.value FROM definition d JOIN component c ON c.id = d.component,
    json_each(CASE WHEN json_valid(d.tags) THEN d.tags ELSE '[]' END) t WHERE t.type = 'text'
UNION SELECT c.name, 2, t.tag FROM component_tag t JOIN component c ON c.id = t.component;
