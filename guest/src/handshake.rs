//! The first words on a link: HELLO and its fallback, who we are, which database.
//!
//! The first flight asks for all at once, so that a connection costs one round trip. Where the server has no HELLO (an
//! old one, or an ACL without it), a second flight says the same in RESP2's commands.

use crate::config::{Credentials, Settings, Tracking};
use crate::effects::{Effect, Effects};
use crate::resp::buffer::Buffer;
use crate::resp::encode;
use crate::wire::{Cause, ErrorClass};

/// A step, as the in-flight queue remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// HELLO 3: its error means RESP2, or that we are not let in.
    Hello,
    /// AUTH: must succeed.
    Auth,
    /// SELECT: must succeed, unless HELLO did not.
    Select,
    /// CLIENT SETNAME or SETINFO: nice to have.
    Courtesy,
    /// ROLE, where HELLO can't tell it: nobody who says nothing is a replica.
    Role,
    /// CLIENT TRACKING: without it nothing may be stored.
    Tracking,
}

/// What a reply to a step means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More replies are to come.
    Wait,
    /// All is said: the link is ready.
    Done,
    /// Say it again in RESP2.
    Fallback,
    /// The link is of no use: the server does not let us in, or not now.
    Refused(Cause),
}

/// Where a link is in its handshake.
#[derive(Debug, Default)]
pub struct Handshake {
    /// It is the link that all share: what it leads to matters, and it is told of changed keys.
    shared: bool,
    pending: u32,
    fallback: bool,
    /// The link speaks RESP3.
    pub resp3: bool,
    /// The server tells of changed keys here.
    pub tracks: bool,
}

/// Writes a flight's commands, and notes what each was.
pub struct Flight<'a> {
    link: u32,
    effects: &'a mut Effects,
    /// Bytes written, secrets included.
    pub bytes: u64,
    /// The steps, each with the bytes written up to its end.
    pub steps: Vec<(Greeting, u64)>,
}

impl<'a> Flight<'a> {
    /// A flight on this link.
    pub fn new(link: u32, effects: &'a mut Effects) -> Self {
        Self { link, effects, bytes: 0, steps: Vec::new() }
    }

    fn write(&mut self, write: impl FnOnce(&mut Buffer)) {
        self.bytes += self.effects.send(self.link, write) as u64;
    }

    fn ends(&mut self, step: Greeting) {
        self.steps.push((step, self.bytes));
    }

    fn command(&mut self, step: Greeting, words: &[&[u8]]) {
        self.write(|out| encode::words(out, words));
        self.ends(step);
    }

    fn secret(&mut self, credentials: Credentials, password: bool) {
        let length = if password { credentials.password } else { credentials.username };
        self.write(|out| encode::begin_argument(out, length));
        self.effects.push(Effect::SendSecret { link: self.link, generation: credentials.generation, password });
        self.bytes += u64::from(length);
        self.write(encode::end_argument);
    }

    fn hello(&mut self, settings: &Settings, credentials: Option<Credentials>) {
        let named = !settings.name.is_empty();
        let count = 2 + if credentials.is_some() { 3 } else { 0 } + if named { 2 } else { 0 };
        self.write(|out| {
            encode::command(out, count);
            encode::argument(out, b"HELLO");
            encode::argument(out, b"3");
        });
        if let Some(credentials) = credentials {
            self.write(|out| encode::argument(out, b"AUTH"));
            if credentials.username == 0 {
                self.write(|out| encode::argument(out, b"default"));
            } else {
                self.secret(credentials, false);
            }
            self.secret(credentials, true);
        }
        if named {
            self.write(|out| {
                encode::argument(out, b"SETNAME");
                encode::argument(out, settings.name.as_bytes());
            });
        }
        self.ends(Greeting::Hello);
    }

    /// AUTH, with the secrets' places.
    pub fn auth(&mut self, credentials: Credentials) {
        let named = credentials.username > 0;
        self.write(|out| {
            encode::command(out, 2 + u32::from(named));
            encode::argument(out, b"AUTH");
        });
        if named {
            self.secret(credentials, false);
        }
        self.secret(credentials, true);
        self.ends(Greeting::Auth);
    }

    fn set_name(&mut self, settings: &Settings) {
        if !settings.name.is_empty() {
            self.command(Greeting::Courtesy, &[b"CLIENT", b"SETNAME", settings.name.as_bytes()]);
        }
    }

    fn library(&mut self, settings: &Settings) {
        for (attribute, value) in [(&b"LIB-NAME"[..], &settings.library_name), (b"LIB-VER", &settings.library_version)]
        {
            if !value.is_empty() {
                self.command(Greeting::Courtesy, &[b"CLIENT", b"SETINFO", attribute, value.as_bytes()]);
            }
        }
    }

    fn track(&mut self, tracking: &Tracking) {
        match tracking {
            Tracking::Off => {}
            Tracking::OptIn => self.command(Greeting::Tracking, &[b"CLIENT", b"TRACKING", b"ON", b"OPTIN"]),
            Tracking::Broadcast(prefixes) => {
                let mut words: Vec<&[u8]> = vec![b"CLIENT", b"TRACKING", b"ON", b"BCAST"];
                words.extend(prefixes.iter().flat_map(|prefix| [&b"PREFIX"[..], prefix]));
                self.command(Greeting::Tracking, &words);
            }
        }
    }

