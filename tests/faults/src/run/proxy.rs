//! A proxy that cuts connections, at random bytes or all at once, stalls them, and can be turned to another server.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering::Relaxed};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Read at once, at most.
const CHUNK: usize = 16 << 10;

/// A proxy in front of one server. Dropping it closes its port.
pub struct Proxy {
    pub port: u16,
    controls: Arc<Controls>,
    task: JoinHandle<()>,
}

struct Controls {
    /// A port of the loopback interface.
    target: AtomicU16,
    seed: u64,
    /// A connection carries at most so many bytes in each direction; 0 for no bound.
    budget: AtomicU64,
    /// Nothing is taken from the server while it is true.
    stalled: watch::Sender<bool>,
    /// Counts how often all connections were cut.
    severed: watch::Sender<u64>,
    cuts: AtomicU64,
}

impl Proxy {
    /// In front of the server at this port of the loopback interface.
    pub async fn start(target: u16, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let controls = Arc::new(Controls {
            target: AtomicU16::new(target),
            seed,
            budget: AtomicU64::new(0),
            stalled: watch::channel(false).0,
            severed: watch::channel(0).0,
            cuts: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&controls)));
        Ok(Self { port, controls, task })
    }

    /// From now on connections are cut after at most so many bytes in a direction; 0 ends that.
    pub fn cut(&self, budget: u64) {
        self.controls.budget.store(budget, Relaxed);
    }

    /// Takes nothing from the server, or goes on.
    pub fn stall(&self, stalled: bool) {
        self.controls.stalled.send_replace(stalled);
    }

    /// Cuts all connections.
    pub fn sever(&self) {
        self.controls.severed.send_modify(|times| *times += 1);
    }

    /// New connections go to the server at this port.
    pub fn turn(&self, target: u16) {
        self.controls.target.store(target, Relaxed);
    }

    /// How many connections were cut.
    pub fn cuts(&self) -> u64 {
        self.controls.cuts.load(Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, controls: Arc<Controls>) {
    let mut random = Random(controls.seed);
    // An error is that of one connection.
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let seeds = [random.draw(), random.draw(), random.draw()];
        tokio::spawn(relay(client, Arc::clone(&controls), seeds));
    }
}

/// Both directions, until one ends or is cut.
async fn relay(mut client: TcpStream, controls: Arc<Controls>, [up, down, end]: [u64; 3]) {
    // Dropping the client's connection tells it that there is nobody.
    let target = (Ipv4Addr::LOCALHOST, controls.target.load(Relaxed));
    let mut severed = controls.severed.subscribe();
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let cut = tokio::select! {
        cut = pump(from_client, to_server, &controls, Random(up), false) => cut,
        cut = pump(from_server, to_client, &controls, Random(down), true) => cut,
        _ = severed.changed() => true,
    };
    if cut {
        controls.cuts.fetch_add(1, Relaxed);
        // One half of the cuts are resets, which also throw away what was not read yet.
        if end % 2 == 0 {
            let _ = (client.set_zero_linger(), server.set_zero_linger());
        }
    }
}

/// One direction. True if it was cut.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    controls: &Controls,
    mut random: Random,
    stalls: bool,
) -> bool {
    let mut stalled = controls.stalled.subscribe();
    let mut buffer = vec![0; CHUNK];
    let mut left = None;
    loop {
        if stalls {
            // The sender lives as long as the controls.
            let _ = stalled.wait_for(|stalled| !stalled).await;
        }
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return false };
        if stalls {
            // What was waited for meanwhile is kept, too.
            let _ = stalled.wait_for(|stalled| !stalled).await;
        }
        let most = controls.budget.load(Relaxed);
        if most == 0 {
            left = None;
        } else if left.is_none() {
            left = Some(random.draw() % most + 1);
        }
        let passed = left.map_or(read, |left| read.min(usize::try_from(left).unwrap_or(read)));
        if to.write_all(buffer.get(..passed).unwrap_or_default()).await.is_err() {
            return false;
        }
        left = left.map(|left| left.saturating_sub(passed as u64));
        if left == Some(0) {
            return true;
        }
    }
}

/// Splitmix64: small, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
