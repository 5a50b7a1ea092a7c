use mltrace::component;

#[component(outputs(model))]
async fn train() {
    let saved = async {
        let model = "model.bin";
        println!("{model}");
    };
    saved.await;
}

fn main() {
    let _ = train();
}
