use mltrace::component;

#[component(after(ready, ready))]
fn serve(ready: &bool) -> ! {
    panic!("{ready}")
}

fn main() {
    serve(&true);
}
