//! The bar above every page: commands as on the command line, and what it offers while one is typed.

use std::collections::BTreeSet;

use askama::Template;
use mltrace_core::{RunId, Tracer};
use serde::Deserialize;

use super::frame::Frame;
use super::run::run_part;
use super::site::{Change, Site, Visit};
use super::{link, task};
use crate::api::Nothing;
use crate::guard::Role;
use crate::problem::Problem;

/// So much is offered.
const OFFERED: usize = 12;
/// Things that so many of the last runs wrote are offered, and the runs.
const RECENT: u32 = 50;
/// Of each so much of what it wrote.
const NAMES: u32 = 100;

/// A command, and what it does.
pub(crate) struct Command {
    pub(crate) word: &'static str,
    /// Of what; empty where it takes nothing.
    pub(crate) of: &'static str,
    pub(crate) does: &'static str,
}

/// Every command there is.
pub(crate) const COMMANDS: [Command; 18] = [
    Command { word: "recent", of: "", does: "the last runs" },
    Command { word: "history", of: "COMPONENT", does: "a component and its runs" },
    Command { word: "inspect", of: "RUN", does: "everything about a run, by its number" },
    Command { word: "trace", of: "OUTPUT", does: "every run behind an output" },
    Command { word: "impact", of: "NAME", does: "what came of it" },
    Command { word: "diff", of: "RUN RUN", does: "two runs compared, or one with the run before" },
    Command { word: "components", of: "", does: "all components" },
    Command { word: "tag", of: "TAG", does: "the components that carry a tag" },
    Command { word: "flag", of: "OUTPUT", does: "flag an output, for review" },
    Command { word: "unflag", of: "OUTPUT", does: "take every flag on it away" },
    Command { word: "review", of: "", does: "the runs behind what is flagged, the likeliest culprit first" },
    Command { word: "stale", of: "", does: "which components are stale, and why" },
    Command { word: "tasks", of: "", does: "prediction tasks, and how they do" },
    Command { word: "metrics", of: "TASK", does: "how well a task does" },
    Command { word: "drift", of: "TASK", does: "how far its data has moved from what its model was trained on" },
    Command { word: "retrain", of: "TASK", does: "whether to train its model again, and why" },
    Command { word: "labels", of: "", does: "labels, and what carries them" },
    Command { word: "help", of: "", does: "commands and keys" },
];

pub(super) fn add(site: Site) -> Site {
    site.change_as("/go", Typed::role, |typed| typed.text.clone(), go).view("/complete", complete).view("/help", help)
}

/// What stands in the bar.
#[derive(Debug, Deserialize)]
struct Typed {
    #[serde(default)]
    text: String,
}

impl Typed {
    /// The first word, and all behind it: a name needs no quotes, and may hold some.
    fn parts(&self) -> (&str, &str) {
        let text = self.text.trim();
        let behind = text.strip_prefix("mltrace ").map(|rest| split(rest.trim_start()));
        let is_command = |(word, _): &(&str, &str)| COMMANDS.iter().any(|command| command.word == *word);
        // As it is written on the command line.
        behind.filter(is_command).unwrap_or_else(|| split(text))
    }

    /// Flags are a change, and all else leads somewhere.
    fn role(&self) -> Role {
        if matches!(self.parts(), ("flag" | "unflag", _)) { Role::Review } else { Role::Read }
    }
}