    fn select(&mut self, settings: &Settings) {
        if settings.database != 0 {
            self.command(Greeting::Select, &[b"SELECT", settings.database.to_string().as_bytes()]);
        }
    }
}

impl Handshake {
    /// Before the first flight, on the link that all share or on another.
    pub fn new(shared: bool) -> Self {
        Self { shared, ..Self::default() }
    }

    /// Writes the first flight. `true` from the result: nothing had to be said, the link is ready.
    pub fn begin(&mut self, flight: &mut Flight<'_>, settings: &Settings, credentials: Option<Credentials>) -> bool {
        if settings.resp2 {
            return self.begin_resp2(flight, settings, credentials);
        }
        flight.hello(settings, credentials);
        flight.library(settings);
        flight.select(settings);
        if self.shared {
            flight.track(&settings.tracking);
        }
        self.resp3 = true;
        self.await_replies(flight)
    }

    /// Writes the second flight, after [`Next::Fallback`].
    pub fn begin_resp2(
        &mut self,
        flight: &mut Flight<'_>,
        settings: &Settings,
        credentials: Option<Credentials>,
    ) -> bool {
        // RESP2 has no place for what a server tells unasked.
        (self.resp3, self.tracks) = (false, false);
        self.fallback = false;
        if let Some(credentials) = credentials {
            flight.auth(credentials);
        }
        flight.set_name(settings);
        flight.library(settings);
        flight.select(settings);
        if self.shared && settings.primary {
            flight.command(Greeting::Role, &[b"ROLE"]);
        }
        self.await_replies(flight)
    }

    /// Takes the reply to a step: `error` is its class, if it is one.
    pub fn answer(&mut self, step: Greeting, error: Option<ErrorClass>) -> Next {
        self.pending = self.pending.saturating_sub(1);
        match (step, error) {
            (Greeting::Courtesy, _) => {}
            (_, Some(ErrorClass::Loading)) => return Next::Refused(Cause::Loading),
            (_, Some(class)) if class.passes() => return Next::Refused(Cause::Unreachable),
            (Greeting::Hello, Some(class)) if refuses(class) => return Next::Refused(Cause::Denied),
            (Greeting::Hello, Some(_)) => self.fallback = true,
            // Without HELLO we were nobody when these came: the second flight says them again.
            (Greeting::Select, Some(_)) if self.fallback => {}
            (Greeting::Auth | Greeting::Select, Some(_)) => return Next::Refused(Cause::Denied),
            (Greeting::Tracking, None) => self.tracks = true,
            _ => {}
        }
        match (self.pending, self.fallback) {
            (0, true) => Next::Fallback,
            (0, false) => Next::Done,
            _ => Next::Wait,
        }
    }

    fn await_replies(&mut self, flight: &Flight<'_>) -> bool {
        self.pending = u32::try_from(flight.steps.len()).unwrap_or(u32::MAX);
        self.pending == 0
    }
}

/// Errors of HELLO that RESP2 would not mend. NOPERM is not one: AUTH may be allowed where HELLO is not.
fn refuses(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Wrongpass | ErrorClass::Noauth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flight_is_enough_where_hello_is_known() {
        let mut handshake = Handshake { pending: 3, resp3: true, ..Handshake::default() };
        assert_eq!(handshake.answer(Greeting::Hello, None), Next::Wait);
        assert_eq!(handshake.answer(Greeting::Courtesy, Some(ErrorClass::Other)), Next::Wait);
        assert_eq!(handshake.answer(Greeting::Select, None), Next::Done);
    }

    #[test]
    fn falls_back_when_all_replies_are_in() {
        let mut handshake = Handshake { pending: 3, resp3: true, ..Handshake::default() };
        assert_eq!(handshake.answer(Greeting::Hello, Some(ErrorClass::Other)), Next::Wait);
        assert_eq!(handshake.answer(Greeting::Courtesy, Some(ErrorClass::Noauth)), Next::Wait);
        assert_eq!(handshake.answer(Greeting::Select, Some(ErrorClass::Noauth)), Next::Fallback);
    }

    #[test]
    fn is_denied_by_what_must_succeed() {
        for (step, class) in [
            (Greeting::Hello, ErrorClass::Wrongpass),
            (Greeting::Hello, ErrorClass::Noauth),
            (Greeting::Auth, ErrorClass::Other),
            (Greeting::Select, ErrorClass::Other),
        ] {
            let mut handshake = Handshake { pending: 1, ..Handshake::default() };
            assert_eq!(handshake.answer(step, Some(class)), Next::Refused(Cause::Denied), "{step:?}");
        }
    }

    #[test]
    fn is_tried_again_where_an_error_passes() {
        let steps = [Greeting::Hello, Greeting::Auth, Greeting::Select, Greeting::Role, Greeting::Tracking];
        for step in steps {
            for (class, cause) in [(ErrorClass::Loading, Cause::Loading), (ErrorClass::Busy, Cause::Unreachable)] {
                let mut handshake = Handshake { pending: 1, ..Handshake::default() };
                assert_eq!(handshake.answer(step, Some(class)), Next::Refused(cause), "{step:?}");
            }
        }
        let mut handshake = Handshake { pending: 1, ..Handshake::default() };
        assert_eq!(handshake.answer(Greeting::Courtesy, Some(ErrorClass::Busy)), Next::Done);
    }
}
