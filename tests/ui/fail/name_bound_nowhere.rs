use mltrace::component;

#[component(inputs(rwa), outputs(weights))]
fn train(raw: &str) -> String {
    let model = raw.to_uppercase();
    model
}

#[component(params(trees), partition = mont)]
fn serve(month: u32) {
    println!("{month}");
}

fn main() {
    train("rides.csv");
    serve(1);
}
