use mltrace::component;

#[component(outputs(model))]
fn train() -> String {
    let mut model = String::from("model");
    model.push_str(".bin");
    model
}

#[component(outputs(model))]
fn train_one_of(big: bool) -> String {
    if big {
        let mut model = String::from("big");
        model.push_str(".bin");
        model
    } else {
        let model = String::from("small.bin");
        model
    }
}

fn main() {
    train();
    train_one_of(true);
}
