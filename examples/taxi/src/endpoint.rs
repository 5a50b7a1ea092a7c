//! The model behind an address: `/predict` takes rides and gives each a probability and an id, which it can be traced by.

use std::net::TcpListener;
use std::sync::Arc;

use anyhow::Context;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use chrono::NaiveDateTime;
use mltrace::monitor::Task;
use mltrace::{Artifact, Tracer, component};
use serde::{Deserialize, Serialize};

use crate::deploy::TASK;
use crate::example::{self, FEATURES};
use crate::forest::Forest;
use crate::inference::{Prediction, new_ids, predictions};
use crate::opt::ServeOpt;
use crate::pipeline::Plan;

/// What is asked of one ride.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// When it begins.
    pub(crate) pickup: NaiveDateTime,
    pub(crate) features: [f64; FEATURES.len()],
}

/// What answers.
struct Model {
    artifact: Artifact,
    forest: Forest,
    task: Task,
}

/// Answers until the process ends.
pub(crate) fn run(plan: &Plan, opt: &ServeOpt) -> anyhow::Result<()> {
    let tracer = Tracer::open_default()?;
    mltrace::init(tracer.clone())?;
    let listener = TcpListener::bind(opt.listen).with_context(|| format!("cannot listen at {}", opt.listen))?;
    println!("predictions at http://{}/predict", listener.local_addr()?);
    serve(plan, &tracer, listener)
}

/// Answers whoever connects.
pub(crate) fn serve(plan: &Plan, tracer: &Tracer, listener: TcpListener) -> anyhow::Result<()> {
    let artifact = Artifact::latest(plan.folder.artifact(&format!("model/{}", plan.train)))?;
    let model = Model { forest: artifact.load()?, artifact, task: tracer.task(TASK)? };
    let router = Router::new().route("/predict", post(answer)).with_state(Arc::new(model));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    listener.set_nonblocking(true)?;
    runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await })?;
    Ok(())
}

type Answer = Result<Json<Vec<Prediction>>, (StatusCode, String)>;

async fn answer(State(model): State<Arc<Model>>, Json(asked): Json<Vec<Asked>>) -> Answer {
    let failed = |error: &dyn std::fmt::Display| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}"));
    let answered = tokio::task::spawn_blocking(move || {
        let Model { artifact, forest, task } = &*model;
        predict(artifact, forest, task, &asked)
    });
    answered.await.map_err(|error| failed(&error))?.map(Json).map_err(|error| failed(&error))
}

/// Predicts who will tip well.
///
/// What the rides look like is kept with the run, and the answers with the task, so that both can be watched.
#[component(owner = "serving", tags("inference"), inputs(model), outputs(ids), endpoint, run = run)]
fn predict(model: &Artifact, forest: &Forest, task: &Task, asked: &[Asked]) -> anyhow::Result<Vec<Prediction>> {
    let ids = new_ids(asked.len());
    let probabilities = forest.probabilities(asked.iter().map(|asked| &asked.features))?;
    run.profile_by_day(
        "features",
        asked.iter().map(|asked| asked.pickup.date()),
        example::columns_of(asked.iter().map(|asked| &asked.features)),
    );
    let answered = ids.iter().cloned().zip(&probabilities).zip(asked);
    task.log_outputs(answered.map(|((id, probability), asked)| (id, *probability, asked.pickup.and_utc())))?;
    Ok(predictions(&ids, probabilities))
}
