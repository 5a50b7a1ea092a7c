//! The pages by which somebody who did not build the stage finds what is wrong with it.

use std::collections::BTreeSet;
use std::fmt::Write;

use axum::http::header::LOCATION;
use chrono::{DateTime, TimeDelta, Utc};
use mltrace_core::{CheckStatus, ComponentRun, IoPointer, RunId};
use mltrace_server::Role;
use serde_json::json;

use crate::client::{Answer, Server};

/// Names that a page could stumble over.
const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "a b/c//d",
    "\"quoted\" & 'single'",
    "../../etc/passwd",
    "?name=x#y",
    "رحلة/٢٠٢٠",
    "🚕{{7*7}}",
    "javascript:alert(1)",
];

impl Server {
    /// What a page says that cannot be had as it was asked.
    async fn page_that_refuses(&self, path: &str, status: u16) -> String {
        let answer = self.get(path).send().await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["content-type"]),
            (status, &HTML.parse().unwrap()),
            "{path}"
        );
        answer.text()
    }

    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = String::new();
        for (key, value) in fields {
            write!(body, "{key}=").unwrap();
            value.bytes().for_each(|byte| write!(body, "%{byte:02X}").unwrap());
            body.push('&');
        }
        self.ask("POST", path).body(body).header("content-type", "application/x-www-form-urlencoded").send().await
    }

    fn log(&self, component: &str, minute: i64, describe: impl FnOnce(&mut ComponentRun)) -> RunId {
        let mut run = ComponentRun::new(component);
        run.started_at(at(minute)).ended_at(at(minute + 1));
        describe(&mut run);
        self.tracer.log_component_run(run).unwrap()
    }
}

const HTML: &str = "text/html; charset=utf-8";

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2020-03-01T08:00:00Z").unwrap().to_utc() + TimeDelta::minutes(minute)
}

fn leads_to(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.headers[LOCATION].to_str().unwrap()
}

