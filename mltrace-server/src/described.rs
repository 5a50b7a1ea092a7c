//! JSON, read by the letter of the description: an object is an object and not a list of its fields, and a whole number is
//! one also with a fraction of nothing.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Number, Value};

/// A value that is read so.
pub(crate) struct Described(pub(crate) Value);

impl IntoDeserializer<'_, Error> for Described {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads numbers by a method that is handed one with a fraction of nothing as if it had none.
macro_rules! whole {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0 {
                Value::Number(number) => Described(Value::Number(whole(number))).deserialize_any(visitor),
                other => Described(other).deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Described {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Described));
                let read = visitor.visit_seq(&mut items)?;
                items.end().map(|()| read)
            }
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(key, value)| (key, Described(value)));
                visitor.visit_map(MapDeserializer::new(fields))
            }
            plain => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.0.is_array() {
            return Err(Error::invalid_type(Unexpected::Seq, &visitor));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    whole!(deserialize_i64 deserialize_u32 deserialize_u64);

    forward_to_deserialize_any! {
        bool i8 i16 i32 i128 u8 u16 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// The same number, without a fraction where that is nothing.
fn whole(number: Number) -> Number {
    /// Up to here each whole number has a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(given) if number.is_f64() && given.fract() == 0.0 && given.abs() <= EXACT => {
            #[allow(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
            let whole = given as i64;
            whole.into()
        }
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Place {
        line: Option<u32>,
        name: String,
    }

    fn place(json: Value) -> Result<Place, Error> {
        Place::deserialize(Described(json))
    }

    #[test]
    fn a_list_is_no_object() {
        assert!(place(json!([1, "x"])).is_err());
        assert_eq!(place(json!({"name": "x"})).unwrap(), Place { line: None, name: "x".into() });
    }

    #[test]
    fn a_whole_number_may_be_written_as_any_number_is() {
        assert_eq!(place(json!({"name": "x", "line": 32.0})).unwrap().line, Some(32));
        for line in [json!(32.5), json!(-1.0), json!(1e20), json!("32")] {
            assert!(place(json!({"name": "x", "line": line})).is_err());
        }
    }
}
