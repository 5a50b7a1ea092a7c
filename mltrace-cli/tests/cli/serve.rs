use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli::{Cli, end_of};
use crate::pipeline::Store;

/// A server in a process of its own, killed with its test.
pub(crate) struct Server {
    child: Option<Child>,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn on(store: &Store) -> Self {
        Self::at(&store.path())
    }

    fn at(store: &Path) -> Self {
        Self::with(store, &[])
    }

    pub(crate) fn with(store: &Path, arguments: &[&str]) -> Self {
        let cli = Cli::at(store).args("serve --listen 127.0.0.1:0");
        Self::of(arguments.iter().fold(cli, |cli, argument| cli.arg(argument))).0
    }

    /// A command that serves, and what it said once it could be called.
    pub(crate) fn of(cli: Cli) -> (Self, Value) {
        // It is killed also where it says what nobody understands.
        let mut server = Self { child: Some(cli.args("--json").starts()), address: String::new() };
        let out = BufReader::new(server.child.as_mut().unwrap().stdout.as_mut().unwrap());
        let said: Value = serde_json::from_reader(out.take_document()).unwrap();
        let of_url = || said["url"].as_str()?.strip_prefix("http://")?.split('/').next();
        said["address"].as_str().or_else(of_url).unwrap().clone_into(&mut server.address);
        (server, said)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        answer(agent().get(self.url(path)).call())
    }

    /// The text of a page.
    pub(crate) fn page(&self, path: &str) -> String {
        agent().get(self.url(path)).call().unwrap().body_mut().read_to_string().unwrap()
    }

    pub(crate) fn log(&self, run: &Value) -> Result<u64, ureq::Error> {
        Ok(self.send("/api/v1/runs", run)?["runs"][0]["id"].as_u64().unwrap())
    }

    fn send(&self, path: &str, json: &Value) -> Result<Value, ureq::Error> {
        let asking = agent().post(self.url(path)).header("content-type", "application/json");
        let (status, body) = read(asking.send(json.to_string())?);
        assert_eq!(status, 201, "{body}");
        Ok(body)
    }

    pub(crate) fn tell(&self, signal: Signal) {
        let id = self.child.as_ref().unwrap().id();
        kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), signal).unwrap();
    }

    pub(crate) fn ends(mut self) -> (i32, String) {
        end_of(self.child.take().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Told rather than killed, so that a demo takes its store away.
        if self.child.is_some() {
            self.tell(Signal::TERM);
            // One that a test has stopped does not hear it before.
            self.tell(Signal::CONT);
        }
        if let Some(child) = &mut self.child {
            child.wait().unwrap();
        }
    }
}

/// What there is of a stream up to the end of its first document.
trait TakeDocument {
    fn take_document(self) -> std::io::Cursor<String>;
}

