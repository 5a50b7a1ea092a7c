//! What the attribute accepts, and what it says where it refuses: one fixture for each rule, named for it.
#![cfg(not(feature = "off"))]

#[test]
fn the_attribute_accepts_what_it_promises_and_refuses_the_rest_in_words() {
    let fixtures = trybuild::TestCases::new();
    fixtures.pass("tests/ui/pass/*.rs");
    fixtures.compile_fail("tests/ui/fail/*.rs");
}
