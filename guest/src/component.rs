//! The component's shell: translates between the WIT's types and the core's, and holds no logic.
#![expect(
    unsafe_code,
    reason = "wit-bindgen's generated code crosses the border of WebAssembly; nothing here does by hand"
)]

use std::cell::RefCell;

use crate::client::{Core, Reason, Traffic};
use crate::config::{Credentials, Endpoint, Limits, Settings, Tracking};
use crate::effects::Effect;
use crate::output::Progress;
use crate::pubsub::Kind;

#[cfg(not(feature = "testing"))]
wit_bindgen::generate!({ path: "../wit", world: "core" });
#[cfg(feature = "testing")]
wit_bindgen::generate!({ path: "../wit", world: "client-testing" });

#[path = "component_events.rs"]
mod events;

use coracle::client::{log, network, types};
use exports::coracle::client::{commands, driver, pubsub};

struct Shell;

export!(Shell);

thread_local! {
    /// One client an instance, and one thread: never borrowed twice, as no import calls back in.
    static CORE: RefCell<Option<Core>> = const { RefCell::new(None) };
}

/// Calls the core, does its effects, and gives what it did; nothing before `configure`.
fn with_core(call: impl FnOnce(&mut Core)) -> types::Progress {
    CORE.with_borrow_mut(|core| match core {
        Some(core) => {
            call(core);
            finish(core)
        }
        None => progress(Progress::default()),
    })
}

fn finish(core: &mut Core) -> types::Progress {
    let effects = core.effects();
    for effect in effects.list() {
        match effect {
            Effect::Open { link, endpoint } => {
                let endpoint = match endpoint {
                    Endpoint::Tcp(host, port) => types::Endpoint::Tcp((host.clone(), *port)),
                    Endpoint::Unix(path) => types::Endpoint::Unix(path.clone()),
                };
                network::open(*link, types::Role::Data, &endpoint);
            }
            Effect::Send { link, start, end } => network::send(*link, effects.bytes(*start, *end)),
            Effect::SendHeld { link, request, argument } => network::send_held(*link, *request, *argument),
            Effect::SendSecret { link, generation, password } => network::send_secret(*link, *generation, *password),
            Effect::Close { link } => network::close(*link),
        }
    }
    for (level, text) in effects.logs() {
        log::write(*level as u8, text);
    }
    let out = core.output();
    if !out.is_empty() {
        network::report(&out.events, &out.nodes, &out.texts);
    }
    progress(core.finish())
}

fn progress(progress: Progress) -> types::Progress {
    let Progress { accepted, wake_at, keep_from, pass, .. } = progress;
    types::Progress { accepted, wake_at, keep_from, pass }
}

fn credentials(given: types::Credentials) -> Credentials {
    let types::Credentials { generation, username, password } = given;
    Credentials { generation, username, password }
}

fn settings(given: driver::Settings) -> Settings {
    let limits = given.limits;
    Settings {
        seed: given.seed,
        endpoints: given
            .endpoints
            .into_iter()
            .map(|endpoint| match endpoint {
                types::Endpoint::Tcp((host, port)) => Endpoint::Tcp(host, port),
                types::Endpoint::Unix(path) => Endpoint::Unix(path),
            })
            .collect(),
        database: given.database,
        name: given.name,
        library_name: given.library_name,
        library_version: given.library_version,
        resp2: given.resp2,
        connect_timeout: given.connect_timeout,
        quiet_after: given.quiet_after,
        idle_timeout: given.idle_timeout,
        primary: given.primary,
        tracking: match given.tracking {
            driver::Tracking::Off => Tracking::Off,
            driver::Tracking::OptIn => Tracking::OptIn,
            driver::Tracking::Broadcast => {
                Tracking::Broadcast(given.tracking_prefixes.into_iter().map(String::into_bytes).collect())
            }
        },
        limits: Limits {
            queued: limits.queued,
            queued_bytes: limits.queued_bytes,
            inflight: limits.inflight,
            inflight_bytes: limits.inflight_bytes,
            links: limits.links,
            depth: limits.depth,
            elements: limits.elements,
            reply_bytes: limits.reply_bytes,
            hold_above: limits.hold_above,
            pass_above: limits.pass_above,
        },
    }
}

impl driver::Guest for Shell {
    fn configure(now: u64, given: driver::Settings) -> Result<types::Progress, String> {
        CORE.with_borrow_mut(|slot| {
            if slot.is_some() {
                return Err("configure was called before".to_owned());
            }
            Ok(finish(slot.insert(Core::new(now, settings(given))?)))
        })
    }

