use mltrace::component;

#[component(deny_retracted, inputs(raw), outputs("model"))]
fn train(month: u8) -> Result<(), mltrace::Error> {
    let raw = format!("raw/{month}.csv");
    drop(raw);
    Ok(())
}

#[component(deny_retracted, inputs(raw))]
fn count(raw: &str) -> usize {
    raw.len()
}

fn main() {
    let _ = train(1);
    count("rides");
}