/// The addresses on a page, as a browser reads them.
fn links(page: &str) -> Vec<String> {
    let unescape = |text: &str| {
        let text = text.replace("&#38;", "&").replace("&#34;", "\"").replace("&#39;", "'");
        text.replace("&#60;", "<").replace("&#62;", ">")
    };
    page.split("href=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(link, _)| unescape(link)).collect()
}

/// The runs in the rows of a list, in their order.
fn rows(page: &str) -> Vec<i64> {
    let rows = page.split("<li class=\"row\"").skip(1);
    rows.map(|row| row.split_once("href=\"/runs/").unwrap().1.split_once('"').unwrap().0.parse().unwrap()).collect()
}

#[tokio::test]
async fn the_last_runs_are_filtered_by_status_component_tag_and_time() {
    let server = Server::new();
    server.log("clean", 0, |run| {
        run.tag("nightly");
    });
    server.log("clean", 10, |run| {
        run.fail("no rides\nat line 7");
    });
    server.log("train", 20, |run| {
        run.fail("no memory");
    });
    for (question, found) in [
        ("", vec![3, 2, 1]),
        ("?status=failed&component=&tag=&since=&until=", vec![3, 2]),
        ("?component=clean", vec![2, 1]),
        ("?component=clean&status=failed", vec![2]),
        ("?tag=nightly", vec![2, 1]),
        ("?since=2020-03-01T08:10", vec![3, 2]),
        ("?until=2020-03-01T08:10&component=clean", vec![2, 1]),
        ("?until=2020-03-01T09:09:00%2B01:00", vec![1]),
        ("?status=panicked", vec![]),
    ] {
        let page = server.page(&format!("/{question}")).await;
        assert_eq!(rows(&page), found, "{question}");
        assert_eq!(page.contains("No run matches"), found.is_empty());
    }
    let page = server.page("/?status=failed").await;
    assert!(page.contains("<option selected>failed</option>"));
    assert!(page.contains("no rides</bdi>") && !page.contains("at line 7"), "an error is led by its first line");
}

#[tokio::test]
async fn what_is_sought_in_vain_in_many_runs_is_given_up_with_a_way_to_go_on() {
    let server = Server::new();
    let lost = server.log("stage", 0, |run| {
        run.fail("long ago");
    });
    for minute in 1..=5_200 {
        let mut run = ComponentRun::new("stage");
        run.started_at(at(minute)).ended_at(at(minute));
        server.tracer.queue_component_run(run).unwrap();
    }
    server.tracer.flush().unwrap();
    for question in ["?status=failed", "?status=failed&component=stage"] {
        let page = server.page(&format!("/{question}")).await;
        assert!(page.contains("None among the 5050 runs looked at"), "{question}");
        let onward = links(&page).into_iter().find(|link| link.contains("after=")).unwrap();
        assert_eq!(rows(&server.page(&onward).await), [lost.0], "{onward}");
        let part = onward.replacen('/', "/recent/older", 1);
        assert_eq!(rows(&server.page(&part).await), [lost.0], "the part of a page is the same");
    }
}

#[tokio::test]
async fn runs_of_a_time_or_a_tag_are_found_however_many_were_recorded_since() {
    let server = Server::new();
    for minute in 0..120 {
        server.log("clean", minute, |run| {
            run.tag("nightly");
        });
    }
    for minute in 1_000..=6_200 {
        let mut run = ComponentRun::new("stage");
        run.started_at(at(minute)).ended_at(at(minute));
        server.tracer.queue_component_run(run).unwrap();
    }
    server.tracer.flush().unwrap();
    let long_ago = at(500).to_rfc3339().replace('+', "%2B");
    for question in ["?tag=nightly".to_owned(), format!("?until={long_ago}")] {
        let (mut found, mut next) = (Vec::new(), Some(format!("/{question}")));
        while let Some(place) = next {
            let page = server.page(&place).await;
            assert!(!page.contains("runs looked at"), "{place}");
            found.extend(rows(&page));
            next = links(&page).into_iter().find(|link| link.contains("after="));
        }
        assert_eq!(found, (1..=120).rev().collect::<Vec<i64>>(), "{question}");
    }
    let in_vain = server.page(&format!("/?status=failed&since={long_ago}")).await;
    assert!(in_vain.contains("None among the 5000 runs looked at"));
}

#[tokio::test]
async fn a_run_of_many_outputs_is_told_by_the_first_of_them_and_their_number() {
    let server = Server::new();
    server.log("split", 0, |run| {
        run.add_output((0..400).map(|nth| format!("parts/{nth:03}.csv")).collect::<Vec<_>>());
    });
    assert!(server.page("/").await.contains("+399</span>"));
    for path in ["/runs/1/brief", "/impact?run=1"] {
        let page = server.page(path).await;
        assert!(page.contains("parts/004.csv") && page.contains("and 395 more"), "{path}: {page}");
    }
    assert!(server.page("/impact?run=1").await.contains("with the first 300 outputs of each"));
}

#[tokio::test]
async fn what_a_run_of_many_outputs_wrote_is_no_source_whoever_read_it() {
    let server = Server::new();
    let step = |nth: i64| IoPointer::new(format!("step {nth}")).at_version("1");
    server.log("train", 0, |run| {
        run.add_input("raw").add_input(step(399)).add_output((0..400).map(step).collect::<Vec<_>>());
    });
    server.log("score", 10, |run| {
        run.add_input(step(398)).add_output("report");
    });
    for path in ["/trace/report", "/trace?run=1", "/trace?run=2", "/trace/step%20399", "/trace/report?collapse=1"] {
        let page = server.page(path).await;
        assert_eq!(page.matches("class=\"box pointer source\"").count(), 1, "{path}: {page}");
        let sources: Vec<_> = page.split("sources:</span> ").skip(1).map(|rest| rest.split("</div>").next()).collect();
        let raw = Some("<a class=\"pointer\" href=\"/trace/raw\"><bdi>raw</bdi></a>");
        assert!(sources.iter().all(|sources| *sources == raw), "{path}: {sources:?}");
        assert_eq!(sources.len(), usize::from(!path.contains("collapse")), "{path}");
    }
}

#[tokio::test]
async fn what_a_run_in_brief_leaves_out_is_counted_with_a_way_to_it() {
    let server = Server::new();
    for nth in 0..4 {
        server.log(&format!("clean {nth}"), nth, |run| {
            run.add_output(format!("rides {nth}"));
        });
    }
    server.log("train", 10, |run| {
        for nth in 0..4 {
            run.add_input(format!("rides {nth}")).check(format!("check {nth}"), nth < 2);
        }
        for nth in 0..13 {
            run.metric(format!("metric {nth:02}"), 1.0).param(format!("param {nth:02}"), nth).unwrap();
        }
    });
    for nth in 0..4 {
        server.log(&format!("clean {nth}"), 20 + nth, |run| {
            run.add_output(format!("rides {nth}"));
        });
    }
    let brief = server.page("/runs/5/brief").await;
    let whole = server.page("/runs/5").await;
    for (link, more, id) in [
        ("/runs/5", "and 1 more of the reasons", ""),
        ("/runs/5#checks", "and 1 more of the checks", " id=\"checks\""),
        ("/runs/5#metrics", "and 3 more", " id=\"metrics\""),
        ("/runs/5#params", "and 3 more", " id=\"params\""),
    ] {
        assert!(brief.contains(&format!("<a href=\"{link}\">{more}</a>")), "{link}: {brief}");
        assert!(whole.contains(id), "{id}: {whole}");
    }
    assert!(!server.page("/runs/1/brief").await.contains(" more"));
}

#[tokio::test]
async fn stages_declared_upstream_are_paged() {
    let server = Server::new();
    for nth in 0..250 {
        server.log(&format!("stage {nth:03}"), nth, |_| ());
    }
    server.log("report", 1_000, |run| {
        for nth in 0..250 {
            run.set_upstream(format!("stage {nth:03}"));
        }
    });
    let declared = |page: &str| page.matches("declared upstream</span>").count();
    let first = server.page("/runs/251").await;
    assert!(declared(&first) == 200 && first.contains("The next of 50 more declared upstream"), "{first}");
    let next = links(&first).into_iter().find(|link| link.contains("declared=200")).unwrap();
    let second = server.page(next.trim_end_matches("#read")).await;
    assert!(declared(&second) == 50 && second.contains("<bdi>stage 249</bdi>"), "{second}");
    assert!(!second.contains("more declared upstream"), "{second}");
}

#[tokio::test]
async fn each_list_of_a_run_can_be_followed_to_its_end() {
    let server = Server::new();
    let clean = |minute: i64| {
        for nth in 0..25 {
            server.log(&format!("clean {nth:02}"), minute + nth, |run| {
                run.add_output(format!("rides {nth:02}"));
            });
        }
    };
    clean(0);
    let stale = server.log("train", 100, |run| {
        run.add_input((0..25).map(|nth| format!("rides {nth:02}")).collect::<Vec<_>>());
    });
    clean(200);
    let told = server.log("report", 300, |run| {
        run.add_input("raw");
        for nth in 0..450 {
            run.metric(format!("metric {nth:03}"), 1.0).check(format!("check {nth:03}"), true);
            run.label(format!("label {nth:03}")).param(format!("param {nth:03}"), nth).unwrap();
            run.param(format!("openlineage.run.told {nth:03}"), nth).unwrap();
        }
    });
    for (run, list, what, all, item) in [
        (stale, "stale", "reasons", 25, "<span class=\"stale\">"),
        (told, "labels", "labels", 450, "<bdi>label "),
        (told, "checks", "checks", 450, "<bdi>check "),
        (told, "metrics", "metrics", 450, "<bdi>metric "),
        (told, "params", "params", 450, "<bdi>param "),
        (told, "told", "pieces", 450, "<bdi>told "),
    ] {
        let mut seen = BTreeSet::new();
        let mut place = Some(format!("/runs/{run}"));
        while let Some(here) = place {
            let page = server.page(&here).await;
            assert!(page.contains(&format!("id=\"{list}\"")), "{here}");
            let items = page.split(item).skip(1);
            seen.extend(items.map(|rest| rest.lines().next().unwrap().split("</a>").next().unwrap().to_owned()));
            let more = format!("The next of {} more {what}<", all - seen.len());
            place = links(&page).into_iter().find(|link| link.ends_with(&format!("#{list}")));
            assert_eq!((place.is_some(), page.contains(&more)), (seen.len() < all, seen.len() < all), "{here}: {more}");
        }
    }
}

#[tokio::test]
async fn who_goes_on_in_one_list_of_a_run_stays_where_the_others_are() {
    let server = Server::new();
    server.log("train", 0, |run| {
        for nth in 0..250 {
            run.metric(format!("metric {nth:03}"), 1.0).param(format!("param {nth:03}"), nth).unwrap();
        }
    });
    let metrics = server.page("/runs/1?params=200").await;
    assert!(links(&metrics).contains(&"/runs/1?params=200&metrics=200#metrics".to_owned()));
}

#[tokio::test]
async fn a_list_of_a_component_goes_on_where_it_ended() {
    let server = Server::new();
    for minute in 0..120 {
        server.log(if minute % 2 == 0 { "even" } else { "odd" }, minute, |_| ());
    }
    let mut found = Vec::new();
    let mut next = Some("/?component=odd".to_owned());
    while let Some(place) = next {
        let page = server.page(&place).await;
        found.extend(rows(&page));
        next = links(&page).into_iter().find(|link| link.contains("after="));
    }
    assert_eq!(found, (1..=120).rev().step_by(2).collect::<Vec<i64>>());
}

#[tokio::test]
async fn new_runs_come_in_as_they_are_sought() {
    let server = Server::new();
    server.log("clean", 0, |_| ());
    let page = server.page("/?status=failed").await;
    assert!(page.contains("hx-get=\"/recent/newer?status=failed&#38;newest=1\""), "{page}");
    server.log("clean", 1, |_| ());
    server.log("clean", 2, |run| {
        run.fail("no rides");
    });
    let part = server.page("/recent/newer?status=failed&newest=1").await;
    assert_eq!(rows(&part), [3]);
    assert!(part.contains("newest=3"));
    assert_eq!(rows(&server.page("/recent/newer?newest=1").await), [3, 2]);
    assert_eq!(rows(&server.page("/recent/row/3").await), [3]);
}

/// Where the page asks for newer runs.
fn next(page: &str) -> String {
    let link = page.split("id=\"newer\" hx-get=\"").nth(1).unwrap_or_else(|| panic!("no more is asked for: {page}"));
    link.split('"').next().unwrap().replace("&#38;", "&")
}

/// Reports a run that has not ended, or that has failed.
fn report(server: &Server, nth: u32, failed_at: Option<&str>) {
    let run = json!({"component": "long", "uuid": format!("0197f3c0-0000-7000-8000-00000000000{nth}"),
        "started_at": "2020-05-01T00:00:00Z", "ended_at": failed_at, "error": failed_at.map(|_| "no memory")});
    server.tracer.log_reports(vec![serde_json::from_value(run).unwrap()]).unwrap().remove(0).unwrap();
}

#[tokio::test]
async fn a_run_that_fails_after_it_was_passed_is_shown_once_where_failures_are_sought() {
    let server = Server::new();
    report(&server, 1, None);
    let page = server.page("/?status=failed").await;
    assert_eq!(rows(&page), [0; 0]);
    report(&server, 2, None);
    server.log("clean", 0, |_| ());
    let part = server.page(&next(&page)).await;
    assert_eq!(rows(&part), [0; 0]);
    report(&server, 2, Some("2020-05-01T00:01:00Z"));
    let part = server.page(&next(&part)).await;
    assert_eq!(rows(&part), [2]);
    report(&server, 1, Some("2020-05-01T00:02:00Z"));
    let part = server.page(&next(&part)).await;
    assert_eq!(rows(&part), [1]);
    assert!(rows(&server.page(&next(&part)).await).is_empty() && next(&part).ends_with("newest=3"));
    server.page_that_refuses("/recent/newer?newest=3&open=x", 400).await;
}

#[tokio::test]
async fn a_run_that_ends_leaves_the_list_of_those_that_are_running() {
    let server = Server::new();
    report(&server, 1, None);
    let page = server.page("/?status=running").await;
    assert!(rows(&page) == [1] && page.contains("hx-vals='{\"status\":\"running\"}'"), "{page}");
    assert!(
        page.contains("id=\"run-1-page\"") && page.contains("id=\"run-1-component\""),
        "what has the focus keeps it"
    );
    assert_eq!(rows(&server.page("/recent/row/1?status=running").await), [1]);
    report(&server, 1, Some("2020-05-01T00:01:00Z"));
    assert_eq!(server.page("/recent/row/1?status=running").await, "");
    assert_eq!(rows(&server.page("/recent/row/1").await), [1]);
}

#[tokio::test]
async fn many_new_runs_are_told_of_only_where_they_are_sought() {
    let server = Server::new();
    let page = server.page("/?status=failed").await;
    for minute in 0..600 {
        let mut run = ComponentRun::new("stage");
        run.started_at(at(minute)).ended_at(at(minute));
        if minute == 300 {
            run.fail("no memory");
        }
        server.tracer.queue_component_run(run).unwrap();
    }
    server.tracer.flush().unwrap();
    let part = server.page(&next(&page)).await;
    assert_eq!(rows(&part), [301]);
    assert!(next(&part).ends_with("newest=600"));
    assert!(server.page("/recent/newer?newest=0").await.contains("Many new runs"));
}

#[tokio::test]
async fn a_list_that_ends_with_its_first_part_leads_no_further() {
    let server = Server::new();
    for minute in 0..50 {
        server.log("clean", minute, |_| ());
    }
    let page = server.page("/").await;
    assert!(rows(&page).len() == 50 && !page.contains("Older runs"));
    let behind = server.page("/?after=1").await;
    assert!(!behind.contains("There are no runs here yet") && behind.contains("No run matches any more"), "{behind}");
    server.log("clean", 50, |_| ());
    let onward = links(&server.page("/").await).into_iter().find(|link| link.contains("after=")).unwrap();
    let older = server.page(&onward).await;
    assert!(rows(&older) == [1] && older.contains("<a href=\"/\">Newest runs</a>") && !older.contains("id=\"newer\""));
}

#[tokio::test]
async fn a_filter_that_cannot_be_meant_is_a_page_that_says_so() {
    let server = Server::new();
    server.log("clean", 0, |_| ());
    assert!(server.page_that_refuses("/?status=broken", 422).await.contains("running, completed, failed"));
    assert!(server.page_that_refuses("/?since=yesterday", 422).await.contains("give it as 2020-02-29T14:05"));
    assert!(server.page_that_refuses("/?after=x", 400).await.contains("goes on"));
    assert!(server.page_that_refuses("/?component=claen", 404).await.contains("there are clean"));
    assert!(server.page_that_refuses("/runs/99/brief", 404).await.contains("there is no run 99"));
    assert!(server.page_that_refuses("/diff/1/99", 404).await.contains("99"));
    assert!(server.page_that_refuses("/trace", 400).await.contains("name"));
    assert!(server.page_that_refuses("/trace/nothing", 404).await.contains("no run wrote or read"));
}

#[tokio::test]
async fn hostile_names_are_shown_as_they_are_and_their_links_lead_back() {
    let server = Server::new();
    for (nth, name) in HOSTILE.into_iter().enumerate() {
        server.log(name, 10 * i64::try_from(nth).unwrap(), |run| {
            run.add_input(IoPointer::new(format!("{name} in"))).add_output(IoPointer::new(name).at_version(name));
            run.partition(name).metric(name, 1.0).tag(name).note(name).check(name, Err::<(), _>(name)).label(name);
            run.param(name, name).unwrap().param(format!("openlineage.run.{name}"), name).unwrap();
        });
        server.log("reader", 10 * i64::try_from(nth).unwrap() + 5, |run| {
            run.add_input(IoPointer::new(name).at_version(name)).add_output(IoPointer::new(format!("{name} out")));
        });
        server.tracer.flag(name).unwrap();
    }
    let pages = ["/", "/review", "/diff/1/3", "/diff/1/2", "/impact?run=1", "/trace?run=2"].map(ToOwned::to_owned);
    let runs = (1..=16).flat_map(|run| [format!("/runs/{run}"), format!("/runs/{run}/brief")]);
    let mut seen = String::new();
    for path in pages.into_iter().chain(runs) {
        let page = server.page(&path).await;
        assert!(!page.contains("<script>alert") && !page.contains("href=\"javascript"), "{path}");
        for link in links(&page).into_iter().filter(|link| link.starts_with("/trace")) {
            seen += &server.page(&link).await;
        }
    }
    for name in HOSTILE {
        let escaped = name.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;");
        let escaped = escaped.replace('"', "&#34;").replace('\'', "&#39;");
        assert!(seen.contains(&format!("<h1>Where <bdi>{escaped}</bdi> came from</h1>")), "{name}");
        assert!(seen.contains(&format!("No traced run wrote <bdi>{escaped} in</bdi>: it is a source")), "{name}");
    }
    assert!(!seen.contains("<script>alert"));
}

#[tokio::test]
async fn an_output_is_flagged_on_the_page_of_its_run_and_unflagged_in_the_review() {
    let server = Server::new();
    server.run("inference", "model", "rides/1");
    assert!(server.page("/runs/1").await.contains("aria-pressed=\"false\""));
    let flag = |on| [("name", "rides/1"), ("on", on), ("back", "/runs/1")];
    assert_eq!(leads_to(&server.form("/flag", &flag("true")).await), "/runs/1");
    assert!(server.page("/runs/1").await.contains("aria-pressed=\"true\" aria-label=\"Flag rides/1 for review\""));
    let review = server.page("/review").await;
    assert!(review.contains("1 flagged output") && review.contains("aria-label=\"Unflag rides/1\""), "{review}");
    server.form("/flag", &[("name", "rides/1"), ("on", "false"), ("back", "/review")]).await;
    assert!(server.page("/review").await.contains("Nothing is flagged"));
    for name in ["rides/1", "never written"] {
        server.form("/flag", &[("name", name), ("on", "true"), ("back", "//elsewhere.example")]).await;
    }
    assert!(server.page("/review").await.contains("no traced run wrote it"));
    assert_eq!(leads_to(&server.form("/unflag-all", &[]).await), "/review");
    assert!(server.page("/review").await.contains("Nothing is flagged"));
}

#[tokio::test]
async fn a_form_leads_nowhere_but_to_this_site() {
    let server = Server::new();
    server.run("inference", "model", "rides/1");
    for place in
        ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "/\t/elsewhere.example", ""]
    {
        let answer = server.form("/flag", &[("name", "rides/1"), ("on", "true"), ("back", place)]).await;
        assert_eq!(leads_to(&answer), "/", "{place}");
    }
}

