use mltrace::component;

#[component(before(raw.parse::<u8>()? > 3, ready(raw).await), after(if raw.is_empty() { return Ok(1) } else { true }))]
async fn train(raw: &str) -> Result<u8, std::num::ParseIntError> {
    raw.parse()
}

async fn ready(raw: &str) -> bool {
    !raw.is_empty()
}

fn main() {
    let _ = train("7");
}
