use mltrace::component;

#[component(name = "training")]
pub struct Train;

#[component]
impl Train {
    fn run(&self) {}
}

fn main() {
    Train.run();
}
