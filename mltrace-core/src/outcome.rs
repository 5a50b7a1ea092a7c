//! How a function ended, told by what it returned.
//!
//! A function returns any type, and a `Result` under any alias. Which of these it is, is found by method resolution:
//! the compiler tries a receiver of five references first, then one of four, and so on, and takes the first trait that
//! is implemented for it. The expansion must spell the call out where the type is known; inside a function that is
//! generic over it, every type would be a plain value. The methods have names that no trait of the user has.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::iter::successors;

use crate::record::{Ended, harmless};

fn source_of<'e>(error: &&'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    (**error).source()
}

/// What a function returned, asked as `(&&&&&Outcome(&returned)).__ended()`.
#[derive(Debug)]
pub struct Outcome<'r, R>(pub &'r R);

/// An error with sources: they are told where they add something.
pub trait EndedByError {
    /// How the function ended.
    fn __ended(&self) -> Ended;
}

impl<T, E: Error> EndedByError for &&&&Outcome<'_, Result<T, E>> {
    fn __ended(&self) -> Ended {
        told(self.0, |error| {
            // Nothing keeps an error from being its own source.
            const SOURCES: usize = 32;
            let mut message = error.to_string();
            for source in successors(error.source(), source_of).take(SOURCES) {
                let text = source.to_string();
                // Some errors tell their source themselves.
                if !message.contains(&text) {
                    message.push_str(": ");
                    message.push_str(&text);
                }
            }
            message
        })
    }
}

/// An error that is only shown, such as a `String`, or one that hides its sources, such as `anyhow::Error`: those
/// tell them in the alternate form.
pub trait EndedByDisplay {
    /// How the function ended.
    fn __ended(&self) -> Ended;
}

impl<T, E: Display> EndedByDisplay for &&&Outcome<'_, Result<T, E>> {
    fn __ended(&self) -> Ended {
        told(self.0, |error| format!("{error:#}"))
    }
}

/// An error for programmers.
pub trait EndedByDebug {
    /// How the function ended.
    fn __ended(&self) -> Ended;
}

impl<T, E: Debug> EndedByDebug for &&Outcome<'_, Result<T, E>> {
    fn __ended(&self) -> Ended {
        told(self.0, |error| format!("{error:?}"))
    }
}

/// An error that says nothing.
pub trait EndedByResult {
    /// How the function ended.
    fn __ended(&self) -> Ended;
}

impl<T, E> EndedByResult for &Outcome<'_, Result<T, E>> {
    fn __ended(&self) -> Ended {
        told(self.0, |_| std::any::type_name::<E>().to_owned())
    }
}

/// Any other value: a function that returns one has done its work.
pub trait EndedByValue {
    /// How the function ended.
    fn __ended(&self) -> Ended;
}

impl<R> EndedByValue for Outcome<'_, R> {
    fn __ended(&self) -> Ended {
        Ended::Completed
    }
}

fn told<T, E>(returned: &Result<T, E>, message: impl FnOnce(&E) -> String) -> Ended {
    match returned {
        Ok(_) => Ended::Completed,
        Err(error) => {
            let told = harmless("tell an error", || message(error));
            Ended::Failed(told.unwrap_or_else(|| "an error whose own message panics".to_owned()))
        }
    }
}

/// What a function returned as its output, asked as `(&&Returned(&returned)).__output()`.
#[derive(Debug)]
pub struct Returned<'r, R>(pub &'r R);

/// Of a `Result` the value; an error is no output.
pub trait ReturnedOk {
    /// A reference to the output.
    type Value;

    /// The output, if there is one.
    fn __output(&self) -> Option<Self::Value>;
}

impl<'r, T, E> ReturnedOk for &Returned<'r, Result<T, E>> {
    type Value = &'r T;

    fn __output(&self) -> Option<&'r T> {
        self.0.as_ref().ok()
    }
}

/// Any other value is the output itself.
pub trait ReturnedValue {
    /// A reference to the output.
    type Value;

    /// The output.
    fn __output(&self) -> Option<Self::Value>;
}

impl<'r, R> ReturnedValue for Returned<'r, R> {
    type Value = &'r R;

    fn __output(&self) -> Option<&'r R> {
        Some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    macro_rules! ended {
        ($value:expr) => {
            match (&&&&&Outcome(&$value)).__ended() {
                Ended::Completed => None,
                Ended::Failed(message) => Some(message),
            }
        };
    }

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|layer| layer as _)
        }
    }

    fn layers(texts: &[&'static str]) -> Result<(), Layer> {
        let innermost_first = texts.iter().rev();
        let error = innermost_first.fold(None, |inner: Option<Layer>, text| Some(Layer(text, inner.map(Box::new))));
        error.map_or(Ok(()), Err)
    }

    #[test]
    fn values_and_ok_have_completed() {
        assert_eq!(ended!(()), None);
        assert_eq!(ended!(None::<u8>), None);
        assert_eq!(ended!(Ok::<u8, String>(1)), None);
        assert_eq!(ended!(layers(&[])), None);
    }

    #[test]
    fn an_error_tells_its_sources() {
        assert_eq!(ended!(layers(&["load", "open", "denied"])), Some("load: open: denied".into()));
    }

    #[test]
    fn a_source_that_the_message_tells_already_is_not_repeated() {
        assert_eq!(ended!(layers(&["load: open", "open"])), Some("load: open".into()));
    }

    #[test]
    fn what_is_shown_comes_before_what_is_debugged() {
        assert_eq!(ended!(Err::<(), _>("plain \"text\"")), Some("plain \"text\"".into()));
        assert_eq!(ended!(Err::<(), _>(vec!["a"])), Some("[\"a\"]".into()));
        let boxed: Result<(), Box<dyn Error>> = Err("boxed".into());
        assert_eq!(ended!(boxed), Some("boxed".into()));
    }

    #[test]
    fn an_error_without_words_is_told_by_its_type() {
        struct Silent;
        assert!(ended!(Err::<(), _>(Silent)).is_some_and(|message| message.ends_with("Silent")));
    }

    #[test]
    fn an_alias_is_still_a_result() {
        let io: std::io::Result<()> = Err(std::io::Error::other("no"));
        assert_eq!(ended!(io), Some("no".into()));
    }

    #[test]
    fn the_bounds_of_a_generic_function_count() {
        fn generic<E: Display>(error: E) -> Option<String> {
            ended!(Err::<(), E>(error))
        }
        assert_eq!(generic("shown"), Some("shown".into()));
    }

    #[test]
    fn of_a_result_the_ok_value_is_the_output() {
        assert_eq!((&&Returned(&Ok::<_, ()>("out"))).__output(), Some(&"out"));
        assert_eq!((&&Returned(&Err::<&str, _>(()))).__output(), None);
        assert_eq!(Returned(&"out").__output(), Some(&"out"));
    }
}
