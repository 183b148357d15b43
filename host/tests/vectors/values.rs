//! Whether what this host gives is what a vector wants.

use anyhow::{Result, bail, ensure};
use coracle::redis::{self, VerbatimFormat};
use coracle::{Error, Message};
use vectors::Value;

/// Compares a call's result with the reply that is wanted.
pub fn check_reply(result: &Result<redis::Value, Error>, wanted: &Value) -> Result<()> {
    match (result, wanted) {
        (Err(Error::Server(error)), Value::Error { text, class }) => {
            ensure!(error.text == lossy(text) && error.class.name() == class, "the reply is {error:?}, not {wanted:?}");
            Ok(())
        }
        (Ok(value), _) if same(value, wanted) => Ok(()),
        _ => bail!("the reply is {result:?}, not {wanted:?}"),
    }
}

/// Compares an error that is not a reply.
pub fn check_failure(error: &Error, failure: Option<&str>, cause: Option<&str>) -> Result<()> {
    let Error::Failed(failed) = error else { bail!("{error:?} is no failure") };
    let is = (failed.failure.name(), failed.cause.name());
    ensure!(failure.is_none_or(|failure| failure == is.0), "it failed as {is:?} ({error})");
    ensure!(cause.is_none_or(|cause| cause == is.1), "it failed as {is:?} ({error})");
    Ok(())
}

pub fn check_message(message: &Message, wanted: &Value) -> Result<()> {
    if let Value::Status(line) = wanted {
        ensure!(message.channel.is_empty() && message.payload == *line, "the line is {message:?}");
        return Ok(());
    }
    let mut parts: Vec<&[u8]> = message.pattern.iter().map(|pattern| &pattern[..]).collect();
    parts.extend([&message.channel[..], &message.payload[..]]);
    let Value::Array(wanted_parts) = wanted else { bail!("a message is an array, not {wanted:?}") };
    let same = parts.len() == wanted_parts.len()
        && parts.iter().zip(wanted_parts).all(|(is, wanted)| match wanted {
            Value::Bulk(bytes) | Value::Status(bytes) => is == bytes,
            _ => false,
        });
    ensure!(same, "the message is {message:?}, not {wanted:?}");
    Ok(())
}

/// This host knows one nil, and no classes of errors inside of replies.
fn same(value: &redis::Value, wanted: &Value) -> bool {
    use redis::Value as V;
    match (value, wanted) {
        (V::Nil, Value::Nil(_)) | (V::Okay, Value::Ok) => true,
        (V::Boolean(a), Value::Bool(b)) => a == b,
        (V::Int(a), Value::Int(b)) => a == b,
        (V::Double(a), Value::Double(b)) => same_double(*a, b),
        (V::SimpleString(a), Value::Status(b)) => *a == lossy(b),
        (V::ServerError(a), Value::Error { text, .. }) => same_error(a, &lossy(text)),
        (V::BulkString(a), Value::Bulk(b)) | (V::BigNumber(a), Value::Big(b)) => a == b,
        (V::VerbatimString { format, text }, Value::Verbatim { format: b, text: c }) => {
            same_format(format, b) && *text == lossy(c)
        }
        (V::Array(a), Value::Array(b)) | (V::Set(a), Value::Set(b)) => all_same(a, b),
        (V::Map(a), Value::Map(b)) => all_pairs_same(a, b),
        (V::Attribute { data, attributes }, Value::Attribute { attributes: b, of }) => {
            same(data, of) && all_pairs_same(attributes, b)
        }
        _ => false,
    }
}

fn all_same(values: &[redis::Value], wanted: &[Value]) -> bool {
    values.len() == wanted.len() && values.iter().zip(wanted).all(|(a, b)| same(a, b))
}

fn all_pairs_same(pairs: &[(redis::Value, redis::Value)], wanted: &[(Value, Value)]) -> bool {
    pairs.len() == wanted.len() && pairs.iter().zip(wanted).all(|(a, b)| same(&a.0, &b.0) && same(&a.1, &b.1))
}

fn same_double(is: f64, wanted: &str) -> bool {
    let wanted: f64 = wanted.parse().expect("a vector's double");
    is.to_bits() == wanted.to_bits() || is.is_nan() && wanted.is_nan()
}

fn same_error(is: &redis::ServerError, wanted: &str) -> bool {
    let text = match is.details() {
        Some(details) => format!("{} {details}", is.code()),
        None => is.code().to_owned(),
    };
    text == wanted.replace(['\r', '\n'], " ")
}

fn same_format(is: &VerbatimFormat, wanted: &str) -> bool {
    match is {
        VerbatimFormat::Text => wanted == "txt",
        VerbatimFormat::Markdown => wanted == "mkd",
        VerbatimFormat::Unknown(format) => wanted == format,
        _ => false,
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
