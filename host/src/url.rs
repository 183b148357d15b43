//! What a URL says of a server.

use std::borrow::Cow;
use std::collections::HashSet;

use redis::{ConnectionAddr, IntoConnectionInfo};

use crate::connector::Endpoint;
use crate::credentials::Credentials;
use crate::error::Error;

/// What may be asked of a server behind `?`.
const PARAMETERS: &[&str] = &["protocol", "client_name"];
/// The same of one behind a socket, as its URL has no other place for it.
const SOCKET_PARAMETERS: &[&str] = &["db", "user", "pass", "protocol", "client_name"];

/// A server, and who asks it for what.
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    pub(crate) database: u32,
    pub(crate) credentials: Credentials,
    pub(crate) resp2: bool,
    /// What the connections are to be called.
    pub(crate) name: Option<String>,
}

impl Target {
    /// No error repeats the URL's text where it may hold a password.
    pub(crate) fn read(url: &str) -> Result<Self, Error> {
        let parsed = redis::parse_redis_url(url).ok_or_else(|| Error::config(explain(url)))?;
        if matches!(parsed.scheme(), "rediss" | "valkeys") {
            return Err(Error::config("TLS is not supported yet"));
        }
        if parsed.fragment().is_some() {
            return Err(Error::config("the URL has a part after #, which means nothing; a # in a password is %23"));
        }
        let socket = parsed.scheme().ends_with("unix");
        if socket && (!parsed.username().is_empty() || parsed.password().is_some()) {
            return Err(Error::config("the URL names a socket: user and password go behind it, as ?user=…&pass=…"));
        }
        check_parameters(parsed.query().unwrap_or_default(), parsed.query_pairs().map(|(name, _)| name), socket)?;
        let resp2 = parsed.query_pairs().any(|(name, value)| name == "protocol" && matches!(&*value, "2" | "resp2"));
        let name = parsed.query_pairs().find(|(name, _)| name == "client_name").map(|(_, value)| value.into_owned());
        let info = parsed.into_connection_info().map_err(|error| Error::config(format!("the URL: {error}")))?;
        let redis = info.redis_settings();
        let database = u32::try_from(redis.db()).map_err(|_| {
            Error::config(format!("the URL's database is {}; it must be from 0 to 4294967295", redis.db()))
        })?;
        let credentials = Credentials::new(redis.username().unwrap_or_default(), redis.password().unwrap_or_default());
        Ok(Self { endpoint: endpoint(info.addr())?, database, credentials, resp2, name })
    }
}

/// The `redis` crate passes over what it does not know, and so over a mistake: `?db=1` behind a host would be
/// database 0.
fn check_parameters<'a>(query: &str, names: impl Iterator<Item = Cow<'a, str>>, socket: bool) -> Result<(), Error> {
    let known = if socket { SOCKET_PARAMETERS } else { PARAMETERS };
    // A password with a question mark: what is in front of that would be the host, and the rest must not be shown.
    if query.contains('@') && !socket {
        return Err(Error::config("the URL has an @ behind its ?; a ? in a password is %3F"));
    }
    let mut seen = HashSet::new();
    for name in names {
        if !known.contains(&&*name) {
            if socket {
                // Its name may be what is behind an & in a password.
                let known = known.join(", ");
                return Err(Error::config(format!(
                    "the URL has a parameter that is unknown; known is {known}; an & in a password is %26"
                )));
            }
            let place = if &*name == "db" { "; the database goes behind the host, as /1" } else { "" };
            let known = known.join(", ");
            return Err(Error::config(format!("the URL's parameter {name} is unknown; known is {known}{place}")));
        }
        if seen.contains(&name) {
            return Err(Error::config(format!("the URL has the parameter {name} twice")));
        }
        seen.insert(name);
    }
    Ok(())
}

fn endpoint(address: &ConnectionAddr) -> Result<Endpoint, Error> {
    match address {
        ConnectionAddr::Tcp(_, 0) => Err(Error::config("the URL's port is 0; ports are from 1 to 65535")),
        ConnectionAddr::Tcp(host, port) => Ok(Endpoint::Tcp { host: host.clone(), port: *port }),
        ConnectionAddr::Unix(path) => match path.to_str() {
            Some(path) => Ok(Endpoint::Unix { path: path.to_owned() }),
            None => Err(Error::config("the socket's path is not UTF-8")),
        },
        ConnectionAddr::TcpTls { .. } => Err(Error::config("TLS is not supported yet")),
        _ => Err(Error::config("an address of a kind that this client does not know")),
    }
}

