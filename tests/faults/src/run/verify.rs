//! What the server has in the end, held against what the driver was told.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use redis::{Commands, Connection};
use serde_json::Value;

use super::agent::Unsure;
use super::rig::{CALLERS, count};

/// What was found on the server.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Confirmed, and not there.
    pub lost: u64,
    /// There, though the caller was told that it was not executed.
    pub phantom: u64,
    /// There more than once.
    pub twice: u64,
    /// Half a transaction.
    pub torn: u64,
}

/// Looks at all keys of all callers.
pub fn look(server: &mut Connection, done: &Value, unsure: &Unsure) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    let callers = done["callers"].as_array().context("no callers")?;
    // Those that hang are counted by the driver.
    let told = callers.len() as u64 + count(done, "hung");
    ensure!(told >= CALLERS, "{told} of {CALLERS} callers told what they did");
    for caller in callers {
        let number = caller["c"].as_u64().context("a caller without a number")?;
        let key = |what: &str| format!("f:{number}:{what}");
        let appended: Option<String> = server.get(key("append"))?;
        let appends = caller["appends"].as_u64().with_context(|| format!("no appends: {caller}"))?;
        verdict.tokens(&appended.unwrap_or_default(), appends, |token| unsure.get(&(number, token)).copied());
        let mut times =
            |what| anyhow::Ok(server.get::<_, Option<u64>>(key(what))?.unwrap_or_default() / (1000 + number));
        let (counted, one, other) = (times("count")?, times("one")?, times("other")?);
        verdict.range(counted, range(caller, "count")?);
        verdict.range(one, range(caller, "transact")?);
        verdict.torn += u64::from(one != other);
        let set: Option<String> = server.get(key("set"))?;
        verdict.set(set.as_deref().and_then(|set| set.split_once(':')?.1.parse().ok()), caller);
    }
    Ok(verdict)
}

/// How often something was done for sure, and perhaps.
fn range(caller: &Value, name: &str) -> Result<(u64, u64)> {
    let told = |place: usize| caller[name].get(place).and_then(Value::as_u64);
    told(0).zip(told(1)).with_context(|| format!("no {name}: {caller}"))
}

impl Verdict {
    /// Tokens that were appended. `unsure` knows those that were not confirmed.
    fn tokens(&mut self, text: &str, tried: u64, unsure: impl Fn(u64) -> Option<bool>) {
        let mut found = HashMap::<u64, u64>::new();
        for token in text.split_terminator(';') {
            match token.parse() {
                Ok(token) => *found.entry(token).or_default() += 1,
                // Nobody sent that.
                Err(_) => self.phantom += 1,
            }
        }
        for token in 0..tried {
            let times = found.remove(&token).unwrap_or_default();
            self.twice += times.saturating_sub(1);
            match unsure(token) {
                None if times == 0 => self.lost += 1,
                Some(false) if times > 0 => self.phantom += 1,
                _ => {}
            }
        }
        self.phantom += found.len() as u64;
    }

    /// A count, held against how often it was raised for sure, and perhaps.
    fn range(&mut self, count: u64, (sure, perhaps): (u64, u64)) {
        self.lost += sure.saturating_sub(count);
        self.phantom += count.saturating_sub(sure + perhaps);
    }

    /// The last value that was set, or one that perhaps was.
    fn set(&mut self, found: Option<u64>, caller: &Value) {
        let set = caller["set"].as_u64();
        let maybe = caller["maybe_set"].as_array().is_some_and(|all| all.iter().any(|one| one.as_u64() == found));
        if found == set || (found.is_some() && maybe) {
            return;
        }
        if found < set { self.lost += 1 } else { self.phantom += 1 }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_what_is_lost_phantom_or_twice() {
        let unsure = |token| HashMap::from([(1, false), (2, true), (3, false)]).get(&token).copied();
        let mut verdict = Verdict::default();
        verdict.tokens("000;002;004;", 5, unsure);
        assert_eq!(verdict, Verdict::default());
        verdict.tokens("000;001;002;002;", 5, unsure);
        assert_eq!(verdict, Verdict { lost: 1, phantom: 1, twice: 1, torn: 0 });
        verdict.tokens("000;004;005;", 5, unsure);
        assert_eq!(verdict.phantom, 2);
    }

    #[test]
    fn holds_counts_and_values_against_what_was_told() {
        let mut verdict = Verdict::default();
        verdict.range(5, (4, 1));
        let caller = json!({ "set": 7, "maybe_set": [8] });
        verdict.set(Some(7), &caller);
        verdict.set(Some(8), &caller);
        assert_eq!(verdict, Verdict::default());
        verdict.range(3, (4, 1));
        verdict.range(6, (4, 1));
        verdict.set(Some(6), &caller);
        verdict.set(Some(9), &caller);
        verdict.set(None, &caller);
        assert_eq!(verdict, Verdict { lost: 3, phantom: 2, twice: 0, torn: 0 });
    }
}
