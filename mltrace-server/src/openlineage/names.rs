//! From a dataset's namespace and name, by OpenLineage's naming, to the name of a pointer.

use std::path::{Component, Path, PathBuf};

use mltrace_core::Tracer;

/// How datasets are named in a store.
pub(crate) struct Names<'t>(pub(crate) &'t Tracer);

impl Names<'_> {
    /// A file is called as a traced function on this machine would call it; anything else by namespace and name, as in
    /// `s3://bucket/key`.
    pub(crate) fn pointer(&self, namespace: &str, name: &str) -> String {
        let namespace = namespace.trim_end_matches('/');
        if matches!(namespace, "file" | "file:") {
            let path = Path::new(name);
            if path.is_absolute() {
                return self.0.path_name(path);
            }
            // Nobody here knows in which folder the program ran, so that a relative path is one of the project.
            let parts: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
            return if parts.as_os_str().is_empty() { name.to_owned() } else { parts.to_string_lossy().into_owned() };
        }
        joined(&one_scheme(namespace), name)
    }
}

/// The name of the component that is this job.
pub(super) fn component(namespace: &str, name: &str) -> String {
    joined(namespace.trim_end_matches('/'), name)
}

fn joined(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{}", name.trim_start_matches('/')) }
}

/// Hadoop has three clients for S3, and one bucket behind them.
fn one_scheme(namespace: &str) -> String {
    let bucket = ["s3a://", "s3n://"].iter().find_map(|scheme| namespace.strip_prefix(scheme));
    bucket.map_or_else(|| namespace.to_owned(), |bucket| format!("s3://{bucket}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_is_called_as_others_call_it() {
        let tracer = Tracer::builder(":memory:").root("/project").open().unwrap();
        for (namespace, name, pointer) in [
            ("s3://bucket", "raw/rides.parquet", "s3://bucket/raw/rides.parquet"),
            ("s3a://bucket", "/raw/rides.parquet", "s3://bucket/raw/rides.parquet"),
            ("postgres://db:5432", "taxi.public.rides", "postgres://db:5432/taxi.public.rides"),
            ("hdfs://node:8020", "/user/rides", "hdfs://node:8020/user/rides"),
            ("file", "/project/raw/./rides.csv", "raw/rides.csv"),
            ("file:///", "/data/rides.csv", "/data/rides.csv"),
            ("file", "raw/rides.csv", "raw/rides.csv"),
            ("file", "./raw/.//rides.csv", "raw/rides.csv"),
            ("file", "../rides.csv", "../rides.csv"),
            ("file", ".", "."),
            ("bigquery", "project.set.table", "bigquery/project.set.table"),
        ] {
            assert_eq!(Names(&tracer).pointer(namespace, name), pointer);
        }
    }
}
