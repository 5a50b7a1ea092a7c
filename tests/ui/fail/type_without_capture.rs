use mltrace::component;

struct Rides;

#[component(inputs(rides), outputs(fare))]
fn mean_fare(rides: Rides) -> f64 {
    let Rides = rides;
    let fare = 12.5;
    fare
}

fn main() {
    mean_fare(Rides);
}
