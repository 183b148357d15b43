//! Scripts: EVAL with the source the first time on a link, and EVALSHA from then on. Whether the server knows a script
//! already could be found out by EVALSHA, and NOSCRIPT: but what was sent behind it would be executed before it.

use std::collections::VecDeque;

use crate::effects::Effects;
use crate::resp::encode;
use crate::rows::{Arguments, Row, write_arguments, write_held};
use crate::wire::HELD;

/// Arguments before the number of keys: the command's name, the script's SHA-1, its source.
const BEFORE_KEYS: u32 = 3;
/// Place of the script's SHA-1.
const HASH: usize = 1;
/// Place of the source.
const SOURCE: usize = 2;

/// Which scripts a link has sent by their source, so that its server knows them: the last ones. One that is left out is
/// sent so again; one that the server has forgotten is asked for again.
#[derive(Debug, Default)]
pub struct Sent(VecDeque<u64>);

impl Sent {
    const MOST: usize = 64;

    /// Whether the script of this row was sent before; it is from now on.
    pub fn add(&mut self, arguments: &Arguments<'_>) -> bool {
        let Some(hash) = arguments.at(HASH) else { return false };
        // Eight of a SHA-1's digits tell some scripts apart. Where they don't, the server says NOSCRIPT.
        let key = hash.iter().take(8).fold(0, |key, digit| key << 8 | u64::from(*digit));
        let known = self.0.contains(&key);
        if !known {
            if self.0.len() >= Self::MOST {
                self.0.pop_front();
            }
            self.0.push_back(key);
        }
        known
    }

    /// The server has forgotten its scripts.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

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

/// Writes the first row of a script's command, which was checked: with its source, or with its SHA-1. Gives the number
/// of bytes that the link will have sent with it.
pub fn write(
    link: u32,
    effects: &mut Effects,
    row: Row,
    arguments: &Arguments<'_>,
    first: u32,
    send_source: bool,
) -> usize {
    let name = arguments.first().unwrap_or_default();
    let read_only = name.len() > b"EVALSHA".len();
    let mut bytes = effects.send(link, |out| {
        encode::command(out, row.total.saturating_sub(1));
        match (send_source, read_only) {
            (true, false) => encode::argument(out, b"EVAL"),
            (true, true) => encode::argument(out, b"EVAL_RO"),
            (false, _) => encode::argument(out, name),
        }
    });
    let place = if send_source { SOURCE } else { HASH };
    bytes += match arguments.at(place) {
        Some(script) => effects.send(link, |out| encode::argument(out, script)),
        None => {
            let length = arguments.length(place).unwrap_or_default() & !HELD;
            write_held(link, effects, row.id, first.saturating_add(place as u32), length)
        }
    };
    let Some(rest) = arguments.behind(BEFORE_KEYS) else { return bytes };
    let row = Row { arguments: row.arguments.saturating_sub(BEFORE_KEYS), ..row };
    bytes + write_arguments(link, effects, row, &rest, false, first.saturating_add(BEFORE_KEYS))
}
