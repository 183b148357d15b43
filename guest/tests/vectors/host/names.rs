//! Names of the contract's numbers, and of its limits.

use anyhow::{Context, Result, bail};
use coracle_core::config::{Limits, Tracking};

pub const FAILURES: [&str; 5] = ["not-sent", "maybe-executed", "refused", "limit", "misuse"];
pub const CAUSES: [&str; 14] = [
    "none",
    "deadline",
    "cancelled",
    "lost",
    "unreachable",
    "denied",
    "protocol",
    "too-large",
    "closing",
    "unsupported",
    "usage",
    "silent",
    "loading",
    "replica",
];
pub const STATES: [&str; 5] = ["connecting", "ready", "down", "denied", "closed"];

pub fn name(names: &[&str], number: u32) -> Result<String> {
    Ok((*names.get(number as usize).context("a number without a name")?).to_owned())
}

pub fn tracking(wanted: &vectors::Tracking) -> Tracking {
    match wanted {
        vectors::Tracking::Off => Tracking::Off,
        vectors::Tracking::OptIn => Tracking::OptIn,
        vectors::Tracking::Broadcast(prefixes) => Tracking::Broadcast(prefixes.clone()),
    }
}

pub fn limits(given: &[(String, u64)]) -> Result<Limits> {
    let mut limits = Limits::default();
    for (name, value) in given {
        let small = u32::try_from(*value).unwrap_or(u32::MAX);
        match name.as_str() {
            "queued" => limits.queued = small,
            "queued-bytes" => limits.queued_bytes = small,
            "inflight" => limits.inflight = small,
            "inflight-bytes" => limits.inflight_bytes = small,
            "links" => limits.links = small,
            "depth" => limits.depth = small,
            "elements" => limits.elements = *value,
            "reply-bytes" => limits.reply_bytes = *value,
            "hold-above" => limits.hold_above = small,
            "pass-above" => limits.pass_above = small,
            other => bail!("{other} is no limit"),
        }
    }
    Ok(limits)
}
