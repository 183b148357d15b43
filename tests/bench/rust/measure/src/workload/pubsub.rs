//! W6.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::{Env, WARM_UP};
use crate::client::{Client, Opening, Settings};
use crate::histogram::Histogram;
use crate::measure::Measure;
use crate::result::Result as Figures;

const CHANNEL: &str = "bench:channel";
const SIZE: usize = 64;
/// The server publishes so many messages a call, and so many may be under way. All clients have room for those, so that
/// no server drops a subscriber, and no subscriber a message.
const AT_ONCE: u64 = 256;
pub const UNDER_WAY: u64 = 2048;
/// Publishes one message so many times, so that publishing costs the client's processor next to nothing.
const SCRIPT: &str = "for i = 1, tonumber(ARGV[2]) do redis.call('PUBLISH', KEYS[1], ARGV[1]) end return 'OK'";

/// What the script gives.
const REPLY: &[u8; 8] = b"$2\r\nOK\r\n";

/// What the subscriber has seen while that was measured.
#[derive(Default)]
struct Tally {
    messages: u64,
    /// Of the last message of each call, from before the call was sent.
    latencies: Histogram,
}

/// Counts messages.
struct Subscriber {
    start: Instant,
    count: u64,
    measured: Arc<AtomicBool>,
    tally: Tally,
    /// One entry for each call that the publisher may make.
    room: mpsc::UnboundedSender<()>,
    /// The tally, as soon as nothing is measured any more.
    told: mpsc::UnboundedSender<Tally>,
}

impl Subscriber {
    fn handle(&mut self, payload: &[u8]) {
        self.count += 1;
        if !self.count.is_multiple_of(AT_ONCE) {
            return;
        }
        if self.measured.load(Relaxed) {
            let sent = payload.get(..SIZE / 2).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
            let sent = sent.map_or_else(|| panic!("a message that nobody sent: {payload:?}"), Duration::from_nanos);
            self.tally.latencies.record(self.start.elapsed().saturating_sub(sent));
            self.tally.messages += AT_ONCE;
        } else if self.tally.messages > 0 {
            // An error means that the run is over.
            let _ = self.told.send(std::mem::take(&mut self.tally));
        }
        // Likewise.
        let _ = self.room.send(());
    }
}

pub async fn run<O: Opening>(opening: &O, env: &mut Env) -> Result<Figures> {
    let mut client = opening.open(&env.addr, Settings::default()).await?;
    let hash = env.server.ask(&[b"SCRIPT", b"LOAD", SCRIPT.as_bytes()])?;
    let publisher = TcpStream::connect(&env.addr).await?;
    publisher.set_nodelay(true)?;
    let (start, measured) = (Instant::now(), Arc::new(AtomicBool::new(false)));
    let (room, calls) = mpsc::unbounded_channel();
    let (told, mut tally) = mpsc::unbounded_channel();
    for _ in 0..UNDER_WAY / AT_ONCE {
        room.send(())?;
    }
    let seen = Arc::clone(&measured);
    let mut subscriber = Subscriber { start, count: 0, measured: seen, tally: Tally::default(), room, told };
    client.subscribe(CHANNEL, move |payload: &[u8]| subscriber.handle(payload)).await?;
    let publishing = tokio::spawn(publish(publisher, hash, start, calls));
    tokio::time::sleep(WARM_UP).await;
    let measure = Measure::begin(&mut env.server, Some(&client))?;
    measured.store(true, Relaxed);
    tokio::time::sleep(env.span).await;
    measured.store(false, Relaxed);
    let received = tokio::time::timeout(Duration::from_secs(5), tally.recv()).await;
    publishing.abort();
    if let Ok(Err(error)) = publishing.await {
        return Err(error.context("publishing"));
    }
    let Ok(Some(received)) = received else { bail!("no messages came") };
    measure.end(&mut env.server, Some(&client), &[received.latencies], received.messages)
}

/// Makes calls as long as there is room. Their replies are read beside that: to wait for one would let the server run
/// out of calls, or not, by which task a runtime polls first.
async fn publish(connection: TcpStream, hash: Vec<u8>, start: Instant, calls: UnboundedReceiver<()>) -> Result<()> {
    let (replies, connection) = connection.into_split();
    tokio::try_join!(send(connection, String::from_utf8(hash)?, start, calls), check(BufReader::new(replies)))?;
    Ok(())
}

async fn send(
    mut connection: OwnedWriteHalf,
    hash: String,
    start: Instant,
    mut calls: UnboundedReceiver<()>,
) -> Result<()> {
    while calls.recv().await.is_some() {
        connection.write_all(call(&hash, start.elapsed()).as_bytes()).await?;
    }
    Ok(())
}

/// Reads replies until the publisher is stopped, or one is an error.
async fn check(mut replies: BufReader<OwnedReadHalf>) -> Result<()> {
    let mut reply = *REPLY;
    loop {
        replies.read_exact(&mut reply).await?;
        if &reply != REPLY {
            bail!("the server said: {}", String::from_utf8_lossy(&reply));
        }
    }
}

/// The call of the script whose messages say when it was sent.
fn call(hash: &str, sent: Duration) -> String {
    let half = SIZE / 2;
    let payload = format!("{:0half$}{:0half$}", sent.as_nanos(), 0);
    let count = AT_ONCE.to_string();
    let arguments = ["EVALSHA", hash, "1", CHANNEL, &payload, &count];
    let each = arguments.map(|argument| format!("${}\r\n{argument}\r\n", argument.len()));
    format!("*{}\r\n{}", arguments.len(), each.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_measured_only() {
        let (room, mut calls) = mpsc::unbounded_channel();
        let (told, mut tally) = mpsc::unbounded_channel();
        let measured = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&measured);
        let start = Instant::now();
        let mut subscriber = Subscriber { start, count: 0, measured: seen, tally: Tally::default(), room, told };
        let message = [b'0'; SIZE];
        let mut receive = |count| (0..count).for_each(|_| subscriber.handle(&message));
        receive(AT_ONCE + 1);
        measured.store(true, Relaxed);
        receive(2 * AT_ONCE - 1);
        assert!(tally.try_recv().is_err(), "told before its end");
        measured.store(false, Relaxed);
        receive(AT_ONCE);
        let told = tally.try_recv().unwrap();
        assert_eq!((told.messages, told.latencies.count()), (2 * AT_ONCE, 2));
        assert_eq!(std::iter::from_fn(|| calls.try_recv().ok()).count(), 4);
    }

    #[test]
    fn the_call_is_well_formed() {
        let call = call("abc", Duration::from_nanos(1234));
        assert!(call.starts_with("*6\r\n$7\r\nEVALSHA\r\n$3\r\nabc\r\n$1\r\n1\r\n"), "{call}");
        assert!(call.contains(&format!("$64\r\n{:032}{:032}\r\n$3\r\n256\r\n", 1234, 0)), "{call}");
    }
}
