//! What a shell offers while a command line is typed: names that the store holds. Nothing here fails, and a shell that
//! cannot be helped is offered nothing.

use std::collections::HashSet;
use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::CompleteEnv;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use mltrace_core::{Component, Page, RunRecord, Tracer};

use crate::opt::Opt;

/// Set by the script of `mltrace completions` when it asks what to offer; names the shell.
pub(crate) const VARIABLE: &str = "MLTRACE_COMPLETE";

/// How many of the last runs are offered, and their outputs.
const RECENT: u32 = 50;

/// Answers a shell that asks what to offer, and says whether one did.
pub(crate) fn answer() -> bool {
    let here = env::current_dir().ok();
    CompleteEnv::with_factory(Opt::command).var(VARIABLE).try_complete(env::args_os(), here.as_deref()).unwrap_or(true)
}

pub(crate) fn components(typed: &OsStr) -> Vec<CompletionCandidate> {
    beginning(typed, catalogue().into_iter().map(|component| (component.name, component.description)))
}

pub(crate) fn tags(typed: &OsStr) -> Vec<CompletionCandidate> {
    beginning(typed, catalogue().into_iter().flat_map(|component| component.tags).map(|tag| (tag, None)))
}

pub(crate) fn owners(typed: &OsStr) -> Vec<CompletionCandidate> {
    beginning(typed, catalogue().into_iter().filter_map(|component| component.owner).map(|owner| (owner, None)))
}

pub(crate) fn labels(typed: &OsStr) -> Vec<CompletionCandidate> {
    let labels = store().and_then(|tracer| tracer.labels().ok()).unwrap_or_default();
    beginning(typed, labels.into_iter().map(|label| (label.name, None)))
}

pub(crate) fn runs(typed: &OsStr) -> Vec<CompletionCandidate> {
    let told = |run: RunRecord| (run.id.to_string(), Some(format!("{} {}", run.component, run.status)));
    beginning(typed, recent().into_iter().map(told))
}

pub(crate) fn tasks(typed: &OsStr) -> Vec<CompletionCandidate> {
    let tasks = store().and_then(|tracer| tracer.tasks().ok()).unwrap_or_default();
    beginning(typed, tasks.into_iter().map(|task| (task, None)))
}

pub(crate) fn runs_and_tasks(typed: &OsStr) -> Vec<CompletionCandidate> {
    let mut offered = tasks(typed);
    offered.extend(runs(typed));
    offered
}

/// Things that runs wrote lately, and files, which is what most names are.
pub(crate) fn outputs(typed: &OsStr) -> Vec<CompletionCandidate> {
    let written = recent().into_iter().flat_map(|run| {
        let component = run.component;
        run.outputs.into_iter().map(move |output| (output.name, Some(format!("written by {component}"))))
    });
    let mut offered = beginning(typed, written);
    offered.extend(PathCompleter::any().complete(typed));
    offered
}

/// Each of these that begins as typed, once.
fn beginning(typed: &OsStr, offered: impl IntoIterator<Item = (String, Option<String>)>) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let mut seen = HashSet::new();
    offered
        .into_iter()
        .filter(|(name, _)| name.starts_with(typed) && seen.insert(name.clone()))
        .map(|(name, help)| CompletionCandidate::new(name).help(help.map(Into::into)))
        .collect()
}

fn catalogue() -> Vec<Component> {
    store().and_then(|tracer| tracer.components().get().ok()).unwrap_or_default()
}

fn recent() -> Vec<RunRecord> {
    store().and_then(|tracer| tracer.recent(RECENT).ok()).map_or_else(Vec::new, |Page { items, .. }| items)
}

/// The store that the line being typed names, else the default one.
fn store() -> Option<Tracer> {
    let mut words = env::args_os().skip_while(|word| word != "--");
    let stated = words.find_map(|word| {
        let word = word.to_str()?.to_owned();
        if word == "--db" { Some(None) } else { word.strip_prefix("--db=").map(|path| Some(PathBuf::from(path))) }
    });
    let path = match stated {
        Some(Some(path)) => path,
        Some(None) => words.next()?.into(),
        None => Tracer::default_path().ok()?,
    };
    Tracer::open_existing(path).ok()
}
