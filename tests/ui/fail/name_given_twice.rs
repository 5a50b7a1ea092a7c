use mltrace::component;

#[component(inputs(raw, raw), params(trees, trees))]
fn train(raw: &str, trees: u32) {
    println!("{raw} {trees}");
}

#[component(inputs("rides", data("rides")))]
fn count() {}

fn main() {
    train("rides.csv", 100);
    count();
}
