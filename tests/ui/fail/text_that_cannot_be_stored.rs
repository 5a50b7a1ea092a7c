use mltrace::component;

#[component(name = "tra\0in", owner = "data\0team", description = "\0", tags("etl", "\0"))]
fn train() {}

#[component(inputs("rides", data("ri\0des")), outputs("\0"))]
fn serve() {}

fn main() {
    train();
    serve();
}
