//! Tasks as pages.

use chrono::{DateTime, TimeDelta, Utc};
use mltrace_core::ComponentRun;
use mltrace_core::monitor::{Column, Task};
use mltrace_server::Role;

use crate::client::{Answer, Server};

const FORM: &str = "application/x-www-form-urlencoded";

fn at(day: i64, minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_583_107_200, 0).unwrap() + TimeDelta::days(day) + TimeDelta::minutes(minute)
}

/// Two weeks of March 2020 with a bad Wednesday, the model that a run trained, and the data that it was trained on.
fn filled(server: &Server, name: &str) -> Task {
    let mut train = ComponentRun::new("train");
    train.started_at(at(-9, 0)).ended_at(at(-8, 0)).add_input("rides.csv").add_output("forest.model");
    let numbers = |shift: f64| (0..600).map(move |ride| f64::from(ride % 100) / 100.0 + shift);
    train.profile("features", [("distance", Column::floats(numbers(0.0)))]).unwrap();
    train.profile("validation", [("prediction", Column::floats(numbers(0.0)))]).unwrap();
    train.metric("test_f1", 0.9);
    server.tracer.log_component_run(train).unwrap();
    let task = server.tracer.task(name).unwrap();
    for day in 0..14 {
        let ids: Vec<String> = (0..60).map(|ride| format!("ride {day}/{ride}")).collect();
        let mut infer = ComponentRun::new("infer");
        infer.started_at(at(day, 0)).ended_at(at(day, 1)).add_input("forest.model");
        for id in &ids {
            infer.add_output(id.as_str());
        }
        infer.profile("features", [("distance", Column::floats(numbers(0.5)))]).unwrap();
        server.tracer.log_component_run(infer).unwrap();
        let value = |ride: i64| if ride % 2 == 0 { 0.9 } else { 0.1 };
        task.log_outputs((0..).zip(&ids).map(|(ride, id)| (id.as_str(), value(ride), at(day, ride)))).unwrap();
        let truth = |ride: i64| f64::from(u8::from((ride % 2 == 0) != (day == 9)));
        task.log_feedbacks((0..).zip(&ids).map(|(ride, id)| (id.as_str(), truth(ride), at(day, ride + 60)))).unwrap();
    }
    task
}

async fn page(server: &Server, path: &str) -> String {
    let answer = server.get(path).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    answer.text()
}

/// The address behind a text.
fn link_before<'p>(page: &'p str, text: &str) -> &'p str {
    let before = &page[..page.find(text).unwrap_or_else(|| panic!("{text} is not there: {page}"))];
    before.rsplit("href=\"").next().unwrap().split('"').next().unwrap()
}

async fn sent(server: &Server, path: &str, form: &str) -> Answer {
    server.ask("POST", path).header("content-type", FORM).body(form.to_owned()).send().await
}