/// What is wrong with a URL that can't be parsed. Only its scheme is shown: the rest may hold a password.
fn explain(url: &str) -> String {
    const WANTED: &str = "wanted is redis://[user:password@]host[:port][/database], or unix:///path";
    const KNOWN: [&str; 7] = ["redis", "valkey", "rediss", "valkeys", "unix", "redis+unix", "valkey+unix"];
    match url.split_once(':') {
        None => format!("the URL has no scheme; {WANTED}"),
        Some((scheme, _)) if !KNOWN.contains(&scheme) && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            format!("the URL's scheme, {scheme}, is unknown; {WANTED}")
        }
        Some(_) => format!("the URL can't be parsed; {WANTED}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn reads_urls() {
        let config = Config::new("redis://u%40:p%3A@host:7000/3?protocol=resp2").unwrap();
        assert_eq!(config.endpoints, [Endpoint::Tcp { host: "host".into(), port: 7000 }]);
        assert_eq!((config.database, config.resp2), (3, true));
        assert_eq!(config.credentials, Credentials::new("u@", "p:"));
        let config = Config::new("unix:///run/x?db=2").unwrap().or_at("valkey://other").unwrap();
        let other = Endpoint::Tcp { host: "other".into(), port: 6379 };
        assert_eq!(config.endpoints, [Endpoint::Unix { path: "/run/x".into() }, other]);
        assert_eq!((config.database, config.resp2), (2, false));
    }

    #[test]
    fn refuses_urls_without_showing_passwords() {
        for (url, said) in [
            ("rediss://u:hidden@host", "TLS is not supported yet"),
            ("http://u:hidden@host", "scheme, http, is unknown"),
            ("localhost", "no scheme"),
            ("hidden@host:1", "can't be parsed"),
            ("redis://u:hidden@host:99999", "can't be parsed"),
            ("redis://u:hidden@host/x", "Invalid database number"),
            ("redis://u:hidden@host/-1", "database"),
        ] {
            let error = Config::new(url).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("hidden"), "{error}");
        }
        let debug = format!("{:?}", Config::new("redis://u:hidden@host").unwrap());
        assert!(!debug.contains("hidden"), "{debug}");
    }

    #[test]
    fn reads_all_that_a_url_may_say() {
        for scheme in ["redis", "valkey"] {
            let target = Target::read(&format!("{scheme}://u:p@[::1]:7/2?protocol=resp3")).unwrap();
            assert_eq!(target.endpoint, Endpoint::Tcp { host: "::1".into(), port: 7 });
            assert_eq!((target.database, target.resp2), (2, false));
        }
        for scheme in ["unix", "redis+unix", "valkey+unix"] {
            let target =
                Target::read(&format!("{scheme}:///s?user=u%26&pass=p%40&db=3&protocol=2&client_name=a%20b")).unwrap();
            assert_eq!(target.endpoint, Endpoint::Unix { path: "/s".into() });
            assert_eq!((target.database, target.resp2, target.name.as_deref()), (3, true, Some("a b")));
            assert_eq!(target.credentials, Credentials::new("u&", "p@"));
        }
    }

    #[test]
    fn nothing_is_passed_over() {
        for (url, said) in [
            ("redis://host?protocl=resp2", "parameter protocl is unknown; known is protocol, client_name"),
            ("redis://host?db=3", "goes behind the host, as /1"),
            ("redis://host?user=hidden", "parameter user is unknown"),
            ("redis://host?protocol=resp2&protocol=resp3", "protocol twice"),
            ("redis://host?protocol=resp4", "protocol"),
            ("redis://host#1", "after #"),
            ("redis://u:12#hidden@host", "%23"),
            ("redis://u:12?hidden@host", "%3F"),
            ("redis://u:12?hidden=1@host", "%3F"),
            ("redis://host:0", "port is 0"),
            ("redis://host/99999999999", "99999999999; it must be"),
            ("unix:///s?name=x", "known is db, user, pass, protocol, client_name"),
            ("unix:///s?user=u&pass=1&hidden", "%26"),
            ("unix://u:hidden@localhost/s", "?user=…&pass=…"),
            ("unix://host/s", "Missing path"),
        ] {
            let Err(error) = Target::read(url) else { panic!("{url} is taken") };
            let error = error.to_string();
            assert!(error.contains(said) && !error.contains("hidden"), "{url}: {error}");
        }
    }
}
