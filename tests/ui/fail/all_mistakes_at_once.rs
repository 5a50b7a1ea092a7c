use mltrace::component;

#[component(ownr = "data-team", inputs(raw, rwa), outputs(model, raw), stale_after = "soon", run = run)]
const fn train(raw: &str) -> usize {
    let mut model = raw.len();
    model += 1;
    model
}

fn main() {
    train("rides.csv");
}
