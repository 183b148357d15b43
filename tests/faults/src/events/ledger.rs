//! What was told of transfers, held against the log.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::log::{Log, data, uuid};
use super::outcome::Outcome;

/// All that was told.
#[derive(Default)]
pub struct Ledger {
    transfers: HashMap<String, Transfer>,
    /// Answers for sure: done, or declined.
    pub decided: u64,
}

/// One command: all that was said of each attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Transfer {
    from: u64,
    to: u64,
    amount: u64,
    /// Where it is, as each answer says.
    at: Vec<u64>,
    maybe: bool,
    declined: bool,
}

/// Words that are no fault, and say that nothing is written.
const NEVER: [&str; 3] = ["declined", "not_sent", "conflict"];

impl Ledger {
    /// Notes what an agent said of an attempt.
    pub fn note(&mut self, line: &Value, outcome: &mut Outcome) -> Result<()> {
        let number = |name: &str| line[name].as_u64().with_context(|| format!("no {name} in {line}"));
        let how = line["how"].as_str().context("a transfer without an end")?;
        let id = line["id"].as_str().context("a transfer without an id")?;
        let transfer = self.transfers.entry(id.to_owned()).or_default();
        (transfer.from, transfer.to, transfer.amount) = (number("from")?, number("to")?, number("amount")?);
        outcome.count(how, 1);
        match how {
            "done" => {
                transfer.at.push(number("at")?);
                outcome.count("repeated", u64::from(line["repeated"] == true));
            }
            "maybe" => transfer.maybe = true,
            _ if NEVER.contains(&how) => transfer.declined |= how == "declined",
            // The server never refuses here, and the rest is nobody's to expect.
            _ => outcome.fault(format!("a transfer ended by {line}")),
        }
        self.decided += u64::from(how == "done" || how == "declined");
        if line["late"] == true {
            outcome.fault(format!("a call hung: {line}"));
        }
        Ok(())
    }

    /// Holds it against the log, whose accounts began with so much each.
    pub fn compare(&self, log: &Log, accounts: u64, start: u64, outcome: &mut Outcome) {
        let mut there = HashMap::<String, Vec<u64>>::new();
        for command in &log.commands {
            there.entry(uuid(command.id.0)).or_default().push(command.first);
        }
        for (id, transfer) in &self.transfers {
            let found = there.remove(id).unwrap_or_default();
            if let Some(fault) = transfer.compare(&found) {
                outcome.fault(format!("{id}: {fault}"));
            }
            // README: executed after the store asked.
            let declined = transfer.left_unknown() && transfer.declined && !found.is_empty();
            outcome.count("declined again, there", u64::from(declined));
            outcome.count("unknown, there", u64::from(transfer.left_unknown() && !found.is_empty()));
            outcome.count("unknown, not there", u64::from(transfer.left_unknown() && found.is_empty()));
        }
        for id in there.keys() {
            outcome.fault(format!("{id} is there, and nobody sent it"));
        }
        replay(log, accounts, start, outcome);
        self.contents(log, outcome);
    }

    /// The events are those of their transfers.
    fn contents(&self, log: &Log, outcome: &mut Outcome) {
        for command in &log.commands {
            let event = usize::try_from(command.first).ok().and_then(|at| log.events.get(at.checked_sub(1)?));
            let (Some(event), Some(transfer)) = (event, self.transfers.get(&uuid(command.id.0))) else { continue };
            let said = data(event);
            let same = said["from"] == transfer.from && said["to"] == transfer.to && said["amount"] == transfer.amount;
            if !same || command.first != command.last {
                outcome.fault(format!("command {} has another one's events: {said}", command.number));
            }
        }
    }
}

impl Transfer {
    fn left_unknown(&self) -> bool {
        self.maybe && self.at.is_empty()
    }

    /// What is wrong, if it is at these positions.
    fn compare(&self, found: &[u64]) -> Option<String> {
        match found {
            [] if !self.at.is_empty() => Some(format!("lost: it was acknowledged at {:?}", self.at)),
            [at] if self.at.iter().any(|told| told != at) => {
                Some(format!("it is at {at}, and was told at {:?}", self.at))
            }
            [at] if self.at.is_empty() && !self.maybe => Some(format!("it is at {at}, and was told not to be")),
            [] | [_] => None,
            more => Some(format!("twice: it is at {more:?}")),
        }
    }
}

/// What each account has, from position to position.
fn replay(log: &Log, accounts: u64, start: u64, outcome: &mut Outcome) {
    let mut balances = HashMap::<u64, u64>::new();
    for event in &log.events {
        let said = data(event);
        let number = |name: &str| said[name].as_u64().unwrap_or_default();
        let position = event.event.position;
        if event.event.kind == "Opened" {
            balances.insert(number("account"), number("balance"));
            continue;
        }
        let (from, to, amount) = (number("from"), number("to"), number("amount"));
        let balance = |account: u64| balances.get(&account).copied().unwrap_or_default();
        let Some(left) = balance(from).checked_sub(amount) else {
            return outcome.fault(format!("at {position} account {from} goes below zero"));
        };
        let grown = balance(to) + amount;
        if (left, grown) != (number("from_balance"), number("to_balance")) {
            return outcome.fault(format!("at {position} there are {left} and {grown}, and it was decided on {said}"));
        }
        balances.extend([(from, left), (to, grown)]);
    }
    let sum: u64 = balances.values().sum();
    if sum != accounts * start {
        outcome.fault(format!("the balances add up to {sum}, not to {}", accounts * start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfer(at: &[u64], maybe: bool, declined: bool) -> Transfer {
        Transfer { at: at.to_vec(), maybe, declined, ..Transfer::default() }
    }

    #[test]
    fn finds_what_is_lost_phantom_or_twice() {
        for (fine, found) in [
            (transfer(&[7], false, false), vec![7]),
            (transfer(&[7, 7], true, false), vec![7]),
            (transfer(&[], true, false), vec![7]),
            (transfer(&[], true, false), vec![]),
            (transfer(&[], true, true), vec![]),
            (transfer(&[], true, true), vec![7]),
            (transfer(&[], false, true), vec![]),
        ] {
            assert_eq!(fine.compare(&found), None, "{fine:?} at {found:?}");
        }
        for (wrong, found) in [
            (transfer(&[7], false, false), vec![]),
            (transfer(&[7], true, false), vec![]),
            (transfer(&[7], false, false), vec![8]),
            (transfer(&[7, 9], true, false), vec![7]),
            (transfer(&[], false, false), vec![7]),
            (transfer(&[], false, true), vec![7]),
            (transfer(&[7], true, false), vec![7, 8]),
        ] {
            assert!(wrong.compare(&found).is_some(), "{wrong:?} at {found:?}");
        }
    }
}
