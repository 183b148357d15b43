//! Credentials: the core knows their lengths.

use anyhow::{Context, Result};
use coracle_core::config::Credentials;

use super::Host;

/// All sets that there were, of user name and password; the first one's generation is 1.
pub struct Secrets {
    sets: Vec<(String, String)>,
    /// Renewals that are not answered, by generation.
    pub renewing: Vec<(u64, u64)>,
}

impl Secrets {
    pub fn new(settings: &vectors::Settings) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let given = settings.username.is_some() || settings.password.is_some();
        let sets = given.then(|| (text(&settings.username), text(&settings.password)));
        Self { sets: sets.into_iter().collect(), renewing: Vec::new() }
    }

    pub fn newest(&self) -> Option<Credentials> {
        let (username, password) = self.sets.last()?;
        Some(Credentials {
            generation: self.sets.len() as u32,
            username: username.len() as u32,
            password: password.len() as u32,
        })
    }

    pub fn write(&self, generation: u32, password: bool) -> Result<Vec<u8>> {
        let (username, secret) = self.sets.get(generation as usize - 1).context("no such secret")?;
        Ok(if password { secret.clone() } else { username.clone() }.into_bytes())
    }
}

impl Host {
    pub fn renew(&mut self, id: u64, username: &str, password: &str) -> Result<()> {
        self.secrets.sets.push((username.to_owned(), password.to_owned()));
        let credentials = self.secrets.newest().context("no credentials")?;
        self.secrets.renewing.push((u64::from(credentials.generation), id));
        let now = self.tick();
        self.core.handle_renew(now, credentials);
        self.done(None)
    }
}
