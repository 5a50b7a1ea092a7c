use mltrace::component;

macro_rules! bind {
    ($name:ident) => {
        let $name = "model.bin";
    };
}

#[component(outputs(model))]
fn train() -> &'static str {
    bind!(model);
    model
}

fn main() {
    train();
}
