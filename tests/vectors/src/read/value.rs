//! Values.

use anyhow::{Context, Result, bail};
use serde_json::Value as Json;

use super::text::{bytes, number, text};
use crate::Value;

pub fn read(json: &Json) -> Result<Value> {
    let object = json.as_object().context("a value must be an object")?;
    if let Some(pairs_of) = object.get("attribute") {
        let of = Box::new(read(object.get("of").context("an attribute of nothing")?)?);
        return Ok(Value::Attribute { attributes: pairs(pairs_of)?, of });
    }
    if let Some(error) = object.get("error") {
        return Ok(Value::Error { text: bytes(error)?, class: text(object, "class")? });
    }
    let (key, value) = object.iter().next().context("an empty value")?;
    Ok(match key.as_str() {
        "nil" => Value::Nil(u8::try_from(number(value)?)?),
        "bool" => Value::Bool(value.as_bool().context("true or false")?),
        "int" => Value::Int(value.as_i64().context("no integer")?),
        "double" => Value::Double(value.as_str().context("a double is written as a string")?.to_owned()),
        "ok" => Value::Ok,
        "status" => Value::Status(bytes(value)?),
        "bulk" => Value::Bulk(bytes(value)?),
        "big" => Value::Big(bytes(value)?),
        "verbatim" => {
            let [format, body] = value.as_array().context("no pair")?.as_slice() else { bail!("no pair") };
            Value::Verbatim { format: format.as_str().context("no format")?.to_owned(), text: bytes(body)? }
        }
        "array" => Value::Array(values(value)?),
        "set" => Value::Set(values(value)?),
        "map" => Value::Map(pairs(value)?),
        other => bail!("{other} is no value"),
    })
}

fn values(json: &Json) -> Result<Vec<Value>> {
    json.as_array().context("no array")?.iter().map(read).collect()
}

fn pairs(json: &Json) -> Result<Vec<(Value, Value)>> {
    let pair = |json: &Json| match json.as_array().map(Vec::as_slice) {
        Some([key, value]) => Ok((read(key)?, read(value)?)),
        _ => bail!("no pair"),
    };
    json.as_array().context("no array of pairs")?.iter().map(pair).collect()
}
