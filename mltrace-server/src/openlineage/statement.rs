//! Statements that a run executes, of which some producers tell as of runs: dbt sends six for each model.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::event::uuid;
use super::facets::{ErrorMessage, Parent, Sql, checked};
use super::told::{Facet, Head, Job, Of, Place, Told};

/// The types of a job that is one statement.
const TYPES: [&str; 2] = ["SQL", "QUERY"];

#[derive(Deserialize)]
struct JobType {
    #[serde(rename = "jobType")]
    name: String,
}

impl Told {
    /// What an event of this type tells of the run that executes this one, if this is a statement of that run, which itself
    /// reads and writes nothing: no lineage passes through it, so that it is kept with its run and is none of its own.
    pub(super) fn as_statement(&self, run: Uuid, event_type: &str) -> Option<(Uuid, Self)> {
        let is_one = self.facet::<JobType>(Of::Job, "jobType").is_some_and(|job| TYPES.contains(&&*job.name));
        if !is_one || !self.datasets.is_empty() {
            return None;
        }
        let parent = self.facet::<Parent>(Of::Run, "parent")?;
        let told_at = self.head.job.told_at;
        let job = parent.job?;
        let job = Job::named(told_at, &job.namespace, &job.name)?;
        let place = Place { of: Of::Run, key: format!("statement.{run}") };
        let text = |text: Option<String>| text.map_or(Value::Null, Value::String);
        let (value, _reason) = checked(
            &place,
            json!({
                "name": self.head.job.name,
                "eventType": event_type,
                "query": text(self.facet::<Sql>(Of::Job, "sql").map(|sql| sql.query)),
                "error": text(self.facet::<ErrorMessage>(Of::Run, "errorMessage").map(|error| error.message)),
            }),
        );
        let job = Job { is_own: false, producer: self.head.job.producer.clone(), ..job };
        let head = Head { job, first_told_at: told_at, started_at: None, end: None };
        let facets = BTreeMap::from([(place, Facet { told_at, value })]);
        Some((uuid(&parent.run.id)?, Self { head, datasets: BTreeMap::new(), facets }))
    }
}
