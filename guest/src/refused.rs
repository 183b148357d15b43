//! Commands that would take a shared link from under everybody else.
//!
//! They change what the link's replies are, or whose: what a server's command table does not tell. Subscriptions have calls of
//! their own.

/// Refuses a command that must not go on a shared link, by its name and its first argument.
///
/// # Errors
/// Says why, and what to use instead.
pub fn check(name: &[u8], argument: Option<&[u8]>) -> Result<(), &'static str> {
    // The usual command is told by its first letter.
    if !name.first().is_some_and(|first| b"SPUMHRQC".contains(&first.to_ascii_uppercase())) {
        return Ok(());
    }
    let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
    if SUBSCRIPTIONS.iter().any(|word| is(word)) {
        return Err(
            "subscriptions have a call of their own, as this command would change what the shared link's replies are",
        );
    }
    if ["MONITOR", "SYNC", "PSYNC"].iter().any(|word| is(word)) {
        return Err("this command makes a link a stream, which a shared link must not become");
    }
    if ["HELLO", "RESET", "QUIT"].iter().any(|word| is(word)) {
        return Err(
            "this command would change the shared link for everybody: the client's settings say how it is greeted",
        );
    }
    if is("CLIENT") && argument.is_some_and(|word| word.eq_ignore_ascii_case(b"REPLY")) {
        return Err("CLIENT REPLY would take away the replies of everybody on the shared link");
    }
    Ok(())
}

const SUBSCRIPTIONS: [&str; 6] =
    ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_would_change_the_link() {
        for name in ["SUBSCRIBE", "punsubscribe", "Monitor", "QUIT", "hello", "RESET", "SYNC"] {
            assert!(check(name.as_bytes(), None).is_err(), "{name}");
        }
        assert!(check(b"client", Some(b"reply")).is_err());
    }

    #[test]
    fn lets_the_rest_pass() {
        for (name, argument) in [("SET", "reply"), ("CLIENT", "INFO"), ("PING", ""), ("RENAME", "a"), ("GET", "k")] {
            assert!(check(name.as_bytes(), Some(argument.as_bytes())).is_ok(), "{name}");
        }
    }
}
