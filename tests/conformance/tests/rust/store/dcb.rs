//! The examples of dcb.events, as behaviour: each rule is decided over what it depends on, and nothing else.

use std::time::{Duration, SystemTime};

use coracle::events::{
    Appended, Command, Decision, Event, EventError, EventStore, ExecuteError, ExecuteOptions, Id, Item, Projection,
    Query, Recorded,
};
use tokio::task::JoinSet;

use super::{head, open, positions, read};
use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    unique_username dynamic_price opt_in_token idempotency_token;
    real only: invoice_number
}

/// Why a handler says no.
#[derive(Debug, PartialEq)]
pub(super) enum No {
    Rule(String),
    Store(EventError),
}

impl From<EventError> for No {
    fn from(error: EventError) -> Self {
        Self::Store(error)
    }
}

pub(super) fn no<T>(rule: impl Into<String>) -> Result<T, No> {
    Err(No::Rule(rule.into()))
}

pub(super) fn rule<T: std::fmt::Debug>(result: Result<T, ExecuteError<No>>) -> String {
    match result {
        Err(ExecuteError::Handler(No::Rule(rule))) => rule,
        other => panic!("a rule should forbid it: {other:?}"),
    }
}

pub(super) async fn execute<F, A>(store: &EventStore, type_: &str, handler: F) -> Result<Appended, ExecuteError<No>>
where
    F: FnMut(Decision) -> A,
    A: Future<Output = Result<Vec<Event>, No>>,
{
    in_time(store.execute(Command::new(type_), ExecuteOptions::new().attempts(200), handler)).await
}

pub(super) fn text(event: &Recorded) -> &str {
    std::str::from_utf8(&event.data).unwrap()
}

/// Whether any event matches.
pub(super) fn exists(query: Query) -> Projection<bool, impl FnMut(&mut bool, &Recorded)> {
    Projection::new(query, false, |exists: &mut bool, _: &Recorded| *exists = true)
}

pub(super) fn count(query: Query) -> Projection<usize, impl FnMut(&mut usize, &Recorded)> {
    Projection::new(query, 0, |count: &mut usize, _: &Recorded| *count += 1)
}

pub(super) fn last(query: Query) -> Projection<Option<String>, impl FnMut(&mut Option<String>, &Recorded)> {
    Projection::new(query, None, |last: &mut Option<String>, event: &Recorded| *last = Some(text(event).to_owned()))
}

/// How long a name stays taken after its account is closed.
const RETENTION: Duration = Duration::from_secs(3 * 24 * 60 * 60);

async fn register(store: &EventStore, name: &str, now: SystemTime) -> Result<Appended, ExecuteError<No>> {
    execute(store, "Register", async |decision: Decision| {
        let claimed = Projection::new(
            Query::tags([format!("username:{name}")]),
            false,
            |claimed: &mut bool, event: &Recorded| {
                *claimed = match event.type_.as_str() {
                    "AccountClosed" => now.duration_since(event.time).is_ok_and(|age| age <= RETENTION),
                    _ => true,
                }
            },
        );
        if decision.project(claimed).await? {
            return no(format!("{name} is taken"));
        }
        Ok(vec![Event::new("AccountRegistered").tag(format!("username:{name}"))])
    })
    .await
}

async fn unique_username(target: Target) {
    let store = open(&target, "usernames").await;
    let now = SystemTime::now();
    register(&store, "ada", now).await.unwrap();
    assert_eq!(rule(register(&store, "ada", now).await), "ada is taken");
    register(&store, "bob", now).await.unwrap();
    super::append(&store, [Event::new("AccountClosed").tag("username:ada")]).await;
    assert_eq!(rule(register(&store, "ada", now + RETENTION / 2).await), "ada is taken");
    register(&store, "ada", now + RETENTION * 2).await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        tasks.spawn(async move { register(&store, "eve", now).await.is_ok() });
    }
    let registered = in_time(tasks.join_all()).await.into_iter().filter(|registered| *registered).count();
    assert_eq!(registered, 1);
}

