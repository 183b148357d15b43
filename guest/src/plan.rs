//! What is to be known of a command before it is written: which link it goes on, and what it may leave there.

use crate::client::Core;
use crate::commands::{self, Command, Flags};
use crate::mutant::{self, Mutant};
use crate::refused;
use crate::rows::{Arguments, Row};
use crate::tracking;
use crate::wire::option;

/// Which link a command goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The one that all share.
    Main,
    /// The one that a session has.
    Session(u32),
    /// One for this command alone, since it blocks, or nobody knows what it does.
    Alone,
}

/// What is to be known of a command before it is written.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Where it goes.
    pub destination: Destination,
    /// How long the server may hold the reply back. Microseconds.
    pub blocks_for: u64,
    /// It can be sent again without harm, and the caller allows it.
    pub repeat: bool,
    /// It may leave something behind on its link that can't be undone.
    pub lasting: bool,
    /// Its reply may be stored, if the server tells of its key.
    pub store: bool,
    /// It may run a program of somebody's, whose errors are what that likes.
    pub runs: bool,
}

impl Core {
    /// Plans a row that begins a command.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn plan(&self, row: Row, arguments: &Arguments<'_>) -> Result<Plan, &'static str> {
        let (name, second) = (arguments.first(), arguments.second());
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Err("a command's name must not be empty, nor be held by the host");
        };
        refused::always(name, second)?;
        let hides = |container: &[u8]| name.eq_ignore_ascii_case(container) && second.is_none() && row.total > 1;
        if hides(b"CLIENT") || hides(b"SCRIPT") || hides(b"CLUSTER") {
            return Err("a subcommand of CLIENT, SCRIPT or CLUSTER must be in the first row, and not held by the host");
        }
        let found = commands::find(name, second);
        let in_session = row.session != 0;
        let atomic = row.has(option::ATOMIC | option::LONE) || self.in_transaction();
        if !in_session {
            refused::on_a_shared_link(name, second)?;
        }
        let has = |flag| found.is_some_and(|command| command.flags.has(flag));
        let blocks = found.and_then(|command| command.blocks_for(row.total as usize, arguments.iter()));
        let destination = match (in_session, atomic) {
            (true, _) => Destination::Session(row.session),
            // Within a transaction nothing blocks.
            (false, true) => Destination::Main,
            (false, false) if mutant::on(Mutant::BlockOnMain) => Destination::Main,
            (false, false) if blocks.is_some() || found.is_none() && !of_a_module(name) => Destination::Alone,
            (false, false) if found.is_some_and(interrupts) => Destination::Alone,
            (false, false) => Destination::Main,
        };
        // They count as of the connection, and leave nothing on it.
        let harmless = name.eq_ignore_ascii_case(b"PING") || name.eq_ignore_ascii_case(b"ECHO");
        let store = |command: &Command| tracking::can_be_stored(&self.settings.tracking, command, arguments);
        Ok(Plan {
            destination,
            blocks_for: if atomic { 0 } else { blocks.unwrap_or_default() },
            repeat: row.has(option::MAY_REPEAT) && has(Flags::REPEATABLE) && !in_session,
            store: row.has(option::TRACK)
                && destination == Destination::Main
                && !atomic
                && found.as_ref().is_some_and(store),
            runs: runs_a_program(found),
            lasting: found.is_none() && !of_a_module(name) || in_session && has(Flags::CONNECTION) && !harmless,
        })
    }
}

/// Whether this may be: scripts and functions have their keys where they say, and what is not known may do anything.
pub(crate) fn runs_a_program(command: Option<Command>) -> bool {
    command.is_none_or(|command| command.flags.has(Flags::MOVABLE_KEYS))
}

/// Whether it is to end a script, or to tell of one: behind that it would wait for its end. What a link is asked of
/// itself is of use on that link only, and SHUTDOWN must not come before what was sent before it.
pub(crate) fn interrupts(command: Command) -> bool {
    let has = |flag| command.flags.has(flag);
    has(Flags::ALLOW_BUSY) && !has(Flags::CONNECTION) && !has(Flags::ADMIN)
}

/// Whether a name is that of a module's command, such as JSON.SET: these are about data. They go with the rest, as what
/// is sent together has to keep its order.
pub(crate) fn of_a_module(name: &[u8]) -> bool {
    name.contains(&b'.')
}
