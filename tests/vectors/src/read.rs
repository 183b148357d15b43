//! JSON to vectors.

mod step;
mod text;
mod value;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value as Json};

use crate::{Settings, Tracking, Vector};
use text::{number, strings, text};

type Object = Map<String, Json>;

/// Reads a vector of the file `file`.
pub fn vector(file: &str, json: &Json, handshakes: &Json) -> Result<Vector> {
    let object = json.as_object().with_context(|| format!("{file}: a vector must be an object"))?;
    let name = format!("{file}: {}", text(object, "name")?);
    let known = |key: &String| ["name", "settings", "steps"].contains(&key.as_str());
    ensure!(object.keys().all(known), "{name}: a vector has name, settings and steps");
    let steps = object.get("steps").and_then(Json::as_array).with_context(|| format!("{name}: no steps"))?;
    let mut all = Vec::new();
    for (place, json) in steps.iter().enumerate() {
        let read = || step::read(json, handshakes);
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
            "endpoints" => settings.endpoints = usize::try_from(number(value)?)?,
            "tracking" => settings.tracking = tracking(value)?,
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

/// `opt-in`, or what the keys begin with.
fn tracking(json: &Json) -> Result<Tracking> {
    match json {
        Json::String(word) if word == "opt-in" => Ok(Tracking::OptIn),
        prefixes => Ok(Tracking::Broadcast(strings(Some(prefixes))?)),
    }
}
