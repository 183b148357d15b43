//! The core as a library, in place of the component. What the component's shell does is done here too.

use coracle::foreign::{self, Call, Effect, Report};
use coracle_core::client::{Core, Reason, Traffic};
use coracle_core::config::{Credentials, Endpoint, Limits, Settings, Tracking};
use coracle_core::effects::Effect as Noted;
use coracle_core::pubsub::Kind;

/// A core, once it is configured.
#[derive(Default)]
pub struct Native {
    core: Option<Core>,
    effects: Vec<Effect>,
    report: Report,
    /// Buffers to be used again.
    spares: Vec<Vec<u8>>,
}

impl foreign::Core for Native {
    fn call(&mut self, now: u64, call: Call<'_>) -> Result<foreign::Progress, String> {
        if let Call::Configure(given) = call {
            self.core = Some(Core::new(now, settings(given))?);
        } else if let Some(core) = &mut self.core {
            do_call(core, now, call);
        }
        let core = self.core.as_mut().ok_or("not configured")?;
        note(core, &mut self.effects, &mut self.spares);
        let out = core.output();
        self.report.events.extend_from_slice(&out.events);
        self.report.nodes.extend_from_slice(&out.nodes);
        self.report.texts.extend_from_slice(&out.texts);
        let done = core.finish();
        Ok(foreign::Progress {
            accepted: done.accepted,
            wake_at: done.wake_at,
            keep_from: done.keep_from,
            pass: done.pass,
        })
    }

    fn take_effects(&mut self, into: &mut Vec<Effect>) {
        into.append(&mut self.effects);
    }

    fn take_report(&mut self, into: &mut Report) {
        into.events.clear();
        into.nodes.clear();
        into.texts.clear();
        std::mem::swap(&mut self.report, into);
    }

    fn give_back(&mut self, mut buffer: Vec<u8>) {
        if self.spares.len() < 2 {
            buffer.clear();
            self.spares.push(buffer);
        }
    }
}

fn do_call(core: &mut Core, now: u64, call: Call<'_>) {
    match call {
        Call::Configure(_) => {}
        Call::Opened { link, credentials: given } => core.handle_opened(now, link, given.map(credentials)),
        Call::Received { link, skipped, bytes } => core.handle_received(now, link, skipped, bytes),
        Call::Closed { link, reason: why, written, detail } => {
            core.handle_closed(now, link, reason(why), written, detail);
        }
        Call::Elapsed(links) => core.handle_elapsed(now, &links.iter().map(traffic).collect::<Vec<_>>()),
        Call::Renew(given) => core.handle_renew(now, credentials(given)),
        Call::Drain { deadline } => core.handle_drain(now, deadline),
        Call::Submit { rows, lengths, bytes } => core.submit(now, rows, lengths, bytes),
        Call::Cancel(requests) => core.cancel(now, requests),
        Call::Lease { session, deadline } => core.lease(now, session, deadline),
        Call::Release { session } => core.release(now, session),
        Call::Subscribe { id, kind: what, own_link, lengths, names } => {
            core.subscribe(now, id, kind(what), own_link, lengths, names);
        }
        Call::Unsubscribe { id } => core.unsubscribe(now, id),
    }
}

fn note(core: &Core, into: &mut Vec<Effect>, spares: &mut Vec<Vec<u8>>) {
    let effects = core.effects();
    for effect in effects.list() {
        into.push(match effect {
            Noted::Open { link, endpoint } => Effect::Open {
                link: *link,
                endpoint: match endpoint.clone() {
                    Endpoint::Tcp(host, port) => foreign::Endpoint::Tcp((host, port)),
                    Endpoint::Unix(path) => foreign::Endpoint::Unix(path),
                },
            },
            Noted::Send { link, start, end } => {
                let mut bytes = spares.pop().unwrap_or_default();
                bytes.extend_from_slice(effects.bytes(*start, *end));
                Effect::Send { link: *link, bytes }
            }
            &Noted::SendHeld { link, request, argument } => Effect::SendHeld { link, request, argument },
            &Noted::SendSecret { link, generation, password } => Effect::SendSecret { link, generation, password },
            &Noted::Close { link } => Effect::Close { link },
        });
    }
}

fn credentials(given: foreign::Credentials) -> Credentials {
    Credentials { generation: given.generation, username: given.username, password: given.password }
}

fn reason(given: foreign::Reason) -> Reason {
    match given {
        foreign::Reason::Refused => Reason::Refused,
        foreign::Reason::Denied => Reason::Denied,
        foreign::Reason::Lost => Reason::Lost,
        foreign::Reason::Tls => Reason::Tls,
        foreign::Reason::Local => Reason::Local,
    }
}

fn traffic(given: &foreign::Traffic) -> Traffic {
    Traffic { link: given.link, written: given.written, received: given.received, held: given.held }
}

fn kind(given: foreign::Kind) -> Kind {
    match given {
        foreign::Kind::Channel => Kind::Channel,
        foreign::Kind::Pattern => Kind::Pattern,
        foreign::Kind::Shard => Kind::Shard,
        foreign::Kind::Monitor => Kind::Monitor,
    }
}

fn settings(given: &foreign::Settings) -> Settings {
    let endpoint = |endpoint: &foreign::Endpoint| match endpoint.clone() {
        foreign::Endpoint::Tcp((host, port)) => Endpoint::Tcp(host, port),
        foreign::Endpoint::Unix(path) => Endpoint::Unix(path),
    };
    let limits = given.limits;
    Settings {
        seed: given.seed,
        endpoints: given.endpoints.iter().map(endpoint).collect(),
        database: given.database,
        name: given.name.clone(),
        library_name: given.library_name.clone(),
        library_version: given.library_version.clone(),
        resp2: given.resp2,
        connect_timeout: given.connect_timeout,
        quiet_after: given.quiet_after,
        idle_timeout: given.idle_timeout,
        primary: given.primary,
        tracking: match given.tracking {
            foreign::Tracking::Off => Tracking::Off,
            foreign::Tracking::OptIn => Tracking::OptIn,
            foreign::Tracking::Broadcast => {
                Tracking::Broadcast(given.tracking_prefixes.iter().map(|prefix| prefix.clone().into_bytes()).collect())
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
