//! The names of a struct's fields, as its `Deserialize` tells them.
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};

/// The fields of `T`; none if it is no plain struct.
pub(crate) fn of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut found: &'static [&'static str] = &[];
    // Always an error: the reader only listens to what the struct asks for.
    let _ = T::deserialize(Listener(&mut found));
    found
}

struct Listener<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Listener<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Error::custom("no struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(Error::custom("only its fields were asked"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn fields_are_as_serde_names_them() {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "PascalCase")]
        #[expect(dead_code, reason = "only the names count")]
        struct Some {
            max_keys: u32,
            #[serde(rename = "ACL")]
            acl: Option<String>,
        }
        assert_eq!(super::of::<Some>(), ["MaxKeys", "ACL"]);
    }
}
