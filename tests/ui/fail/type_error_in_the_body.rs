use mltrace::component;

#[component(inputs(raw))]
fn train(raw: &str) -> usize {
    if raw.is_empty() {
        return "empty";
    }
    let length: usize = raw.parse()?;
    length
}

#[component]
async fn serve() -> Result<usize, std::num::ParseIntError> {
    let length: usize = "7".parse()?;
    length
}

fn main() {
    train("rides.csv");
    let _ = serve();
}