/// How long an old price is still good.
const GRACE: Duration = Duration::from_secs(600);

/// Orders products at prices that the customer has seen.
async fn order(store: &EventStore, basket: &[(&str, u32)], now: SystemTime) -> Result<Appended, ExecuteError<No>> {
    execute(store, "OrderProducts", async |decision: Decision| {
        // The prices of a product that are good now: the last one, and those that were until a short time ago.
        let prices = |product: &str| {
            Projection::new(
                Item::types(["ProductDefined", "PriceChanged"]).tag(format!("product:{product}")).into(),
                Vec::new(),
                |good: &mut Vec<u32>, event: &Recorded| {
                    if now.duration_since(event.time).is_ok_and(|age| age > GRACE) {
                        good.clear();
                    }
                    good.push(text(event).parse().unwrap());
                },
            )
        };
        let all = decision.project(basket.iter().map(|(product, _)| prices(product)).collect::<Vec<_>>()).await?;
        for ((product, price), good) in basket.iter().zip(all) {
            if !good.contains(price) {
                return no(format!("{product} does not cost {price}"));
            }
        }
        let tags = basket.iter().map(|(product, _)| format!("product:{product}"));
        Ok(vec![Event::new("ProductsOrdered").tags(tags)])
    })
    .await
}

async fn dynamic_price(target: Target) {
    let store = open(&target, "prices").await;
    let price = |type_: &str, product: &str, price: u32| {
        super::event(type_, &format!("product:{product}")).data(price.to_string())
    };
    super::append(&store, [price("ProductDefined", "p1", 100), price("ProductDefined", "p2", 20)]).await;
    let now = SystemTime::now();
    order(&store, &[("p1", 100)], now).await.unwrap();
    assert_eq!(rule(order(&store, &[("p1", 90)], now).await), "p1 does not cost 90");
    super::append(&store, [price("PriceChanged", "p1", 110)]).await;
    order(&store, &[("p1", 110), ("p2", 20)], now).await.unwrap();
    order(&store, &[("p1", 100), ("p2", 20)], now).await.unwrap();
    let later = now + GRACE * 2;
    assert_eq!(rule(order(&store, &[("p2", 20), ("p1", 100)], later).await), "p1 does not cost 100");
    order(&store, &[("p2", 20), ("p1", 110)], later).await.unwrap();
}

async fn confirm(store: &EventStore, mail: &str, token: &str, now: SystemTime) -> Result<Appended, ExecuteError<No>> {
    execute(store, "ConfirmSignUp", async |decision: Decision| {
        let pending = Projection::new(
            Query::tags([format!("email:{mail}"), format!("token:{token}")]),
            None,
            |pending: &mut Option<(SystemTime, bool)>, event: &Recorded| match event.type_.as_str() {
                "SignUpInitiated" => *pending = Some((event.time, false)),
                _ => *pending = pending.map(|(time, _)| (time, true)),
            },
        );
        match decision.project(pending).await? {
            None => no("no such token"),
            Some((_, true)) => no("it was used"),
            Some((time, _)) if now.duration_since(time).is_ok_and(|age| age > Duration::from_secs(3600)) => {
                no("it is too old")
            }
            Some(_) => {
                let event = Event::new("SignUpConfirmed").tag(format!("email:{mail}")).tag(format!("token:{token}"));
                Ok(vec![event])
            }
        }
    })
    .await
}

async fn opt_in_token(target: Target) {
    let store = open(&target, "tokens").await;
    let now = SystemTime::now();
    let initiated = |mail: &str, token: &str| {
        Event::new("SignUpInitiated").tag(format!("email:{mail}")).tag(format!("token:{token}"))
    };
    super::append(&store, [initiated("ada@x", "11"), initiated("bob@x", "22"), initiated("eve@x", "33")]).await;
    assert_eq!(rule(confirm(&store, "ada@x", "12", now).await), "no such token");
    assert_eq!(rule(confirm(&store, "ada@x", "22", now).await), "no such token");
    assert_eq!(rule(confirm(&store, "bob@x", "22", now + Duration::from_secs(7200)).await), "it is too old");
    confirm(&store, "ada@x", "11", now).await.unwrap();
    assert_eq!(rule(confirm(&store, "ada@x", "11", now).await), "it was used");
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        tasks.spawn(async move { confirm(&store, "eve@x", "33", now).await.is_ok() });
    }
    assert_eq!(in_time(tasks.join_all()).await.into_iter().filter(|confirmed| *confirmed).count(), 1);
}

