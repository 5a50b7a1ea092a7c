//! Flags, and nothing but flags.

use std::ffi::OsString;
#[cfg(feature = "server")]
use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::ArgValueCompleter;
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};
use mltrace_core::monitor::Metric;
use mltrace_core::{ReviewOrder, RunId, Status};
#[cfg(feature = "server")]
use mltrace_server::Role;

use crate::{complete, when};

/// Ask a store of traced runs where an output came from
///
/// Times may be given as RFC 3339 (2020-03-01T12:00:00Z), as a date (2020-03-01, its start in UTC) or as an age (2w, 10d,
/// 36h, 30m). They are shown in local time, and as RFC 3339 UTC in JSON. Text is laid out for the terminal's width; in a
/// pipe for `COLUMNS`, or else 80. `NO_COLOR` turns colours off.
#[derive(Debug, Parser)]
#[command(
    name = "mltrace",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  mltrace recent                        what ran last, and how it went
  mltrace trace models/forest.model     every run behind an output
  mltrace --json inspect 12 | jq .git   one run, for a script

Exit codes:
  0  done
  1  all is not well, where --exit-code asks: stale, changed, drifted ..
  2  usage, or not found
  3  the store cannot be read, or not be written"
)]
pub(crate) struct Opt {
    /// The store's file [default: `$MLTRACE_DB`, else the nearest `.mltrace/mltrace.db` upward]
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) db: Option<PathBuf>,

    /// Answer with one JSON document; every key is there, null where unknown
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands in the order in which questions come.
const GROUPS: &[(&str, &[&str])] = &[
    ("What ran", &["recent", "history", "inspect", "components", "tags"]),
    ("Where it came from, and what came of it", &["trace", "impact", "diff", "stale", "verify"]),
    ("Watch a model", &["outputs", "metrics", "profile", "drift", "retrain"]),
    ("Somebody complains", &["flag", "review", "unflag"]),
    ("Data must not be used any more", &["label", "labels", "retract", "retracted"]),
    ("Remarks", &["note", "tag"]),
    #[cfg(feature = "server")]
    ("In the browser", &["open", "serve"]),
    #[cfg(feature = "server")]
    ("For other programs", &["token", "openlineage", "grafana", "prometheus-rules"]),
    ("Care of the store", &["gc", "export", "import", "doctor", "completions"]),
];

impl Opt {
    /// The command line, whose help shows the commands in groups: clap has these for arguments only.
    pub(crate) fn grouped() -> clap::Command {
        let command = Self::command();
        let head = command.get_styles().get_header();
        let name = command.get_styles().get_literal();
        let about =
            |of: &str| command.find_subcommand(of).and_then(clap::Command::get_about).cloned().unwrap_or_default();
        let line = |of: &&str| format!("  {name}{of:16}{name:#}  {}\n", about(of));
        let group = |(title, commands): &(&str, &[&str])| {
            let lines: String = commands.iter().map(line).collect();
            format!("{head}{title}:{head:#}\n{lines}\n")
        };
        let groups: String = GROUPS.iter().map(group).collect();
        let options = format!("{head}Options:{head:#}\n{{options}}");
        let template =
            format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}{options}{{after-help}}");
        command.help_template(template)
    }

    /// What was asked, from the words of a command line.
    pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::grouped();
        let matches = command.try_get_matches_from_mut(args)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the last runs
    Recent(Recent),
    /// Show a component's runs, newest start first
    History(History),
    /// Show everything about one run
    Inspect(Inspect),
    /// Show every run behind an output, as a tree
    Trace(Trace),
    /// Show what came of a file, a run or a label, as a tree
    Impact(Impact),
    /// Show what changed between two runs, and where that began
    Diff(Diff),
    /// Show what is stale, and why
    Stale(Stale),
    /// Show how many outputs a task has, and how they are spread
    Outputs(Outputs),
    /// Show how well a task does over time, and when it was worst
    Metrics(Metrics),
    /// Show what the data of a run or a task looks like
    Profile(Profile),
    /// Show how far data is from what the model was trained on
    Drift(Drift),
    /// Answer whether to train the model again, by a checklist
    Retrain(Retrain),
    /// Flag outputs that somebody complains about, for `review`
    Flag(Flag),
    /// Take a flag away
    Unflag(Unflag),
    /// Rank the runs behind what is flagged, the likeliest culprit first
    Review(Review),
    /// List the components
    Components(Components),
    /// List the tags, with the components that carry them
    Tags(Tags),
    /// Tag a component; the tag stays, whatever its code says
    Tag(Tag),
    /// Label a file or a table: the label follows the data downstream
    Label(Label),
    /// List the labels, with what they are on
    Labels(Labels),
    /// Retract a label: nothing should read any more what carries it
    Retract(Retract),
    /// List the retractions, each with the runs that did not heed it
    Retracted(Retracted),
    /// Add a note to a run
    Note(Note),
    /// Compare files with what runs recorded of them
    Verify(Verify),
    /// Forget old runs that nothing needs; without --yes, say which
    Gc(Gc),
    /// Write all that the store holds as JSON Lines
    Export(Export),
    /// Add what another store exported, or a Python mltrace
    Import(Import),
    /// Look the store over: damage, lost runs, what takes the space
    Doctor(Doctor),
    /// Open a run, an output or the last runs in the browser
    #[cfg(feature = "server")]
    Open(Open),
    /// Serve the page, take runs in and give answers out over HTTP
    #[cfg(feature = "server")]
    Serve(Serve),
    /// Make, list or revoke the tokens that `serve` asks for
    #[cfg(feature = "server")]
    Token(Token),
    /// Print a dashboard for Grafana, over /metrics of `serve`
    #[cfg(feature = "server")]
    #[command(after_help = "\
