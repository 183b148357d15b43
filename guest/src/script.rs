//! Scripts: EVALSHA, and EVAL with the source where the server does not know them.

use crate::effects::Effects;
use crate::link::Link;
use crate::resp::encode;
use crate::rows::{Arguments, Row, write_arguments, write_held};
use crate::wire::HELD;

/// Arguments before the number of keys: the command's name, the script's SHA-1, its source.
const BEFORE_KEYS: u32 = 3;
/// Place of the script's SHA-1.
const HASH: usize = 1;
/// Place of the source.
const SOURCE: usize = 2;

/// Whether this is a script's first row.
///
/// # Errors
/// It is not as the contract says.
pub fn check(arguments: &Arguments<'_>) -> Result<(), &'static str> {
    let name = arguments.first().unwrap_or_default();
    let known = name.eq_ignore_ascii_case(b"EVALSHA") || name.eq_ignore_ascii_case(b"EVALSHA_RO");
    if !known || arguments.length(SOURCE).is_none() {
        return Err("a script's first row has EVALSHA or EVALSHA_RO, a SHA-1, and the source");
    }
    Ok(())
}

/// Writes the first row of a script's command, which was checked: with its source, or with its SHA-1.
pub fn write(
    link: &mut Link,
    effects: &mut Effects,
    row: Row,
    arguments: &Arguments<'_>,
    first: u32,
    send_source: bool,
) {
    let name = arguments.first().unwrap_or_default();
    let read_only = name.len() > b"EVALSHA".len();
    let mut bytes = effects.send(link.id, |out| {
        encode::command(out, row.total.saturating_sub(1));
        match (send_source, read_only) {
            (true, false) => encode::argument(out, b"EVAL"),
            (true, true) => encode::argument(out, b"EVAL_RO"),
            (false, _) => encode::argument(out, name),
        }
    });
    let place = if send_source { SOURCE } else { HASH };
    bytes += match arguments.at(place) {
        Some(script) => effects.send(link.id, |out| encode::argument(out, script)),
        None => {
            let length = arguments.length(place).unwrap_or_default() & !HELD;
            write_held(link.id, effects, row.id, first.saturating_add(place as u32), length)
        }
    };
    link.sent += bytes as u64;
    let Some(rest) = arguments.behind(BEFORE_KEYS) else { return };
    let row = Row { arguments: row.arguments.saturating_sub(BEFORE_KEYS), ..row };
    write_arguments(link, effects, row, &rest, false, first.saturating_add(BEFORE_KEYS));
}
