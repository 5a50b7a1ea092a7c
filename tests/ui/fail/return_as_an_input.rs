use mltrace::component;

#[component(inputs(return))]
fn train() -> String {
    String::new()
}

fn main() {
    train();
}
