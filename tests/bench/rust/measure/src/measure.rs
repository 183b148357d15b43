//! What was used in the measured part of a run.

use std::time::Duration;

use anyhow::Result;

use crate::client::Client;
use crate::histogram::Histogram;
use crate::plain::Plain;
use crate::result::Result as Figures;
use crate::usage::{Usage, rss};

/// What was known when the measured part began.
pub struct Measure {
    start: Usage,
    server: Duration,
    batches: (u64, u64),
}

impl Measure {
    /// Notes what was used so far.
    pub fn begin<C: Client>(server: &mut Plain, client: Option<&C>) -> Result<Self> {
        let batches = client.map_or((0, 0), Client::batches);
        let server = server.server_cpu()?;
        Ok(Self { server, batches, start: Usage::now()? })
    }

    /// What was used since then, an operation. Adding up the tasks' histograms is no part of what is measured.
    pub fn end<C: Client>(
        self,
        server: &mut Plain,
        client: Option<&C>,
        per: &[Histogram],
        ops: u64,
    ) -> Result<Figures> {
        let now = Usage::now()?;
        let server = server.server_cpu()?;
        let all = sum(per);
        let n = ops.max(1) as f64;
        let (batches, commands) = client.map_or((0, 0), Client::batches);
        let (batches, commands) = (batches.saturating_sub(self.batches.0), commands.saturating_sub(self.batches.1));
        Ok(Figures {
            ops: ops as f64 / (now.at - self.start.at).as_secs_f64(),
            p50_us: micros(all.quantile(0.5)),
            p99_us: micros(all.quantile(0.99)),
            cpu_us_per_op: micros(now.cpu.saturating_sub(self.start.cpu)) / n,
            allocs_per_op: (now.allocations - self.start.allocations) as f64 / n,
            rss_mb: rss(),
            server_cpu_us_per_op: micros(server.saturating_sub(self.server)) / n,
            mean_batch: if batches > 0 { commands as f64 / batches as f64 } else { 0.0 },
            ..Figures::default()
        })
    }
}

pub fn sum(per: &[Histogram]) -> Histogram {
    let mut all = Histogram::default();
    per.iter().for_each(|some| all.add(some));
    all
}

pub fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}