impl<R: BufRead> TakeDocument for R {
    fn take_document(mut self) -> std::io::Cursor<String> {
        let mut text = String::new();
        // Indented, so that only its end stands at the beginning of a line.
        while !text.ends_with("\n}\n") && self.read_line(&mut text).unwrap() > 0 {}
        std::io::Cursor::new(text)
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(crate::cli::PATIENCE)).build().into()
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    read(response.unwrap())
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> (u16, Value) {
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn run(output: &str) -> Value {
    json!({"component": "dbt/rides", "outputs": [output],
           "started_at": "2020-02-01T08:00:00Z", "ended_at": "2020-02-01T08:05:00Z"})
}

#[test]
fn a_run_that_is_logged_over_http_is_there_for_the_command_line_and_the_other_way_round() {
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    let (status, runs) = server.get("/api/v1/runs?limit=1");
    assert_eq!((status, &runs["items"][0]["component"]), (200, &json!("step")));
    let id = server.log(&run("warehouse.rides")).unwrap();
    let traced = Cli::on(&store).args("trace warehouse.rides").answers();
    assert_eq!(traced["root"]["run"], id);
    assert_eq!(server.get("/api/v1/components/dbt/rides/runs").1["items"][0]["id"], id);
}

#[test]
fn a_server_makes_the_store_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::at(&folder.path().join("new.db"));
    assert_eq!(server.log(&run("rides")).unwrap(), 1);
}

#[test]
fn a_server_that_is_told_to_end_ends_well() {
    let store = Store::of_a_chain(1);
    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::on(&store);
        server.log(&run("rides")).unwrap();
        server.tell(signal);
        assert_eq!(server.ends(), (0, String::new()));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_whose_terminal_is_closed_ends_well_unless_it_was_started_to_go_on() {
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    server.log(&run("rides")).unwrap();
    server.tell(Signal::HUP);
    assert_eq!(server.ends(), (0, String::new()));
    let (server, _) = Server::of(Cli::without_hangup(&store).args("serve --listen 127.0.0.1:0"));
    server.tell(Signal::HUP);
    // More than it would still answer while it ended.
    for _ in 0..20 {
        server.log(&run("rides")).unwrap();
    }
}

#[test]
fn what_there_is_to_warn_of_stands_in_the_log_and_holds_nothing_up() {
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    let mut run = run("rides");
    run["upstream"] = json!(["nobody"]);
    for _ in 0..3 {
        server.log(&run).unwrap();
    }
    server.tell(Signal::TERM);
    let (code, log) = server.ends();
    assert_eq!((code, log.matches("has no run that ended before").count()), (0, 3), "{log}");
}

#[test]
fn a_run_that_was_acknowledged_is_there_after_a_kill() {
    is_there_after_a_kill(|server, number| server.log(&run(&format!("rides-{number}"))));
}

#[test]
fn what_an_event_tells_is_there_after_a_kill_if_it_was_acknowledged() {
    is_there_after_a_kill(|server, number| {
        let run = format!("0197f3c0-0000-7000-8000-{number:012}");
        let event = json!({"eventType": "COMPLETE", "eventTime": "2020-02-01T08:05:00Z", "producer": "test",
                           "job": {"namespace": "dbt", "name": "rides"}, "run": {"runId": run},
                           "outputs": [{"namespace": "file", "name": format!("rides-{number}")}]});
        Ok(server.send("/api/v1/lineage", &event)?["run"]["id"].as_u64().unwrap())
    });
}

/// Sends one run after the other, each with an output of its own, until the server is killed in the midst of it.
fn is_there_after_a_kill(send: impl Fn(&Server, usize) -> Result<u64, ureq::Error> + Sync) {
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    let mut acknowledged = Vec::new();
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| (0..).map_while(|number| send(&server, number).ok()).collect::<Vec<_>>());
        while server.get("/api/v1/pointers/rides-30").0 != 200 {}
        server.tell(Signal::KILL);
        acknowledged = sending.join().unwrap();
    });
    assert!(acknowledged.len() > 30);
    let after = Server::on(&store);
    for id in acknowledged {
        assert_eq!(after.get(&format!("/api/v1/runs/{id}")).0, 200, "{id} is lost");
    }
}

#[test]
fn an_address_that_others_reach_is_refused_until_there_is_a_token() {
    let store = Store::of_a_chain(1);
    let serve = || Cli::on(&store).args("serve --listen 0.0.0.0:0");
    let refused = serve().fails(2);
    assert!(refused.contains("make one with `mltrace token add`"), "{refused}");
    Cli::on(&store).args("token add --role read").succeeds();
    let mut child = serve().starts();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("at http://0.0.0.0:"), "{line}");
}

#[test]
fn a_token_is_made_used_and_revoked_while_the_server_runs() {
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    let made = Cli::on(&store).args("token add --role read --name ana").answers();
    let token = made["token"].as_str().unwrap().to_owned();
    let ask = || {
        let asking = agent().get(server.url("/api/v1/runs")).header("authorization", format!("Bearer {token}"));
        answer(asking.call()).0
    };
    assert_eq!((server.get("/api/v1/runs").0, ask()), (401, 200));
    let listed = Cli::on(&store).args("token list").answers();
    assert_eq!((&listed["items"][0]["name"], listed["items"][0].get("hash")), (&json!("ana"), None));
    let other = Cli::on(&store).args("token add --role log").succeeds();
    assert!(other.starts_with("mltrace_"), "{other}");
    assert_eq!(Cli::on(&store).args("token revoke ana").succeeds(), "revoked ana\n");
    assert_eq!(ask(), 401);
    assert!(Cli::on(&store).args("token revoke ana").fails(2).contains("there are log"));
}

#[test]
fn an_address_that_is_taken_is_told() {
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    let refused = Cli::on(&store).args("serve --listen").arg(&server.address).fails(2);
    assert!(refused.contains("cannot be served: Address already in use"), "{refused}");
}
