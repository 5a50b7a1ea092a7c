use mltrace::component;

#[component(outputs(model))]
fn train() -> usize {
    fn save() -> usize {
        let model = "model.bin";
        model.len()
    }
    save()
}

fn main() {
    train();
}
