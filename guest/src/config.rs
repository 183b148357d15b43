//! How a client is to be: checked once, then believed.

use std::fmt;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Name or address, and port.
    Tcp(String, u16),
    /// Path of a unix socket.
    Unix(String),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => f.write_str(path),
        }
    }
}

/// Bounds; the WIT says of what.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "documented field by field in wit/types.wit")]
pub struct Limits {
    pub queued: u32,
    pub queued_bytes: u32,
    pub inflight: u32,
    pub inflight_bytes: u32,
    pub links: u32,
    pub depth: u32,
    pub elements: u64,
    pub reply_bytes: u64,
    pub hold_above: u32,
    pub pass_above: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queued: 16_384,
            queued_bytes: 256 << 20,
            inflight: 16_384,
            inflight_bytes: 256 << 20,
            links: 64,
            depth: 64,
            elements: 1 << 32,
            reply_bytes: 1 << 40,
            hold_above: 4096,
            pass_above: 16_384,
        }
    }
}

/// Lengths of the secrets that the host writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented field by field in wit/types.wit")]
pub struct Credentials {
    pub generation: u32,
    pub username: u32,
    pub password: u32,
}

/// How a server tells of keys that change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tracking {
    /// Not at all.
    #[default]
    Off,
    /// Of those that were read with `track`.
    OptIn,
    /// Of all that begin with one of these; of all there are, if there is none.
    Broadcast(Vec<Vec<u8>>),
}

/// How a client is to be, as the host says it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "documented field by field in wit/driver.wit")]
pub struct Settings {
    pub seed: u64,
    pub endpoints: Vec<Endpoint>,
    pub database: u32,
    pub name: String,
    pub library_name: String,
    pub library_version: String,
    pub resp2: bool,
    pub connect_timeout: u64,
    pub quiet_after: u64,
    pub idle_timeout: u64,
    pub primary: bool,
    pub tracking: Tracking,
    pub limits: Limits,
}

/// Most prefixes of [`Tracking::Broadcast`].
pub const MAX_PREFIXES: usize = 64;
/// The longest of them.
pub const MAX_PREFIX: usize = 256;
/// Largest `limits.depth`: what a host may be asked to keep a stack for.
pub const MAX_DEPTH: u32 = 128;
/// Largest `limits.hold-above`: such an argument still fits in one `submit`.
pub const MAX_HOLD_ABOVE: u32 = 65_536;
/// Smallest `limits.pass-above`: below it, passing costs more than feeding.
pub const MIN_PASS_ABOVE: u32 = 64;

impl Settings {
    /// Checks what can be checked without a server.
    ///
    /// # Errors
    /// Names the setting, what is wrong with it, and what it may be.
    pub fn check(&self) -> Result<(), String> {
        if self.endpoints.is_empty() {
            return Err("endpoints: at least one is needed".into());
        }
        for endpoint in &self.endpoints {
            check_endpoint(endpoint)?;
        }
        check_word("name", &self.name)?;
        check_word("library-name", &self.library_name)?;
        check_word("library-version", &self.library_version)?;
        let times = [
            ("connect-timeout", self.connect_timeout),
            ("quiet-after", self.quiet_after),
            ("idle-timeout", self.idle_timeout),
        ];
        for (name, time) in times {
            if time == 0 {
                return Err(format!("{name}: must not be 0"));
            }
        }
        self.tracking.check()?;
        self.limits.check()
    }
}

impl Tracking {
    fn check(&self) -> Result<(), String> {
        let Self::Broadcast(prefixes) = self else { return Ok(()) };
        if prefixes.len() > MAX_PREFIXES {
            return Err(format!("tracking-prefixes: {} of them, at most {MAX_PREFIXES} are sent", prefixes.len()));
        }
        if let Some(long) = prefixes.iter().find(|prefix| prefix.len() > MAX_PREFIX) {
            return Err(format!("tracking-prefixes: one has {} bytes, at most {MAX_PREFIX} are sent", long.len()));
        }
        // Servers refuse them all where two overlap.
        for (place, one) in prefixes.iter().enumerate() {
            let mut others = prefixes.iter().enumerate().filter(|(other, _)| *other != place);
            if let Some((_, long)) = others.find(|(_, long)| long.starts_with(one)) {
                let (one, long) = (one.escape_ascii(), long.escape_ascii());
                return Err(format!("tracking-prefixes: \"{long}\" begins with \"{one}\": the shorter one is enough"));
            }
        }
        Ok(())
    }
}

