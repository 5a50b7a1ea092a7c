//! A headless Chromium, driven through ChromeDriver by the WebDriver protocol. The few commands that are needed are JSON over
//! HTTP, which `ureq` sends; the clients that there are bring a hundred crates and a runtime.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Keys that have no character, as WebDriver spells them.
pub(crate) mod key {
    pub(crate) const TAB: &str = "\u{e004}";
    pub(crate) const ENTER: &str = "\u{e007}";
    pub(crate) const CONTROL: &str = "\u{e009}";
    pub(crate) const UP: &str = "\u{e013}";
    pub(crate) const DOWN: &str = "\u{e015}";
}

/// The member that holds an element's reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long a part of a page is waited for.
const WAIT: Duration = Duration::from_secs(10);
/// Longer than anything here takes, so that what hangs fails rather than waits.
const PATIENCE: Duration = Duration::from_secs(60);
/// Runs before whatever a page brings: keeps what would have been an alert, what the policy refused, and what moved.
const WITNESS: &str = "
    window.witnessed = [];
    window.moved = [];
    for (const name of ['alert', 'confirm', 'prompt', 'print'])
        window[name] = (said) => { window.witnessed.push(`${name}: ${said}`); };
    addEventListener('error', (event) => window.witnessed.push(`error: ${event.message}`));
    addEventListener('unhandledrejection', (event) => window.witnessed.push(`rejected: ${event.reason}`));
    addEventListener('securitypolicyviolation', (event) =>
        window.witnessed.push(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
    new PerformanceObserver((list) => {
        for (const { value, hadRecentInput, sources } of list.getEntries()) {
            const told = sources.map(({ node, previousRect: from, currentRect: to }) =>
                `${(node?.outerHTML ?? node?.data)?.slice(0, 100)} from ${from.x},${from.y} to ${to.x},${to.y}`);
            if (value > 0.01 && !hadRecentInput) window.moved.push(`it moves while it loads: ${told.join('; ')}`);
        }
    }).observe({ type: 'layout-shift', buffered: true });
";

/// One browser with one window, ended with its test.
pub(crate) struct Browser {
    driver: Child,
    agent: ureq::Agent,
    /// Where the commands of the session are sent.
    session: String,
    profile: TempDir,
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) scheme: &'static str,
}

impl Browser {
    /// Starts the driver, which starts the browser.
    pub(crate) fn of(driver: &Path, chromium: &Path) -> Self {
        let (driver, port) = listening(driver);
        let agent =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into();
        // From here on it ends with this, whatever fails.
        let session = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { driver, agent, session, profile: TempDir::new().unwrap() };
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            // Whatever is not on this machine cannot be reached.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            &format!("--user-data-dir={}", browser.profile.path().display()),
        ];
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": chromium, "args": arguments },
            "goog:loggingPrefs": { "performance": "ALL" },
            "timeouts": { "implicit": WAIT.as_secs() * 1_000, "script": PATIENCE.as_secs() * 1_000 },
        });
        let begun = browser.send("POST", "", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        browser.session = format!("{}/{}", browser.session, begun["sessionId"].as_str().unwrap());
        browser.cdp("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": WITNESS }));
        // What its own first page asked for is not ours.
        browser.open("about:blank");
        browser.requests();
        browser
    }

    /// What a command answers.
    #[track_caller]
    fn send(&self, method: &str, command: &str, body: &Value) -> Value {
        let (status, value) = self.try_send(method, command, body);
        assert_eq!(status, 200, "{command} {body}: {value}");
        value
    }

    fn try_send(&self, method: &str, command: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{command}", self.session);
        let response = match method {
            "GET" => self.agent.get(url).call(),
            "DELETE" => self.agent.delete(url).call(),
            _ => self.agent.post(url).header("content-type", "application/json").send(body.to_string()),
        };
        let mut response = response.unwrap();
        let text = response.body_mut().with_config().limit(u64::MAX).read_to_string().unwrap();
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        (response.status().as_u16(), answer["value"].take())
    }

    /// A command of the Chrome DevTools protocol.
    #[track_caller]
    pub(crate) fn cdp(&self, command: &str, parameters: &Value) -> Value {
        self.send("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Opens a page, and waits until it has loaded.
    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        self.send("POST", "/url", &json!({ "url": url }));
    }

    /// Goes to the other of two windows, waited for.
    #[track_caller]
    pub(crate) fn other_window(&self) {
        let here = self.send("GET", "/window", &Value::Null);
        let begun = Instant::now();
        let other = loop {
            let windows = self.send("GET", "/window/handles", &Value::Null);
            if let Some(other) = windows.as_array().unwrap().iter().find(|window| **window != here) {
                break other.clone();
            }
            assert!(begun.elapsed() < PATIENCE, "there is no other window");
        };
        self.send("POST", "/window", &json!({ "handle": other }));
    }

    pub(crate) fn back(&self) {
        self.send("POST", "/back", &json!({}));
    }

    /// Where it is, as a path with its question.
    #[track_caller]
    pub(crate) fn place(&self) -> String {
        self.script("return location.pathname + location.search + location.hash").as_str().unwrap().to_owned()
    }

    /// What the server answered the page with that is open.
    #[track_caller]
    pub(crate) fn status(&self) -> u64 {
        self.script("return performance.getEntriesByType('navigation')[0].responseStatus").as_u64().unwrap()
    }

    /// What a script returns.
    #[track_caller]
    pub(crate) fn script(&self, script: &str) -> Value {
        self.script_of(script, &[])
    }

    /// What a script returns that is given arguments.
    #[track_caller]
    pub(crate) fn script_of(&self, script: &str, arguments: &[Value]) -> Value {
        self.send("POST", "/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// What a script answers later.
    #[track_caller]
    pub(crate) fn later(&self, script: &str) -> Value {
        self.send("POST", "/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// The first element that a CSS selector tells, waited for.
    #[track_caller]
    pub(crate) fn find(&self, selector: &str) -> Element<'_> {
        self.element("css selector", selector)
    }

    /// The first link or button with this text, waited for.
    #[track_caller]
    pub(crate) fn named(&self, text: &str) -> Element<'_> {
        self.element(
            "xpath",
            &format!("//main//*[(self::a or self::button or self::summary) and contains(., \"{text}\")]"),
        )
    }

    #[track_caller]
    fn element(&self, using: &str, value: &str) -> Element<'_> {
        let found = self.send("POST", "/element", &json!({ "using": using, "value": value }));
        Element { browser: self, reference: found[ELEMENT].as_str().unwrap().to_owned() }
    }

    /// The text of the page without its bar.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        self.script("return document.querySelector('main').innerText").as_str().unwrap().to_owned()
    }

    /// Waits until a script returns true.
    #[track_caller]
    pub(crate) fn until(&self, script: &str) {
        let begun = Instant::now();
        while self.script(script) != json!(true) {
            assert!(begun.elapsed() < PATIENCE, "never true: {script}\nat {}:\n{}", self.place(), self.text());
        }
    }

    /// Presses keys one after another, where the focus is.
    pub(crate) fn press(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| {
            let stroke = |way| json!({ "type": way, "value": key.to_string() });
            [stroke("keyDown"), stroke("keyUp")]
        });
        self.perform(&strokes.collect());
    }

    /// Presses a key while others are held.
    pub(crate) fn press_with(&self, held: &str, key: &str) {
        let stroke = |way, key| json!({ "type": way, "value": key });
        let strokes = [stroke("keyDown", held), stroke("keyDown", key), stroke("keyUp", key), stroke("keyUp", held)];
        self.perform(&strokes.into());
    }

    fn perform(&self, strokes: &Value) {
        let actions = json!([{ "type": "key", "id": "keyboard", "actions": strokes }]);
        self.send("POST", "/actions", &json!({ "actions": actions }));
    }

    /// The role and the name that are read aloud of what has the focus.
    #[track_caller]
    pub(crate) fn focused(&self) -> (String, String) {
        let at = self.send("GET", "/element/active", &Value::Null);
        let told = |what: &str| {
            let told = self.send("GET", &format!("/element/{}/{what}", at[ELEMENT].as_str().unwrap()), &Value::Null);
            told.as_str().unwrap().to_owned()
        };
        (told("computedrole"), told("computedlabel"))
    }

    pub(crate) fn look(&self, look: Look) {
        let size = json!({ "width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.cdp("Emulation.setDeviceMetricsOverride", &size);
        let scheme = json!([{ "name": "prefers-color-scheme", "value": look.scheme }]);
        self.cdp("Emulation.setEmulatedMedia", &json!({ "features": scheme }));
    }

    /// Keeps a picture of the whole page in a file.
    pub(crate) fn picture(&self, file: &Path) {
        let picture = self.cdp("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }));
        fs::write(file, BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// What the witness of the page that is open has seen.
    #[track_caller]
    pub(crate) fn witnessed(&self) -> Vec<String> {
        serde_json::from_value(self.script("return window.witnessed")).unwrap()
    }

    /// What has moved while the page came in, once all of it that has come is on the screen and told of.
    #[track_caller]
    pub(crate) fn moved(&self) -> Vec<String> {
        let moved = "const [done] = arguments;
                     requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(window.moved))))";
        serde_json::from_value(self.later(moved)).unwrap()
    }

    /// The addresses that were asked for since this was called last.
    pub(crate) fn requests(&self) -> Vec<String> {
        let log = self.send("POST", "/se/log", &json!({ "type": "performance" }));
        let told = log.as_array().unwrap().iter().filter_map(|entry| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let message = &message["message"];
            (message["method"] == "Network.requestWillBeSent").then_some(())?;
            Some(message["params"]["request"]["url"].as_str()?.to_owned())
        });
        told.collect()
    }
}

