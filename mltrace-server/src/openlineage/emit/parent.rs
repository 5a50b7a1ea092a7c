use std::str::FromStr;

use uuid::Uuid;

/// A run of another program, such as the task of a scheduler that started this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    pub(super) namespace: String,
    pub(super) job: String,
    pub(super) run: Uuid,
}

impl FromStr for Parent {
    type Err = String;

    /// As schedulers hand it over: `namespace/job/run`, where the run is a UUID.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.rsplitn(3, '/');
        let (run, job, namespace) = (parts.next(), parts.next(), parts.next());
        let parent = || {
            let (namespace, job) = (namespace?.to_owned(), job?.to_owned());
            Some(Self { namespace, job, run: run?.parse().ok()? }).filter(|parent| !parent.job.is_empty())
        };
        parent().ok_or_else(|| format!("`{text}` is no `namespace/job/run` with a UUID"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_a_namespace_a_job_and_a_run() {
        let run = "0197f3c0-0000-7000-8000-000000000001";
        for (text, expected) in [
            (format!("airflow/rides.train/{run}"), Some(("airflow", "rides.train"))),
            (format!("http://airflow:8080/rides/{run}"), Some(("http://airflow:8080", "rides"))),
            (format!("rides/{run}"), None),
            (format!("airflow//{run}"), None),
            ("airflow/rides/7".to_owned(), None),
            (String::new(), None),
        ] {
            let expected = expected.map(|(namespace, job)| Parent {
                namespace: namespace.to_owned(),
                job: job.to_owned(),
                run: run.parse().unwrap(),
            });
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
    }
}
