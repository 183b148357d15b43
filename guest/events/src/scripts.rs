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
    /// What it is.
    pub source: &'static str,
    /// Whether it writes.
    pub writes: bool,
}

/// The script in these files of `scripts/`, one after the other.
macro_rules! script {
    ($number:literal, $writes:literal, $($file:literal),+) => {{
        const WHOLE: &str = concat!($(include_str!(concat!("scripts/", $file))),+);
        const TRIMMED: [u8; trim::length(WHOLE.as_bytes())] = trim::trimmed(WHOLE.as_bytes());
        const HASH: [u8; 40] = digest::sha1(&TRIMMED);
        Script { number: $number, sha1: digest::text(&HASH), source: digest::text(&TRIMMED), writes: $writes }
    }};
}

/// Appends, see `plan::append`.
pub static APPEND: Script = script!(0, true, "begin.lua", "match.lua", "append.lua");
/// Reads a page, see `plan::page`.
pub static PAGE: Script = script!(1, false, "begin.lua", "match.lua", "page.lua");
/// Reads events by position, see `plan::bodies`.
pub static BODIES: Script = script!(2, false, "bodies.lua");
/// Reads commands' records, see `plan::commands`.
pub static COMMANDS: Script = script!(3, false, "begin.lua", "commands.lua");
/// Takes a lock, see `plan::lock`.
pub static LOCK: Script = script!(4, true, "lock.lua");
/// Renews or gives back locks, see `plan::lock`.
pub static LEASE: Script = script!(5, true, "lease.lua");
/// Sets a checkpoint, see `plan::checkpoint`.
pub static CHECKPOINT: Script = script!(6, true, "checkpoint.lua");

/// Checks indexes, or makes them, see `plan::care`.
pub static CARE: Script = script!(7, true, "begin.lua", "care.lua");
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
            assert_eq!(script.sha1, sha1_smol::Sha1::from(script.source).digest().to_string());
        }
    }

    #[test]
    fn leaves_out_what_only_people_read() {
        for script in [&APPEND, &PAGE] {
            assert!(!script.source.contains("\n--") && !script.source.contains("\n "));
            assert!(script.source.contains("\nlocal function matcher"));
        }
    }
}
