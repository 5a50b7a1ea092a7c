use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono::Utc;
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
    /// Where a demo is worth a look.
    pub(crate) begin: Vec<Begin>,
}

/// Something worth a look, and where it is.
#[derive(Debug, Serialize)]
pub(crate) struct Begin {
    pub(crate) what: &'static str,
    pub(crate) url: String,
}

pub(crate) fn run(opt: &Serve, session: &mut Session<'_>) -> Result<(), Failure> {
    serve(opt, session, Vec::new())
}

/// Serves a store that is made for it, and gone when the server ends.
pub(crate) fn run_demo(opt: &Serve, db: Option<&Path>, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    if db.is_some() {
        return Err(Failure::Question("--demo serves a store of its own: leave out --db, or --demo".to_owned()));
    }
    let no_place = |error| Failure::Store(format!("a demo has no place for its store: {error}"));
    let folder = tempfile::Builder::new().prefix("mltrace-demo-").tempdir().map_err(no_place)?;
    let mut session = Session::create(Some(folder.path().join("demo.db")), json, out)?;
    let begin = demo::fill(&session.tracer, Utc::now())?;
    serve(opt, &mut session, begin.into())
}

fn serve(opt: &Serve, session: &mut Session<'_>, begin: Vec<demo::Begin>) -> Result<(), Failure> {
    let store = store(session)?;
    let ready = |session: &mut Session<'_>, address| {
        let begin = begin.into_iter().map(|(what, path)| Begin { what, url: format!("http://{address}{path}") });
        session.answer(&Serving { address, store, begin: begin.collect() }, |serving, _| render::serving(serving))
    };
    until_told(opt.listen, &opt.hosts, session, ready).map_err(|error| refused(opt.listen, &error))?
}

/// Serves a store until the process is told to end, and answers once it can be called. An error is that of the address.
pub(super) fn until_told(
    listen: SocketAddr,
    hosts: &[String],
    session: &mut Session<'_>,
    ready: impl FnOnce(&mut Session<'_>, SocketAddr) -> Result<(), Failure>,
) -> io::Result<Result<(), Failure>> {
    // What goes wrong while it runs. A program that embeds this one may listen itself.
    let _already = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).with_target(false).try_init();
    let tracer = session.tracer.clone();
    let tokens = tracer.path().map(|store| Tokens::beside(store).path().to_owned());
    let config = Config { tokens, hosts: hosts.to_owned(), ..Config::default() };
    let mut shown = Ok(());
    mltrace_server::run(&tracer, listen, config, |address| {
        shown = ready(session, address).and_then(|()| Ok(session.out().flush()?));
    })?;
    Ok(shown)
}

pub(super) fn refused(listen: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable => {
            Failure::Question(format!("{listen} cannot be served: {error}"))
        }
        _ => Failure::Store(error.to_string()),
    }
}
