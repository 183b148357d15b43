//! Which server, and how.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;
use coracle::{Client, Config};

use crate::failure::Failure;
use crate::print::quoted;
use crate::syntax;

const URL: &str = "CORACLE_URL";
const DEFAULT_URL: &str = "redis://localhost:6379";

/// Flags of all commands.
#[derive(Debug, Args)]
pub struct Connection {
    /// URL of the server; else the one that CORACLE_URL names, else redis://localhost:6379
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// How long a command may take that is one exchange with the server, such as 500ms, 10s or 1m
    #[arg(long, global = true, value_name = "TIME", default_value = "10s")]
    timeout: String,
    /// Speak RESP2
    #[arg(long, global = true)]
    resp2: bool,
}

impl Connection {
    /// A client, whose calls take no longer than was said.
    pub async fn connect(&self) -> Result<Client> {
        let deadline = syntax::duration(&self.timeout).ok_or_else(|| {
            Failure::input(
                format!("--timeout {}: it can't be", quoted(&self.timeout)),
                "it is such as 500ms, 10s or 1m",
            )
        })?;
        let url = match &self.url {
            Some(url) => url.clone(),
            None => environment(URL)?.unwrap_or_else(|| DEFAULT_URL.to_owned()),
        };
        let config = Config::new(&url)?.deadline(Some(deadline));
        let config = if self.resp2 { config.resp2(true) } else { config };
        // The client itself waits as long as a connection may take.
        let connected = tokio::time::timeout(deadline, config.connect()).await;
        Ok(connected.map_err(|_| Failure::late())??)
    }
}

/// What a variable says, if it says something. What is not text is not passed over: the default would be another
/// server.
pub fn environment(name: &str) -> Result<Option<String>> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty()).map(OsString::into_string);
    Ok(value.transpose().map_err(|_| Failure::input(format!("{name}: it is not UTF-8"), ""))?)
}
