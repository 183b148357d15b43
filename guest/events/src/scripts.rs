//! The scripts that a store runs in the server: plain Lua 5.1, without the libraries that only some servers have.
//! Comments and indentation are left out when they are compiled in.

mod digest;
mod trim;

/// A script.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// Its place in [`ALL`].
    pub number: u8,
    /// Its SHA-1 in hexadecimal.
    pub sha1: &'static str,
    /// What it is, one part after the other.
    pub parts: &'static [&'static str],
    /// Whether it writes.
    pub writes: bool,
}

impl Script {
    /// All of it.
    #[must_use]
    pub fn source(&self) -> String {
        self.parts.concat()
    }
}

/// What is left of a file of `scripts/`.
macro_rules! file {
    ($file:expr) => {{
        const WHOLE: &str = include_str!(concat!("scripts/", $file));
        const TRIMMED: [u8; trim::length(WHOLE.as_bytes())] = trim::trimmed(WHOLE.as_bytes());
        digest::text(&TRIMMED)
    }};
}

/// What several of them begin with.
const BEGIN: &str = file!("begin.lua");
const MATCH: &str = file!("match.lua");

/// The script in these files of `scripts/`, one after the other; the last one is no other's.
macro_rules! script {
    ($number:literal, $writes:literal, $($part:ident $shared:literal,)* $file:literal) => {{
        const WHOLE: &str = concat!($(include_str!(concat!("scripts/", $shared)),)* include_str!(concat!("scripts/", $file)));
        const TRIMMED: [u8; trim::length(WHOLE.as_bytes())] = trim::trimmed(WHOLE.as_bytes());
        const HASH: [u8; 40] = digest::sha1(&TRIMMED);
        const PARTS: &[&str] = &[$($part,)* file!($file)];
        Script { number: $number, sha1: digest::text(&HASH), parts: PARTS, writes: $writes }
    }};
}

/// Appends, see `plan::append`.
pub static APPEND: Script = script!(0, true, BEGIN "begin.lua", MATCH "match.lua", "append.lua");
/// Reads a page, see `plan::page`.
pub static PAGE: Script = script!(1, false, BEGIN "begin.lua", MATCH "match.lua", "page.lua");
/// Reads events by position, see `plan::bodies`.
pub static BODIES: Script = script!(2, false, "bodies.lua");
/// Reads commands' records, see `plan::commands`.
pub static COMMANDS: Script = script!(3, false, BEGIN "begin.lua", "commands.lua");
/// Takes a lock, see `plan::lock`.
pub static LOCK: Script = script!(4, true, "lock.lua");
/// Renews or gives back locks, see `plan::lock`.
pub static LEASE: Script = script!(5, true, "lease.lua");
/// Sets a checkpoint, see `plan::checkpoint`.
pub static CHECKPOINT: Script = script!(6, true, "checkpoint.lua");

/// Checks indexes, or makes them, see `plan::care`.
pub static CARE: Script = script!(7, true, BEGIN "begin.lua", "care.lua");
/// Counts entries, see `plan::care`.
pub static COUNT: Script = script!(8, false, "count.lua");

/// Has appends ring the bell, see `plan::bell`.
pub static LISTEN: Script = script!(9, true, "listen.lua");

/// All of them, by their numbers.
pub static ALL: [&Script; 10] =
    [&APPEND, &PAGE, &BODIES, &COMMANDS, &LOCK, &LEASE, &CHECKPOINT, &CARE, &COUNT, &LISTEN];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_sha1_of_each_script() {
        for (number, script) in ALL.iter().enumerate() {
            assert_eq!(usize::from(script.number), number);
            assert_eq!(script.sha1, sha1_smol::Sha1::from(script.source()).digest().to_string());
        }
    }

    #[test]
    fn leaves_out_what_only_people_read() {
        for script in [&APPEND, &PAGE] {
            let source = script.source();
            assert!(!source.contains("\n--") && !source.contains("\n "));
            assert!(source.contains("\nlocal function matcher"));
        }
    }
}
