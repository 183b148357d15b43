//! The clients that are measured, one file each.

mod coracle;
mod fred;
mod plain;
mod redis1;
mod redis2;
mod rustis;

use bench_measure::{About, Kind, Opening, kind};

/// All clients, on each of tokio's runtimes.
pub fn kinds() -> Vec<Kind> {
    let mut all = Vec::new();
    for runtime in [MULTI, CURRENT] {
        all.extend(coracle::kinds(runtime));
        all.extend(redis2::kinds(runtime));
        all.extend(redis1::kinds(runtime));
        all.extend(fred::kinds(runtime));
        all.extend(rustis::kinds(runtime));
    }
    all.push(plain::kind());
    all
}

/// One of tokio's runtimes.
#[derive(Clone, Copy)]
pub struct OnRuntime {
    /// Behind the names of clients.
    suffix: &'static str,
    current_thread: bool,
}

const MULTI: OnRuntime = OnRuntime { suffix: "", current_thread: false };
const CURRENT: OnRuntime = OnRuntime { suffix: "-current", current_thread: true };

/// Groups of workloads that clients can run. W9w is W9 in a process that has opened one before.
const OPENS: [&str; 2] = ["W9", "W9w"];
/// Of clients that keep something on disk.
const FIRST: [&str; 1] = ["W9f"];
const COMMON: [&str; 10] = ["W1", "W2", "W3", "W4", "W5", "W6", "W8", "W10", "W9", "W9w"];
const CACHE: [&str; 1] = ["W7"];
const SCALE: [&str; 3] = ["W11x1", "W11x100", "W11x1000"];

impl OnRuntime {
    /// A name on this runtime.
    fn name(self, name: &str) -> String {
        format!("{name}{}", self.suffix)
    }

    fn kind(self, about: About, version: String, opening: impl Opening) -> Kind {
        let runtime = if self.current_thread { "current-thread" } else { "multi-thread" };
        let about = About {
            name: self.name(&about.name),
            about: format!("{}; tokio's {runtime} runtime", about.about),
            ..about
        };
        kind(about, version, self.current_thread, opening)
    }

    /// Scale is measured on the default runtime only.
    fn scale(self) -> &'static [&'static str] {
        if self.current_thread { &[] } else { &SCALE }
    }

    /// And so is the first start on a machine, which takes long.
    fn first(self) -> &'static [&'static str] {
        if self.current_thread { &[] } else { &FIRST }
    }
}

/// The version that is built in, by the lock file.
fn version(package: &str, major: &str) -> String {
    const LOCK: &str = include_str!("../../Cargo.lock");
    let name = format!("name = \"{package}\"");
    let mut lines = LOCK.lines();
    while let Some(line) = lines.next() {
        if line == name
            && let Some(version) = lines.next().and_then(|line| line.strip_prefix("version = \""))
            && version.starts_with(major)
        {
            return version.trim_end_matches('"').to_owned();
        }
    }
    "unknown".to_owned()
}
