use mltrace::component;

trait Stage {
    #[component(outputs(return))]
    fn run(&self) -> String;
}

struct Train;

impl Stage for Train {
    fn run(&self) -> String {
        String::new()
    }
}

fn main() {
    Train.run();
}
