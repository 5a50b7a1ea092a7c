use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use mltrace_server::{Config, Tokens};
use serde::Serialize;

use super::token::store;
use crate::failure::Failure;
use crate::opt::Serve;
use crate::render;
use crate::session::Session;

/// Where the server is, once it can be called.
#[derive(Debug, Serialize)]
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    pub(crate) store: PathBuf,
}

pub(crate) fn run(opt: Serve, session: &mut Session<'_>) -> Result<(), Failure> {
    let store = store(session)?;
    // What goes wrong while it runs. A program that embeds this one may listen itself.
    let _already = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).with_target(false).try_init();
    let tokens = Some(Tokens::beside(&store).path().to_owned());
    let config = Config { tokens, hosts: opt.hosts, ..Config::default() };
    let tracer = session.tracer.clone();
    let mut shown = Ok(());
    mltrace_server::run(&tracer, opt.listen, config, |address| {
        let serving = Serving { address, store };
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