async fn create_invoice(store: &EventStore) -> Result<Appended, ExecuteError<No>> {
    execute(store, "CreateInvoice", async |decision: Decision| {
        let newest = decision.read(Query::types(["InvoiceCreated"])).backwards().limit(1).all().await?;
        let number = newest.first().map_or(0, |event| text(event).parse::<u64>().unwrap()) + 1;
        Ok(vec![Event::new("InvoiceCreated").tag(format!("invoice:{number}")).data(number.to_string())])
    })
    .await
}

/// 64 tasks at once, and not a number twice, and none left out.
async fn invoice_number(target: Target) {
    let store = open(&target, "invoices").await;
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        tasks.spawn(async move { create_invoice(&store).await });
    }
    for created in in_time(tasks.join_all()).await {
        created.unwrap();
    }
    let numbers: Vec<u64> =
        read(&store, Query::types(["InvoiceCreated"])).await.iter().map(|event| text(event).parse().unwrap()).collect();
    assert_eq!(numbers, (1..=64).collect::<Vec<_>>());
}

async fn place_order(store: &EventStore, token: &str) -> Result<Appended, ExecuteError<No>> {
    execute(store, "PlaceOrder", async |decision: Decision| {
        let used = Item::types(["OrderPlaced"]).tag(format!("idempotency:{token}"));
        if decision.project(exists(used.into())).await? {
            return no("resubmitted");
        }
        Ok(vec![Event::new("OrderPlaced").tag(format!("idempotency:{token}"))])
    })
    .await
}

/// By a tag, as dcb.events has it, and by the command's id, which gives the first result again.
async fn idempotency_token(target: Target) {
    let store = open(&target, "idempotency").await;
    let id = Id::new();
    place_order(&store, "t1").await.unwrap();
    assert_eq!(rule(place_order(&store, "t1").await), "resubmitted");
    place_order(&store, "t2").await.unwrap();
    let command = || Command::new("PlaceOrder").id(id).data("t3");
    let handler = async |decision: Decision| {
        let orders = decision.read(Query::types(["OrderPlaced"])).all().await?;
        assert_eq!(orders.len(), positions(&orders).len());
        Ok::<_, EventError>(vec![Event::new("OrderPlaced")])
    };
    let first = in_time(store.execute(command(), ExecuteOptions::new(), handler)).await.unwrap();
    let again = in_time(store.execute(command(), ExecuteOptions::new(), handler)).await.unwrap();
    assert_eq!((first.first, first.repeated), (3, false));
    assert_eq!((again.first, again.last, again.command, again.repeated), (3, 3, first.command, true));
    // Though its handler says no to what it did itself.
    let refuses = async |decision: Decision| {
        let orders = decision.read(Query::types(["OrderPlaced"])).all().await?;
        if orders.len() < 3 { Ok(vec![Event::new("OrderPlaced")]) } else { no("three are enough") }
    };
    let again = in_time(store.execute(command(), ExecuteOptions::new(), refuses)).await.unwrap();
    assert_eq!((again.first, again.repeated), (3, true));
    assert_eq!(
        rule(in_time(store.execute(Command::new("PlaceOrder"), ExecuteOptions::new(), refuses)).await),
        "three are enough"
    );
    let other = in_time(store.execute(command().data("t4"), ExecuteOptions::new(), handler)).await;
    assert_eq!(other, Err(ExecuteError::Store(EventError::IdReused { id })));
    assert_eq!(head(&store).await, 3);
}
