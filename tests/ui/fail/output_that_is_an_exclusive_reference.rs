use mltrace::component;

#[component(outputs(model))]
fn train(model: &mut String) {
    model.push_str("model.bin");
}

#[component(outputs(model, log))]
fn train_again() -> usize {
    let mut file = String::new();
    let model = &mut file;
    model.push_str("model.bin");
    let mut file = String::new();
    let log: &mut String = Box::leak(Box::new(file.split_off(0)));
    log.push_str("log.txt");
    log.len()
}

// What is final before the end is recorded then; what is read or set was so at entry.
#[component(inputs(raw), outputs(model), params(names))]
fn serve(raw: &mut String, names: &mut Vec<String>) -> usize {
    let mut file = names.concat();
    let model = &mut file;
    model.push_str(raw);
    let model = file;
    model.len()
}

struct Model(String);

impl Model {
    #[component(outputs(ret), params(rate))]
    fn tune(&mut self, rate: f64) -> &mut String {
        let ret = &mut self.0;
        ret.push_str(&rate.to_string());
        ret
    }
}

fn main() {
    train(&mut String::new());
    train_again();
    serve(&mut String::new(), &mut Vec::new());
    Model(String::new()).tune(0.1);
}
