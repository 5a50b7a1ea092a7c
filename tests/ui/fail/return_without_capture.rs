use mltrace::component;

#[component(outputs(return))]
fn mean_fare() -> Result<f64, String> {
    Ok(12.5)
}

#[component(outputs(return))]
fn nothing() {}

fn main() {
    mean_fare().unwrap();
    nothing();
}
