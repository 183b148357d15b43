//! Callers that share one client and wait for each reply, with a real server.

use std::time::{Duration, Instant};

use anyhow::Result;
use conformance::{Kind, Server};
use coracle::Client;
use redis::AsyncCommands;

/// How long callers go on.
const TIME: Duration = Duration::from_secs(3);

/// What came of it.
pub struct Run {
    pub mean_batch: f64,
    /// Commands a second.
    pub rate: f64,
}

/// Lets so many callers GET a key, over and over.
pub async fn run(callers: usize) -> Result<Run> {
    let server = Server::start(Kind::Redis)?;
    let mut client = Client::connect(&server.url()).await?;
    let () = client.set("bench", vec![b'v'; 64]).await?;
    let before = client.stats();
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers).map(|_| tokio::spawn(one(client.clone(), started + TIME))).collect();
    let mut commands = 0;
    for task in tasks {
        commands += task.await??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let after = client.stats();
    let batches = (after.batches - before.batches).max(1);
    Ok(Run { mean_batch: (after.rows - before.rows) as f64 / batches as f64, rate: commands as f64 / seconds })
}

async fn one(mut client: Client, until: Instant) -> Result<u64> {
    let mut commands = 0;
    while Instant::now() < until {
        let _: Vec<u8> = client.get("bench").await?;
        commands += 1;
    }
    Ok(commands)
}
