-- The latest run of a component's partition, NULL for none: what is judged stale, and what is fresher.
CREATE INDEX run_by_partition ON run (component, partition, ended_at);

-- Whether a label is on a pointer is asked of each pointer that is labelled.
DROP INDEX label_pointer_by_label;
CREATE INDEX label_pointer_by_label ON label_pointer (label, name, version);

-- When all but a run's times, outputs and edges was taken away; NULL for a run that is whole.
ALTER TABLE run ADD COLUMN collected_at INTEGER;
