use mltrace::component;

// The compiler has its own error for the same mistake, where the feature is not stable.
#[component]
unsafe extern "C" fn print(format: *const u8, _: ...) {
    let _ = format;
}

fn main() {}
