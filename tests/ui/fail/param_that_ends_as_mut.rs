use mltrace::component;

#[component(params(trees))]
fn train(quick: bool) -> u32 {
    let mut trees = 100;
    if quick {
        trees = 10;
    }
    trees
}

fn main() {
    train(true);
}
