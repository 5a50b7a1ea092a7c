//! A server in a process of its own, and clients that do no more than they must, so that its work is what is timed.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::Result;

/// Killed when it is dropped.
pub(crate) struct Served {
    child: Child,
    address: SocketAddr,
}

impl Served {
    pub(crate) fn start(store: &Path) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mltrace"));
        command.arg("--db").arg(store).args(["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(',').next()).ok_or("no address")?;
        Ok(Self { address: address.trim().parse()?, child })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn client(&self) -> Result<Client> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Client { stream: BufReader::new(stream), body: Vec::new() })
    }

    /// What of it is in memory, in MB.
    pub(crate) fn memory(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse::<f64>()? / 1_000.0)
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&self) -> Result<()> {
        let process = Pid::from_raw(self.child.id().try_into()?).ok_or("no process")?;
        Ok(kill_process(process, Signal::KILL)?)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have been killed already.
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// One connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    /// Of the last answer.
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// The status of the answer, whose body is kept.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<u16> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.stream.get_mut().write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or("the server closed")?.parse()?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            match line.trim().split_once(": ") {
                None => break,
                Some(("content-length", value)) => length = value.parse()?,
                Some(_) => {}
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body)?;
        Ok(status)
    }

    pub(crate) fn expects(&mut self, status: u16, method: &str, path: &str, body: &str) -> Result<()> {
        let answered = self.ask(method, path, body)?;
        if answered == status {
            return Ok(());
        }
        Err(format!("{method} {path} answers {answered}: {}", String::from_utf8_lossy(&self.body)).into())
    }
}
