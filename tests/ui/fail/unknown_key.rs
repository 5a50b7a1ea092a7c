use mltrace::component;

#[component(input(raw), retries = 3)]
fn train(raw: &str) {
    println!("{raw}");
}

fn main() {
    train("rides.csv");
}
