//! Commands that would take a link from under whoever uses it.
//!
//! They change what a link's replies are, or whose: what a server's command table does not tell. Subscriptions have
//! calls of their own.

/// Refuses a command that must go on no link, by its name and its first argument.
///
/// # Errors
/// Says why, and what to use instead.
pub fn always(name: &[u8], argument: Option<&[u8]>) -> Result<(), &'static str> {
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
    if is("MONITOR") {
        return Err("MONITOR has a call of its own, as it makes a link a stream of lines");
    }
    if ["SYNC", "PSYNC"].iter().any(|word| is(word)) || is("CLUSTER") && is_any(argument, &["SYNCSLOTS"]) {
        return Err("this command makes a link a stream, which a shared link must not become");
    }
    if is("REPLCONF") {
        return Err("REPLCONF is what replicas say: some of it has no reply, and the next one would be taken for it");
    }
    if ["HELLO", "RESET", "QUIT"].iter().any(|word| is(word)) {
        return Err(
            "this command would change what its link is for the client, whose settings say how a server is greeted",
        );
    }
    if is("CLIENT") && is_any(argument, &["REPLY"]) {
        return Err("CLIENT REPLY would take away the replies of everybody on the shared link");
    }
    if is("SCRIPT") && is_any(argument, &["DEBUG"]) {
        return Err("SCRIPT DEBUG would make the next script on the link a debugger's session");
    }
    Ok(())
}

/// Refuses a command that needs a session, or a setting of the client, by its name and its first argument.
///
/// # Errors
/// Says why, and what to use instead.
pub fn on_a_shared_link(name: &[u8], argument: Option<&[u8]>) -> Result<(), &'static str> {
    if !name.first().is_some_and(|first| b"MEDWUSACR".contains(&first.to_ascii_uppercase())) {
        return Ok(());
    }
    let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
    if ["MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH"].iter().any(|word| is(word)) {
        return Err("transactions are sent as one, or step by step in a session, which has a link for itself");
    }
    if ["SELECT", "AUTH"].iter().any(|word| is(word)) {
        return Err("this would change the shared link for everybody: use the client's settings, or a session");
    }
    if is("CLIENT") && is_any(argument, &["TRACKING", "CACHING", "SETNAME", "NO-EVICT", "NO-TOUCH", "CAPA"]) {
        return Err("this would change the shared link for everybody: use the client's settings, or a session");
    }
    if ["READONLY", "READWRITE", "ASKING"].iter().any(|word| is(word)) {
        return Err("this would change the shared link for everybody: use a session");
    }
    if ["WAIT", "WAITAOF"].iter().any(|word| is(word)) {
        return Err("this tells of what its own link has written, so only a session can ask: write and wait in one");
    }
    Ok(())
}

fn is_any(argument: Option<&[u8]>, words: &[&str]) -> bool {
    argument.is_some_and(|argument| words.iter().any(|word| argument.eq_ignore_ascii_case(word.as_bytes())))
}

const SUBSCRIPTIONS: [&str; 6] =
    ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_would_change_the_link() {
        for name in ["SUBSCRIBE", "punsubscribe", "Monitor", "QUIT", "hello", "RESET", "SYNC", "replconf"] {
            assert!(always(name.as_bytes(), None).is_err(), "{name}");
        }
        assert!(always(b"client", Some(b"reply")).is_err() && always(b"script", Some(b"debug")).is_err());
        assert!(always(b"cluster", Some(b"SyncSlots")).is_err() && always(b"CLUSTER", Some(b"INFO")).is_ok());
        for name in ["multi", "WATCH", "Select", "AUTH", "readonly", "READWRITE", "asking", "wait", "WaitAof"] {
            assert!(on_a_shared_link(name.as_bytes(), None).is_err(), "{name}");
        }
        for word in ["tracking", "CACHING", "setname", "no-evict", "NO-TOUCH", "capa"] {
            assert!(on_a_shared_link(b"CLIENT", Some(word.as_bytes())).is_err(), "{word}");
        }
    }

    #[test]
    fn lets_the_rest_pass() {
        let all =
            [("SET", "reply"), ("CLIENT", "INFO"), ("PING", ""), ("RENAME", "a"), ("GET", "k"), ("SCRIPT", "LOAD")];
        for (name, argument) in all {
            let argument = Some(argument.as_bytes());
            assert!(always(name.as_bytes(), argument).is_ok(), "{name}");
            assert!(on_a_shared_link(name.as_bytes(), argument).is_ok(), "{name}");
        }
    }
}
