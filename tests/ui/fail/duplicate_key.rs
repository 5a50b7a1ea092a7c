use mltrace::component;

#[component(owner = "data-team", inputs(raw), owner = "ml-team")]
fn train(raw: &str) {
    println!("{raw}");
}

fn main() {
    train("rides.csv");
}
