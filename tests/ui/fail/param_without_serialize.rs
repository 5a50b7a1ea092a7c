use mltrace::component;

struct Depth;

#[component(params(depth))]
fn train(depth: Depth) {
    let Depth = depth;
}

fn main() {
    train(Depth);
}
