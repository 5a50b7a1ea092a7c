use mltrace::component;

#[component(blocking, before(rows > 0))]
fn train(rows: u8) -> Result<u8, std::num::ParseIntError> {
    Ok(rows)
}

fn main() {
    let _ = train(1);
}
