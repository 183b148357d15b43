//! The bell, which appends ring while somebody listens: a stream with an entry an append. For an append it would be one
//! of the dearest calls.

use crate::fault::Fault;
use crate::layout::Layout;
use crate::pieces::Commands;
use crate::reply::{Node, Reply};
use crate::scripts;

use super::terms::Keys;

/// Have all appends ring from now on, for so many milliseconds. What was appended before may not have rung.
#[must_use]
pub fn listen(layout: &Layout, time: u64) -> Commands {
    let mut keys = Keys::new(layout);
    keys.one("h");
    // Again is as good: the later time counts.
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    keys.begin(&mut commands, &scripts::LISTEN);
    commands.number(time);
    commands
}

/// Wait at most so many milliseconds for an append behind this position.
///
/// Not to be repeated: behind a broken link may be another server, whose log lost its end, and whose bell would not
/// ring before it has as many events again. A page finds that out.
#[must_use]
pub fn wait(layout: &Layout, position: u64, time: u64) -> Commands {
    let mut commands = Commands::default();
    commands.command("XREAD");
    commands.text(b"COUNT");
    commands.number(1);
    commands.text(b"BLOCK");
    commands.number(time);
    commands.text(b"STREAMS");
    commands.text(layout.bell().as_bytes());
    commands.number(position);
    commands
}

/// That `listen` was done, or `wait` is over.
///
/// # Errors
/// The server refused.
pub fn read(reply: &mut Reply<'_>) -> Result<(), Fault> {
    match reply.node()? {
        Node::Error(text) => Err(Fault::Server(String::from_utf8_lossy(text.bytes).into_owned())),
        _ => Ok(()),
    }
}
