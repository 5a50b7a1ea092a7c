use mltrace::component;

#[component(blocking, before(rows > 0))]
fn nothing(rows: u8) {
    drop(rows);
}

#[component(blocking, before(rows > 0))]
fn reference(rows: &u8) -> &u8 {
    rows
}

#[component(blocking, before(rows > 0))]
fn optional(rows: u8) -> Option<u8> {
    Some(rows)
}

fn main() {
    nothing(1);
    reference(&1);
    optional(1);
}
