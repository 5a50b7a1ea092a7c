use std::pin::Pin;

use mltrace::component;

#[component]
fn train() -> impl Future<Output = u32> + Send {
    async { 1 }
}

#[component]
fn serve() -> Pin<Box<dyn Future<Output = u32>>> {
    println!("not only a boxed block");
    Box::pin(async move { 1 })
}

fn main() {
    let _ = (train(), serve());
}
