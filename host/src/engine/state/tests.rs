use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

#[test]
fn a_buffer_is_used_again_without_what_was_in_it() {
    let mut state = HostState::new(0, Arc::new(Counters::of_new_client()));
    let mut buffer = state.buffer();
    buffer.extend_from_slice(b"a secret");
    let (place, room) = (buffer.as_ptr(), buffer.capacity());
    state.give_back(buffer);
    let again = state.buffer();
    assert_eq!((again.as_ptr(), again.capacity(), again.len()), (place, room, 0));
    assert_eq!(state.buffer().capacity(), 0, "one is not given twice");
}

#[test]
fn what_effects_keep_is_bounded_in_all() {
    let tcp = |size| types::Endpoint::Tcp(("h".repeat(size), 1));
    let unix = |size| types::Endpoint::Unix("p".repeat(size));
    let mut state = HostState::new(0, Arc::new(Counters::of_new_client()));
    let third = MAX_EFFECT_BYTES / 3;
    let mut open = |endpoint| network::Host::open(&mut state, 1, types::Role::Data, endpoint);
    open(tcp(third)).unwrap();
    open(unix(third)).unwrap();
    assert!(open(tcp(third + 3)).is_err());
    let mut effects = Vec::new();
    state.take_effects(&mut effects);
    assert_eq!(effects.len(), 2);
    network::Host::send(&mut state, 1, vec![0; third]).unwrap();
    assert!(network::Host::open(&mut state, 1, types::Role::Data, unix(MAX_EFFECT_BYTES)).is_err());
}

#[test]
fn a_line_of_the_log_is_cut_between_letters() {
    assert_eq!(line("short"), "short");
    assert_eq!(line(&"a".repeat(MAX_LOG_BYTES + 1)).len(), MAX_LOG_BYTES);
    assert_eq!(line(&"€".repeat(MAX_LOG_BYTES)).len(), MAX_LOG_BYTES - 1);
}

/// Counts what is logged.
#[derive(Clone, Default)]
struct Lines(Arc<AtomicU32>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_call_logs_so_many_lines() {
    let mut state = HostState::new(0, Arc::new(Counters::of_new_client()));
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        for _ in 0..2 {
            state.begin();
            for _ in 0..MAX_LOG_LINES + 5 {
                log::Host::write(&mut state, 1, "text".into()).unwrap();
            }
        }
    });
    assert_eq!(lines.0.load(Ordering::Relaxed), 2 * MAX_LOG_LINES);
}

#[test]
fn a_call_reports_once() {
    let mut state = HostState::new(0, Arc::new(Counters::of_new_client()));
    network::Host::report(&mut state, vec![1, 2, 3], vec![4, 5], vec![6]).unwrap();
    assert!(network::Host::report(&mut state, vec![7, 8, 9], Vec::new(), Vec::new()).is_err());
    let mut report = Report { events: vec![0], ..Report::default() };
    state.take_report(&mut report);
    state.take_report(&mut report);
    assert!(report.is_empty(), "of a call that reports nothing there is nothing left of an earlier one");
}

#[test]
fn few_buffers_are_kept_and_no_large_ones() {
    let mut state = HostState::new(0, Arc::new(Counters::of_new_client()));
    state.give_back(Vec::with_capacity(MAX_SPARE_BYTES + 1));
    assert_eq!(state.buffer().capacity(), 0);
    for _ in 0..=MAX_SPARES {
        state.give_back(Vec::with_capacity(9));
    }
    assert_eq!(state.spares.len(), MAX_SPARES);
}
