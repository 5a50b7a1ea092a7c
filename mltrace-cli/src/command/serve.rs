use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::Utc;
use mltrace_core::Tracer;
use mltrace_server::{Config, Tokens};
use serde::Serialize;

use super::token::store;
use crate::demo;
use crate::failure::Failure;
use crate::opt::Serve;
use crate::render;
use crate::session::Session;

/// Where the server is, once it can be called.
#[derive(Debug, Serialize)]
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    pub(crate) store: PathBuf,
    /// Of a demo: where to begin.
    pub(crate) begin: Vec<Begin>,
}

/// Something worth a look, and where it is.
#[derive(Debug, Serialize)]
pub(crate) struct Begin {
    pub(crate) what: String,
    pub(crate) url: String,
}

pub(crate) fn run(opt: &Serve, session: &mut Session<'_>) -> Result<(), Failure> {
    serve(opt, session, |_| Vec::new())
}

/// Serves a store that is made for it, and gone when the server ends.
pub(crate) fn run_demo(opt: &Serve, db: Option<PathBuf>, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    if db.is_some() {
        return Err(Failure::Question("--demo serves a store of its own: leave out --db, or --demo".to_owned()));
    }
    let folder =
        tempfile::tempdir().map_err(|error| Failure::Store(format!("there is no place for a demo: {error}")))?;
    let mut session = Session::create(Some(folder.path().join("demo.db")), json, out)?;
    let demo = demo::fill(&session.tracer, Utc::now())?;
    serve(opt, &mut session, |address| {
        let look_at = |(what, path): (String, String)| Begin { what, url: format!("http://{address}{path}") };
        demo.begin().into_iter().map(look_at).collect()
    })
}

fn serve(opt: &Serve, session: &mut Session<'_>, begin: impl FnOnce(SocketAddr) -> Vec<Begin>) -> Result<(), Failure> {
    let store = store(session)?;
    // What goes wrong while it runs. A program that embeds this one may listen itself.
    let _already = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).with_target(false).try_init();
    let tokens = Some(Tokens::beside(&store).path().to_owned());
    let config = Config { tokens, hosts: opt.hosts.clone(), ..Config::default() };
    let tracer: Tracer = session.tracer.clone();
    let mut shown = Ok(());
    mltrace_server::run(&tracer, opt.listen, config, |address| {
        let serving = Serving { address, store, begin: begin(address) };
        shown =
            session.answer(&serving, |serving, _| render::serving(serving)).and_then(|()| Ok(session.out().flush()?));
    })
    .map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable => {
            Failure::Question(format!("{} cannot be served: {error}", opt.listen))
        }
        _ => Failure::Store(error.to_string()),
    })?;
    shown
}
