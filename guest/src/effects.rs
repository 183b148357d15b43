//! What the core wants done outside, noted while a call runs and drained after it.

use crate::config::Endpoint;
use crate::resp::buffer::Buffer;

/// One effect; `network` in the WIT says what each means.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented case by case in wit/network.wit")]
pub enum Effect {
    Open {
        link: u32,
        endpoint: Endpoint,
    },
    /// The bytes are `start..end` of [`Effects::bytes`].
    Send {
        link: u32,
        start: usize,
        end: usize,
    },
    SendHeld {
        link: u32,
        request: u64,
        argument: u32,
    },
    SendSecret {
        link: u32,
        generation: u32,
        password: bool,
    },
    Close {
        link: u32,
    },
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Level {
    /// Something does not work as it was asked for.
    Warning = 2,
    /// What an operator wants to see afterwards.
    Info = 3,
}

/// The effects of one call, in order.
#[derive(Debug, Default)]
pub struct Effects {
    list: Vec<Effect>,
    bytes: Buffer,
    logs: Vec<(Level, String)>,
}

impl Effects {
    /// The effects, in the order in which they are to be done.
    #[must_use]
    pub fn list(&self) -> &[Effect] {
        &self.list
    }

    /// The bytes of a [`Effect::Send`].
    #[must_use]
    pub fn bytes(&self, start: usize, end: usize) -> &[u8] {
        self.bytes.written().get(start..end).unwrap_or_default()
    }

    /// Forgets them: they are done. Keeps what memory a usual call needs.
    pub fn clear(&mut self) {
        const USUAL: usize = 64 * 1024;
        self.list.clear();
        self.logs.clear();
        self.bytes.clear(USUAL);
    }

    /// Lines for the log, in order.
    #[must_use]
    pub fn logs(&self) -> &[(Level, String)] {
        &self.logs
    }

    /// Notes a line for the log. It must hold neither keys nor values nor secrets.
    pub fn log(&mut self, level: Level, text: String) {
        self.logs.push((level, text));
    }

    /// Notes an effect other than `Send`.
    pub fn push(&mut self, effect: Effect) {
        self.list.push(effect);
    }

    /// Lets `write` append to the link's output, and says how many bytes it appended.
    pub fn send(&mut self, link: u32, write: impl FnOnce(&mut Buffer)) -> usize {
        let from = self.bytes.len();
        write(&mut self.bytes);
        let to = self.bytes.len();
        match self.list.last_mut() {
            Some(Effect::Send { link: last, end, .. }) if *last == link && *end == from => *end = to,
            _ if to > from => self.list.push(Effect::Send { link, start: from, end: to }),
            _ => {}
        }
        to - from
    }
}
