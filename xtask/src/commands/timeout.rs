//! Where a blocking command has its time-out, by a rule on its documented arguments rather than by its name.

use anyhow::{Context, Result, bail, ensure};

use super::ask::{Argument, Known};

/// As `Blocks` of the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocks {
    Never,
    Seconds(i8),
    Millis(i8),
    Token(String),
}

/// What a blocking command's time-out is.
pub fn find(command: &Known) -> Result<Blocks> {
    let name = &command.name;
    let timeouts = command.arguments.iter().enumerate().filter(|(_, argument)| is_timeout(argument));
    let [(index, timeout)] = timeouts.collect::<Vec<_>>()[..] else {
        bail!("{name} blocks, but COMMAND DOCS names no one argument of it as its time-out");
    };
    // What is a whole number is in milliseconds: all that take seconds take fractions of them.
    let whole = match timeout.kind.as_str() {
        "integer" => true,
        "double" => false,
        other => bail!("the time-out of {name} is a {other}, not a number"),
    };
    if let Some(token) = &timeout.token {
        ensure!(whole, "the time-out of {name} is in seconds and follows a word, which the core can't express");
        return Ok(Blocks::Token(token.clone()));
    }
    let place = place(command, index).with_context(|| format!("no fixed place holds the time-out of {name}"))?;
    Ok(if whole { Blocks::Millis(place) } else { Blocks::Seconds(place) })
}

fn is_timeout(argument: &Argument) -> bool {
    matches!(argument.name.as_str(), "timeout" | "milliseconds")
}

/// From the start if all before has a fixed size, else from the end if all behind has.
fn place(command: &Known, index: usize) -> Option<i8> {
    let (before, rest) = command.arguments.split_at_checked(index)?;
    let (timeout, behind) = rest.split_first()?;
    if size(timeout) != Some(1) {
        return None;
    }
    let names = command.name.split('|').count();
    match (total(before), total(behind)) {
        (Some(before), _) => i8::try_from(names + before).ok(),
        (None, Some(behind)) => i8::try_from(behind + 1).ok().map(|place| -place),
        (None, None) => None,
    }
}

/// The words that begin options of a command, each with the number of values behind it, or `None` where it varies. The
/// core needs them to tell a time-out's word from a value that is spelled the same.
pub fn words(command: &Known) -> Vec<(String, Option<u8>)> {
    let values = |argument: &Argument| values(argument).and_then(|count| u8::try_from(count).ok());
    command.arguments.iter().filter_map(|argument| Some((argument.token.clone()?, values(argument)))).collect()
}

/// How many words it always has.
fn size(argument: &Argument) -> Option<usize> {
    let always = !argument.flags.contains("optional");
    if always { Some(values(argument)? + usize::from(argument.token.is_some())) } else { None }
}

/// The same without its token, and where it is given.
fn values(argument: &Argument) -> Option<usize> {
    match argument.kind.as_str() {
        _ if argument.flags.contains("multiple") => None,
        "pure-token" => Some(0),
        "block" => total(&argument.parts),
        "oneof" => {
            let (first, rest) = argument.parts.split_first()?;
            size(first).filter(|first| rest.iter().all(|part| size(part) == Some(*first)))
        }
        _ => Some(1),
    }
}

fn total(arguments: &[Argument]) -> Option<usize> {
    arguments.iter().map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name:kind:token:flag`, the last two may be missing.
    fn command(arguments: &[&str]) -> Known {
        let argument = |text: &&str| {
            let mut fields = text.split(':').map(str::to_owned);
            let (name, kind) = (fields.next().unwrap(), fields.next().unwrap());
            let token = fields.next().filter(|token| !token.is_empty());
            Argument { name, kind, token, flags: fields.collect(), parts: Vec::new() }
        };
        Known { name: "A".into(), arguments: arguments.iter().map(argument).collect(), ..Known::default() }
    }

    #[test]
    fn is_counted_from_the_side_that_is_fixed() {
        let many = "key:key::multiple";
        assert_eq!(find(&command(&["timeout:double", many])).unwrap(), Blocks::Seconds(1));
        assert_eq!(find(&command(&["a:key", "b:pure-token:B", "timeout:integer"])).unwrap(), Blocks::Millis(3));
        assert_eq!(find(&command(&[many, "timeout:double", "a:key"])).unwrap(), Blocks::Seconds(-2));
        let mut inner = command(&["timeout:integer"]);
        inner.name = "A|B".into();
        assert_eq!(find(&inner).unwrap(), Blocks::Millis(2));
        let token = command(&["milliseconds:integer:BLOCK:optional", "k:key:KEYS:multiple", "x:pure-token:X"]);
        assert_eq!(find(&token).unwrap(), Blocks::Token("BLOCK".into()));
        assert_eq!(words(&token), [("BLOCK".into(), Some(1)), ("KEYS".into(), None), ("X".into(), Some(0))]);
    }

    #[test]
    fn must_be_found() {
        let complaint = |arguments: &[&str]| find(&command(arguments)).unwrap_err().to_string();
        assert!(complaint(&["key:key"]).starts_with("A blocks, but"));
        assert!(complaint(&["timeout:integer", "milliseconds:integer"]).starts_with("A blocks, but"));
        assert!(complaint(&["timeout:string"]).contains("is a string"));
        assert!(complaint(&["timeout:double:FOR"]).contains("follows a word"));
        assert!(complaint(&["timeout:double::optional"]).contains("no fixed place"));
        assert!(complaint(&["a:key::multiple", "timeout:double", "b:key::optional"]).contains("no fixed place"));
    }
}
