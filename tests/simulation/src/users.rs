//! Who uses which connection: a leased one serves one user at a time, stays his until he is done, and is clean for the
//! next.

use std::collections::BTreeMap;

use crate::session::Session;

/// Who asks on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// All who share it.
    Everybody,
    /// A session, in its lease of this number.
    Tenant(u32, u32),
    /// One request, which needs a link for itself.
    Alone(u64),
}

/// What the server knows of those who ask.
#[derive(Debug, Default)]
pub struct Users {
    /// By request.
    pub callers: Vec<Option<Who>>,
    pub leases: BTreeMap<Who, Lease>,
    /// The one that clients use.
    pub database: u32,
}

/// A session's time with a link.
#[derive(Debug, Default)]
pub struct Lease {
    connection: Option<usize>,
    pub over: bool,
}

impl Users {
    /// Somebody's command has come, on this connection.
    pub fn enter(&mut self, session: &mut Session, connection: usize, request: u64) -> Result<(), String> {
        let who = self.callers.get(request as usize).copied().flatten();
        let who = who.ok_or_else(|| format!("request {request} comes, and nobody asked it"))?;
        let before = session.user.replace(who);
        if before == Some(who) {
            return Ok(());
        }
        let wrong = |what: &str| Err(format!("{who:?} uses connection {connection}, {what}"));
        match before {
            Some(Who::Everybody) => return wrong("which all share"),
            Some(other @ Who::Tenant(..)) if !self.leases.get(&other).is_some_and(|lease| lease.over) => {
                return wrong(&format!("which {other:?} has"));
            }
            Some(_) if who == Who::Everybody => return wrong("which was leased"),
            _ => {}
        }
        if !session.subscribed.is_empty() {
            return wrong("which has subscribed");
        }
        if let Some(dirt) = session.dirt(self.database) {
            return wrong(&format!("which {before:?} left with {dirt}"));
        }
        match self.leases.get_mut(&who).map(|lease| lease.connection.replace(connection)) {
            Some(Some(other)) => wrong(&format!("and began on connection {other}")),
            None if matches!(who, Who::Tenant(..)) => wrong("without a lease"),
            _ => Ok(()),
        }
    }
}