Example:
  mltrace grafana > mltrace.json        to be imported; it asks which data source")]
    Grafana,
    /// Print alert rules for Prometheus, over /metrics of `serve`
    #[cfg(feature = "server")]
    #[command(after_help = "\
Each alert carries the owner of the component, or of the one that infers, as a label: route by it.

Example:
  mltrace prometheus-rules > mltrace.yml   to be named under rule_files")]
    PrometheusRules,
    /// Send runs to who collects events of OpenLineage
    #[cfg(feature = "server")]
    Openlineage(Openlineage),
    /// Print completions for a shell
    Completions(Completions),
}

impl Command {
    /// Whether it makes a store where there is none.
    pub(crate) fn makes_store(&self) -> bool {
        match self {
            Self::Import(_) => true,
            #[cfg(feature = "server")]
            Self::Serve(_) | Self::Token(_) => true,
            _ => false,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace recent 5
  mltrace recent --follow
  mltrace recent --follow --json | jq -c '{id, status}'

JSON: {items: [run], next}, a run as in `mltrace inspect --help`; with --follow one run a line")]
pub(crate) struct Recent {
    /// How many runs
    #[arg(value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,

    /// Go on where an earlier answer ended, given the `next` of its JSON
    #[arg(long, value_name = "NEXT", value_parser = run_id, conflicts_with = "follow")]
    pub(crate) after: Option<RunId>,

    /// Go on showing runs as they are recorded and as they end, newest last; with --json one object a line
    #[arg(long, short)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace history cleaning
  mltrace history train 5 --status failed --since 2w
  mltrace history cleaning --partition 2020-01

JSON: {items: [run], next}, a run as in `mltrace inspect --help`")]
pub(crate) struct History {
    /// The component's name
    #[arg(add = ArgValueCompleter::new(complete::components))]
    pub(crate) component: String,

    /// How many runs
    #[arg(value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,

    /// Runs that started at this time or later
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub(crate) since: Option<DateTime<Utc>>,

    /// Runs that started at this time or earlier
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub(crate) until: Option<DateTime<Utc>>,

    /// Runs that stand so
    #[arg(long, value_parser = status())]
    pub(crate) status: Option<Status>,

    /// Runs of this partition
    #[arg(long)]
    pub(crate) partition: Option<String>,

    /// Go on where an earlier answer ended, given the `next` of its JSON
    #[arg(long, value_name = "NEXT")]
    pub(crate) after: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace inspect 12
  mltrace inspect 12 --json | jq .params

JSON: {id, uuid, component, status, partition, started_at, ended_at, duration_ms, parent, \
inputs: [{name, spelled, version: {kind, value} | null, type, flagged, labels, captured_at}], \
outputs: [{name, spelled, version, type, flagged, labels}], \
dependencies: [{run, component, pointer, match, modified, overlapping}], \
stale: [{kind, message, component, run, chain}] | null, stale_at_start, git: {commit, dirty, tags, source}, \
code: {file, line, crate_version, snapshot}, params, metrics, checks: [{name, status, message}], labels, \
violations: [{pointer, label, retracted_at, retracted_by, reason}] | null, notes: [{written_at, text}], error, host, pid, \
collected_at}, \
where `stale`, `labels` and `violations` are null in lists of runs")]
pub(crate) struct Inspect {
    /// The run's number, as 12 or '#12'
    #[arg(value_parser = run_id, add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: RunId,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace trace models/forest.model
  mltrace trace models/forest.model --as-of 2w
  mltrace trace clean.csv --version ab12cd34 --depth 2

How to read the tree: below a run stands what it read, and below that the run that wrote it, down \
to the sources. A run that several others read from is shown once and named at the others. A * \
beside a commit says that tracked files differed from it.

JSON: {root: {pointer, run}, runs: [{depth, run}], \
edges: [{from, to, pointer, match, modified, overlapping}], truncated: {runs} | null}, where `from` depends on `to`")]
pub(crate) struct Trace {
    /// The output: a name, or a path
    #[arg(add = ArgValueCompleter::new(complete::outputs))]
    pub(crate) output: String,

    /// Go at most so many hops; what is cut off is counted
    #[arg(long, value_name = "N")]
    pub(crate) depth: Option<u32>,

    /// Begin at the latest run that had written it by then
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub(crate) as_of: Option<DateTime<Utc>>,

    /// Begin at the run that wrote this version, given by its beginning
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("origin").required(true).args(["pointer", "run", "label"]),
    after_help = "\
Examples:
  mltrace impact raw/2020-05.parquet
  mltrace impact clean.csv --version ab12cd34 --depth 2
  mltrace impact --run 12
  mltrace impact --label customer-7

How to read the tree: below a run stands what others read from it, and below that the run that read \
it, down to what nobody read. A run that read from several others is shown once and named at the \
others. A * beside a commit says that tracked files differed from it.

JSON: {root: {pointer, run}, runs: [{depth, run}], \
edges: [{from, to, pointer, match, modified, overlapping}], truncated: {runs} | null}, where `from` depends on `to`; \
with --label also `label` and `pointers`"
)]
pub(crate) struct Impact {
    /// The pointer: a name, or a path
    #[arg(add = ArgValueCompleter::new(complete::outputs))]
    pub(crate) pointer: Option<String>,

    /// Begin at a run, and what it wrote
    #[arg(long, value_name = "RUN", value_parser = run_id, add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: Option<RunId>,

    /// Begin at everything that has this label
    #[arg(long, add = ArgValueCompleter::new(complete::labels))]
    pub(crate) label: Option<String>,

    /// Go at most so many hops; what is cut off is counted
    #[arg(long, value_name = "N", conflicts_with = "label")]
    pub(crate) depth: Option<u32>,

    /// Begin at the runs that read this version, given by its beginning
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["run", "label"])]
    pub(crate) version: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace diff 12 19
  mltrace diff 12 19 --exit-code > /dev/null || echo changed
  mltrace diff 12 19 --json | jq -r .code.unified

Lineages part at the matching runs furthest upstream that differ (in code, params, in what they read \
from outside, or else in what they wrote) although all that they read from other runs is the same. \
What is equal is counted. The time that a run took is shown and is no difference.

JSON: {before, after, component, partition, status, duration_ms, commit, \
code: {is_same, before, after, unified}, params: {added, removed, changed, same}, \
metrics: {added, removed, changed, same}, inputs: {added, removed, changed, same}, \
outputs: {added, removed, changed, same}, partings: [{depth, before, after, component, differs}]}")]
pub(crate) struct Diff {
    /// The one run's number, as 12 or '#12'
    #[arg(value_name = "RUN", value_parser = run_id, add = ArgValueCompleter::new(complete::runs))]
    pub(crate) before: RunId,

    /// The other's
    #[arg(value_name = "RUN", value_parser = run_id, add = ArgValueCompleter::new(complete::runs))]
    pub(crate) after: RunId,

    /// Exit with 1 if they differ
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace stale
  mltrace stale train --exit-code
  mltrace stale cleaning --partition 2020-01 --as-of 2w

Judged is the latest completed run of each component and partition:
  old input         a run upstream ended more than 30 days before it started, or more than the
                    `stale_after` of its component
  old run           it is older than the `stale_after` of its component
  fresher upstream  a newer run of an upstream component and partition wrote something else
  stale upstream    a run upstream is stale by one of these

JSON: {items: [{component, partition, run, ended_at, stale: [{kind, message, component, run, chain}]}], next}")]
pub(crate) struct Stale {
    /// Only this component
    #[arg(add = ArgValueCompleter::new(complete::components))]
    pub(crate) component: Option<String>,

    /// Only this partition
    #[arg(long)]
    pub(crate) partition: Option<String>,

    /// What was stale then
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub(crate) as_of: Option<DateTime<Utc>>,

    /// Exit with 1 if something is stale
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace outputs high_tip
  mltrace outputs high_tip --since 2w

Days are those of UTC. What is logged to a task comes from `Tracer::task` in the library.

JSON: {task, first, last, outputs, labelled, share_labelled, usual_lag_s, \
values: {kind, count, nulls, null_share, mean, deviation, min, max, percentiles: [{percent, value}], rank_error, \
bins: [{from, to, count}], distinct, categories: [{category, count}]}, days: [{day, outputs, labelled}]}")]
pub(crate) struct Outputs {
    /// The task's name
    #[arg(add = ArgValueCompleter::new(complete::tasks))]
    pub(crate) task: String,

    /// Outputs from this time on
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub(crate) since: Option<DateTime<Utc>>,

    /// Outputs before this time
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub(crate) until: Option<DateTime<Utc>>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace metrics high_tip
  mltrace metrics high_tip --metric roc_auc --by week --since 2020-02-01
  mltrace metrics high_tip --last 1000
  mltrace metrics high_tip --json | jq '.worst.from'

How to read it: each window has a figure of its own, and beside it stands what it comes to since the \
start, which is slow to show a change. A figure is of the labelled outputs only; a window is early \
while it is younger than the age by which 95 of 100 labels came. The worst window is one with 30 \
labels or more, and not an early one if there are others. Windows are those of UTC, weeks begin on \
Monday. An estimate is of the last outputs, where none is labelled as yet: no measurement.

JSON: {task, metric, threshold, windows: [{from, to, threshold, figure, outputs, labelled, share_labelled, is_mature}], \
rolling: [{from, to, threshold, figure, outputs, labelled, share_labelled, is_mature}] | null, \
worst: {from, to, threshold, figure, outputs, labelled, share_labelled, is_mature, most_wrong: {id, at, value, truth} | null} | null, \
estimate: {since, is_estimate, figure, outputs, learned_from} | null}")]
pub(crate) struct Metrics {
    /// The task's name
    #[arg(add = ArgValueCompleter::new(complete::tasks))]
    pub(crate) task: String,

    /// Which metric, as scikit-learn defines it
    #[arg(long, value_name = "METRIC", default_value = "f1", value_parser = metric())]
    pub(crate) metric: Metric,

    /// How long a window is: hour, day, week, or as 7d, 36h, 30m
    #[arg(long, value_name = "LENGTH", default_value = "day", value_parser = when::length)]
    pub(crate) by: TimeDelta,

    /// Outputs from this time on
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub(crate) since: Option<DateTime<Utc>>,

    /// Rather than windows the last labelled outputs, so many
    #[arg(long, value_name = "N", conflicts_with = "by", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) last: Option<u32>,

    /// From which value on an output counts as positive
    #[arg(long, value_name = "VALUE", default_value_t = 0.5)]
    pub(crate) threshold: f64,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace profile 12
  mltrace profile high_tip --window 28d
  mltrace profile 12 --json | jq '.profiles[].columns[] | {column, null_share}'

Of a run, what it said with `run.profile`. Of a task its outputs, as the column `prediction`, and what was kept \
with `Task::log_profile`, over the last 7 whole days unless told otherwise, UTC.

JSON: {run, task, window: {first, days} | null, profiles: [{name, days, columns: [{column, kind, count, nulls, \
null_share, mean, deviation, min, max, percentiles: [{percent, value}], rank_error, bins: [{from, to, count}], \
distinct, categories: [{category, count}]}]}]}")]
pub(crate) struct Profile {
    /// The run's number, as 12 or '#12', or the task's name
    #[arg(value_name = "RUN|TASK", add = ArgValueCompleter::new(complete::runs_and_tasks))]
    pub(crate) of: String,

    /// Of a task: how many whole days, as 7d or 4w
    #[arg(long, value_name = "LENGTH", default_value = "7d", value_parser = when::days)]
    pub(crate) window: u32,

    /// Of a task: up to the start of this day, UTC [default: today]
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub(crate) until: Option<DateTime<Utc>>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace drift high_tip
  mltrace drift high_tip --window 28d --until 2020-06-01
  mltrace drift high_tip --reference 12 --exit-code
  mltrace drift high_tip --keep --exit-code > drift.txt; test $? = 1 && mail -s drift me < drift.txt

How to read the table: `differs` is how far the column is from the reference, 0 to 1 (KS, the \
Kolmogorov-Smirnov statistic, of numbers; JS, the Jensen-Shannon distance, of categories); `noise` what \
chance alone adds at most; `surely` what is left without it, which must exceed `limit` to alarm. The limit is 0.1, or \
more where the reference's own history differs so much; ? says that it has too little history to tell. PSI and \
log10 p are shown for those who know them, and never alarm. A column is
  drift       changed by more than the limit: an alarm
  shift       changed, by no more than that
  ok          not told from chance
  no data     nothing came, or nulls only: an alarm where the reference had data
  too few     fewer than 30 values: nothing can be told
  seasonal    the reference itself differs as much over such windows: not judged
  identifier  a key, nearly every value is new: not judged
`nulls` and `unseen` are alarms of their own: more nulls, or categories that the reference never saw. Critical is \
an alarm of the prediction, or of three of ten columns.

JSON: {reference: {training: {output, inference, model, run} | null, runs}, window: {first, days} | null, severity, \
judged, columns: [{column, kind, status, alarms, reference_count, count, reference_null_share, null_share, \
statistic, noise, bound, tolerance, calibration, anomalous, \
companions: {p, log10_p, stability_index, wasserstein, cramers_v} | null}], unknown, notes, \
kept: {checked_at, severity_before, changes: [{column, before, now}], has_new_alarms} | null}")]
pub(crate) struct Drift {
    /// The task's name
    #[arg(add = ArgValueCompleter::new(complete::tasks))]
    pub(crate) task: String,

    /// How many whole days, as 7d or 4w
    #[arg(long, value_name = "LENGTH", default_value = "7d", value_parser = when::days)]
    pub(crate) window: u32,

    /// Up to the start of this day, UTC [default: today]
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub(crate) until: Option<DateTime<Utc>>,

    /// Compare with what this run profiled [default: the run that trained the model in use]
    #[arg(long, value_name = "RUN", value_parser = run_id, add = ArgValueCompleter::new(complete::runs))]
    pub(crate) reference: Option<RunId>,

    /// Keep the answer, and tell what has changed since the one that was kept before, of a window as long
    #[arg(long)]
    pub(crate) keep: bool,

    /// Exit with 1 if a column alarms; with --keep only if that is new
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace retrain high_tip
  mltrace retrain high_tip --checklist retrain.toml
  mltrace retrain high_tip --exit-code > retrain.txt; test $? = 1 && ./train

The checklist is a file in TOML, in which each line can be left out. These are the defaults:
  [metric]            # the metric fell
  name = \"f1\"
  tolerance = 0.05    # below the metric of the model's own training run
  windows = 2         # in so many windows in a row, old enough for their labels to be there
  window = \"7d\"
  confidence = 0.95   # by the better end of an interval of this confidence
  min_labelled = 200  # with fewer labels in a window nothing can be told
  [drift]
  windows = 2         # so many weeks in a row with critical drift
  [model]
  max_age = \"90d\"
  [data]
  fresher = true      # there is fresher data than the model saw
  modified = true     # an input of training was modified or retracted

JSON: {task, as_of, answer, training: {output, inference, model, run} | null, \
findings: [{criterion, answer, evidence, advice}]}")]
pub(crate) struct Retrain {
    /// The task's name
    #[arg(add = ArgValueCompleter::new(complete::tasks))]
    pub(crate) task: String,

    /// By which criteria
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) checklist: Option<PathBuf>,

    /// As of which time
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub(crate) as_of: Option<DateTime<Utc>>,

    /// Exit with 1 if the model should be trained again
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["outputs", "task"]), after_help = "\
Examples:
  mltrace flag ride-00017 ride-00023
  mltrace flag models/forest.model --version ab12cd34
  mltrace flag --task high_tip --from 2020-04-13 --until 2020-04-14

An output is flagged as it is now: the flag stays on this version when the name is written again. \
What no run wrote can be flagged too.

JSON: {items: [{name, spelled, version, type, flagged, labels, written_by}], next}")]
pub(crate) struct Flag {
    /// The outputs: names, paths or ids of predictions
    #[arg(value_name = "OUTPUT", add = ArgValueCompleter::new(complete::outputs))]
    pub(crate) outputs: Vec<String>,

    /// Flag this version of them, given by its beginning, rather than the latest
    #[arg(long, value_name = "VERSION", conflicts_with = "task")]
    pub(crate) version: Option<String>,

    /// Flag the outputs of this task that were given out in some time, 10,000 at most
    #[arg(long, requires_all = ["from", "until"], add = ArgValueCompleter::new(complete::tasks))]
    pub(crate) task: Option<String>,

    /// Of a task: from this time on
    #[arg(long, value_name = "TIME", requires = "task", value_parser = when::parse)]
    pub(crate) from: Option<DateTime<Utc>>,

    /// Of a task: before this time
    #[arg(long, value_name = "TIME", requires = "task", value_parser = when::parse)]
    pub(crate) until: Option<DateTime<Utc>>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["output", "all"]), after_help = "\
Examples:
  mltrace unflag ride-00017
  mltrace unflag --all

JSON: {items: [{name, spelled, version, type, flagged, labels, written_by}], next}")]
pub(crate) struct Unflag {
    /// The output, in all its versions
    #[arg(add = ArgValueCompleter::new(complete::outputs))]
    pub(crate) output: Option<String>,

    /// Only this version, given by its beginning
    #[arg(long, value_name = "VERSION", requires = "output")]
    pub(crate) version: Option<String>,

    /// All flags there are
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace review
  mltrace review --by coverage --limit 100
  mltrace review --json | jq '.runs[0].run.id'

How to read the figures: `flagged` says how many of the flagged outputs a run stands behind, and \
`others` behind how many that are not flagged, of the same components, since the earliest flagged \
one was written. Suspicion, from 0 to 1, says how well a run explains the flags: near 1 is one that is \
behind them all and little else, and what stands behind everything, good or bad, has a half.

JSON: {flagged: [pointer], unproduced: [pointer], \
compared: {components, since_run, since, outputs} | null, \
runs: [{run, depth, count, others, coverage, suspicion}], truncated: {runs} | null, \
components: [{component, depth, count, others, coverage, suspicion}], why}")]
pub(crate) struct Review {
    /// What puts a run first
    #[arg(long, value_name = "ORDER", default_value = "suspicion", value_parser = review_order())]
    pub(crate) by: ReviewOrder,

    /// How many runs
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace components
  mltrace components --owner data-team --tag nightly

JSON: {items: [{name, description, owner, tags, stale_after_s, last_run, last_status, last_started_at}], \
next}")]
pub(crate) struct Components {
    /// Those that carry this tag
    #[arg(long, add = ArgValueCompleter::new(complete::tags))]
    pub(crate) tag: Option<String>,

    /// Those of this owner
    #[arg(long, add = ArgValueCompleter::new(complete::owners))]
    pub(crate) owner: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mltrace tags

JSON: {items: [{tag, components}], next}")]
pub(crate) struct Tags {}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mltrace tag cleaning nightly taxi

JSON: {name, description, owner, tags, stale_after_s, last_run, last_status, last_started_at}")]
pub(crate) struct Tag {
    /// The component's name
    #[arg(add = ArgValueCompleter::new(complete::components))]
    pub(crate) component: String,

    /// The tags to add
    #[arg(required = true, value_name = "TAG", add = ArgValueCompleter::new(complete::tags))]
    pub(crate) tags: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace label raw/2020-05.parquet customer-7
  mltrace label warehouse.rides customer-7 --version snapshot-81

JSON: {name, version, label, attached_at, known, is_new}")]
pub(crate) struct Label {
    /// What to label: a name, or a path; no run need know it yet
    #[arg(add = ArgValueCompleter::new(complete::outputs))]
    pub(crate) pointer: String,

    /// The label, such as a customer or a consent
    #[arg(value_name = "LABEL", add = ArgValueCompleter::new(complete::labels))]
    pub(crate) name: String,

    /// Only this version, which a run wrote or read, given by its beginning
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace labels
  mltrace labels --json | jq '.items[] | select(.retraction)'

JSON: {items: [{name, pointers: [{name, version, label, attached_at, known}], \
retraction: {label, retracted_at, retracted_by, reason} | null}], next}")]
pub(crate) struct Labels {}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace retract customer-7 --reason \"consent withdrawn\"
  mltrace retract batch-3 --reason \"vendor recalled it\" --by \"data office\"

JSON: {label, retracted_at, retracted_by, reason, is_new}")]
pub(crate) struct Retract {
    /// The label
    #[arg(add = ArgValueCompleter::new(complete::labels))]
    pub(crate) label: String,

    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,

    /// Who retracts it [default: the name of the user]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mltrace retracted

JSON: {items: [{label, retracted_at, retracted_by, reason, runs: [run]}], next}")]
pub(crate) struct Retracted {}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mltrace note 12 \"the vendor resent this month\"

JSON: the run, as in `mltrace inspect --help`")]
pub(crate) struct Note {
    /// The run's number, as 12 or '#12'
    #[arg(value_parser = run_id, add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: RunId,

    /// What to remember
    pub(crate) text: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace verify
  mltrace verify models/high_tip
  mltrace verify --exit-code --json | jq -r '.items[].file'

Of a file that several runs wrote, what the last of them wrote counts; of one that runs only read, \
what the last of them read; of an artifact, every version. Unknown are names that are no files, such \
as predictions, and files of another host. They are counted, and shown where one is asked for.

JSON: {intact, changed, missing, unknown, \
items: [{status, file, pointer, run, component, written, now, reason}]}")]
pub(crate) struct Verify {
    /// Only this name, or path
    #[arg(add = ArgValueCompleter::new(complete::outputs))]
    pub(crate) pointer: Option<String>,

    /// Exit with 1 if something has changed or is missing
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace gc --older-than 90d          what would go, and what would stay
  mltrace gc --older-than 90d --yes    do it

Kept are runs that ended since; open runs whose process may live; the latest completed run of each \
component and partition; the last run of each component and the one its metadata is of; and runs \
that wrote a flagged output. Older runs that these came from, or that carry a label, become \
tombstones: component, times, status, inputs, outputs, edges and commit stay, all else goes (they \
are shown as trimmed). The rest is removed, with the outputs and labels of tasks from before that \
time, and the file shrinks. Others can write meanwhile; \
interrupted, it can be run again.

JSON: {before, dry_run, kept, tombstoned, removed, outputs, \
components: [{component, kept, tombstoned, removed}], bytes_before, bytes_after}")]
pub(crate) struct Gc {
    /// Runs from before this time, or this age
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub(crate) older_than: DateTime<Utc>,

    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace export store.jsonl
  mltrace export | gzip > store.jsonl.gz
  mltrace export | jq 'select(.type == \"run\") | .definition.component' | sort | uniq -c

A line is an object that says in `type` what it is: `header` (format 1) first, then `run` with \
everything that was written of it, `tag`, `flag`, `label`, `retraction`; of tasks `task`, `output`, `feedback`, \
`task_profile`, `task_answer`. Runs are known by their \
uuid, all else by its content; edges are left out, because they follow from the runs. Times are \
RFC 3339 UTC. A later mltrace may add keys and types; files that mean something else have a greater \
format.

JSON: {runs, tags, flags, labels, retractions, outputs, feedback, profiles, answers}, given a file; else the lines themselves")]
pub(crate) struct Export {
    /// The file, which has its name once it is whole; stdout if none is given
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace import store.jsonl
  ssh host mltrace export | mltrace import
  mltrace --db all.db import host-a.jsonl host-b.jsonl
  mltrace import --from-python-mltrace python.jsonl

What is there already stays and is not doubled, so files can be imported in any order and again. The \
first line that cannot be read ends the import and is named; what stands before it is imported. \
Makes the store if there is none.

The tables of a Python mltrace come out of its PostgreSQL database by
  for t in components component_tags component_runs component_runs_inputs component_runs_outputs \\
      component_run_dependencies io_pointers labels_io_pointers deleted_labels; do
    psql \"$DATABASE\" -Atc \"select to_jsonb(t) || '{\\\"table\\\": \\\"$t\\\"}' from $t t\"
  done > python.jsonl
Its times are read as UTC, as it writes them. Values become stated versions by their hash. What is \
pickled there (git tags, MLflow's params and metrics) is left out.

JSON: {lines, runs, new_runs, tags, flags, labels, retractions, outputs, feedback, profiles, \
answers, skipped}")]
pub(crate) struct Import {
    /// The files; stdin if none is given
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// The files hold tables of a Python mltrace
    #[arg(long)]
    pub(crate) from_python_mltrace: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace doctor
  mltrace doctor --exit-code && mltrace export backup.jsonl

JSON: {path, schema, newest_schema, damage, findings: [{message, advice}], \
gone: [{run, component, started_at}], tables: [{table, rows, bytes}], bytes, free_bytes, log_bytes}")]
pub(crate) struct Doctor {
    /// Exit with 1 if the store is damaged
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[cfg(feature = "server")]
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace open                         the last runs
  mltrace open 12                      a run
  mltrace open models/forest.model     what an output came from

Where a server of this store answers already, it is the one that is opened. Else the store is served until Ctrl-C, at \
another port if that one is taken. The browser is $BROWSER, or else the desktop's; where none can be opened, the address is shown all \
the same.

JSON: {url, is_served_here}")]
pub(crate) struct Open {
    /// A run's number, as 12 or '#12', or an output: a name, or a path
    #[arg(add = ArgValueCompleter::new(complete::outputs))]
    pub(crate) what: Option<String>,

    /// Where a server may answer, or else this one [default: 127.0.0.1:8080, or another port if that is taken]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

#[cfg(feature = "server")]
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace serve
  mltrace serve --demo                 look around before anything is traced
  curl http://127.0.0.1:8080/api/v1/runs
  curl http://127.0.0.1:8080/api/v1/runs --json '{\"component\": \"dbt\", \"outputs\": [\"rides\"], \\
      \"started_at\": \"2020-02-01T08:00:00Z\", \"ended_at\": \"2020-02-01T08:05:00Z\"}'
  mltrace serve --listen 0.0.0.0:8080 --host traces.example.org

http://127.0.0.1:8080/api/docs describes all of it. On this machine nobody needs a token, until one is made; an \
address that others can reach is not served without one, see `mltrace token --help`. Ends by Ctrl-C or SIGTERM when \
what is under way is finished. Makes the store if there is none.

JSON: {address, store, begin: [{what, url}]}, once it can be called; `begin` is where a demo is worth a look")]
pub(crate) struct Serve {
    /// The address and port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,

    /// A name by which it may be called, beside localhost and addresses, such as a reverse proxy's
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,

    /// Serve a store that is made for it, to look around in: a taxi company predicts who tips well. It is gone when the
    /// server ends
    #[arg(long)]
    pub(crate) demo: bool,
}

#[cfg(feature = "server")]
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace token add --role log --name spark
  mltrace token list
  mltrace token revoke spark

Roles: read asks; log logs, and cannot ask; review asks, flags, notes, tags and retracts; admin does everything. Kept \
are hashes, in the file STORE.tokens beside the store. A server that runs heeds changes at once. Where the last token \
is revoked nobody is let in; to serve this machine without tokens again, delete the file.

JSON: {name, role, token}; {items: [{name, role, created_at}], next}; {name}")]
pub(crate) struct Token {
    #[command(subcommand)]
    pub(crate) command: TokenCommand,
}

#[cfg(feature = "server")]
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token, and show it this once
    Add {
        /// What its bearer may do
        #[arg(long, value_parser = role())]
        role: Role,

        /// What to call it, to revoke it by [default: the role]
        #[arg(long)]
        name: Option<String>,
    },
    /// List the tokens by name
    List,
    /// Take a token away
    Revoke {
        /// Its name
        name: String,
    },
}

#[cfg(feature = "server")]
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mltrace openlineage emit --url http://localhost:5000

`mltrace serve` takes events at /api/v1/lineage.")]
pub(crate) struct Openlineage {
    #[command(subcommand)]
    pub(crate) command: OpenlineageCommand,
}

#[cfg(feature = "server")]
#[derive(Debug, Subcommand)]
pub(crate) enum OpenlineageCommand {
    /// Send all runs that were not sent yet
    Emit(Emit),
}

#[cfg(feature = "server")]
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mltrace openlineage emit --url http://localhost:5000
  OPENLINEAGE_API_KEY=.. mltrace openlineage emit --url http://localhost:5000 --follow

The store is the outbox: traced programs know nothing of this, and what was sent is remembered in the file \
STORE.openlineage-HASH, one for each address. Each event is sent until it is acknowledged, so it may arrive twice, and \
START before COMPLETE. Runs that came as events themselves are left out. TLS is a proxy's: it is sent over http.

Each event names the parent of its run; one that is not in this store is of the job `unknown`. Runs that no other has \
called get $OPENLINEAGE_PARENT_ID, a namespace/job/run, as theirs. With --follow trouble is waited out, whatever it is; \
what lasts is told once.

OPENLINEAGE_URL, OPENLINEAGE_ENDPOINT, OPENLINEAGE_NAMESPACE, OPENLINEAGE_API_KEY, OPENLINEAGE_PARENT_ID and \
OPENLINEAGE_DISABLED mean what they mean to other clients; no other variable and no openlineage.yml is read.

JSON: {events, refused}; with --follow one object a line")]
pub(crate) struct Emit {
    /// Who collects events [default: `$OPENLINEAGE_URL`]
    #[arg(long)]
    pub(crate) url: Option<String>,

    /// The namespace of the jobs that components are [default: `$OPENLINEAGE_NAMESPACE`, or `default`]
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,

    /// Go on, and send runs as they come
    #[arg(long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Names of components, tags, owners, labels, runs and outputs are completed from the store. The script asks this
program, so let the shell make it anew when it starts:

Examples:
  mltrace completions fish | source     in ~/.config/fish/completions/mltrace.fish
  source <(mltrace completions bash)    in ~/.bashrc
  source <(mltrace completions zsh)     in ~/.zshrc")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

impl Shell {
    pub(crate) fn completer(self) -> &'static dyn EnvCompleter {
        match self {
            Self::Bash => &Bash,
            Self::Elvish => &Elvish,
            Self::Fish => &Fish,
            Self::Powershell => &Powershell,
            Self::Zsh => &Zsh,
        }
    }
}

fn run_id(text: &str) -> Result<RunId, String> {
    text.parse().map_err(|_| "a run is a number such as 12 or '#12', see `mltrace recent`".to_owned())
}

fn status() -> impl TypedValueParser<Value = Status> {
    PossibleValuesParser::new(Status::ALL.map(Status::as_str))
        .try_map(|name| Status::ALL.into_iter().find(|status| status.as_str() == name).ok_or("there is no such status"))
}

#[cfg(feature = "server")]
fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str))
        .try_map(|name| Role::ALL.into_iter().find(|role| role.as_str() == name).ok_or("there is no such role"))
}

fn metric() -> impl TypedValueParser<Value = Metric> {
    PossibleValuesParser::new(Metric::all().map(Metric::name)).try_map(|name| name.parse::<Metric>())
}

fn review_order() -> impl TypedValueParser<Value = ReviewOrder> {
    PossibleValuesParser::new(["suspicion", "coverage"]).map(|order| match order.as_str() {
        "coverage" => ReviewOrder::Coverage,
        _ => ReviewOrder::Suspicion,
    })
}
