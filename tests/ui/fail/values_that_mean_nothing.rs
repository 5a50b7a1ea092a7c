use mltrace::component;

#[component(name = "", stale_after = "30 days", inputs(table("rides"), 7), run = "run", "train")]
fn train() {}

#[component(stale_after = "99999999999999999999d", owner("data-team"), inputs(data("a", "b")))]
fn serve() {}

fn main() {
    train();
    serve();
}