#[tokio::test]
async fn who_may_only_read_is_shown_no_form_that_changes_anything() {
    let server = Server::new();
    server.run("inference", "model", "rides/1");
    server.tracer.flag("rides/1").unwrap();
    let token = server.token(Role::Read);
    for path in ["/runs/1", "/review"] {
        let page = server.get(path).bearer(&token).send().await.text();
        assert!(page.contains("rides/1") && !page.contains("action=\"/flag\"") && !page.contains("/notes\""), "{path}");
    }
    let refused = server.ask("POST", "/unflag-all").bearer(&token).send().await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn the_run_to_blame_stands_first_with_the_reason_and_what_changed_before_it() {
    let server = Server::new();
    for (minute, model) in [(0, "old"), (10, "new")] {
        server.log("train", minute, |run| {
            run.add_input("rides").add_output(model).param("depth", minute).unwrap();
        });
    }
    for ride in 0..6 {
        server.log("inference", 20 + ride, |run| {
            run.add_input(if ride % 2 == 0 { "old" } else { "new" }).add_output(format!("ride-{ride}"));
        });
    }
    for ride in [1, 3, 5] {
        server.tracer.flag(&format!("ride-{ride}")).unwrap();
    }
    let page = server.page("/review").await;
    let why = server.tracer.review().get().unwrap().why.unwrap();
    assert!(page.contains("3 flagged outputs") && page.contains(&why), "{page}");
    let first = page.split("<tbody><tr>").nth(1).unwrap().split("</tr>").next().unwrap();
    assert!(first.contains("#2 <bdi>train</bdi>") && first.contains("3 of 3"), "{first}");
    let diff = links(first).into_iter().find(|link| link.starts_with("/diff")).unwrap();
    assert_eq!(diff, "/diff/1/2");
    let diff = server.page(&diff).await;
    assert!(diff.contains("<bdi>depth</bdi>") && diff.contains("<code>0</code>") && diff.contains("<code>10</code>"));
    let by_coverage = server.page("/review?by=coverage&limit=1").await;
    assert!(by_coverage.contains("more runs") && by_coverage.contains("limit="), "{by_coverage}");
    server.page_that_refuses("/review?by=luck", 400).await;
}

/// The names that a review offers to unflag, in their order.
fn flagged(page: &str) -> Vec<String> {
    page.split("aria-label=\"Unflag ").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn all_that_is_flagged_can_be_reached_a_part_at_a_time_also_where_some_is_unflagged_meanwhile() {
    let server = Server::new();
    let versions: Vec<String> = (0..120).map(|nth| nth.to_string()).collect();
    server.log("train", 0, |run| {
        run.add_output(versions.iter().map(|version| IoPointer::new("model").at_version(version)).collect::<Vec<_>>());
        run.add_output((0..130).map(|nth| format!("ride {nth:03}")).collect::<Vec<_>>());
    });
    for nth in (0..130).rev() {
        server.tracer.flag(&format!("ride {nth:03}")).unwrap();
    }
    for version in &versions {
        server.tracer.flag_version("model", &format!("stated:{version}")).unwrap();
    }
    let first = server.page("/review?by=coverage&limit=1").await;
    assert_eq!(flagged(&first), ["model"; 100]);
    assert!(first.contains("250 flagged outputs") && first.contains("The next of 150 more"));
    let next = links(&first).into_iter().find(|link| link.contains("after=")).unwrap();
    assert!(next.starts_with("/review?by=coverage&limit=1&after=model"), "{next}");
    // What the page ended with.
    let last = first.rsplit("name=\"version\" value=\"").next().unwrap().split('"').next().unwrap();
    server.tracer.unflag_version("model", last).unwrap();
    let second = server.page(next.trim_end_matches("#flagged")).await;
    let expected = std::iter::repeat_n("model".to_owned(), 20).chain((0..80).map(|nth| format!("ride {nth:03}")));
    assert_eq!(flagged(&second), expected.collect::<Vec<_>>());
    assert!(links(&second).contains(&"/review?by=coverage&limit=1#flagged".to_owned()), "and back to the first");
    let next = links(&second).into_iter().find(|link| link.contains("after=") && link.ends_with("#flagged")).unwrap();
    let third = server.page(next.trim_end_matches("#flagged")).await;
    assert_eq!(flagged(&third), (80..130).map(|nth| format!("ride {nth:03}")).collect::<Vec<_>>());
    assert!(!third.contains("The next of"), "{third}");
    for nth in 80..130 {
        server.tracer.unflag(&format!("ride {nth:03}")).unwrap();
    }
    let empty = server.page(next.trim_end_matches("#flagged")).await;
    assert!(
        empty.contains("Nothing further in this list is flagged.") && empty.contains("The first of them"),
        "{empty}"
    );
    server.tracer.unflag_all().unwrap();
    let empty = server.page(next.trim_end_matches("#flagged")).await;
    assert!(empty.contains("Nothing is flagged."), "{empty}");
    assert!(!empty.contains("Nothing further") && !empty.contains("The first of them"), "{empty}");
}

#[tokio::test]
async fn each_link_of_a_review_keeps_the_rest_of_what_was_asked() {
    let server = Server::new();
    server.log("clean", 0, |run| {
        run.add_output("rides");
    });
    server.log("train", 10, |run| {
        run.add_input("rides").add_output("model");
    });
    server.log("inference", 20, |run| {
        run.add_input("model").add_output((0..120).map(|nth| format!("ride {nth:03}")).collect::<Vec<_>>());
    });
    for nth in 0..120 {
        server.tracer.flag(&format!("ride {nth:03}")).unwrap();
    }
    let links = links(&server.page("/review?by=coverage&limit=1&after=ride%20010").await);
    for link in [
        "/review?limit=1&after=ride%20010&by=suspicion",
        "/review?by=coverage&after=ride%20010&limit=3",
        "/review?by=coverage&limit=1#flagged",
        "/review?by=coverage&limit=1&after=ride%20109%0A%0A3#flagged",
    ] {
        assert!(links.iter().any(|found| found == link), "{link} is not among {links:?}");
    }
}

#[tokio::test]
async fn two_runs_are_told_apart_down_to_the_first_at_which_their_lineages_part() {
    let server = Server::new();
    let run = |component: &str, minute: i64, inputs: &[&str], output: &str, turn: i64| {
        let version = json!({"kind": "stated", "value": turn.to_string()});
        json!({
            "component": component,
            "started_at": at(minute), "ended_at": at(minute + 1),
            "inputs": inputs.iter().map(|name| json!({"name": name, "version": version})).collect::<Vec<_>>(),
            "outputs": [{"name": output, "version": version}],
            "params": {"depth": turn, "same": 1},
            "metrics": {"f1": 0.5},
            "code": {"snapshot": format!("fn {component}() {{\n    let depth = {turn};\n}}\n")},
        })
    };
    for turn in 1..=2 {
        let runs =
            [run("clean", 10 * turn, &[], "rides", turn), run("train", 10 * turn + 5, &["rides"], "forest", turn)];
        server.post("/v1/runs", &json!(runs)).gives(201).await;
    }
    let page = server.page("/diff/2/4").await;
    for shown in [
        "<span class=\"removed\">-    let depth = 1;</span>",
        "<span class=\"added\">+    let depth = 2;</span>",
        "1 hop upstream",
        "href=\"/diff/1/3\"",
        "The same: 1 param, 1 metric",
        "stated:1",
    ] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    assert!(server.page("/diff/2/2").await.contains("No difference"));
}

#[tokio::test]
async fn a_lineage_is_a_tree_in_which_each_run_has_one_place() {
    let server = Server::new();
    server.log("split", 0, |run| {
        run.add_input("raw").add_output("train").add_output("test");
    });
    server.log("fit", 10, |run| {
        run.add_input("train").add_output("forest");
    });
    server.log("score", 20, |run| {
        run.add_input("forest").add_input("test").add_output("report");
    });
    let page = server.page("/trace/report").await;
    for run in 1..=3 {
        assert_eq!(page.matches(&format!("<li id=\"run-{run}\">")).count(), 1, "#{run}");
    }
    assert!(page.contains("also read <a class=\"pointer\" href=\"/trace/test\">"), "a run shown above is referred to");
    assert!(page.contains("sources"), "{page}");
    assert!(page.contains("box pointer asked") && page.contains("box pointer source"));
    assert!(page.contains("<section id=\"chosen\"") && page.contains("#3 <bdi>score</bdi>"));
    let near = server.page("/trace/report?depth=0").await;
    assert!(near.contains("2 more upstream</strong>") || near.contains("2 more upstream are not shown"), "{near}");
    assert!(links(&near).contains(&"/trace/report?depth=1".to_owned()));
    let components = server.page("/trace/report?collapse=1").await;
    assert!(components.contains("fit: 1 run, #2") && links(&components).contains(&"/components/fit".to_owned()));
    assert!(page.contains("<div class=\"graph\"") && links(&page).contains(&"/trace/report?fit=1".to_owned()));
    let small = server.page("/trace/report?collapse=1&fit=1").await;
    assert!(small.contains("<div class=\"graph fits\""), "{small}");
    assert!(links(&small).contains(&"/trace/report?fit=1".to_owned()), "one choice leaves the others");
}

#[tokio::test]
async fn who_is_asked_about_a_run_stands_on_its_page() {
    let server = Server::new();
    server.log("train", 0, |_| ());
    assert!(!server.page("/runs/1").await.contains("<dt>owner</dt>"));
    // Also of a run from before anybody said so.
    server.log("train", 10, |run| {
        run.owner("data <science>");
    });
    let page = server.page("/runs/1").await;
    assert!(page.contains("<dt>owner</dt>") && page.contains("<bdi>data &#60;science&#62;</bdi>"), "{page}");
    assert!(links(&page).contains(&"/components?owner=data%20%3Cscience%3E".to_owned()));
}

#[tokio::test]
async fn what_is_stale_failed_or_modified_is_marked_in_a_lineage() {
    let server = Server::new();
    let version = |value: &str| IoPointer::new("rides").at_version(value);
    server.log("clean", 0, |run| {
        run.add_output(version("1"));
    });
    server.log("train", 10, |run| {
        run.add_input(version("2")).add_output("forest").fail("no memory");
    });
    server.log("clean", 20, |run| {
        run.add_output(version("3"));
    });
    let page = server.page("/trace?run=2").await;
    for mark in ["box run failed stale asked", "line modified", ">stale</strong>", "modified: bytes differ"] {
        assert!(page.contains(mark), "{mark} is not in {page}");
    }
    assert!(server.page("/runs/2/brief").await.contains("Stale: "));
}

#[tokio::test]
async fn an_impact_of_many_runs_is_bounded_and_says_how_many_are_left_out() {
    let server = Server::new();
    for nth in 0..400 {
        let mut run = ComponentRun::new("inference");
        run.started_at(at(nth)).ended_at(at(nth)).add_input("model").partition(nth).add_output(format!("ride-{nth}"));
        server.tracer.queue_component_run(run).unwrap();
    }
    server.tracer.flush().unwrap();
    let page = server.page("/impact/model").await;
    assert!(page.contains("300 runs, <strong>100 more downstream are not shown"), "{page}");
    assert!(page.contains("id=\"run-400\"") && !page.contains("id=\"run-100\""), "the latest are shown");
    let components = server.page("/impact/model?collapse=1").await;
    assert!(components.contains("400 runs") && components.contains("inference: 400 runs, #1 to #400"));
}

#[tokio::test]
async fn many_outputs_of_a_run_are_one_box_downstream_and_folders_on_its_page() {
    let server = Server::new();
    server.log("split", 0, |run| {
        for nth in 0..256 {
            run.add_output(format!("parts/{:02}/{nth}.csv", nth % 4));
        }
    });
    let page = server.page("/impact?run=1").await;
    assert_eq!(page.matches("class=\"box pointer").count(), 1);
    assert!(page.contains("and 255 more"));
    let page = server.page("/runs/1").await;
    assert!(page.contains("<summary><bdi>parts</bdi> <span class=\"dim\">200</span></summary>"), "{page}");
    assert!(page.contains("The next of 56 more"));
    let next = links(&page).into_iter().find(|link| link.contains("wrote=200")).unwrap();
    assert!(server.page(next.trim_end_matches("#wrote")).await.contains("255.csv"));
}

#[tokio::test]
async fn a_run_shows_failed_checks_first_what_was_told_in_events_apart_and_takes_notes() {
    let server = Server::new();
    server.log("clean", 0, |run| {
        run.check("fine", true).check("broken", Err::<(), _>("7 of 9 are null")).param("depth", 3).unwrap();
        run.param("openlineage.job.sql", json!({"query": "SELECT 1"})).unwrap();
    });
    server.log("clean", 10, |_| ());
    let page = server.page("/runs/1").await;
    assert!(page.contains("1 of 2 failed"));
    assert!(page.find("broken").unwrap() < page.find("fine").unwrap(), "what failed comes first");
    let (params, told) = page.split_once("Told by OpenLineage").unwrap();
    assert!(params.contains("<bdi>depth</bdi>") && !params.contains("openlineage.job"), "{params}");
    assert!(told.contains("job <strong><bdi>sql</bdi></strong>") && told.contains("&#34;query&#34;"), "{told}");
    assert!(links(&server.page("/runs/2").await).contains(&"/diff/1/2".to_owned()));
    assert_eq!(
        leads_to(&server.form("/runs/1/notes", &[("text", "the vendor <b>resent</b> it")]).await),
        "/runs/1#notes"
    );
    assert!(server.page("/runs/1").await.contains("the vendor &#60;b&#62;resent&#60;/b&#62; it"));
    assert_eq!(server.form("/runs/1/notes", &[("text", " ")]).await.status, 422);
    assert_eq!(server.tracer.run(RunId(1)).unwrap().checks[0].status, CheckStatus::Passed);
}

/// The value of a field of the first form on a page that has it.
fn field(page: &str, name: &str) -> String {
    let (_, from) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    from.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn a_note_is_edited_on_the_page_of_its_run_and_an_empty_text_takes_it_away() {
    let server = Server::new();
    server.log("clean", 0, |_| ());
    server.tracer.add_note(RunId(1), "resent\nby the vender").unwrap();
    let edit = async |text| {
        let page = server.page("/runs/1").await;
        let (written_at, mark) = (field(&page, "written_at"), field(&page, "mark"));
        let fields = [("written_at", written_at.as_str()), ("mark", mark.as_str()), ("text", text)];
        assert_eq!(leads_to(&server.form("/runs/1/notes/edit", &fields).await), "/runs/1#notes");
        server.tracer.run(RunId(1)).unwrap().notes
    };
    let notes = edit("resent\r\nby the <b>vendor</b> ").await;
    assert_eq!(notes[0].text, "resent\nby the <b>vendor</b>");
    let page = server.page("/runs/1").await;
    assert!(page.contains("maxlength=\"65536\">resent\nby the &#60;b&#62;vendor&#60;/b&#62;</textarea>"), "{page}");
    assert!(edit("").await.is_empty());
    assert!(server.page("/runs/1").await.contains("none yet"));
}

#[tokio::test]
async fn a_note_that_changed_meanwhile_stays_and_what_was_typed_is_shown() {
    let server = Server::new();
    server.log("clean", 0, |_| ());
    server.tracer.add_note(RunId(1), "resent").unwrap();
    let page = server.page("/runs/1").await;
    let (written_at, mark) = (field(&page, "written_at"), field(&page, "mark"));
    let note = server.tracer.run(RunId(1)).unwrap().notes.remove(0);
    server.tracer.edit_note(RunId(1), &note, "resent twice").unwrap();
    let fields = [("written_at", written_at.as_str()), ("mark", mark.as_str()), ("text", "resent <by> hand")];
    let answer = server.form("/runs/1/notes/edit", &fields).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["content-type"]), (409, &HTML.parse().unwrap()));
    let told = answer.text();
    assert!(told.contains("somebody edited this note of #1") && told.contains("resent &#60;by&#62; hand"), "{told}");
    assert_eq!(server.tracer.run(RunId(1)).unwrap().notes[0].text, "resent twice");
    assert_eq!(server.form("/runs/9/notes/edit", &fields).await.status, 404);
}

#[tokio::test]
async fn an_output_that_a_later_run_wrote_again_is_flagged_on_the_page_of_that_run() {
    let server = Server::new();
    for minute in [0, 10] {
        server.log("inference", minute, |run| {
            run.add_output("ride-1").add_output(IoPointer::new("model").at_version(format!("v{minute}")));
        });
    }
    let (first, last) = (server.page("/runs/1").await, server.page("/runs/2").await);
    assert!(first.contains("written again by</span> <a href=\"/runs/2\">#2</a>"), "{first}");
    assert!(!first.contains("Flag ride-1 for review") && first.contains("Flag model for review"), "{first}");
    assert!(last.contains("Flag ride-1 for review") && !last.contains("written again"), "{last}");
}

#[tokio::test]
async fn what_a_lineage_names_leads_to_the_version_that_was_handed_on_and_not_to_the_latest() {
    let server = Server::new();
    let version = |name: &str, value: &str| IoPointer::new(name).at_version(value);
    server.log("features", 0, |run| {
        run.add_input(version("raw", "r1")).add_output(version("table", "t1"));
    });
    let first = server.log("infer", 2, |run| {
        run.add_input(version("table", "t1")).add_output("ride-1");
    });
    server.log("features", 4, |run| {
        run.add_input(version("raw", "r2")).add_output(version("table", "t2"));
    });
    let second = server.log("infer", 6, |run| {
        run.add_input(version("table", "t2")).add_output("ride-2");
    });
    let pages = ["/trace/ride-1".to_owned(), "/impact/raw?version=r1".to_owned(), format!("/runs/{first}/brief")];
    for place in pages {
        let page = server.page(&place).await;
        assert!(page.contains("href=\"/trace/table?version=stated:t1\""), "{place}: {page}");
        assert!(!page.contains("href=\"/trace/table\"") && !page.contains("stated:t2"), "{place}: {page}");
    }
    let diff = server.page(&format!("/diff/{second}/{first}")).await;
    assert!(diff.contains("href=\"/trace/table?version=stated:t1\""), "{diff}");
}

/// The parts of a page that tell of a graph as it is drawn, and as a list.
fn drawn_and_listed(page: &str) -> (&str, &str) {
    page.split_once("<div class=\"tree\">").unwrap()
}

#[tokio::test]
async fn an_impact_tells_of_each_reader_in_which_version_it_read_and_from_whom() {
    let server = Server::new();
    let version = |value: &str| IoPointer::new("rides").at_version(value);
    for (minute, value) in [(0, "1"), (10, "2")] {
        server.log("clean", minute, |run| {
            run.add_output(version(value));
        });
        for nth in 1..=4 {
            server.log("score", minute + nth, |run| {
                run.add_input(version(value)).add_output(format!("ride-{value}-{nth}"));
            });
        }
    }
    // What it read nobody wrote.
    server.log("score", 200, |run| {
        run.add_input(version("3")).partition("late");
    });
    let page = server.page("/impact/rides").await;
    let (drawn, listed) = drawn_and_listed(&page);
    for (value, writer) in [("1", "/runs/1"), ("2", "#run-6")] {
        let read = format!("read <a class=\"pointer\" href=\"/trace/rides?version=stated:{value}\">");
        let (_, told) = listed.split_once(&read).unwrap();
        assert!(told[..90].contains(&format!("from <a href=\"{writer}\">")), "{told}");
    }
    assert_eq!(listed.matches("<strong>4 runs of</strong>").count(), 2, "{listed}");
    assert_eq!(drawn.matches(">4 runs").count(), 2, "{drawn}");
    assert!(!listed.contains("version=stated:3"), "it comes from nowhere: {listed}");
    assert!(listed.contains("modified") && drawn.contains("line modified"), "{page}");
}

#[tokio::test]
async fn the_box_that_was_asked_about_is_one_and_each_other_leads_to_its_own_version() {
    let server = Server::new();
    let version = |name: &str, value: u32| IoPointer::new(name).at_version(value.to_string());
    for value in 1..=3 {
        server.log("append", i64::from(value) * 10, |run| {
            run.add_output(version("log", value));
            if value > 1 {
                run.add_input(version("log", value - 1));
            }
        });
    }
    let page = server.page("/trace/log").await;
    let drawn = drawn_and_listed(&page).0;
    assert_eq!(drawn.matches("box pointer asked").count(), 1, "{drawn}");
    for value in 1..=3 {
        assert!(links(drawn).contains(&format!("/trace/log?version=stated:{value}")), "{value}: {drawn}");
    }
    for place in
        ["/trace/log?version=stated:2", "/trace/log?version=stated:2&collapse=1", "/impact/log?version=stated:2"]
    {
        let page = server.page(place).await;
        let (box_of_it, _) = page.split_once("box pointer asked").unwrap();
        assert!(
            box_of_it.ends_with("<a href=\"/trace/log?version=stated:2\" tabindex=\"-1\"><svg class=\""),
            "{place}"
        );
    }
    // In whichever version it was read.
    let page = server.page("/impact/log").await;
    let (box_of_it, _) = page.split_once("box pointer asked").unwrap();
    assert!(box_of_it.ends_with("<a href=\"/trace/log\" tabindex=\"-1\"><svg class=\""), "{box_of_it}");
}

#[tokio::test]
async fn what_many_read_leads_to_the_version_that_they_read() {
    let server = Server::new();
    let version = |value: &str| IoPointer::new("cab").at_version(value);
    server.log("wash", 0, |run| {
        run.add_input("raw").add_output(version("A"));
    });
    for minute in 1..=5 {
        server.log("score", minute, |run| {
            run.add_input(version("A"));
        });
    }
    server.log("wash", 10, |run| {
        run.add_output(version("B"));
    });
    let page = server.page("/impact/raw").await;
    let drawn = drawn_and_listed(&page).0;
    assert!(drawn.contains(">5 runs") && links(drawn).contains(&"/trace/cab?version=stated:A".to_owned()), "{drawn}");
    assert!(!links(&page).contains(&"/trace/cab".to_owned()), "{page}");
}

#[tokio::test]
async fn of_a_run_that_read_several_versions_each_writer_is_told_and_no_version_is_said_to_be_the_one() {
    let server = Server::new();
    let version = |value: &str| IoPointer::new("table").at_version(value);
    for (minute, value) in [(0, "1"), (10, "2")] {
        server.log("write", minute, |run| {
            run.add_output(version(value));
        });
    }
    server.log("compare", 20, |run| {
        run.add_input(version("1")).add_input(version("2"));
    });
    let page = server.page("/impact/table").await;
    let listed = drawn_and_listed(&page).1;
    let (_, told) = listed.split_once("read <a class=\"pointer\" href=\"/trace/table\">").unwrap();
    assert!(told.contains("from <a href=\"/runs/1\">#1</a>, <a href=\"#run-2\">#2</a>"), "{told}");
    let unwritten = |value: &str| IoPointer::new("lists").at_version(value);
    server.log("compare", 30, |run| {
        run.add_input(unwritten("1")).add_input(unwritten("2"));
    });
    assert!(!server.page("/impact/lists").await.contains("/trace/lists?version="), "also where nobody wrote them");
}

#[tokio::test]
async fn runs_that_are_stale_for_the_same_are_told_as_one_with_all_that_nobody_read_of_them() {
    let server = Server::new();
    let version = |value: &str| IoPointer::new("model").at_version(value);
    server.log("train", 0, |run| {
        run.add_output(version("1"));
    });
    for nth in 1..=8 {
        server.log("score", nth, |run| {
            run.add_input(version("1")).add_output(format!("ride-{nth}")).add_output("report");
        });
    }
    server.log("train", 20, |run| {
        run.add_output(version("2"));
    });
    let page = server.page("/impact?run=1").await;
    let (drawn, listed) = drawn_and_listed(&page);
    assert!(drawn.contains("8 runs, 8 stale"), "{drawn}");
    assert!(listed.contains("<strong>8 runs of</strong>") && listed.contains(">stale</strong>"), "{listed}");
    assert!(listed.contains(">ride-1<") && listed.contains("and 4 more"), "{listed}");
    assert_eq!(listed.matches(">report<").count(), 1, "{listed}");
}

#[tokio::test]
async fn runs_that_are_stale_by_their_own_age_are_told_as_one_too() {
    let server = Server::new();
    server.log("train", 0, |run| {
        run.add_output("model");
    });
    for nth in 1..=5 {
        server.log("score", nth, |run| {
            run.add_input("model").stale_after(std::time::Duration::from_secs(86_400));
        });
    }
    let page = server.page("/impact?run=1").await;
    let (drawn, listed) = drawn_and_listed(&page);
    assert!(drawn.contains("5 runs, 5 stale") && listed.contains("<strong>5 runs of</strong>"), "{page}");
}
