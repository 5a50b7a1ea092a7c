use mltrace::component;

#[component(inputs(), tags())]
fn train() {}

fn main() {
    train();
}
