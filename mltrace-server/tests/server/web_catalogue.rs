//! The pages of components, labels and what is stale, and the bar above them all.

use chrono::Utc;
use mltrace_core::ComponentRun;
use mltrace_server::Role;
use serde_json::json;

use crate::client::{Answer, Server};
use crate::openlineage::{dataset, event, take};

/// A name that breaks whatever does not escape it, and no two ways alike.
const HOSTILE: &str = "a b/\"'<script>alert(1)</script>&?#%2F\u{202e}🚕";

impl Server {
    /// What a form is answered.
    async fn sends(&self, path: &str, form: &str) -> Answer {
        self.ask("POST", path).body(form.to_owned()).send().await
    }

    /// Where a form leads.
    async fn leads(&self, path: &str, form: &str) -> String {
        let answer = self.sends(path, form).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer.headers["location"].to_str().unwrap().to_owned()
    }

    fn described(&self, component: &str, owner: &str, tag: &str) {
        let mut run = ComponentRun::new(component);
        run.owner(owner).description("does it").tag(tag).start().add_output("rides").end();
        self.tracer.log_component_run(run).unwrap();
    }
}

/// The first address at or behind a text, as a browser asks for it.
fn link(page: &str, after: &str) -> String {
    let from = page.find(after).unwrap_or_else(|| panic!("no `{after}` in {page}"));
    let rest = &page[from..];
    let href = &rest[rest.find("href=\"").unwrap() + "href=\"".len()..];
    let href = href[..href.find('"').unwrap()].replace("&#38;", "&");
    href.split('#').next().unwrap().to_owned()
}

/// The last address before a text, as a browser asks for it.
fn link_before(page: &str, text: &str) -> String {
    let before = &page[..page.find(text).unwrap_or_else(|| panic!("no `{text}` in {page}"))];
    let href = before.rsplit("href=\"").next().unwrap().split('"').next().unwrap().replace("&#38;", "&");
    href.split('#').next().unwrap().to_owned()
}

fn encoded(name: &str) -> String {
    name.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"))
}

#[tokio::test]
async fn the_components_are_listed_with_what_is_known_of_them_and_narrowed_by_tag_and_owner() {
    let server = Server::new();
    server.described("clean", "data team", "nightly");
    server.described("train", "science", "weekly");
    let all = server.page("/components").await;
    for known in ["clean", "data team", "nightly", "does it", "/runs/2", "completed"] {
        assert!(all.contains(known), "{known}");
    }
    for narrowed in ["/components?tag=weekly", "/components?owner=science&tag="] {
        let page = server.page(narrowed).await;
        assert!(page.contains("/components/train") && !page.contains("/components/clean"), "{narrowed}");
    }
    assert!(server.page("/components?tag=monthly").await.contains("No component matches"));
}

