use mltrace::component;

#[component(outputs(model))]
fn train(months: &[&str]) -> usize {
    let names = months.iter().map(|month| {
        let model = format!("{month}.bin");
        model.len()
    });
    names.sum()
}

#[component(inputs(month))]
fn count(months: &[&str]) -> usize {
    months.iter().filter(|month| !month.is_empty()).count()
}

fn main() {
    train(&["january"]);
    count(&["january"]);
}
