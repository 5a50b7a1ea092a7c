use mltrace::component;

#[component(inputs(raw), outputs(model(raw)))]
fn train(raw: &str) {
    println!("{raw}");
}

fn main() {
    train("rides.csv");
}
