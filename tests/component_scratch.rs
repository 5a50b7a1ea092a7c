//! Doc
#![cfg(not(feature = "off"))]
#![deny(warnings, clippy::all, clippy::pedantic)]
#![allow(dead_code)]
use mltrace::component;
struct Unit;
#[component]
fn identity(a: String) -> String { a }
#[component]
fn unit((): (), u: ()) { u }
#[component]
fn unit_struct(Unit: Unit, _: Unit) {}
#[component]
fn many(a: u8, b: u8, c: u8, d: u8) -> u8 { a + b + c + d }
#[component]
fn underscore(_a: &str, _b: u8, _c: String, mut _d: u8) {}
#[component]
fn boxed(a: Box<u8>, x: [u8; 200]) -> u8 { *a + x[0] }
#[component]
fn last(mut n: u8) -> u8 { let m = n; n = 5; drop(n.to_string()); m }
#[component]
fn consumed(mut items: Vec<u8>, f: &mut dyn FnMut(u8)) { while let Some(item) = items.pop() { f(item); } }
struct S(String);
impl S {
    #[component]
    fn unused(self) {}
    #[component]
    fn boxed(self: Box<Self>) -> String { self.0 }
    #[component]
    fn parts(self, other: S) -> String { self.0 + &other.0 }
    #[component]
    async fn pinned(self: std::pin::Pin<&mut Self>) -> usize { self.0.len() }
    #[component]
    fn reborrow<'a>(&'a mut self, a: &'a mut S) -> [&'a mut String; 2] { [&mut self.0, &mut a.0] }
}
#[component]
#[expect(clippy::needless_pass_by_value, clippy::toplevel_ref_arg)]
fn refs(ref a: String, ref mut b: String) -> usize { b.push('x'); a.len() }
#[component]
fn moved_twice(a: (String, String)) -> (String, String) { (a.1, a.0) }
#[component]
async fn lifetimes<'a, 'b>(a: &'a str, b: &'b mut String) -> &'a str { b.push_str(a); a }
#[component]
extern "C" fn c(x: u8) -> u8 { x }