/// A driver, and the port at which it listens. It takes any that is free by IPv6 and ends where that one is taken by
/// IPv4, as it may be by a server of another test: then another is taken.
fn listening(driver: &Path) -> (Child, String) {
    let mut said = String::new();
    for _ in 0..20 {
        let mut driver = Command::new(driver).arg("--port=0").env("TZ", "UTC").stdout(Stdio::piped()).spawn().unwrap();
        for line in BufReader::new(driver.stdout.take().unwrap()).lines().map(Result::unwrap) {
            if let Some((_, port)) = line.split_once("successfully on port ") {
                return (driver, port.trim_end_matches('.').to_owned());
            }
            said += &line;
            said.push('\n');
        }
        let _killed = driver.kill();
        driver.wait().unwrap();
    }
    panic!("ChromeDriver listens nowhere:\n{said}");
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends Chromium too, which a signal to its driver would not.
        let _ended = self.agent.delete(&self.session).call();
        let _killed = self.driver.kill();
        let _gone = self.driver.wait();
    }
}

/// A part of the page that is open.
pub(crate) struct Element<'b> {
    browser: &'b Browser,
    reference: String,
}

impl Element<'_> {
    /// Clicks it, and waits where that leads to another page.
    #[track_caller]
    pub(crate) fn click(&self) {
        self.send("/click", &json!({}));
    }

    #[track_caller]
    pub(crate) fn write(&self, text: &str) {
        self.send("/value", &json!({ "text": text }));
    }

    #[track_caller]
    pub(crate) fn text(&self) -> String {
        let found = self.browser.send("GET", &format!("/element/{}/text", self.reference), &Value::Null);
        found.as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn send(&self, command: &str, body: &Value) -> Value {
        self.browser.send("POST", &format!("/element/{}{command}", self.reference), body)
    }
}
