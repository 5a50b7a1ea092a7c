//! One command, one file: ask the tracer, hand the answer to a renderer.

mod completions;
mod components;
mod diff;
mod doctor;
mod drift;
mod export;
mod flag;
mod gc;
mod history;
mod impact;
mod import;
mod inspect;
mod label;
mod labels;
mod metrics;
mod note;
#[cfg(feature = "server")]
mod open;
#[cfg(feature = "server")]
mod openlineage;
mod outputs;
mod profile;
mod recent;
mod retract;
mod retracted;
mod retrain;
mod review;
#[cfg(feature = "server")]
mod serve;
mod stale;
mod tag;
mod tags;
#[cfg(feature = "server")]
mod token;
mod trace;
mod unflag;
mod verify;

use std::io::Write;

use crate::failure::Failure;
use crate::opt::{Command, Opt};
use crate::session::Session;
pub(crate) use drift::{Checked, News};
pub(crate) use profile::{Profiled, ProfiledColumn, ProfiledPart};
#[cfg(feature = "server")]
pub(crate) use serve::{Begin, Serving};
pub(crate) use tags::TagUse;
#[cfg(feature = "server")]
pub(crate) use token::{KnownToken, NewToken};

/// Answers one command line.
pub(crate) fn run(opt: Opt, out: &mut dyn Write) -> Result<(), Failure> {
    let Opt { db, json, command } = opt;
    #[cfg(feature = "server")]
    if let Command::Serve(opt) = &command
        && opt.demo
    {
        return serve::run_demo(opt, db.as_deref(), json, out);
    }
    let makes_store = command.makes_store();
    let open = || if makes_store { Session::create(db, json, out) } else { Session::open(db, json, out) };
    match command {
        Command::Recent(opt) => recent::run(&opt, &mut open()?),
        Command::History(opt) => history::run(opt, &mut open()?),
        Command::Inspect(opt) => inspect::run(&opt, &mut open()?),
        Command::Trace(opt) => trace::run(opt, &mut open()?),
        Command::Impact(opt) => impact::run(opt, &mut open()?),
        Command::Diff(opt) => diff::run(&opt, &mut open()?),
        Command::Stale(opt) => stale::run(opt, &mut open()?),
        Command::Outputs(opt) => outputs::run(&opt, &mut open()?),
        Command::Metrics(opt) => metrics::run(&opt, &mut open()?),
        Command::Profile(opt) => profile::run(&opt, &mut open()?),
        Command::Drift(opt) => drift::run(&opt, &mut open()?),
        Command::Retrain(opt) => retrain::run(&opt, &mut open()?),
        Command::Flag(opt) => flag::run(&opt, &mut open()?),
        Command::Unflag(opt) => unflag::run(&opt, &mut open()?),
        Command::Review(opt) => review::run(&opt, &mut open()?),
        Command::Components(opt) => components::run(opt, &mut open()?),
        Command::Tags(opt) => tags::run(&opt, &mut open()?),
        Command::Tag(opt) => tag::run(&opt, &mut open()?),
        Command::Label(opt) => label::run(opt, &mut open()?),
        Command::Labels(opt) => labels::run(&opt, &mut open()?),
        Command::Retract(opt) => retract::run(opt, &mut open()?),
        Command::Retracted(opt) => retracted::run(&opt, &mut open()?),
        Command::Note(opt) => note::run(&opt, &mut open()?),
        Command::Verify(opt) => verify::run(&opt, &mut open()?),
        Command::Gc(opt) => gc::run(&opt, &mut open()?),
        Command::Export(opt) => export::run(&opt, &mut open()?),
        Command::Import(opt) => import::run(&opt, &mut open()?),
        Command::Doctor(opt) => doctor::run(&opt, &mut open()?),
        #[cfg(feature = "server")]
        Command::Open(opt) => open::run(&opt, &mut open()?),
        #[cfg(feature = "server")]
        Command::Serve(opt) => serve::run(&opt, &mut open()?),
        #[cfg(feature = "server")]
        Command::Token(opt) => token::run(opt, &mut open()?),
        #[cfg(feature = "server")]
        Command::Openlineage(opt) => openlineage::run(opt, &mut open()?),
        #[cfg(feature = "server")]
        Command::Grafana => Ok(out.write_all(mltrace_server::DASHBOARD.as_bytes())?),
        #[cfg(feature = "server")]
        Command::PrometheusRules => Ok(out.write_all(mltrace_server::RULES.as_bytes())?),
        Command::Completions(opt) => completions::run(&opt, out),
    }
}
