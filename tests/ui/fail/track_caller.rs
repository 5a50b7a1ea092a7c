use mltrace::component;

#[component]
#[track_caller]
fn train() {}

#[track_caller]
#[component]
fn serve() {}

fn main() {
    train();
    serve();
}
