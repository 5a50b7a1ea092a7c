//! Stages in three languages: a dbt project, Python through its client for OpenLineage, and Rust.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mltrace::component;
use mltrace_core::{RunRecord, Status};
use serde_json::Value;

use super::{find, skipped};
use crate::cli::Cli;
use crate::openlineage::Collector;
use crate::pipeline::Store;
use crate::serve::Server;

/// What the clients send is kept as it came where this is set, for the tests of what a server makes of it.
const RECORD: &str = "MLTRACE_RECORD";

const DBT: [(&str, &str); 5] = [
    ("dbt_project.yml", "{name: taxi, version: '1.0', profile: taxi, flags: {send_anonymous_usage_stats: false}}\n"),
    ("profiles.yml", "taxi: {target: dev, outputs: {dev: {type: duckdb, path: warehouse.duckdb}}}\n"),
    ("seeds/raw_rides.csv", "ride,fare,tip\n1,10.0,2.5\n2,8.0,0.5\n3,-4.0,0.0\n"),
    ("models/rides.sql", "select ride, tip / fare as share from {{ ref('raw_rides') }} where fare > 0\n"),
    (
        "models/schema.yml",
        "{version: 2, models: [{name: rides, columns: [{name: ride, data_tests: [unique, not_null]}]}]}\n",
    ),
];

/// The two stages that are not ours, in a folder.
struct Stages {
    folder: PathBuf,
    dbt: PathBuf,
}

impl Stages {
    /// `None` where dbt is missing; what fetches it fetches the client for Python, too.
    fn in_folder(folder: &Path) -> Option<Self> {
        let dbt = find("dbt-ol")?;
        for (name, text) in DBT {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Some(Self { folder: folder.to_owned(), dbt })
    }

    fn dbt(&self, url: &str) {
        let mut command = Command::new(&self.dbt);
        command.args(["build", "--consume-structured-logs", "--no-use-colors"]).env("OPENLINEAGE_NAMESPACE", "dbt");
        succeeds(command.env("OPENLINEAGE_URL", url).current_dir(&self.folder));
    }

    /// Reads the table that dbt wrote, and writes features.
    fn python(&self, url: &str, features: &Path, compression: &str) {
        let mut command = Command::new(self.dbt.with_file_name("python3"));
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/peers/stages/score.py"));
        let said = succeeds(command.args([url, compression]).arg(features).current_dir(&self.folder));
        assert!(!said.to_lowercase().contains("fail"), "{said}");
    }
}

fn succeeds(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = [stdout, stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(status.success(), "{said}");
    said
}

/// Learns the mean.
#[component(owner = "model-team", inputs(features), outputs(model))]
fn train(features: &Path, model: &Path) -> f64 {
    let text = fs::read_to_string(features).unwrap();
    let shares: Vec<f64> = text.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    let count = f64::from(u32::try_from(shares.len()).unwrap());
    let mean = shares.iter().sum::<f64>() / count;
    fs::write(model, mean.to_string()).unwrap();
    mean
}

#[test]
fn a_dbt_project_a_python_stage_and_a_rust_stage_are_one_lineage() {
    let store = Store::empty();
    let Some(stages) = Stages::in_folder(store.folder()) else { return skipped("dbt with openlineage-dbt") };
    let server = Server::on(&store);
    let url = format!("http://{}", server.address);
    let [features, model] = ["features.csv", "mean.model"].map(|name| store.folder().join(name));
    stages.dbt(&url);
    stages.python(&url, &features, "gzip");
    let tracing = mltrace::scoped(&store.tracer);
    assert!((train(&features, &model) - 0.15625).abs() < 1e-9);
    drop(tracing);

    let traced = Cli::on(&store).args("trace mean.model").succeeds();
    let at = |text: &str| traced.find(text).unwrap_or_else(|| panic!("no {text} in\n{traced}"));
    let way = [
        " train  ",
        "↑ features.csv",
        " python/score  ",
        "↑ duckdb://warehouse.duckdb/warehouse.main.rides",
        " dbt/model.taxi.rides  ",
        "↑ duckdb://warehouse.duckdb/warehouse.main.raw_rides",
        " dbt/seed.taxi.raw_rides  ",
    ];
    assert!(way.map(at).is_sorted(), "{traced}");
    assert!(!traced.contains("overlapping") && !traced.contains("openlineage"), "{traced}");

    let last = |component: &str| -> RunRecord { store.tracer.history(component).get().unwrap().items.remove(0) };
    let rides = last("dbt/model.taxi.rides");
    let statements = rides.params.iter().filter(|(name, _)| name.starts_with("openlineage.run.statement."));
    assert!(statements.into_iter().any(|(_, told)| told["query"].as_str().unwrap().contains("where fare > 0")));
    let sent = store.tracer.recent(99).unwrap().items;
    assert!(sent.iter().all(|run| !run.component.contains(".sql.")), "statements are no runs");
    let project = last("dbt/dbt-run-taxi");
    assert_eq!((project.status, rides.parent), (Status::Completed, Some(project.uuid)));
    let test = sent.iter().find(|run| run.component.starts_with("dbt/test.taxi.unique")).unwrap();
    assert_eq!((test.status, test.checks.len()), (Status::Completed, 1), "{:?}", test.checks);

    let scored = last("python/score");
    assert_eq!((scored.status, scored.outputs.len()), (Status::Completed, 1));
    assert_eq!(scored.code.snapshot.as_deref(), Some("select share from rides"));
    let kept = |name: &str| scored.params.keys().any(|param| param.starts_with(&format!("openlineage.{name}")));
    assert!(
        kept("run.nominalTime") && kept("input.schema:") && kept("output.outputStatistics:"),
        "{:?}",
        scored.params
    );
    assert!(scored.params.values().all(|value| value.get("_setAside").is_none()), "{:?}", scored.params);
    let component = store.tracer.component("python/score").unwrap();
    assert_eq!(
        (component.owner.as_deref(), component.description.as_deref()),
        (Some("anna"), Some("Takes shares out of the warehouse"))
    );
    let report = last("python/report");
    assert_eq!((report.status, report.error.as_deref()), (Status::Failed, Some("no printer")));
}

#[test]
fn what_the_clients_send_is_recorded_where_that_is_asked_for() {
    if std::env::var_os(RECORD).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(stages) = Stages::in_folder(folder.path()) else { return skipped("dbt with openlineage-dbt") };
    let record = |name: &str, send: &dyn Fn(&str)| {
        let collector = Collector::new(|_| 201);
        send(&collector.url);
        let lines: Vec<_> = collector.events().iter().map(Value::to_string).collect();
        let text = lines.join("\n").replace(folder.path().to_str().unwrap(), "/project") + "\n";
        let recorded = concat!(env!("CARGO_MANIFEST_DIR"), "/../mltrace-server/tests/server/recorded");
        fs::create_dir_all(recorded).unwrap();
        fs::write(format!("{recorded}/{name}.jsonl"), text).unwrap();
    };
    record("dbt", &|url| stages.dbt(url));
    record("python", &|url| stages.python(url, &folder.path().join("features.csv"), "plain"));
}
