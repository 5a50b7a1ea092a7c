use mltrace::component;

const LIMIT: usize = 9;

#[component(before(rides.len() > LIMIT), after(ret.len() == clean.len(), clean.iter().all(|ride| !ride.is_empty())))]
fn clean(raw: &str) -> Vec<String> {
    let rides: Vec<_> = raw.lines().collect();
    let clean = rides.iter().map(|ride| ride.trim().to_owned()).collect();
    clean
}

fn main() {
    clean("rides");
}
