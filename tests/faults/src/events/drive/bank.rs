//! Transfers between accounts: each a command whose handler reads both balances.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Result;
use coracle::events::{Command, Decision, Event, EventError, ExecuteOptions, Id, Item, Query, Recorded};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::ends::executed;
use super::work::Told;
use super::{Agent, number};
use crate::drive::tally::say;
use crate::run::proxy::Random;

/// After a transfer that was not sent, so that an outage is not a busy loop.
const BREATH: Duration = Duration::from_millis(25);
/// One transfer of so many has this short a deadline.
const HASTY: (u64, Duration) = (3, Duration::from_millis(300));
/// How much later than its deadline a command may return.
const MARGIN: Duration = Duration::from_secs(2);
/// One handler of so many reads all that there is of both accounts.
const THOROUGH: u64 = 8;

/// A transfer.
#[derive(Clone, Copy)]
pub struct Transfer {
    number: u64,
    from: u64,
    to: u64,
    amount: u64,
}

/// Has all workers transfer until together they have had so many answers for sure.
pub async fn run(agent: &Agent, order: &Value) -> Result<()> {
    let decided = AtomicU64::new(0);
    let workers = (0..number(order, "workers")).map(|worker| {
        let random = Random(number(order, "seed") << 16 | (worker + number(order, "base")));
        work(agent, order, &decided, random)
    });
    join_all(workers).await;
    say(&json!({ "say": "banked", "decided": decided.load(Relaxed) }));
    Ok(())
}

async fn work(agent: &Agent, order: &Value, decided: &AtomicU64, mut random: Random) {
    let (accounts, wanted) = (number(order, "accounts"), number(order, "transfers"));
    while decided.load(Relaxed) < wanted {
        let from = random.draw() % accounts;
        let to = (from + 1 + random.draw() % (accounts - 1)) % accounts;
        let transfer = Transfer { number: random.draw() >> 1, from, to, amount: 1 + random.draw() % 300 };
        let id = Id::new();
        loop {
            let how = tell(agent, transfer, id).await;
            match how.as_str() {
                "done" | "declined" => decided.fetch_add(1, Relaxed),
                // One half is left as it is, and one half is sent again under the same id.
                "maybe" if transfer.number.is_multiple_of(2) => continue,
                _ => {
                    tokio::time::sleep(BREATH).await;
                    break;
                }
            };
            break;
        }
    }
}

/// Executes it, and says how that ended.
async fn tell(agent: &Agent, transfer: Transfer, id: Id) -> String {
    let hasty = transfer.number.is_multiple_of(HASTY.0);
    let deadline = if hasty { HASTY.1 } else { agent.deadline };
    let started = Instant::now();
    let result = execute(agent, transfer, id, deadline).await;
    let took = started.elapsed();
    let mut fields = executed(&result);
    let Transfer { from, to, amount, .. } = transfer;
    for (name, value) in [
        ("say", json!("transfer")),
        ("id", json!(id.to_string())),
        ("from", json!(from)),
        ("to", json!(to)),
        ("amount", json!(amount)),
        ("late", json!(took > deadline + MARGIN)),
    ] {
        fields.insert(name.to_owned(), value);
    }
    let how = fields["how"].as_str().unwrap_or_default().to_owned();
    say(&Value::Object(fields));
    how
}

async fn execute(agent: &Agent, transfer: Transfer, id: Id, deadline: Duration) -> Told {
    let Transfer { from, to, amount, .. } = transfer;
    let command = Command::new("Transfer").id(id).data(json!({ "from": from, "to": to, "amount": amount }).to_string());
    let options = ExecuteOptions::new()
        .attempts(50)
        .backoff(Duration::from_millis(2), Duration::from_millis(50))
        .deadline(deadline);
    let result = agent.store.execute(command, options, |decision| decide(decision, transfer)).await;
    result.map_err(|error| match error {
        coracle::events::ExecuteError::Handler(Declined::Funds) => {
            coracle::events::ExecuteError::Handler("the balance is too low".to_owned())
        }
        // A read that failed is as good as an append that was not sent.
        coracle::events::ExecuteError::Handler(Declined::Read(error)) if error.maybe_executed() => {
            coracle::events::ExecuteError::Store(EventError::Cancelled { maybe_executed: false })
        }
        coracle::events::ExecuteError::Handler(Declined::Read(error)) | coracle::events::ExecuteError::Store(error) => {
            coracle::events::ExecuteError::Store(error)
        }
        coracle::events::ExecuteError::Handler(Declined::Torn(text)) => {
            coracle::events::ExecuteError::Store(EventError::Misuse(text))
        }
    })
}

enum Declined {
    Funds,
    Read(EventError),
    /// What was read does not fit together.
    Torn(String),
}

impl From<EventError> for Declined {
    fn from(error: EventError) -> Self {
        Self::Read(error)
    }
}

async fn decide(decision: Decision, transfer: Transfer) -> Result<Vec<Event>, Declined> {
    let Transfer { number, from, to, amount } = transfer;
    let mut balances = [0; 2];
    for (balance, account) in balances.iter_mut().zip([from, to]) {
        let last = decision.read(Query::tags([tag(account)])).backwards().limit(1).all().await?;
        let last = last.first().ok_or_else(|| Declined::Torn(format!("account {account} is empty")))?;
        *balance = balance_of(last, account).ok_or_else(|| Declined::Torn(format!("{last:?} has no balance")))?;
    }
    if number % THOROUGH == 0 {
        thorough(&decision, [from, to], balances).await?;
    }
    let [source, target] = balances;
    let left = source.checked_sub(amount).ok_or(Declined::Funds)?;
    let data = json!({ "from": from, "to": to, "amount": amount, "from_balance": left, "to_balance": target + amount });
    Ok(vec![Event::new("Transferred").tag(tag(from)).tag(tag(to)).data(data.to_string())])
}

/// All events of both, in one pass, must come to the same balances: reads of a decision see one log.
async fn thorough(decision: &Decision, accounts: [u64; 2], balances: [u64; 2]) -> Result<(), Declined> {
    let [one, other] = accounts.map(tag);
    let events = decision.read(Query::tags([one]).or(Item::tags([other]))).all().await?;
    for (account, balance) in accounts.into_iter().zip(balances) {
        let sum: i64 = events.iter().map(|event| change(event, account)).sum();
        if u64::try_from(sum) != Ok(balance) {
            return Err(Declined::Torn(format!("account {account} has {sum} and {balance} in one decision")));
        }
    }
    Ok(())
}

/// By how much this event changes the account.
fn change(event: &Recorded, account: u64) -> i64 {
    let data: Value = serde_json::from_slice(&event.data).unwrap_or_default();
    let amount = data["amount"].as_i64().unwrap_or_default();
    match event.type_.as_str() {
        "Opened" if data["account"] == account => data["balance"].as_i64().unwrap_or_default(),
        "Transferred" if data["from"] == account => -amount,
        "Transferred" if data["to"] == account => amount,
        _ => 0,
    }
}

/// What this event leaves on the account, if it is of it.
fn balance_of(event: &Recorded, account: u64) -> Option<u64> {
    let data: Value = serde_json::from_slice(&event.data).ok()?;
    match event.type_.as_str() {
        "Opened" if data["account"] == account => data["balance"].as_u64(),
        "Transferred" if data["from"] == account => data["from_balance"].as_u64(),
        "Transferred" if data["to"] == account => data["to_balance"].as_u64(),
        _ => None,
    }
}

fn tag(account: u64) -> String {
    format!("account:{account}")
}
