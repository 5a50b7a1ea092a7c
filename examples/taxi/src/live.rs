//! The endpoint and who asks it, beside the server of mltrace, in one program.

use std::fmt::Display;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use anyhow::Context;
use mltrace::Tracer;
use mltrace_server::{Config, Tokens};

use crate::opt::{DriveOpt, LiveOpt};
use crate::pipeline::{self, Plan};
use crate::{drive, endpoint};

/// Goes on until the process is told to end, also when all rides were sent.
pub(crate) fn run(plan: Plan, opt: &LiveOpt) -> anyhow::Result<()> {
    let tracer = Tracer::open_default()?;
    mltrace::init(tracer.clone())?;
    let listen = opt.endpoint.listen;
    let listener = TcpListener::bind(listen).with_context(|| format!("cannot listen at {listen}"))?;
    let predictions = listener.local_addr()?;
    // Before the long work, rather than after it.
    let taken = || format!("cannot serve mltrace at {}: choose another address with --mltrace", opt.mltrace);
    drop(TcpListener::bind(opt.mltrace).with_context(taken)?);
    pipeline::run_up_to_the_model(&plan)?;
    let tokens = tracer.path().map(|store| Tokens::beside(store).path().to_owned());
    let config = Config { tokens, ..Config::default() };
    let pace = opt.pace;
    mltrace_server::run(&tracer, opt.mltrace, config, |mltrace| {
        println!("predictions at http://{predictions}/predict, mltrace at http://{mltrace}, Ctrl-C ends both");
        let plan = Arc::new(plan);
        let to_drive = DriveOpt { endpoint: predictions, mltrace, pace };
        let (to_answer, store) = (Arc::clone(&plan), tracer.clone());
        // Both end with the process.
        thread::spawn(move || tell(endpoint::serve(&to_answer, &store, listener).map(|()| "")));
        thread::spawn(move || tell(drive::run(&plan, &to_drive)));
    })
    .with_context(|| format!("cannot serve mltrace at {}", opt.mltrace))
}

fn tell(ended: anyhow::Result<impl Display>) {
    match ended {
        Ok(done) => print!("{done}"),
        Err(error) => eprintln!("error: {error:#}"),
    }
}
