//! What W9 is measured from: a connection, and one command on it.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bench_measure::{About, Client, Kind, Opening, Plain, Settings};

use super::OPENS;

pub fn kind() -> Kind {
    let about = About {
        name: "plain".to_owned(),
        about: "no client: a dialled connection".to_owned(),
        baseline: true,
        workloads: OPENS.to_vec(),
        quick: true,
        ..About::default()
    };
    bench_measure::kind(about, env!("CARGO_PKG_VERSION").to_owned(), true, Dial)
}

#[derive(Clone)]
struct Dial;

#[derive(Clone)]
struct Dialled(Arc<Mutex<Plain>>);

impl Opening for Dial {
    type Client = Dialled;

    async fn open(&self, addr: &str, _: Settings) -> Result<Dialled> {
        Ok(Dialled(Arc::new(Mutex::new(Plain::dial(addr)?))))
    }
}

impl Client for Dialled {
    async fn get(&mut self, key: &str) -> Result<usize> {
        let mut plain = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(plain.ask(&[b"GET", key.as_bytes()])?.len())
    }
}
