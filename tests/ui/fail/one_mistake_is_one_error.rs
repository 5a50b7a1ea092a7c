use mltrace::component;

struct Train;

impl Train {
    // The function stays, and its body can still call the run.
    #[component(inputs(rwa), run = run)]
    async fn run(&self, raw: &str) -> usize {
        run.input(raw);
        run.metric("length", 9.0);
        raw.len()
    }
}

fn main() {
    let _ = Train.run("rides.csv");
}
