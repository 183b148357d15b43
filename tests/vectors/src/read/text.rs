//! Strings and numbers.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value as Json;

use super::Object;

pub fn strings(json: Option<&Json>) -> Result<Vec<Vec<u8>>> {
    json.and_then(Json::as_array).context("no array of strings")?.iter().map(bytes).collect()
}

/// A string, or an array of strings and of [string, times].
pub fn bytes(json: &Json) -> Result<Vec<u8>> {
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

pub fn text(object: &Object, key: &str) -> Result<String> {
    Ok(object.get(key).and_then(Json::as_str).with_context(|| format!("no {key}"))?.to_owned())
}

pub fn number(json: &Json) -> Result<u64> {
    json.as_u64().with_context(|| format!("{json} is no number"))
}

/// `false` where it is left out.
pub fn flag(object: &Object, key: &str) -> Result<bool> {
    object.get(key).map_or(Ok(false), |json| json.as_bool().with_context(|| format!("{key} is true or false")))
}
