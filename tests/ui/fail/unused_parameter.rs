//! The compiler's own lints see the parameters as they saw them before.
#![deny(unused)]

use mltrace::component;

#[component(inputs(raw), params(depth))]
fn train(raw: &str, depth: u8, unused: String, mut month: u8, mut year: u8, _guard: String) -> u8 {
    month += 1;
    month
}

struct Model;

impl Model {
    #[component]
    async fn serve(self, (left, mut right): (u8, u8), #[allow(unused_variables)] allowed: u8) -> u8 {
        left
    }
}

fn main() {
    train("rides", 1, String::new(), 1, 1, String::new());
    let _ = Model.serve((1, 2), 3);
}
