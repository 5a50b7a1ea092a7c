use mltrace::component;

struct Customer;

#[component(labels(customer, customer, return, "", custmer, "eu", "eu"))]
fn clean(customer: &str) -> usize {
    customer.len()
}

#[component(labels(customer))]
fn train(customer: Customer) {
    let Customer = customer;
}

fn main() {
    clean("acme");
    train(Customer);
}
