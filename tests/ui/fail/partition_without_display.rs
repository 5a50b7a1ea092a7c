use mltrace::component;

struct Month;

#[component(partition = month)]
fn train(month: Month) {
    let Month = month;
}

fn main() {
    train(Month);
}
