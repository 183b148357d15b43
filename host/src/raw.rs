//! Replies with the bytes that they came in.

use std::convert::Infallible;

use bytes::Bytes;
use redis::Value;
use tokio::sync::oneshot;

use crate::call::Until;
use crate::client::Client;
use crate::command::Command;
use crate::error::{Error, Outcome};
use crate::job::Aside;
use crate::session::Session;

/// A reply, and the bytes that it came in, exactly as the server sent them.
#[derive(Debug, Clone, PartialEq)]
pub struct RawReply {
    /// RESP, of the version that the connection speaks: see [`crate::Config::resp2`].
    pub bytes: Bytes,
    /// What the bytes say. An error of the server is a [`Value::ServerError`] here.
    pub value: Value,
}

impl Client {
    /// Sends a command, a [`Command`] or a `&redis::Cmd`, and gives the reply's bytes beside its value, for a proxy or
    /// a cache to pass on. An error of the server is a reply as any other.
    ///
    /// ```no_run
    /// # async fn example(client: coracle::Client) -> Result<(), coracle::Error> {
    /// let reply = client.raw(redis::cmd("GET").arg("key")).await?;
    /// assert_eq!(&*reply.bytes, b"$5\r\nvalue\r\n");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn raw<C: TryInto<Command>>(&self, command: C) -> Result<RawReply, Error>
    where
        Error: From<C::Error>,
    {
        let command = command.try_into()?.with_bytes();
        let until = Until::of(&command, self.deadline);
        let (told, bytes) = oneshot::channel();
        let value = self.call_one(command, until, Some(Box::new(Aside::Raw(told)))).await?;
        // The bytes are there before the value.
        let bytes = bytes.await.map_err(|_| Error::core(Outcome::MaybeExecuted, "a reply has no bytes"))?;
        Ok(RawReply { bytes: bytes.into(), value })
    }
}

impl Session {
    /// As [`Client::raw`], on this session's link.
    pub async fn raw<C: TryInto<Command>>(&self, command: C) -> Result<RawReply, Error>
    where
        Error: From<C::Error>,
    {
        self.client.raw(command).await
    }
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// What the methods of `Cmd` give.
impl TryFrom<&mut redis::Cmd> for Command {
    type Error = Error;

    fn try_from(cmd: &mut redis::Cmd) -> Result<Self, Error> {
        Self::try_from(&*cmd)
    }
}
