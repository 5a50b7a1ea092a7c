//! Time that goes by: rides of months are sent to the endpoint in the order in which they began, and the tips that are told
//! meanwhile to the server of mltrace.

use std::fmt;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::deploy::TASK;
use crate::endpoint::Asked;
use crate::example;
use crate::inference::{BATCH, Prediction};
use crate::month::Month;
use crate::opt::{DriveOpt, Pace};
use crate::pipeline::Plan;
use crate::progress::{Progress, grouped};
use crate::tips::Tips;

/// A server that takes longer has gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// After the last ride tips are told for so long.
const AFTER: TimeDelta = TimeDelta::days(14);

/// What was sent.
#[derive(Debug, Default)]
pub(crate) struct Driven {
    rides: u32,
    tips: u32,
}

impl fmt::Display for Driven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} rides sent, {} tips told", grouped(self.rides), grouped(self.tips))
    }
}

/// Sends all months of the plan.
pub(crate) fn run(plan: &Plan, opt: &DriveOpt) -> anyhow::Result<Driven> {
    let mut driver = Driver {
        agent: ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build().into(),
        predict: format!("http://{}/predict", opt.endpoint),
        feedback: format!("http://{}/api/v1/tasks/{TASK}/feedback", opt.mltrace),
        mltrace: opt.mltrace,
        tips: Tips::new(),
        driven: Driven::default(),
    };
    for month in &plan.serve {
        driver.drive(plan, *month, opt.pace)?;
    }
    let last = plan.serve.last().map(|month| month.next().unwrap_or(*month).start().and_utc());
    driver.tell(last.unwrap_or_default() + AFTER)?;
    Ok(driver.driven)
}

struct Driver {
    agent: ureq::Agent,
    predict: String,
    feedback: String,
    mltrace: SocketAddr,
    tips: Tips,
    driven: Driven,
}

impl Driver {
    fn drive(&mut self, plan: &Plan, month: Month, pace: Pace) -> anyhow::Result<()> {
        let mut examples = example::read(&plan.folder.latest(&format!("features/{month}"))?)?;
        examples.sort_by_key(|example| example.pickup);
        let progress = Progress::of(examples.len().div_ceil(BATCH) as u64, "drive", month);
        let (begun, mut sent, mut sum) = (Instant::now(), 0_u32, 0.0);
        for batch in examples.chunks(BATCH) {
            let due = begun + Duration::from_secs_f64(f64::from(sent) / f64::from(pace.rate));
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let asked: Vec<Asked> =
                batch.iter().map(|ride| Asked { pickup: ride.pickup, features: ride.features }).collect();
            let answers: Vec<Prediction> =
                self.post(&self.predict, &asked).with_context(|| format!("{} does not answer", self.predict))?;
            ensure!(answers.len() == batch.len(), "{} answers to {} rides", answers.len(), batch.len());
            for (answer, ride) in answers.iter().zip(batch) {
                self.tips.happened(&answer.id, ride.pickup, ride.high_tip);
                sum += answer.probability;
            }
            sent += u32::try_from(batch.len())?;
            if let Some(ride) = batch.last() {
                self.tell(ride.pickup.and_utc())?;
            }
            progress.advance();
        }
        self.driven.rides += sent;
        progress.done(&format!("{} rides, mean prediction {:.3}", grouped(sent), sum / f64::from(sent.max(1))));
        Ok(())
    }

    /// Tells the tips that are known by then.
    fn tell(&mut self, now: DateTime<Utc>) -> anyhow::Result<()> {
        let told = self.tips.told_until(now.naive_utc());
        let values: Vec<_> = told.iter().map(|(id, value, at)| json!({ "id": id, "value": value, "at": at })).collect();
        for part in values.chunks(1_000) {
            let _logged: serde_json::Value = self.post(&self.feedback, &part).with_context(|| {
                format!("the server of mltrace does not take tips: is `mltrace serve --listen {}` there?", self.mltrace)
            })?;
        }
        self.driven.tips += u32::try_from(values.len())?;
        Ok(())
    }

    fn post<T: DeserializeOwned>(&self, url: &str, body: &impl Serialize) -> anyhow::Result<T> {
        let request = self.agent.post(url).header("content-type", "application/json");
        let mut answer = request.send(serde_json::to_string(body)?)?;
        Ok(serde_json::from_str(&answer.body_mut().read_to_string()?)?)
    }
}
