//! What tells whether two commands of the same id ask for the same.

use sha2::{Digest, Sha256};

use super::command::Command;
use super::event::Event;

/// Of what a command asks for, and of the events that it appends if they are known before: see `command.fingerprint` in
/// `wit/event-store.wit`.
pub(super) fn fingerprint(command: &Command, events: &[Event]) -> (u64, u64) {
    let mut hash = Sha256::new();
    add(&mut hash, command.type_.as_bytes());
    add(&mut hash, &command.data);
    add(&mut hash, &command.metadata);
    for event in events {
        add(&mut hash, event.type_.as_bytes());
        let mut tags: Vec<&[u8]> = event.tags.iter().map(String::as_bytes).collect();
        tags.sort_unstable();
        add_count(&mut hash, tags.len());
        tags.into_iter().for_each(|tag| add(&mut hash, tag));
        add(&mut hash, &event.data);
        add(&mut hash, &event.metadata);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let number = |from: usize| hash.iter().skip(from).take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
    (number(0), number(8))
}

fn add(hash: &mut Sha256, bytes: &[u8]) {
    add_count(hash, bytes.len());
    hash.update(bytes);
}

fn add_count(hash: &mut Sha256, count: usize) {
    hash.update((count as u64).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(events: &[Event]) -> (u64, u64) {
        fingerprint(&Command::new("T").data("d").metadata("m"), events)
    }

    #[test]
    fn it_is_the_beginning_of_a_sha_256() {
        // By hand: 8 bytes of length before each of `T`, `d`, `m`.
        let text = b"\0\0\0\0\0\0\0\x01T\0\0\0\0\0\0\0\x01d\0\0\0\0\0\0\0\x01m";
        let hash = Sha256::digest(text);
        let expected =
            (u64::from_be_bytes(hash[..8].try_into().unwrap()), u64::from_be_bytes(hash[8..16].try_into().unwrap()));
        assert_eq!(of(&[]), expected);
    }

    #[test]
    fn all_that_matters_changes_it_and_nothing_else() {
        let event = || Event::new("E").tag("a:1").tag("b:2").data("x").metadata("y");
        let usual = of(&[event()]);
        assert_eq!(of(&[event()]), usual, "ids are no content");
        assert_eq!(
            of(&[Event::new("E").tag("b:2").tag("a:1").data("x").metadata("y")]),
            usual,
            "nor is the tags' order"
        );
        let others = [
            of(&[]),
            of(&[event(), event()]),
            of(&[event().data("z")]),
            of(&[event().metadata("z")]),
            of(&[event().tag("c:3")]),
            of(&[event().data("xy").metadata("")]),
            fingerprint(&Command::new("U").data("d").metadata("m"), &[event()]),
            fingerprint(&Command::new("T").data("dm"), &[event()]),
        ];
        for other in others {
            assert_ne!(other, usual);
        }
        let tagged = of(&[event().tag("c:3")]);
        let untagged = [Event::new("E").data("a:1").metadata("b:2"), Event::new("c:3").data("x").metadata("y")];
        assert_ne!(of(&untagged), tagged, "tags are no data");
    }
}
