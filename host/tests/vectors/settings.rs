//! A client as a vector wants it.

use anyhow::{Result, bail};
use bytes::Bytes;
use coracle::{Cache, Config, Endpoint, Limits};
use vectors::{Settings, Tracking};

use crate::network::Network;

/// Bytes of replies that may be stored.
const CACHE: usize = 1 << 20;

/// What all vectors have in common: the component's digest, which takes long without optimisation, is worked out once.
pub fn common(component: Option<Bytes>) -> Result<Config> {
    let config = Config::new(&url(1))?.deadline(None);
    Ok(match component {
        Some(component) => config.component(component),
        None => config,
    })
}

pub fn config(common: &Config, settings: &Settings, network: Network) -> Result<Config> {
    let mut config = common
        .clone()
        .database(settings.database)
        .name(&settings.name)
        .library("vectors", "1")
        .resp2(settings.resp2)
        .limits(limits(&settings.limits)?)
        .connector(network);
    for number in 2..=settings.endpoints {
        config = config.or_at(&url(number))?;
    }
    if settings.username.is_some() || settings.password.is_some() {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        config = config.credentials(&text(&settings.username), &text(&settings.password));
    }
    config = match &settings.tracking {
        Tracking::Off => config,
        Tracking::OptIn => config.cache(Cache::opt_in(CACHE)),
        Tracking::Broadcast(prefixes) => {
            let prefixes = prefixes.iter().map(|prefix| String::from_utf8_lossy(prefix));
            config.cache(Cache::broadcast(CACHE, prefixes))
        }
    };
    Ok(config)
}

/// Whether this is the `number`th server, from 1.
pub fn is_server(endpoint: &Endpoint, number: usize) -> bool {
    matches!(endpoint, Endpoint::Tcp { host, .. } if *host == format!("server-{number}"))
}

fn url(number: usize) -> String {
    format!("redis://server-{number}:6379")
}

fn limits(wanted: &[(String, u64)]) -> Result<Limits> {
    let mut limits = Limits::default();
    for (name, value) in wanted {
        let small = || u32::try_from(*value);
        match name.as_str() {
            "queued" => limits.queued = small()?,
            "queued-bytes" => limits.queued_bytes = small()?,
            "inflight" => limits.inflight = small()?,
            "inflight-bytes" => limits.inflight_bytes = small()?,
            "links" => limits.links = small()?,
            "depth" => limits.depth = small()?,
            "elements" => limits.elements = *value,
            "reply-bytes" => limits.reply_bytes = *value,
            "hold-above" => limits.hold_above = small()?,
            "pass-above" => limits.pass_above = small()?,
            other => bail!("{other} is no limit"),
        }
    }
    Ok(limits)
}