/// The first word, and the rest.
fn split(text: &str) -> (&str, &str) {
    text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

fn go(change: Change<'_, Nothing, Typed>) -> Result<String, Problem> {
    let tracer = change.tracer;
    Ok(match change.form.parts() {
        ("recent", "") => "/".to_owned(),
        ("review", "") => "/review".to_owned(),
        ("stale", "") => "/stale".to_owned(),
        (word @ ("help" | "components" | "tasks" | "labels"), "") => format!("/{word}"),
        (word, "") => match COMMANDS.iter().find(|command| command.word == word) {
            Some(Command { of, .. }) => return Err(Problem::refused(format!("{word} what? Write {word} {of}"))),
            None => match word.strip_prefix('#').map(str::parse::<RunId>) {
                Some(Ok(id)) => format!("/runs/{id}"),
                _ => link::to("/search", &[("text", word)]),
            },
        },
        ("history" | "stale", name) => link::of("/components", name),
        ("tasks" | "metrics", name) => task::link_to(name, &[]),
        (word @ ("drift" | "retrain"), name) => link::to(&format!("/{word}"), &[("task", name)]),
        ("inspect", id) => format!("/runs/{}", run(id, "inspect 12")?),
        ("diff", runs) => {
            let run = |text| run(text, "diff 12 14");
            if let Some((before, after)) = runs.split_once(char::is_whitespace) {
                format!("/diff/{}/{}", run(before)?, run(after.trim_start())?)
            } else {
                let after = run(runs)?;
                run_part(tracer, after, 0)?;
                let why = "no run of its component and partition had ended";
                let first = || Problem::refused(format!("{why} when #{after} started"));
                format!("/diff/{}/{after}", tracer.run_before(after)?.ok_or_else(first)?)
            }
        }
        (word @ ("trace" | "impact"), of) => {
            let place = format!("/{word}");
            match of.strip_prefix("--run ") {
                Some(id) => {
                    let id = run(id.trim_start(), &format!("{word} --run 12"))?;
                    link::to(&place, &[("run", &id.to_string())])
                }
                None => link::of(&place, of),
            }
        }
        ("tag", tag) => link::to("/components", &[("tag", tag)]),
        ("flag", name) => {
            tracer.flag(name)?;
            "/review".to_owned()
        }
        ("unflag", name) => {
            tracer.unflag(name)?;
            "/review".to_owned()
        }
        _ => link::to("/search", &[("text", change.form.text.trim())]),
    })
}

fn run(text: &str, example: &str) -> Result<RunId, Problem> {
    let refused = |_| Problem::refused(format!("`{text}` is no number of a run: write for example {example}"));
    text.parse().map_err(refused)
}

/// What may be meant.
#[derive(Template)]
#[template(source = r#"{% for text in offered %}<option value="{{ text }}"></option>{% endfor %}"#, ext = "html")]
struct Offered {
    offered: Vec<String>,
}

fn complete(visit: Visit<'_, Nothing, Typed>) -> Result<Offered, Problem> {
    let (tracer, typed) = (visit.tracer, visit.query);
    let has_name = typed.text.trim_start().contains(char::is_whitespace);
    let offered = match typed.parts() {
        ("history", name) if has_name => behind("history", components(tracer, name)?),
        ("inspect", id) if has_name => behind("inspect", runs(tracer, id)?),
        (word @ ("tasks" | "metrics" | "drift" | "retrain"), name) if has_name => behind(word, tasks(tracer, name)?),
        (word @ ("trace" | "impact" | "flag" | "unflag"), name) if has_name => behind(word, written(tracer, name)?),
        (word, _) if !has_name => {
            let commands = COMMANDS.iter().map(|command| command.word).filter(|known| known.starts_with(word));
            commands.map(ToOwned::to_owned).chain(components(tracer, word)?).collect()
        }
        _ => components(tracer, typed.text.trim())?,
    };
    Ok(Offered { offered })
}

fn behind(word: &str, names: Vec<String>) -> Vec<String> {
    names.into_iter().map(|name| format!("{word} {name}")).collect()
}

fn components(tracer: &Tracer, beginning: &str) -> Result<Vec<String>, Problem> {
    let question = tracer.components().beginning(beginning);
    let page = question.limit(OFFERED.try_into().unwrap_or(u32::MAX)).page()?;
    Ok(page.items.into_iter().map(|component| component.name).collect())
}

fn tasks(tracer: &Tracer, beginning: &str) -> Result<Vec<String>, Problem> {
    let tasks = tracer.tasks()?.into_iter();
    Ok(tasks.filter(|task| task.starts_with(beginning)).take(OFFERED).collect())
}

fn runs(tracer: &Tracer, beginning: &str) -> Result<Vec<String>, Problem> {
    let ids = tracer.briefs_before(RunId(i64::MAX), RECENT)?.into_iter().map(|run| run.id.to_string());
    Ok(ids.filter(|id| id.starts_with(beginning.trim_start_matches('#'))).take(OFFERED).collect())
}

/// What was written lately and begins so.
fn written(tracer: &Tracer, beginning: &str) -> Result<Vec<String>, Problem> {
    let last: Vec<RunId> = tracer.briefs_before(RunId(i64::MAX), RECENT)?.into_iter().map(|run| run.id).collect();
    let outputs = tracer.run_parts(&last, NAMES)?.into_iter().flat_map(|part| part.run.outputs);
    let mut seen = BTreeSet::new();
    let names = outputs.map(|output| output.name).filter(|name| name.starts_with(beginning));
    Ok(names.filter(|name| seen.insert(name.clone())).take(OFFERED).collect())
}

/// Commands and keys, as a page.
#[derive(Template)]
#[template(path = "web/help.html")]
struct Help {
    frame: Frame,
}

#[allow(clippy::unnecessary_wraps, reason = "a view may fail")]
fn help(visit: Visit<'_, Nothing, Nothing>) -> Result<Help, Problem> {
    Ok(Help { frame: visit.frame })
}
