-- The latest run of a component's partition, NULL for none: what is judged stale, and what is fresher.
CREATE INDEX run_by_partition ON run (component, partition, ended_at);

-- When all but a run's times, outputs and edges was taken away; NULL for a run that is whole.
ALTER TABLE run ADD COLUMN collected_at INTEGER;
