//! Draws what callers ask for.

use coracle_core::wire::NEVER;

use crate::draw::Draw;
use crate::plan::{Ask, LISTS, MILLISECOND};

impl Draw<'_> {
    /// A number that no other call has.
    pub fn number(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    /// A call of some sort.
    pub fn ask(&mut self) -> Ask {
        match self.random.below(100) {
            0..8 => self.blocking(),
            8..11 => self.unknown(),
            // What names a script must not be held.
            11..19 if self.shape.hold_above >= 40 => self.script(),
            _ => self.usual(),
        }
    }

    /// One that waits for an element of a list.
    fn blocking(&mut self) -> Ask {
        let id = self.number();
        let list = self.random.pick(&LISTS).as_bytes().to_vec();
        let (text, blocks) = self.random.pick(&[("0.005", 5), ("0.05", 50), ("0.4", 400), ("0", 0)]);
        let mut patience = self.patience();
        if blocks == 0 {
            patience.get_or_insert(300 * MILLISECOND);
        }
        Ask {
            id,
            commands: vec![vec![b"BLPOP".to_vec(), list, tag(id), text.as_bytes().to_vec()]],
            may_repeat: self.random.chance(20),
            patience,
            alone: true,
            blocks: Some(if blocks == 0 { NEVER } else { blocks * MILLISECOND }),
            patient: blocks > 0 && self.random.chance(50),
            ..Ask::default()
        }
    }

    /// One that the core does not know: of a module, which goes with the rest, or of nobody knows what.
    fn unknown(&mut self) -> Ask {
        let id = self.number();
        let name = self.random.pick(&["FROB", "MOD.X"]);
        let commands = vec![vec![name.as_bytes().to_vec(), format!("payload of {id}").into_bytes(), tag(id)]];
        let (may_repeat, patience) = (self.random.chance(20), self.patience());
        Ask { id, commands, may_repeat, patience, alone: name == "FROB", ..Ask::default() }
    }

    /// A script, or several as a transaction.
    fn script(&mut self) -> Ask {
        let id = self.number();
        let atomic = self.random.chance(25);
        let count = if atomic { self.random.between(1, 2) } else { 1 };
        let commands = (0..count)
            .map(|_| {
                let name = self.random.pick(&["EVALSHA", "EVALSHA", "EVALSHA_RO"]);
                let (sha, source) = script(self.random.below(3));
                vec![name.as_bytes().to_vec(), sha, source, b"0".to_vec(), tag(id)]
            })
            .collect();
        let (may_repeat, patience) = (self.random.chance(20), self.patience());
        Ask { id, commands, atomic, may_repeat, patience, script: true, ..Ask::default() }
    }

    fn usual(&mut self) -> Ask {
        let id = self.number();
        let atomic = self.random.chance(15);
        let count = if atomic { self.random.between(1, 3) } else { 1 };
        Ask {
            id,
            commands: (0..count).map(|place| self.command(id, place, atomic)).collect(),
            atomic,
            may_repeat: self.random.chance(20),
            patience: self.patience(),
            ..Ask::default()
        }
    }

    /// How long a caller waits.
    pub fn patience(&mut self) -> Option<u64> {
        self.random.chance(30).then(|| self.random.pick(&[0, 3, 60, 700]) * MILLISECOND)
    }

    /// Its last argument is the tag by which the server knows whose it is.
    fn command(&mut self, id: u64, place: u64, atomic: bool) -> Vec<Vec<u8>> {
        let key = format!("key{}", self.random.below(3)).into_bytes();
        let mut payload = format!("payload of {id}.{place} ").into_bytes();
        let size = self.random.pick(&[0, 0, 0, 90, 400]);
        payload.resize(payload.len() + size, b'x');
        let mut command = match self.random.below(12) {
            0..4 => vec![b"ECHO".to_vec(), payload],
            4..6 => vec![b"SET".to_vec(), key, payload],
            6 => vec![b"GET".to_vec(), key],
            7 => vec![b"INCR".to_vec(), b"count".to_vec()],
            8 => vec![b"XRANGE".to_vec(), payload],
            9 => vec![b"HGETALL".to_vec(), payload],
            10 if atomic => vec![b"STRLEN".to_vec()],
            10 => vec![b"HGET".to_vec()],
            _ => vec![b"LLEN".to_vec(), payload],
        };
        command.push(tag(id));
        command
    }

    /// What a session asks while it has a link. It may end in the midst of something.
    pub fn turn(&mut self, session: u32) -> Vec<Ask> {
        let mut open = false;
        let count = self.random.below(6);
        (0..count)
            .map(|_| {
                let words: &[&str] = match self.random.below(20) {
                    0..3 if !open => &["WATCH", "key1"],
                    3..4 => &["UNWATCH"],
                    4..8 if !open => &["MULTI"],
                    4..7 => &["EXEC"],
                    7 => &["DISCARD"],
                    8 => &["SELECT", "7"],
                    9 => &["CLIENT", "NO-EVICT", "on"],
                    _ => &[],
                };
                match words.first() {
                    Some(&"MULTI") => open = true,
                    Some(&"EXEC" | &"DISCARD") => open = false,
                    _ => {}
                }
                let mut ask = Ask { session, ..self.ask() };
                if open {
                    (ask.blocks, ask.patient) = (None, false);
                }
                if !words.is_empty() || open {
                    // Transactions have no others within.
                    ask.atomic = false;
                    ask.commands.truncate(1);
                }
                if !words.is_empty() {
                    let mut command: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
                    command.push(tag(ask.id));
                    ask.commands = vec![command];
                    (ask.blocks, ask.patient, ask.script) = (None, false, false);
                }
                ask
            })
            .collect()
    }
}

/// A script's name and its source.
fn script(number: u64) -> (Vec<u8>, Vec<u8>) {
    (format!("{number:040}").into_bytes(), format!("return the answer of script {number:040}").into_bytes())
}

/// The word by which the server knows whose a command is.
pub fn tag(id: u64) -> Vec<u8> {
    format!("#{id}").into_bytes()
}