#[tokio::test]
async fn tasks_are_listed_with_what_they_gave_out_last() {
    let server = Server::new();
    assert!(page(&server, "/tasks").await.contains("There are no tasks here yet"));
    filled(&server, "high_tip");
    server.tracer.task("labels only").unwrap().log_feedback("x", 1.0).unwrap();
    let list = page(&server, "/tasks").await;
    assert!(
        list.contains(r#"<td class="number" data-label="last 28 days">840</td>"#) && list.contains("100 %"),
        "{list}"
    );
    assert!(list.contains(r#"hx-get="/drift?task=high_tip""#) && list.contains("no outputs yet"));
    assert!(list.contains(r#"hx-get="/retrain?task=high_tip""#));
    for (task, told) in [("high_tip", "train it again: 1 of 5"), ("labels only", "too little to know: ")] {
        let retrain = page(&server, &format!("/retrain?task={}", task.replace(' ', "%20"))).await;
        let verdict = retrain.split("class=\"verdict ").nth(1).unwrap().split("</").next().unwrap();
        assert!(verdict.contains(told), "{verdict}");
    }
    for task in 0..60 {
        server.tracer.task(&format!("t{task:02}")).unwrap().log_output("x", 0.5).unwrap();
    }
    let first = page(&server, "/tasks").await;
    assert!(!first.contains("t59") && first.contains(">high_tip<"));
    let next = page(&server, link_before(&first, "More tasks")).await;
    assert!(next.contains("t59") && !next.contains(">high_tip<") && !next.contains("More tasks"));
}

#[tokio::test]
async fn a_task_shows_its_metric_its_outputs_and_the_worst_window() {
    let server = Server::new();
    filled(&server, "high_tip");
    let shown = page(&server, "/tasks/high_tip").await;
    assert!(
        shown.contains("840 outputs since 2020-03-02, 840 of them labelled (100 %). 95 of 100 labels come within 1h"),
        "{shown}"
    );
    assert!(shown.contains("what is shown ends there, not today"));
    assert!(shown.contains("The worst day: 2020-03-11") && shown.contains("f1 <strong>0</strong> of 60 labelled"));
    assert!(shown.contains(r#"class="heat h8""#) && shown.contains(r#"class="dot own""#));
    assert!(shown.contains("2020-03-11: f1 0, since start"), "a place of the chart tells what is there");
    let accuracy = page(&server, "/tasks/high_tip?metric=accuracy&by=week&since=2020-03-02&until=2020-03-16").await;
    assert!(
        accuracy.contains("840 outputs since 2020-03-02 and before 2020-03-16, 840 of them labelled"),
        "{accuracy}"
    );
    assert!(accuracy.contains("accuracy by the week") && accuracy.contains("0.8571"), "{accuracy}");
    assert!(!accuracy.contains("ends there, not today"));
}

#[tokio::test]
async fn the_heading_of_what_is_by_the_days_of_utc_says_so() {
    let server = Server::new();
    filled(&server, "high_tip");
    let shown = page(&server, "/tasks/high_tip").await;
    for heading in ["f1 by the day", "The worst day: 2020-03-11", "What was given out"] {
        let said = shown.split(heading).nth(1).unwrap().split("</h2>").next().unwrap();
        assert!(said.contains("in UTC"), "{heading}: {said}");
    }
    let feet: Vec<&str> =
        shown.split("class=\"feet\">").skip(1).map(|rest| rest.split("</div>").next().unwrap()).collect();
    assert!(feet.len() == 4 && feet.iter().all(|feet| feet.contains("2020-") && !feet.contains("UTC")), "{feet:?}");
    assert!(page(&server, "/tasks").await.contains("days, in UTC, up to the last output"));
    assert!(page(&server, "/drift?task=high_tip").await.contains("<span class=\"dim\">days in UTC</span></form>"));
}

#[tokio::test]
async fn a_bad_window_leads_to_its_runs_and_flags_its_outputs() {
    let server = Server::new();
    filled(&server, "high_tip");
    let shown = page(&server, "/tasks/high_tip?window=2020-03-05").await;
    assert!(shown.contains("2020-03-05 to 2020-03-06") && shown.contains("f1 <strong>1</strong>"));
    let shown = page(&server, "/tasks/high_tip").await;
    assert_eq!(link_before(&shown, "<bdi>ride 9/0</bdi>"), "/trace/ride%209/0");
    assert_eq!(link_before(&shown, "#11 <bdi>infer</bdi>"), "/runs/11");
    assert!(shown.contains(r#"name="from" value="2020-03-11""#) && shown.contains("Flag all 60 outputs"));
    assert!(shown.contains("Flag the 10 most wrong and review the runs behind"));
    let window = "task=high_tip&from=2020-03-11&to=2020-03-12";
    // What was shown is flagged, whatever has turned out to be worse meanwhile.
    server.tracer.task("high_tip").unwrap().log_feedback("ride 9/0", 0.9).unwrap();
    let which = shown.split("name=\"only\" value=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#34;", "\"");
    assert_eq!(sent(&server, "/flag/outputs", &format!("{window}&only={which}")).await.status, 303);
    let flagged = server.tracer.review().get().unwrap().flagged;
    let wrong: Vec<_> = flagged.iter().map(|flagged| flagged.pointer.name.clone()).collect();
    assert_eq!(wrong, (0..10).map(|ride| format!("ride 9/{ride}")).collect::<Vec<_>>());
    assert_eq!(sent(&server, "/flag/outputs", &format!("{window}&only=ride")).await.status, 400);
    let done = sent(&server, "/flag/outputs", window).await;
    assert_eq!((done.status.as_u16(), done.headers["location"].to_str().unwrap()), (303, "/review"));
    let review = server.tracer.review().get().unwrap();
    assert_eq!((review.flagged.len(), review.flagged[0].pointer.name.as_str()), (60, "ride 9/0"));
    assert_eq!(sent(&server, "/flag/outputs", "task=high_tip&from=&to=2020-03-12").await.status, 400);
}

#[tokio::test]
async fn a_time_within_a_window_leads_to_it_and_one_that_no_window_has_is_said() {
    let server = Server::new();
    filled(&server, "high_tip");
    let shown = page(&server, "/tasks/high_tip?window=2020-03-05T07:30").await;
    assert!(shown.contains("2020-03-05 to 2020-03-06"), "{shown}");
    let shown = page(&server, "/tasks/high_tip?window=2021-03-05").await;
    assert!(shown.contains("has no day in which 2021-03-05 lies") && !shown.contains("The worst day"), "{shown}");
}

#[tokio::test]
async fn scores_that_tell_the_right_class_are_not_offered_as_wrong() {
    let server = Server::new();
    let task = server.tracer.task("high_tip").unwrap();
    let outputs = [("right 1", 0.97, 1.0), ("right 2", 0.04, 0.0), ("wrong", 0.9, 0.0), ("unknown", 0.5, f64::NAN)];
    task.log_outputs(outputs.map(|(id, value, _)| (id, value, at(0, 0)))).unwrap();
    task.log_feedbacks(outputs[..3].iter().map(|(id, _, truth)| (*id, *truth, at(0, 60)))).unwrap();
    let offered = async |metric: &str| {
        let shown = page(&server, &format!("/tasks/high_tip?metric={metric}&window=2020-03-02")).await;
        shown.split("name=\"only\" value=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#34;", "\"")
    };
    assert_eq!(offered("f1").await, "[\"wrong\"]");
    assert_eq!(offered("brier").await, "[\"wrong\",\"right 2\",\"right 1\"]", "by the distance from the truth");
    task.log_feedback("wrong", 1.0).unwrap();
    let shown = page(&server, "/tasks/high_tip?window=2020-03-02").await;
    assert!(!shown.contains("most wrong and review") && shown.contains("Flag all 4 outputs"), "{shown}");
}

#[tokio::test]
async fn who_may_only_read_is_offered_nothing_to_flag() {
    let server = Server::new();
    filled(&server, "high_tip");
    let (reader, reviewer) = (server.token(Role::Read), server.token(Role::Review));
    let read = server.get("/tasks/high_tip").bearer(&reader).send().await.text();
    let shown = server.get("/tasks/high_tip").bearer(&reviewer).send().await.text();
    assert!(!read.contains("/flag/outputs") && shown.contains("/flag/outputs"));
    let form = server.ask("POST", "/flag/outputs").header("content-type", FORM).bearer(&reader);
    let refused = form.body("task=high_tip&from=2020-03-11&to=2020-03-12").send().await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn drift_is_told_by_column_and_one_is_shown_beside_its_reference() {
    let server = Server::new();
    filled(&server, "high_tip");
    let worst = page(&server, "/drift?task=high_tip").await;
    assert!(worst.contains("critical: 2 of 2 columns alarm") && worst.contains("2020-03-09 to 2020-03-15 (UTC)"));
    assert!(worst.contains("KS 0.5") && worst.contains("<bdi>distance</bdi>, by tenths of the reference"), "{worst}");
    let link = link_before(&worst, "<bdi>prediction</bdi></a>").replace("&#38;", "&");
    let chosen = page(&server, &link).await;
    assert!(chosen.contains("<bdi>prediction</bdi>, by tenths of the reference"), "{chosen}");
    let nothing = server.tracer.task("no reference").unwrap();
    nothing.log_output("x", 0.5).unwrap();
    assert!(page(&server, "/drift?task=no%20reference").await.contains("no reference: name one with"));
}

#[tokio::test]
async fn the_checklist_says_what_it_rests_on_and_what_to_do() {
    let server = Server::new();
    filled(&server, "high_tip");
    let then = page(&server, "/retrain?task=high_tip&as_of=2020-03-17").await;
    assert!(then.contains("train it again: 1 of 5 criteria are met") && then.contains("forest.model"), "{then}");
    assert!(then.contains("look at the columns with `mltrace drift`"));
    let now = page(&server, "/retrain?task=high_tip").await;
    let link = link_before(&now, "as of 2020-03-16").replace("&#38;", "&");
    assert!(page(&server, &link).await.contains("As of 2020-03-16"));
    let past = page(&server, "/tasks/high_tip?until=2020-03-17").await;
    assert!(past.contains("hx-get=\"/retrain?task=high_tip&#38;as_of=2020-03-17\""), "judged as of what is shown");
    let before = page(&server, "/retrain?task=high_tip&as_of=1999-01-01").await;
    assert!(before.contains("too little to know") && before.contains("has no outputs as yet"), "{before}");
}

#[tokio::test]
async fn hostile_names_are_text_and_their_links_lead_back() {
    let names = ["a/b", "..", "<script>alert(1)</script>", "\"quoted\" & 'so'", "💸 שלום", "x?y#z%2F", "/slashed/"];
    let server = Server::new();
    for name in names {
        filled(&server, name);
    }
    let list = page(&server, "/tasks").await;
    assert!(!list.contains("<script>alert"), "{list}");
    let links: Vec<&str> =
        list.split("<th scope=\"row\"><a href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(links.len(), names.len());
    for link in links {
        let shown = page(&server, link).await;
        assert!(!shown.contains("<script>alert"));
        assert!(shown.contains("840 outputs since 2020-03-02, 840 of them labelled"), "{link}");
        let name = shown.split("name=\"task\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(list.contains(&format!("<bdi>{name}</bdi>")), "the form has the same name: {name}");
        for part in ["#drift", "#retrain"] {
            let before = &shown[..shown.find(&format!("hx-select=\"{part}\"")).unwrap()];
            let link = before.rsplit("hx-get=\"").next().unwrap().split('"').next().unwrap().replace("&#38;", "&");
            assert!(page(&server, &link).await.contains(&format!("<bdi>{name}</bdi>")), "{link}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_shown_is_a_page_that_says_why() {
    let server = Server::new();
    filled(&server, "high_tip");
    for (path, status, told) in [
        ("/tasks/nothing", 404, "there is no task `nothing`"),
        ("/tasks/high_tip?since=yesterday", 422, "`yesterday` is no time"),
        ("/tasks/high_tip?since=2020-03-09&until=2020-03-02", 422, "choose an earlier start"),
        ("/tasks/high_tip?metric=luck", 400, "luck"),
        ("/drift?task=nothing", 404, "there is no task `nothing`"),
        ("/drift", 400, "task"),
    ] {
        let answer = server.get(path).send().await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.text().contains(told) && answer.text().contains("role=\"alert\""), "{}", answer.text());
    }
    let task = server.tracer.task("fare").unwrap();
    task.log_outputs([("x", 12.5)]).unwrap();
    task.log_feedbacks([("x", 13.0)]).unwrap();
    let shown = page(&server, "/tasks/fare?metric=log_loss").await;
    assert!(shown.contains("callout bad") && shown.contains(", 1 of them labelled") && shown.contains("12.5"));
}

#[tokio::test]
async fn a_task_without_outputs_or_labels_is_not_an_empty_page() {
    let server = Server::new();
    let task = server.tracer.task("t").unwrap();
    task.log_feedback("x", 1.0).unwrap();
    assert!(page(&server, "/tasks/t").await.contains("Nothing was given out yet"));
    task.log_output("y", 0.5).unwrap();
    let shown = page(&server, "/tasks/t").await;
    assert!(shown.contains(", none of them labelled: how well the model does is not known"), "{shown}");
    assert!(shown.contains("nothing can be told of the 1 output since"));
}

#[tokio::test]
async fn fewer_days_are_shown_of_a_task_that_gives_out_very_much_unless_all_are_asked_for() {
    let server = Server::new();
    let task = server.tracer.task("high_tip").unwrap();
    for day in 0..5 {
        task.log_outputs((0..8_000).map(|ride| (format!("ride {day}/{ride}"), 0.5, at(day, ride % 60)))).unwrap();
    }
    let few = page(&server, "/tasks/high_tip").await;
    assert!(few.contains("24000 outputs") && few.contains("Only so many days are shown"), "{few}");
    let all = page(&server, &link_before(&few, "Show all of them").replace("&amp;", "&").replace("&#38;", "&")).await;
    assert!(all.contains("40000 outputs") && !all.contains("Only so many days are shown"), "{all}");
}

/// What a form would send as it stands, less what is left empty.
fn form_of(page: &str) -> String {
    let form = page.split("class=\"choose\"").nth(1).unwrap().split("</form>").next().unwrap();
    let fields = form.split("<input ").skip(1).map(|input| {
        let of = |key: &str| input.split(&format!(" {key}=\"")).nth(1).unwrap().split('"').next().unwrap();
        (of("name"), of("value"))
    });
    let fields = fields.filter(|(name, _)| *name != "name");
    fields.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn another_metric_of_a_time_that_was_zoomed_into_is_one_of_the_same_time() {
    let server = Server::new();
    filled(&server, "high_tip");
    for (from, to) in [("2020-03-11T00:30:00Z", "2020-03-11T01:00:00Z"), ("2020-03-11", "2020-03-12")] {
        let zoomed = page(&server, &format!("/tasks/high_tip?by=hour&since={from}&until={to}")).await;
        let other = format!("/tasks/high_tip?{}&by=hour&metric=accuracy", form_of(&zoomed));
        let other = page(&server, &other).await;
        let outputs = if to.contains('T') { "30 outputs" } else { "60 outputs" };
        assert!(zoomed.contains(outputs) && other.contains(outputs), "{other}");
        assert_eq!(form_of(&zoomed), form_of(&other));
    }
}

#[tokio::test]
async fn a_page_of_a_hundred_thousand_windows_is_no_larger_than_one_of_some() {
    let server = Server::new();
    let task = server.tracer.task("t").unwrap();
    let hours = |hour: i64| at(0, 0) + TimeDelta::hours(hour);
    task.log_outputs((0..99_000).step_by(9).map(|hour| (hour.to_string(), 0.9, hours(hour)))).unwrap();
    task.log_feedbacks((0..99_000).step_by(27).map(|hour| (hour.to_string(), 1.0, hours(hour)))).unwrap();
    let shown = page(&server, "/tasks/t?by=hour&since=2020-03-02&until=2031-06-01&metric=accuracy").await;
    assert!(shown.contains("windows before") && shown.contains("each 548 hours"), "{}", shown.len());
    assert!(shown.len() < 500_000, "{}", shown.len());
}

#[tokio::test]
async fn where_a_prediction_came_from_begins_with_what_it_said_and_what_came_true() {
    let server = Server::new();
    filled(&server, "high_tip");
    let said = page(&server, "/trace/ride%209/0").await;
    assert!(
        said.contains("<a class=\"pointer\" href=\"/tasks/high_tip\"><bdi>high_tip</bdi></a> gave out <strong>"),
        "{said}"
    );
    assert!(said.contains("turned out to be true"), "{said}");
}