    fn opened(now: u64, link: u32, given: Option<types::Credentials>) -> types::Progress {
        with_core(|core| core.handle_opened(now, link, given.map(credentials)))
    }

    fn received(now: u64, link: u32, skipped: u64, bytes: Vec<u8>) -> types::Progress {
        with_core(|core| core.handle_received(now, link, skipped, &bytes))
    }

    fn closed(now: u64, link: u32, reason: driver::Reason, written: u64, detail: String) -> types::Progress {
        let reason = match reason {
            driver::Reason::Refused => Reason::Refused,
            driver::Reason::Denied => Reason::Denied,
            driver::Reason::Lost => Reason::Lost,
            driver::Reason::Tls => Reason::Tls,
            driver::Reason::Local => Reason::Local,
        };
        with_core(|core| core.handle_closed(now, link, reason, written, &detail))
    }

    fn elapsed(now: u64, links: Vec<driver::Traffic>) -> types::Progress {
        let traffic: Vec<Traffic> = links
            .into_iter()
            .map(|driver::Traffic { link, written, received, held }| Traffic { link, written, received, held })
            .collect();
        with_core(|core| core.handle_elapsed(now, &traffic))
    }

    fn renew(now: u64, given: types::Credentials) -> types::Progress {
        with_core(|core| core.handle_renew(now, credentials(given)))
    }

    fn drain(now: u64, deadline: u64) -> types::Progress {
        with_core(|core| core.handle_drain(now, deadline))
    }
}

impl commands::Guest for Shell {
    fn submit(now: u64, rows: Vec<u64>, lengths: Vec<u32>, bytes: Vec<u8>) -> types::Progress {
        with_core(|core| core.submit(now, &rows, &lengths, &bytes))
    }

    fn cancel(now: u64, requests: Vec<u64>) -> types::Progress {
        with_core(|core| core.cancel(now, &requests))
    }

    fn lease(now: u64, session: u32, deadline: u64) -> types::Progress {
        with_core(|core| core.lease(now, session, deadline))
    }

    fn release(now: u64, session: u32) -> types::Progress {
        with_core(|core| core.release(now, session))
    }
}

impl pubsub::Guest for Shell {
    fn subscribe(
        now: u64,
        subscription: u64,
        kind: pubsub::Kind,
        own_link: bool,
        lengths: Vec<u32>,
        names: Vec<u8>,
    ) -> types::Progress {
        let kind = match kind {
            pubsub::Kind::Channel => Kind::Channel,
            pubsub::Kind::Pattern => Kind::Pattern,
            pubsub::Kind::Shard => Kind::Shard,
            pubsub::Kind::Monitor => Kind::Monitor,
        };
        with_core(|core| core.subscribe(now, subscription, kind, own_link, &lengths, &names))
    }

    fn unsubscribe(now: u64, subscription: u64) -> types::Progress {
        with_core(|core| core.unsubscribe(now, subscription))
    }
}

#[cfg(feature = "testing")]
impl exports::coracle::client::testing::Guest for Shell {
    #[expect(clippy::panic, reason = "its whole purpose")]
    fn trap() {
        panic!("a trap, as a test asked for");
    }

    fn spin() {
        loop {
            std::hint::black_box(());
        }
    }

    fn hoard(bytes: u64) {
        std::mem::forget(vec![1_u8; usize::try_from(bytes).unwrap_or(usize::MAX)]);
    }
}

/// The numbers of `wire.rs` are those of the WIT: the last case of each enum agrees, and so do all before it, as both
/// count up.
const _: () = {
    use crate::wire;
    assert!(wire::EventKind::Renewed as u8 == types::EventKind::Renewed as u8);
    assert!(wire::EventKind::Room as u8 == types::EventKind::Room as u8);
    assert!(wire::Failure::Misuse as u8 == types::Failure::Misuse as u8);
    assert!(wire::Cause::Replica as u8 == types::Cause::Replica as u8);
    assert!(wire::Cause::Protocol as u8 == types::Cause::Protocol as u8);
    assert!(wire::ClientState::Closed as u8 == types::ClientState::Closed as u8);
    assert!(wire::NodeKind::Raw as u8 == types::NodeKind::Raw as u8);
    assert!(wire::NodeKind::Array as u8 == types::NodeKind::Array as u8);
    assert!(wire::ErrorClass::Crossslot as u8 == types::ErrorClass::Crossslot as u8);
    assert!(wire::ErrorClass::Execabort as u8 == types::ErrorClass::Execabort as u8);
};
