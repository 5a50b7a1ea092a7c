use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::{env, io};

use mltrace_core::{ErrorKind, Tracer};
use mltrace_server::{link, serves};
use serde::Serialize;

use super::inspect::find;
use super::serve::{refused, until_told};
use super::token::store;
use super::trace::untraced;
use crate::failure::Failure;
use crate::opt::Open;
use crate::session::Session;

/// Where a server of the store may be, unless that is said.
const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// What is opened.
#[derive(Debug, Serialize)]
struct Opened {
    url: String,
    is_served_here: bool,
}

pub(crate) fn run(opt: &Open, session: &mut Session<'_>) -> Result<(), Failure> {
    let page = opt.what.as_deref().map_or_else(|| Ok("/".to_owned()), |what| page(&session.tracer, what))?;
    let listen = opt.listen.unwrap_or(USUAL);
    if serves(listen, &store(session)?) {
        return show(session, listen, &page, false);
    }
    let ready = |session: &mut Session<'_>, address| show(session, address, &page, true);
    let served = match until_told(listen, &[], session, ready) {
        Err(taken) if taken.kind() == io::ErrorKind::AddrInUse && opt.listen.is_none() => {
            until_told(SocketAddr::new(listen.ip(), 0), &[], session, ready)
        }
        served => served,
    };
    served.map_err(|error| refused(listen, &error))?
}

/// The page of a run or of an output, both of which must be there.
fn page(tracer: &Tracer, what: &str) -> Result<String, Failure> {
    let run = what.parse().map(|run| find(tracer, run));
    if let Ok(Ok(run)) = run {
        return Ok(link::of("/runs", &run.id.to_string()));
    }
    // Outputs may be called by numbers, too.
    match (tracer.trace(what).depth(0).get(), run) {
        (Ok(graph), _) => Ok(link::of("/trace", graph.root.pointer.as_ref().map_or(what, |output| &output.name))),
        (Err(error), Ok(Err(no_run))) if error.kind() == ErrorKind::NotFound => Err(no_run),
        (Err(error), _) => Err(untraced(error, tracer, what)),
    }
}

fn show(session: &mut Session<'_>, address: SocketAddr, page: &str, is_served_here: bool) -> Result<(), Failure> {
    let opened = Opened { url: format!("http://{address}{page}"), is_served_here };
    let named = env::var("BROWSER").unwrap_or_default();
    let mut named = named.split(':').filter(|browser| !browser.is_empty());
    if !named.any(|browser| open::with_detached(&opened.url, browser).is_ok()) {
        // Without a desktop there is none, and the address is shown.
        let _none = open::that_detached(&opened.url);
    }
    session.answer(
        &opened,
        |Opened { url, .. }, _| {
            if is_served_here { format!("{url}, served until Ctrl-C\n") } else { format!("{url}\n") }
        },
    )
}
