//! How far something is.

use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant};

use crate::print::counted;

const WIDTH: u64 = 20;
const INTERVAL: Duration = Duration::from_millis(100);
const EVENTS_TO_TELL_OF: u64 = 100_000;

/// Tells it by a bar on a terminal, else by a line each tenth, or, where nobody knows how much there is, each hundred
/// thousand events. When it is dropped it takes the bar away.
pub struct Progress<W: Write> {
    out: W,
    what: &'static str,
    terminal: bool,
    steps: u64,
    drawn: Option<Instant>,
}

impl Progress<io::Stderr> {
    pub fn new(what: &'static str) -> Self {
        let out = io::stderr();
        Self { terminal: out.is_terminal(), out, what, steps: 0, drawn: None }
    }
}

impl<W: Write> Progress<W> {
    /// So much is done of `total`, which is 0 where it is not known, and so many events.
    pub fn tell(&mut self, done: u64, total: u64, events: u64) {
        let done = done.min(total);
        let told = if self.terminal { self.draw(done, total, events) } else { self.line(done, total, events) };
        // What is done goes on, whether or not anybody can be told.
        let _ = told;
    }

    fn line(&mut self, done: u64, total: u64, events: u64) -> io::Result<()> {
        let (steps, percent) = match total {
            0 => (events / EVENTS_TO_TELL_OF, String::new()),
            _ => (done * 10 / total, format!("{}%, ", done * 100 / total)),
        };
        // The end is told otherwise.
        if steps <= self.steps || total > 0 && done == total {
            return Ok(());
        }
        self.steps = steps;
        writeln!(self.out, "{}: {percent}{}", self.what, counted(events, "event"))
    }

    /// Draws the bar, but not more often than anybody sees.
    fn draw(&mut self, done: u64, total: u64, events: u64) -> io::Result<()> {
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < INTERVAL) {
            return Ok(());
        }
        self.drawn = Some(Instant::now());
        let bar = match total {
            0 => String::new(),
            _ => {
                let full = (done * WIDTH / total) as usize;
                let (full, rest) = ("#".repeat(full), "-".repeat(WIDTH as usize - full));
                format!("[{full}{rest}] {:3}%  ", done * 100 / total)
            }
        };
        write!(self.out, "\r\x1b[K{}  {bar}{}", self.what, counted(events, "event"))?;
        self.out.flush()
    }
}

impl<W: Write> Drop for Progress<W> {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            // As above.
            let _ = write!(self.out, "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(what: &'static str, terminal: bool, steps: impl IntoIterator<Item = (u64, u64, u64)>) -> String {
        let mut out = Vec::new();
        let mut progress = Progress { out: &mut out, what, terminal, steps: 0, drawn: None };
        steps.into_iter().for_each(|(done, total, events)| progress.tell(done, total, events));
        drop(progress);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn elsewhere_it_is_a_line_each_tenth() {
        let lines: String = (1..10).map(|tenth| format!("verify: {tenth}0%, {tenth}00 events\n")).collect();
        assert_eq!(told("verify", false, (0..=100).map(|done| (done * 10, 1000, done * 10))), lines);
    }

    #[test]
    fn elsewhere_without_a_total_it_is_a_line_each_hundred_thousand() {
        let lines = "import: 100000 events\nimport: 200000 events\n";
        assert_eq!(told("import", false, (0..=250).map(|events| (0, 0, events * 1000))), lines);
    }

    #[test]
    fn on_a_terminal_it_is_a_bar() {
        // The second comes sooner than anybody sees.
        let bar = "\r\x1b[Krebuild  [##########----------]  50%  500 events\r\x1b[K";
        assert_eq!(told("rebuild", true, [(500, 1000, 500), (501, 1000, 501)]), bar);
    }
}
