//! The page in a real browser: what a user without training does, what every page must keep to, and what must not break it.

mod driver;
mod hostile;
mod live;
mod many;
mod pages;
mod reader;
mod triage;

use driver::Browser;
use serde_json::Value;

use super::{find, skipped};
use crate::cli::Cli;
use crate::serve::Server;

impl Browser {
    /// Nothing, and says so, where there is none.
    fn start() -> Option<Self> {
        let [driver, chromium] = ["chromedriver", "chromium"].map(|program| {
            let found = find(program);
            if found.is_none() {
                skipped(program);
            }
            found
        });
        Some(Self::of(&driver?, &chromium?))
    }
}

impl Server {
    /// The story that comes with the command.
    fn demo() -> Self {
        Self::of(Cli::bare().args("serve --demo --listen 127.0.0.1:0")).0
    }

    /// Every kind of page of the story, by a name for its picture.
    fn places(&self) -> Vec<(&'static str, String)> {
        let ask = |path: &str| self.get(path).1;
        let review = ask("/api/v1/review");
        let (suspect, flagged) = (&review["runs"][0]["run"]["id"], text(&review["flagged"][0]["name"]));
        let history = ask("/api/v1/components/featuregen/runs?limit=100");
        let runs = history["items"].as_array().unwrap();
        let failed = &runs.iter().find(|run| run["status"] == "failed").unwrap()["id"];
        let ids: Vec<&Value> = runs.iter().map(|run| &run["id"]).collect();
        let before = ids[ids.iter().position(|id| *id == suspect).unwrap() + 1];
        let raw = text(&ask("/api/v1/components/cleaning/runs?limit=1")["items"][0]["inputs"][0]["name"]);
        let label = text(&ask("/api/v1/labels")["items"][0]["name"]);
        let places = [
            ("recent", "/".to_owned()),
            ("recent-failed", "/?status=failed".to_owned()),
            ("components", "/components".to_owned()),
            ("component", "/components/featuregen".to_owned()),
            ("component-train", "/components/train".to_owned()),
            ("run-failed", format!("/runs/{failed}")),
            ("run-suspect", format!("/runs/{suspect}")),
            ("trace", format!("/trace/{flagged}")),
            ("trace-components", format!("/trace/{flagged}?collapse=1")),
            ("impact", format!("/impact?name={}", raw.replace('/', "%2F"))),
            ("diff", format!("/diff/{before}/{suspect}")),
            ("review", "/review".to_owned()),
            ("tasks", "/tasks".to_owned()),
            ("task", "/tasks/high_tip".to_owned()),
            ("drift", "/drift?task=high_tip".to_owned()),
            ("retrain", "/retrain?task=high_tip".to_owned()),
            ("labels", "/labels".to_owned()),
            ("label", format!("/labels/{label}")),
            ("stale", "/stale".to_owned()),
            ("search", "/search?text=clean".to_owned()),
            ("help", "/help".to_owned()),
            ("interface", "/api/docs".to_owned()),
            ("nowhere", "/runs/999999".to_owned()),
        ];
        places.into()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
