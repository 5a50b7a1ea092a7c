use mltrace::component;

#[component]
const fn depth() -> u32 {
    10
}

fn main() {
    depth();
}