#[tokio::test]
async fn components_are_paged_by_key() {
    let server = Server::new();
    for number in 0..120 {
        server.run(&format!("stage/{number:03}"), "raw", "rides");
    }
    let mut path = "/components".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = server.page(&path).await;
        let names = page.split("href=\"/components/stage/").skip(1).map(|rest| rest[..3].to_owned());
        seen.extend(names);
        if !page.contains("More components") {
            break;
        }
        path = link(&page, "<p><a href=\"/components?after=");
    }
    assert_eq!(seen, (0..120).map(|number| format!("{number:03}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_component_shows_its_runs_with_metrics_and_narrows_them() {
    let server = Server::new();
    for (partition, f1, error) in
        [("2020-01", 0.5, None), ("2020-02", 0.75, None), ("2020-03", 0.25, Some("no <rows>"))]
    {
        let mut run = ComponentRun::new("etl/train");
        run.start().partition(partition).metric("f1", f1);
        if let Some(error) = error {
            run.fail(error);
        }
        run.end();
        server.tracer.log_component_run(run).unwrap();
    }
    let shows = |page: &str, run: u32| page.contains(&format!("<li class=\"past\">\n<a href=\"/runs/{run}\">"));
    let page = server.page("/components/etl/train").await;
    for known in ["0.75", "no &#60;rows&#62;", "2020-03", "<polyline", "f1 of 3 runs, from 0.25 to 0.75"] {
        assert!(page.contains(known), "{known} in {page}");
    }
    let failed = server.page("/components?name=etl/train&status=failed&since=&until=&partition=").await;
    assert!(shows(&failed, 3) && !shows(&failed, 1), "{failed}");
    let of_partition = server.page(&link(&page, "class=\"partition\"")).await;
    assert!(shows(&of_partition, 2) && !shows(&of_partition, 1), "{of_partition}");
    assert!(server.page("/components/etl/train?until=1999-12-31").await.contains("No run matches"));
    for wrong in ["status=odd", "since=yesterday", "after=x"] {
        let answer = server.get(&format!("/components/etl/train?{wrong}")).send().await;
        assert!(answer.status.is_client_error() && answer.text().contains("role=\"alert\""), "{wrong}");
    }
    let unknown = server.get("/components/etl/tran").send().await;
    assert!(unknown.status == 404 && unknown.text().contains("there are etl/train"));
}

#[tokio::test]
async fn metrics_of_a_component_that_are_not_drawn_are_counted_and_can_be_got_at() {
    let server = Server::new();
    for nth in 0..60 {
        let mut run = ComponentRun::new("train");
        run.start().partition("of all").metric(if nth % 2 == 0 { "even" } else { "odd" }, 1.0);
        run.metric(format!("only of {nth}"), 1.0);
        for metric in 0..58 {
            run.metric(format!("loss of {metric:02}"), f64::from(nth));
        }
        run.end();
        server.tracer.log_component_run(run).unwrap();
    }
    let drawn = |page: &str| -> Vec<String> {
        let names = page.split("<figcaption><bdi>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned());
        names.filter(|name| name != "took").collect()
    };
    let first = server.page("/components/train?partition=of%20all").await;
    assert_eq!(drawn(&first), ["even", "loss of 00", "loss of 01", "loss of 02", "loss of 03"]);
    let next = link_before(&first, ">55 more metrics<");
    let second = server.page(&next).await;
    assert_eq!((drawn(&second).len(), drawn(&second)[0].as_str()), (50, "loss of 04"));
    assert!(second.contains("partition=of%20all"), "the runs are the same");
    let older = link_before(&second, ">Older runs<");
    let third = server.page(&link_before(&second, ">5 more metrics<")).await;
    assert_eq!(drawn(&third), ["loss of 54", "loss of 55", "loss of 56", "loss of 57", "odd"]);
    assert!(!third.contains("more metric"), "{third}");
    assert_eq!(drawn(&server.page(&link_before(&third, ">The first metrics<")).await), drawn(&first));
    assert_eq!(drawn(&server.page(&older).await), drawn(&second), "of older runs the same metrics are drawn");
}

#[tokio::test]
async fn the_history_of_a_component_is_paged_by_key() {
    let server = Server::new();
    for _ in 0..120 {
        server.run("clean", "raw", "rides");
    }
    let mut path = "/components/clean".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = server.page(&path).await;
        seen.extend(
            page.split("<li class=\"past\">\n<a href=\"/runs/")
                .skip(1)
                .map(|rest| rest[..rest.find('"').unwrap()].parse::<u32>().unwrap()),
        );
        if !page.contains("Older runs") {
            break;
        }
        path = link(&page, "<p><a href=\"/components/clean?after=");
    }
    assert_eq!(seen, (1..=120).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_component_says_whether_it_is_stale_and_why() {
    let server = Server::new();
    server.run("clean", "raw", "rides");
    server.run("train", "rides", "forest");
    assert!(server.page("/components/train").await.contains("class=\"fresh\">fresh"));
    server.run("clean", "raw", "rides");
    let why = "it read `rides` from #1 clean; #3 clean has written over it";
    for path in ["/components/train", "/stale"] {
        assert!(server.page(path).await.contains(why), "{path}");
    }
    let stale = server.page("/stale").await;
    assert!(stale.contains("1 stale</strong>, 1 fresh"), "{stale}");
}

#[tokio::test]
async fn a_component_with_many_partitions_is_judged_a_part_at_a_time() {
    let server = Server::new();
    for number in 0..30 {
        let mut run = ComponentRun::new("clean");
        run.start().partition(format!("p{number:02}")).add_output("rides").end();
        server.tracer.log_component_run(run).unwrap();
    }
    let judged = |page: &str| page.matches("class=\"partition\" href").count();
    let newest = server.page("/components/clean").await;
    assert_eq!(judged(&newest), 20);
    let earlier = server.page(&link(&newest, "href=\"/components/clean?before=")).await;
    assert_eq!(judged(&earlier), 10);
    assert!(server.page("/stale").await.contains("Only the newest partitions were judged"));
}

#[tokio::test]
async fn who_goes_on_in_one_list_of_a_component_stays_where_the_others_are() {
    let server = Server::new();
    for number in 0..120 {
        let mut run = ComponentRun::new("clean");
        run.start().partition(format!("p{number:03}")).add_output("rides");
        for metric in 0..60 {
            run.metric(format!("loss {metric:02}"), f64::from(number));
        }
        run.end();
        server.tracer.log_component_run(run).unwrap();
    }
    let mut place = "/components/clean?status=completed".to_owned();
    for follow in [">Older runs<", ">55 more metrics<", ">Earlier partitions<", ">Older runs<", ">5 more metrics<"] {
        place = link_before(&server.page(&place).await, follow);
    }
    let mut asked: Vec<&str> = place.split_once('?').unwrap().1.split('&').collect();
    asked.sort_unstable();
    assert!(asked[0].starts_with("after=") && asked[1] == "before=p100", "{place}");
    assert_eq!(asked[2..], ["metrics_after=loss%2054", "status=completed"]);
}

#[tokio::test]
async fn a_tag_is_added_by_a_form() {
    let server = Server::new();
    server.run("etl/clean", "raw", "rides");
    assert_eq!(server.leads("/components", "name=etl%2Fclean&tag=+nightly+").await, "/components/etl/clean");
    assert!(server.page("/components/etl/clean").await.contains("/components?tag=nightly"));
    let empty = server.sends("/components", "name=etl%2Fclean&tag=").await;
    assert_eq!(empty.status, 422);
}

#[tokio::test]
async fn a_label_is_retracted_by_a_form_and_tells_who_did_not_heed_it() {
    let server = Server::new();
    server.tracer.label("raw", "customer/7").write().unwrap();
    server.run("clean", "raw", "rides");
    server.run("train", "rides", "forest");
    let before = server.page("/labels/customer/7").await;
    assert!(before.contains("2 runs, nearest first") && before.contains("/components/train"));
    let token = server.token(Role::Review);
    let retract = server.ask("POST", "/labels").body("name=customer%2F7&reason=consent+<withdrawn>").bearer(&token);
    assert_eq!(retract.send().await.headers["location"], "/labels/customer/7");
    server.run("clean", "raw", "rides");
    let page = server.get("/labels/customer/7").bearer(&token).send().await.text();
    assert!(page.contains("1 run read what carries it since"), "{page}");
    let list = server.get("/labels").bearer(&token).send().await.text();
    for told in ["by <bdi>review</bdi>", "consent &#60;withdrawn&#62;"] {
        assert!(page.contains(told) && list.contains(told), "{told}");
    }
}

#[tokio::test]
async fn labels_are_paged_by_key_and_say_what_is_left_out_of_them() {
    let server = Server::new();
    for number in 0..60 {
        server.tracer.label("raw", format!("customer {number:02}")).write().unwrap();
    }
    for number in 0..120 {
        server.tracer.label(format!("ride {number}"), "customer 00").write().unwrap();
    }
    let page = server.page("/labels").await;
    assert!(page.contains("+97 or more"));
    let next = link(&page, "<p><a href=\"/labels?after=");
    assert_eq!(next, "/labels?after=customer%2049");
    assert!(server.page(&next).await.contains("customer 59"));
    assert!(server.page("/labels/customer 00".replace(' ', "%20").as_str()).await.contains("and on more, not shown"));
}

#[tokio::test]
async fn all_that_carry_a_label_can_be_reached() {
    let server = Server::new();
    for number in 0..230 {
        let mut run = ComponentRun::new("clean");
        run.start().add_input("raw").add_output(format!("clean {number}")).end();
        server.tracer.log_component_run(run).unwrap();
    }
    server.tracer.label("raw", "customer").write().unwrap();
    let mut found = std::collections::BTreeSet::new();
    let mut place = "/labels/customer".to_owned();
    for more in [130, 30, 0] {
        let page = server.page(&place).await;
        found.extend((1..=230).filter(|id| page.contains(&format!("id=\"run-{id}\""))));
        assert_eq!(page.contains(&format!("The next of {more} more")), more > 0, "{place}");
        place = if more > 0 { link(&page, "<p><a href=\"/labels/customer?") } else { place };
    }
    assert_eq!(found.len(), 230);
    let last = server.page(&place).await;
    assert!(last.contains("<p><a href=\"/labels/customer#runs\">The first of them"), "{last}");
    let beyond = server.page("/labels/customer?runs=5000").await;
    assert!(beyond.contains("There are no more.") && beyond.contains("The first of them"), "{beyond}");
}

#[tokio::test]
async fn a_run_that_is_listed_twice_on_a_page_is_looked_up_for_each_list() {
    let server = Server::new();
    server.tracer.label("s3://lake/raw", "customer").write().unwrap();
    server.tracer.retract("customer", "asked to be forgotten").write().unwrap();
    let mut started = event("START", 0);
    started["eventTime"] = Utc::now().to_rfc3339().into();
    started["inputs"] = json!([dataset("raw")]);
    take(&server, &started).await;
    let page = server.page("/labels/customer").await;
    for (list, place) in [("run", "/recent/row/1"), ("heedless", "/recent/row/1?list=heedless")] {
        let head = format!("<li class=\"row\" id=\"{list}-1\" hx-get=\"{place}\"");
        assert!(page.contains(&head), "{head}: {page}");
        assert!(server.page(place).await.contains(&head), "{head}");
    }
}

#[tokio::test]
async fn a_search_that_finds_more_names_than_it_shows_says_so() {
    let server = Server::new();
    for number in 0..21 {
        server.run("predict", "forest", &format!("ride {number:02}"));
    }
    for (text, is_more) in [("ride", true), ("ride+0", false)] {
        let page = server.page(&format!("/search?text={text}")).await;
        assert_eq!(page.contains("write more of the name for others"), is_more, "{text}");
    }
    for number in 0..20 {
        server.run("predict", "forest", &format!("trip {number:02}"));
    }
    assert!(!server.page("/search?text=trip").await.contains("write more"), "there are no others");
}

#[tokio::test]
async fn a_search_finds_what_it_says_it_searches() {
    let server = Server::new();
    server.described("etl/Clean", "data team", "nightly");
    let id = server.run("train", "rides/2020-05.csv", "forest");
    server.tracer.add_note(id, "the vendor resent May").unwrap();
    server.tracer.label("raw", "customer-7").write().unwrap();
    for (text, found) in [
        ("clean", "/components/etl/Clean"),
        ("DATA", "/components/etl/Clean"),
        ("night", "/components/etl/Clean"),
        ("%232", "/runs/2"),
        ("forest", "what came of it"),
        ("2020-05", "/trace/rides/2020-05.csv"),
        ("VENDOR", "the vendor resent May"),
        ("customer", "/labels/customer-7"),
    ] {
        let page = server.page(&format!("/search?text={text}")).await;
        assert!(page.contains(found), "{text}: {page}");
    }
    assert!(server.page("/search?text=nowhere").await.contains("Nothing was found."));
    assert!(server.page("/search").await.contains("Searched are"));
}

#[tokio::test]
async fn a_command_leads_to_the_page_that_answers_it() {
    let server = Server::new();
    for _ in 0..2 {
        server.run("clean", "raw", "rides");
    }
    for (typed, place) in [
        ("recent", "/"),
        ("history+etl/clean", "/components/etl/clean"),
        ("inspect+%2312", "/runs/12"),
        ("++trace++rides+of+May.csv+", "/trace/rides%20of%20May.csv"),
        ("impact+..", "/impact?name=.."),
        ("tag+nightly", "/components?tag=nightly"),
        ("review", "/review"),
        ("stale", "/stale"),
        ("help", "/help"),
        ("tasks", "/tasks"),
        ("labels", "/labels"),
        ("components", "/components"),
        ("diff+12++%2314", "/diff/12/14"),
        ("diff+2", "/diff/1/2"),
        ("%2312", "/runs/12"),
        ("%23churn", "/search?text=%23churn"),
        ("stale+train", "/components/train"),
        ("metrics+high+tip", "/tasks/high%20tip"),
        ("drift+high+tip", "/drift?task=high%20tip"),
        ("retrain+high+tip", "/retrain?task=high%20tip"),
        ("impact+--run+12", "/impact?run=12"),
        ("mltrace+trace+--run+12", "/trace?run=12"),
        ("recent+rides", "/search?text=recent%20rides"),
        ("%3Cscript%3E", "/search?text=%3Cscript%3E"),
        ("", "/search?text="),
    ] {
        assert_eq!(server.leads("/go", &format!("text={typed}")).await, place, "{typed}");
    }
    let nothing = server.sends("/go", "text=trace").await;
    assert!(nothing.status == 422 && nothing.text().contains("Write trace OUTPUT"));
    for (typed, example) in [
        ("inspect+forest", "inspect 12"),
        ("diff+x", "diff 12 14"),
        ("diff+1", "had ended when"),
        ("trace+--run+x", "trace --run 12"),
    ] {
        let refused = server.sends("/go", &format!("text={typed}")).await;
        assert!(refused.status == 422 && refused.text().contains(example), "{typed}");
    }
}

#[tokio::test]
async fn a_command_of_which_nothing_comes_can_be_mended_where_it_was_typed() {
    let server = Server::new();
    let answer = server.sends("/go", "text=inspect+%22forest%22").await;
    assert_eq!(answer.status, 422);
    let page = answer.text();
    let bar = page.split("<input id=\"command\"").nth(1).unwrap().split('>').next().unwrap();
    assert!(bar.contains("value=\"inspect &#34;forest&#34;\""), "{bar}");
    assert!(!server.page("/").await.contains("value=\"inspect &#34;"));
}

#[tokio::test]
async fn a_flag_is_set_by_a_command_only_where_it_is_sent_as_a_form_by_who_may_review() {
    let server = Server::new();
    let run = server.run("infer", "forest", "ride 17");
    let is_flagged = || server.tracer.run(run).unwrap().outputs[0].flagged;
    assert_eq!(server.leads("/go", "text=flag+ride+17").await, "/review");
    assert!(is_flagged());
    assert_eq!(server.leads("/go", "text=unflag+ride+17").await, "/review");
    assert_eq!(server.sends("/go", "text=unflag+ride+17").await.status, 404);
    assert_eq!(server.get("/go?text=flag+ride+17").send().await.status, 303);
    assert!(!is_flagged());
    let reader = server.token(Role::Read);
    let asked = |text: &str| server.ask("POST", "/go").body(format!("text={text}")).bearer(&reader).send();
    let refused = asked("flag+ride+17").await;
    assert!(refused.status == 403 && refused.text().contains("value=\"flag ride 17\""), "{}", refused.text());
    assert_eq!(asked("trace+ride+17").await.status, 303);
    assert!(!is_flagged());
}

#[tokio::test]
async fn what_is_typed_is_completed_by_commands_and_names() {
    let server = Server::new();
    for number in 0..40 {
        server.run(&format!("train \"{number:02}\""), "rides", &format!("forest {number:02}"));
    }
    for (typed, offered, most) in [
        ("tr", "<option value=\"trace\">", 13),
        ("", "<option value=\"recent\">", 30),
        ("train", "<option value=\"train &#34;00&#34;\">", 12),
        ("history+train", "<option value=\"history train &#34;11&#34;\">", 12),
        ("trace+forest", "<option value=\"trace forest 39\">", 12),
        ("inspect+4", "<option value=\"inspect 40\">", 12),
    ] {
        let options = server.page(&format!("/complete?text={typed}")).await;
        assert!(options.contains(offered), "{typed}: {options}");
        assert!(options.matches("<option").count() <= most, "{typed}: {options}");
    }
    assert_eq!(server.page("/complete?text=inspect+x").await, "");
}

#[tokio::test]
async fn hostile_names_are_escaped_everywhere_and_their_links_lead_back() {
    let server = Server::new();
    let mut run = ComponentRun::new(HOSTILE);
    run.owner(HOSTILE).description(HOSTILE).tag(HOSTILE).partition(HOSTILE).metric(HOSTILE, 1.0).start();
    run.add_input("raw").add_output(HOSTILE).end();
    let id = server.tracer.log_component_run(run).unwrap();
    server.tracer.add_note(id, HOSTILE).unwrap();
    server.tracer.label("raw", HOSTILE).write().unwrap();
    server.tracer.retract(HOSTILE, HOSTILE).by(HOSTILE).write().unwrap();
    let name = encoded(HOSTILE);
    let list = server.page("/components").await;
    let component = link(&list, "<span class=\"name\">");
    let labels = server.page("/labels").await;
    let label = link(&labels, "<ul class=\"plain labels\">");
    for path in [
        component.as_str(),
        label.as_str(),
        &link(&list, "<span class=\"tags\">"),
        &format!("/components?owner={name}"),
        &format!("/components?name={name}&partition={name}&status="),
        &format!("/search?text={name}"),
        &format!("/complete?text=history+{name}"),
        "/components",
        "/labels",
        "/stale",
    ] {
        let page = server.page(path).await;
        assert!(!page.contains("<script>alert"), "{path}");
        assert!(path == "/stale" && page.contains("1 fresh") || page.contains("&#60;script&#62;"), "{path}: {page}");
    }
    assert_eq!(server.leads("/go", &format!("text=history+{name}")).await, component);
}

#[tokio::test]
async fn names_that_no_path_can_hold_have_pages_too() {
    let server = Server::new();
    server.run("..", "raw", "rides");
    server.tracer.label("raw", "..").write().unwrap();
    let component = link(&server.page("/components").await, "<span class=\"name\">");
    assert_eq!(component, "/components?name=..");
    assert!(server.page(&format!("{component}&status=completed")).await.contains("<h1><bdi>..</bdi></h1>"));
    assert!(
        server
            .page(&link(&server.page("/labels").await, "<ul class=\"plain labels\">"))
            .await
            .contains("Label <bdi>..</bdi>")
    );
}