impl Limits {
    fn check(&self) -> Result<(), String> {
        let values = [
            ("queued", u64::from(self.queued)),
            ("queued-bytes", u64::from(self.queued_bytes)),
            ("inflight", u64::from(self.inflight)),
            ("inflight-bytes", u64::from(self.inflight_bytes)),
            ("links", u64::from(self.links)),
            ("depth", u64::from(self.depth)),
            ("elements", self.elements),
            ("reply-bytes", self.reply_bytes),
            ("hold-above", u64::from(self.hold_above)),
            ("pass-above", u64::from(self.pass_above)),
        ];
        for (name, value) in values {
            if value == 0 {
                return Err(format!("limits.{name}: must not be 0"));
            }
        }
        at_most("depth", self.depth, MAX_DEPTH)?;
        at_most("hold-above", self.hold_above, MAX_HOLD_ABOVE)?;
        if self.pass_above < MIN_PASS_ABOVE {
            return Err(format!("limits.pass-above: {} is under the least, {MIN_PASS_ABOVE}", self.pass_above));
        }
        Ok(())
    }
}

fn at_most(name: &str, value: u32, most: u32) -> Result<(), String> {
    if value > most { Err(format!("limits.{name}: {value} is over the most, {most}")) } else { Ok(()) }
}

fn check_endpoint(endpoint: &Endpoint) -> Result<(), String> {
    match endpoint {
        Endpoint::Tcp(host, _) if host.is_empty() => Err("endpoints: a host name is empty".into()),
        Endpoint::Tcp(_, 0) => Err(format!("endpoints: {endpoint} has port 0")),
        Endpoint::Unix(path) if path.is_empty() => Err("endpoints: a socket's path is empty".into()),
        _ => Ok(()),
    }
}

/// CLIENT SETNAME and SETINFO take printable ASCII without spaces.
fn check_word(setting: &str, word: &str) -> Result<(), String> {
    match word.char_indices().find(|(_, c)| !c.is_ascii_graphic()) {
        Some((at, c)) => {
            Err(format!("{setting}: character {c:?} at byte {at}; printable ASCII without spaces is needed"))
        }
        None if word.len() > 256 => Err(format!("{setting}: {} bytes, at most 256 are sent", word.len())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::NEVER;

    fn settings() -> Settings {
        Settings {
            seed: 1,
            endpoints: vec![Endpoint::Tcp("localhost".into(), 6379)],
            database: 0,
            name: String::new(),
            library_name: "x".into(),
            library_version: "1".into(),
            resp2: false,
            connect_timeout: 1,
            quiet_after: NEVER,
            idle_timeout: NEVER,
            primary: false,
            tracking: Tracking::Off,
            limits: Limits::default(),
        }
    }

    #[test]
    fn says_which_setting_is_wrong() {
        type Spoil = fn(&mut Settings);
        let cases: [(&str, Spoil); 10] = [
            ("endpoints", |s| s.endpoints.clear()),
            ("endpoints", |s| s.endpoints[0] = Endpoint::Tcp("a".into(), 0)),
            ("name", |s| s.name = "two words".into()),
            ("connect-timeout", |s| s.connect_timeout = 0),
            ("tracking-prefixes", |s| s.tracking = Tracking::Broadcast(vec![b"ab".into(), b"b".into(), b"a".into()])),
            ("tracking-prefixes", |s| s.tracking = Tracking::Broadcast(vec![vec![0; MAX_PREFIX + 1]])),
            ("tracking-prefixes", |s| {
                s.tracking = Tracking::Broadcast((0..=MAX_PREFIXES as u8).map(|p| vec![p]).collect())
            }),
            ("limits.depth", |s| s.limits.depth = 129),
            ("limits.hold-above", |s| s.limits.hold_above = 65_537),
            ("limits.pass-above", |s| s.limits.pass_above = 63),
        ];
        settings().check().expect("the settings that are spoiled below");
        for (setting, spoil) in cases {
            let mut spoiled = settings();
            spoil(&mut spoiled);
            let error = spoiled.check().expect_err(setting);
            assert!(error.starts_with(setting), "{error}");
        }
    }
}
