use mltrace::component;

#[component(outputs(model))]
fn train(mut model: String) -> String {
    model.push_str(".bin");
    model
}

fn main() {
    train(String::from("model"));
}
