//! Addresses of pages. Whatever a thing is called, its link leads back to it.

use std::fmt::Write;

/// The address of something by its name, such as `/trace/raw/rides.csv`. Slashes stay, unless a browser would take a part
/// between them for a step within the path.
///
/// ```
/// use mltrace_server::link;
///
/// assert_eq!(link::of("/trace", "raw/2020-01.csv"), "/trace/raw/2020-01.csv");
/// assert_eq!(link::of("/trace", "ride 7?"), "/trace/ride%207%3F");
/// ```
pub fn of(place: &str, name: &str) -> String {
    let is_step = |part: &str| matches!(part, "" | "." | "..");
    if is_step(name) {
        return to(place, &[("name", name)]);
    }
    let keeps_slashes = !name.split('/').any(is_step);
    let mut link = format!("{place}/");
    encode(&mut link, name, if keeps_slashes { "-_.~/:@" } else { "-_.~:@" });
    link
}

/// The address of a page with a question, or with more of one.
pub fn to(place: &str, question: &[(&str, &str)]) -> String {
    let mut link = place.to_owned();
    for (key, value) in question {
        link.push(if link.contains('?') { '&' } else { '?' });
        link.push_str(key);
        link.push('=');
        encode(&mut link, value, "-_.~/:@");
    }
    link
}

/// The same address with this answer to one part of its question, or without that part.
pub(crate) fn with(link: &str, key: &str, value: Option<&str>) -> String {
    let (place, question) = link.split_once('?').unwrap_or((link, ""));
    let others = question.split('&').filter(|part| !part.is_empty() && part.split('=').next() != Some(key));
    let others = others.collect::<Vec<_>>().join("&");
    let link = if others.is_empty() { place.to_owned() } else { format!("{place}?{others}") };
    to(&link, value.map(|value| (key, value)).as_slice())
}

fn encode(link: &mut String, text: &str, kept: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
            link.push(byte.into());
        } else {
            // A string takes all that is written to it.
            let _written = write!(link, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_readable_in_its_link_unless_a_browser_would_change_it() {
        for (name, link) in [
            ("raw/2020-01.csv", "/trace/raw/2020-01.csv"),
            ("customer 7 & \"co\"", "/trace/customer%207%20%26%20%22co%22"),
            ("/data/rides", "/trace/%2Fdata%2Frides"),
            ("s3://lake/rides", "/trace/s3:%2F%2Flake%2Frides"),
            ("a/../b", "/trace/a%2F..%2Fb"),
            ("..", "/trace?name=.."),
            ("<script>?#", "/trace/%3Cscript%3E%3F%23"),
            ("データ", "/trace/%E3%83%87%E3%83%BC%E3%82%BF"),
        ] {
            assert_eq!(of("/trace", name), link);
        }
    }

    #[test]
    fn one_part_of_a_question_is_answered_anew_and_the_others_stay() {
        for (here, value, link) in [
            ("/review", None, "/review"),
            ("/review", Some("a b"), "/review?after=a%20b"),
            ("/review?after=x", None, "/review"),
            ("/review?after=x&limit=1%202", None, "/review?limit=1%202"),
            ("/review?by=after&after=x&aftermath=y", Some("z"), "/review?by=after&aftermath=y&after=z"),
        ] {
            assert_eq!(with(here, "after", value), link);
        }
    }
}
