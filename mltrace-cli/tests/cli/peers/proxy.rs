//! TLS, which is a proxy's: the example for nginx, before a server.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{find, skipped};
use crate::cli::{Cli, PATIENCE};
use crate::pipeline::Store;
use crate::serve::Server;

const EXAMPLE: &str = include_str!("../../../../examples/nginx.conf");
const NAME: &str = "mltrace.example.com";

/// Killed with its test.
struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    /// The example, at an address of the tests and with a certificate that is made for them.
    fn before(server: SocketAddr, folder: &Path) -> Self {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "certificate.pem"])
            .args(["-subj", &format!("/CN={NAME}"), "-addext", &format!("subjectAltName=DNS:{NAME}")])
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut site = EXAMPLE.to_owned();
        for (shown, here) in [
            ("listen 443 ssl", format!("listen {address} ssl")),
            ("/etc/ssl/certs/mltrace.pem", folder.join("certificate.pem").display().to_string()),
            ("/etc/ssl/private/mltrace.key", folder.join("key.pem").display().to_string()),
            ("http://127.0.0.1:8080;", format!("http://{server};")),
        ] {
            assert!(site.contains(shown), "{shown}");
            site = site.replace(shown, &here);
        }
        let here = folder.display();
        let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|part| format!("{part}_temp_path {here}/{part};\n"))
            .concat();
        let whole = format!(
            "daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;\nevents {{}}\n\
             http {{ access_log off;\n{places}{site}}}\n"
        );
        fs::write(folder.join("nginx.conf"), whole).unwrap();
        let mut command = Command::new(find("nginx").unwrap());
        command.arg("-c").arg(folder.join("nginx.conf")).args(["-e", "stderr"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            let log = || fs::read_to_string(folder.join("error.log")).unwrap_or_default();
            assert!(child.try_wait().unwrap().is_none() && Instant::now() < end, "nginx is not there: {}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child, address }
    }

    /// What a client prints that checks the certificate.
    fn curl(&self, folder: &Path, path: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--cacert", "certificate.pem", "--write-out", " %{http_code}"]);
        command.args(["--noproxy", "*", "--resolve", &format!("{NAME}:{}:127.0.0.1", self.address.port())]);
        command.args(arguments).arg(format!("https://{NAME}:{}{path}", self.address.port()));
        let output = command.current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn behind_a_proxy_that_speaks_tls_who_has_a_token_is_served_under_the_proxys_name() {
    for program in ["nginx", "openssl", "curl"] {
        if find(program).is_none() {
            return skipped(program);
        }
    }
    let store = Store::of_a_chain(2);
    let folder = store.folder();
    let token = Cli::on(&store).args("token add --role admin").succeeds();
    let bearer = format!("authorization: Bearer {}", token.lines().next().unwrap());
    let server = Server::with(&store.path(), &["--host", NAME]);
    let nginx = Nginx::before(server.address.parse().unwrap(), folder);

    assert!(nginx.curl(folder, "/api/v1/runs", &[]).ends_with(" 401"));
    let listed = nginx.curl(folder, "/api/v1/runs?limit=1", &["--header", &bearer]);
    assert!(listed.ends_with(" 200") && listed.contains("\"component\":\"step\""), "{listed}");
    let run = json!({"component": "dbt", "outputs": ["s3://lake/rides"],
                     "started_at": "2026-02-01T08:00:00Z", "ended_at": "2026-02-01T08:05:00Z"});
    let own = format!("origin: https://{NAME}:{}", nginx.address.port());
    for (origin, status) in [(own.as_str(), " 201"), ("origin: https://example.org", " 403")] {
        let json = run.to_string();
        let sent = nginx.curl(folder, "/api/v1/runs", &["--header", &bearer, "--header", origin, "--json", &json]);
        assert!(sent.ends_with(status), "{origin}: {sent}");
    }
    let traced = Cli::on(&store).args("trace s3://lake/rides").answers();
    assert_eq!(traced["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn a_server_that_has_a_name_for_others_is_refused_until_there_is_a_token() {
    let store = Store::empty();
    let refused = Cli::on(&store).args("serve --listen 127.0.0.1:0 --host mltrace.example.com").fails(2);
    assert!(refused.contains("make one with `mltrace token add`"), "{refused}");
}
