//! The log as it is, read by the codec over a connection that is none of the hosts'.

use anyhow::{Result, anyhow, bail};
use coracle_events::event::Ordered;
use coracle_events::layout::Meta;
use coracle_events::plan::commands::Since;
use coracle_events::plan::page::Read;
use events::client::{Client, Missed, Whole, everything};
use serde_json::Value;

/// Events of one page, and commands.
const PAGE: u32 = 1000;
/// Bytes of one page.
const BYTES: u32 = 4 << 20;
/// Index entries that one script looks at.
const BUDGET: u32 = 20_000;

/// All of it.
pub struct Log {
    /// The last position, as the store says.
    pub head: u64,
    /// What else it says of itself.
    pub meta: Meta,
    pub events: Vec<Whole>,
    pub commands: Vec<Ordered>,
}

impl Log {
    /// Reads the store of this name.
    pub fn read(url: &str, namespace: &str) -> Result<Self> {
        let mut client = Client::open(url, namespace)?;
        let meta = client.meta()?;
        let (mut events, mut from) = (Vec::new(), 0);
        loop {
            let page = client.page(&Read {
                query: &everything(),
                from,
                until: Some(meta.head.position),
                backwards: false,
                check: None,
                limit: PAGE,
                bytes: BYTES,
                budget: BUDGET,
            })?;
            let read = page.map_err(|missed: Missed| anyhow!("{missed:?}"))?;
            events.extend(read.events);
            if read.end {
                break;
            }
            if read.looked <= from {
                bail!("the page behind {from} looked at nothing");
            }
            from = read.looked;
        }
        let (mut commands, mut next) = (Vec::new(), 1);
        loop {
            let (page, after, end) = client.commands(Since::Number(next), PAGE, BYTES)?;
            commands.extend(page.into_iter().map(|(command, ..)| command));
            if end {
                break;
            }
            next = after;
        }
        Ok(Self { head: meta.head.position, meta, events, commands })
    }
}

/// What an event says, which is JSON.
pub fn data(event: &Whole) -> Value {
    serde_json::from_slice(&event.data).unwrap_or_default()
}

/// An id in the form in which the hosts write it.
pub fn uuid(id: u128) -> String {
    let text = format!("{id:032x}");
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_look_as_those_of_the_hosts() {
        let id: coracle::events::Id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(super::uuid(u128::from_be_bytes(id.to_bytes())), id.to_string());
    }
}
