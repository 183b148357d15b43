//! JSON to vectors.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value as Json};

use crate::{Settings, Step, Value, Vector};

type Object = Map<String, Json>;

/// Reads a vector of the file `file`.
pub fn vector(file: &str, json: &Json, handshakes: &Json) -> Result<Vector> {
    let object = json.as_object().with_context(|| format!("{file}: a vector must be an object"))?;
    let name = format!("{file}: {}", text(object, "name")?);
    let steps = object.get("steps").and_then(Json::as_array).with_context(|| format!("{name}: no steps"))?;
    let mut all = Vec::new();
    for (place, json) in steps.iter().enumerate() {
        let read = || read_step(json, handshakes);
        all.extend(read().with_context(|| format!("{name}: step {}: {json}", place + 1))?);
    }
    let settings = settings(object.get("settings")).with_context(|| format!("{name}: settings"))?;
    Ok(Vector { name, settings, steps: all })
}

fn settings(json: Option<&Json>) -> Result<Settings> {
    let mut settings = Settings::default();
    let Some(json) = json else { return Ok(settings) };
    for (key, value) in json.as_object().context("not an object")? {
        let string = || value.as_str().map(ToOwned::to_owned).with_context(|| format!("{key} is no string"));
        match key.as_str() {
            "resp2" => settings.resp2 = value.as_bool().context("resp2 is true or false")?,
            "database" => settings.database = u32::try_from(number(value)?)?,
            "name" => settings.name = string()?,
            "username" => settings.username = Some(string()?),
            "password" => settings.password = Some(string()?),
            "limits" => {
                for (limit, value) in value.as_object().context("limits is no object")? {
                    settings.limits.push((limit.clone(), number(value)?));
                }
            }
            other => bail!("{other} is no setting"),
        }
    }
    Ok(settings)
}

fn read_step(json: &Json, handshakes: &Json) -> Result<Vec<Step>> {
    let object = json.as_object().context("not an object")?;
    let (key, value) = object.iter().find(|(key, _)| KEYS.contains(&key.as_str())).context("no such step")?;
    let id = || number(value);
    Ok(vec![match key.as_str() {
        "handshake" => {
            let both = handshakes.get(value.to_string()).and_then(Json::as_object).context("no such handshake")?;
            return Ok(vec![
                Step::Client(bytes(both.get("client").context("no client")?)?),
                Step::Server(bytes(both.get("server").context("no server")?)?),
            ]);
        }
        "open" => Step::Open(usize::try_from(id()?)?),
        "link" => Step::Link(usize::try_from(id()?)?),
        "client" => Step::Client(bytes(value)?),
        "server" => Step::Server(bytes(value)?),
        "hang-up" => Step::HangUp,
        "closes" => Step::Closes(usize::try_from(id()?)?),
        "call" => Step::Call { id: id()?, args: strings(object.get("args"))? },
        "transaction" => {
            let commands = object.get("commands").and_then(Json::as_array).context("no commands")?;
            let commands = commands.iter().map(|command| strings(Some(command))).collect::<Result<_>>()?;
            Step::Transaction { id: id()?, commands }
        }
        "cancel" => Step::Cancel(id()?),
        "reply" => Step::Reply { id: id()?, value: wanted_value(object)? },
        "failed" => Step::Failed { id: id()?, failure: text(object, "failure")?, cause: text(object, "cause")? },
        "subscribe" => Step::Subscribe { id: id()?, kind: text(object, "kind")?, names: strings(object.get("names"))? },
        "unsubscribe" => Step::Unsubscribe(id()?),
        "subscribed" => Step::Subscribed(id()?),
        "gap" => Step::Gap(id()?),
        "ended" => Step::Ended {
            id: id()?,
            failure: text(object, "failure").ok(),
            cause: text(object, "cause").ok(),
            value: object.get("value").map(read_value).transpose()?,
        },
        "message" => Step::Message { id: id()?, value: wanted_value(object)? },
        _ => Step::State { state: text(object, "state")?, cause: text(object, "cause").ok() },
    }])
}

const KEYS: [&str; 19] = [
    "handshake",
    "open",
    "link",
    "client",
    "server",
    "hang-up",
    "closes",
    "call",
    "transaction",
    "cancel",
    "reply",
    "failed",
    "subscribe",
    "unsubscribe",
    "subscribed",
    "gap",
    "ended",
    "message",
    "state",
];

fn wanted_value(object: &Object) -> Result<Value> {
    read_value(object.get("value").context("no value")?)
}

fn read_value(json: &Json) -> Result<Value> {
    let object = json.as_object().context("a value must be an object")?;
    if let Some(pairs_of) = object.get("attribute") {
        let of = Box::new(read_value(object.get("of").context("an attribute of nothing")?)?);
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
    json.as_array().context("no array")?.iter().map(read_value).collect()
}

fn pairs(json: &Json) -> Result<Vec<(Value, Value)>> {
    let pair = |json: &Json| match json.as_array().map(Vec::as_slice) {
        Some([key, value]) => Ok((read_value(key)?, read_value(value)?)),
        _ => bail!("no pair"),
    };
    json.as_array().context("no array of pairs")?.iter().map(pair).collect()
}

fn strings(json: Option<&Json>) -> Result<Vec<Vec<u8>>> {
    json.and_then(Json::as_array).context("no array of strings")?.iter().map(bytes).collect()
}

/// A string, or an array of strings and of [string, times].
fn bytes(json: &Json) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    match json {
        Json::String(text) => append(text, 1, &mut all)?,
        Json::Array(parts) => {
            for part in parts {
                match part {
                    Json::String(text) => append(text, 1, &mut all)?,
                    Json::Array(part) => match part.as_slice() {
                        [Json::String(text), times] => append(text, usize::try_from(number(times)?)?, &mut all)?,
                        _ => bail!("a part is [string, times]"),
                    },
                    _ => bail!("a part is a string or [string, times]"),
                }
            }
        }
        _ => bail!("a string is wanted"),
    }
    Ok(all)
}

fn append(text: &str, times: usize, all: &mut Vec<u8>) -> Result<()> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        ensure!(u32::from(c) < 256, "{c:?} is not one byte");
        bytes.push(u8::try_from(u32::from(c))?);
    }
    all.extend(bytes.repeat(times));
    Ok(())
}

fn text(object: &Object, key: &str) -> Result<String> {
    Ok(object.get(key).and_then(Json::as_str).with_context(|| format!("no {key}"))?.to_owned())
}

fn number(json: &Json) -> Result<u64> {
    json.as_u64().with_context(|| format!("{json} is no number"))
}
