//! The walk through an event store: a command that enrols a student, and all that can come of it.
//!
//! Needs a Redis or Valkey server: `cargo run --example enroll_student -- redis://127.0.0.1/`. It writes to a namespace
//! of its own, which it takes away at the end.

use std::time::Duration;

use coracle::Client;
use coracle::events::{
    AppendOptions, Appended, Command, Decision, Event, EventError, EventStore, ExecuteError, ExecuteOptions, Id, Item,
    LockOptions, Options, Projection, Query, Recorded, Since,
};

type Failure = Box<dyn std::error::Error>;

/// What the command says.
#[derive(Clone)]
struct EnrollStudent {
    student: &'static str,
    course: &'static str,
}

/// Why it is not done.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the command is not valid: {0}")]
    Invalid(&'static str),
    #[error("there is no course {0}")]
    NoCourse(&'static str),
    #[error("{0} is enrolled already")]
    Already(&'static str),
    #[error("the course {0} is full")]
    Full(&'static str),
    #[error(transparent)]
    Store(#[from] EventError),
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1/".to_owned());
    let client = Client::connect(&url).await?;
    let namespace = format!("school-{}", Id::new());
    let store = EventStore::open(&client, &namespace, Options::new().json_data(true)).await?;
    let walked = walk(&store).await;
    take_away(&client, &namespace).await?;
    walked
}

async fn walk(store: &EventStore) -> Result<(), Failure> {
    title("A course is defined");
    let defined = Event::new("CourseDefined").tag("course:c1").data(r#"{"capacity":2}"#);
    let appended = store.append([defined], AppendOptions::new()).await?;
    println!("CourseDefined at position {}", appended.first);

    title("A student is enrolled");
    let ada = EnrollStudent { student: "ada", course: "c1" };
    let id = Id::new();
    let first = enroll(store, &ada, id, ExecuteOptions::new()).await?;
    println!("StudentEnrolled at position {}, by command {}", first.first, first.command);
    println!("sent again with the same id:");
    told(enroll(store, &ada, id, ExecuteOptions::new()).await);

    title("Validation fails: nothing is sent, or nothing is written");
    for (student, course) in [("", "c1"), ("ada", "c9"), ("ada", "c1")] {
        told(enroll(store, &EnrollStudent { student, course }, Id::new(), ExecuteOptions::new()).await);
    }
    let bad = store.append([Event::new("E").tag("no colon").data("{}")], AppendOptions::new()).await;
    println!("no: {}", bad.err().ok_or("this can't be")?);

    title("Concurrency fails: somebody else was quicker");
    let eve = EnrollStudent { student: "eve", course: "c1" };
    let once = ExecuteOptions::new().attempts(1);
    told(enroll_while(store, &eve, once, EnrollStudent { student: "bob", course: "c1" }).await);
    println!("with a second attempt, the handler decides again, on what is there now:");
    told(enroll(store, &eve, Id::new(), ExecuteOptions::new().attempts(2)).await);

    title("A lock is not had in time");
    let lock = store.lock("course:c1", LockOptions::new()).await?;
    println!("somebody holds the lock course:c1, with fence {}", lock.fence());
    let soon = ExecuteOptions::new().deadline(Duration::from_millis(100));
    let late = EnrollStudent { student: "zoe", course: "c1" };
    let command = late.command(Id::new()).lock("course:c1");
    told(store.execute(command, soon, |decision| decide(late.clone(), decision)).await);
    lock.unlock().await?;

    title("The audit trail");
    let mut commands = store.commands(Since::Number(1));
    while let Some(command) = commands.next().await {
        let command = command?;
        println!(
            "command {} {} {} wrote {}..={}",
            command.number,
            command.type_,
            String::from_utf8_lossy(&command.data),
            command.first,
            command.last
        );
    }

    title("The events of the course");
    let mut events = store.read(Query::tags(["course:c1"]));
    while let Some(event) = events.next().await {
        let event = event?;
        println!("{} {} {:?} by command {}", event.position, event.type_, event.tags, event.command);
    }
    Ok(())
}

impl EnrollStudent {
    fn command(&self, id: Id) -> Command {
        let data = format!(r#"{{"student":"{}","course":"{}"}}"#, self.student, self.course);
        Command::new("EnrollStudent").id(id).data(data)
    }

    fn validate(&self) -> Result<(), Refusal> {
        if self.student.is_empty() { Err(Refusal::Invalid("the student has no name")) } else { Ok(()) }
    }
}

/// Validates, and executes: the handler reads, decides, and what it decides is appended if all that is still so.
async fn enroll(
    store: &EventStore,
    what: &EnrollStudent,
    id: Id,
    options: ExecuteOptions,
) -> Result<Appended, ExecuteError<Refusal>> {
    what.validate().map_err(ExecuteError::Handler)?;
    store.execute(what.command(id), options, |decision| decide(what.clone(), decision)).await
}

/// As `enroll`, while between its reading and its writing another one is enrolled.
async fn enroll_while(
    store: &EventStore,
    what: &EnrollStudent,
    options: ExecuteOptions,
    other: EnrollStudent,
) -> Result<Appended, ExecuteError<Refusal>> {
    let handler = async |decision: Decision| {
        let events = decide(what.clone(), decision).await?;
        if let Err(ExecuteError::Handler(error)) = enroll(store, &other, Id::new(), ExecuteOptions::new()).await {
            return Err(error);
        }
        Ok(events)
    };
    store.execute(what.command(Id::new()), options, handler).await
}

async fn decide(what: EnrollStudent, decision: Decision) -> Result<Vec<Event>, Refusal> {
    let (course, student) = (format!("course:{}", what.course), format!("student:{}", what.student));
    let enrolled = || Item::types(["StudentEnrolled"]).tag(&course);
    let capacity = Projection::new(
        Item::types(["CourseDefined"]).tag(&course).into(),
        None,
        |capacity: &mut Option<usize>, event: &Recorded| *capacity = capacity_of(&event.data),
    );
    let count = Projection::new(enrolled().into(), 0, |count: &mut usize, _: &Recorded| *count += 1);
    let already = Projection::new(enrolled().tag(&student).into(), false, |is: &mut bool, _: &Recorded| *is = true);
    let (capacity, count, already) = decision.project((capacity, count, already)).await?;
    println!("  (attempt {}: {count} of {} are enrolled)", decision.attempt(), capacity.unwrap_or_default());
    match capacity {
        None => Err(Refusal::NoCourse(what.course)),
        Some(_) if already => Err(Refusal::Already(what.student)),
        Some(capacity) if count >= capacity => Err(Refusal::Full(what.course)),
        Some(_) => Ok(vec![Event::new("StudentEnrolled").tag(course).tag(student).data("{}")]),
    }
}

fn capacity_of(data: &[u8]) -> Option<usize> {
    let value: serde_json::Value = serde_json::from_slice(data).ok()?;
    usize::try_from(value.get("capacity")?.as_u64()?).ok()
}

fn told(result: Result<Appended, ExecuteError<Refusal>>) {
    match result {
        Ok(appended) if appended.repeated => println!("StudentEnrolled at position {}, some time ago", appended.first),
        Ok(appended) => println!("StudentEnrolled at position {}", appended.first),
        Err(ExecuteError::Handler(no)) => println!("no: {no}"),
        Err(ExecuteError::Store(error)) => println!("not executed: {error}"),
    }
}

fn title(text: &str) {
    println!("\n{text}");
}

/// All keys of a store begin with its namespace in braces.
async fn take_away(client: &Client, namespace: &str) -> Result<(), Failure> {
    let mut cursor = "0".to_owned();
    loop {
        let pattern = format!("{{{namespace}}}:*");
        let found = client.command(["SCAN", &cursor, "MATCH", &pattern, "COUNT", "1000"]).await?;
        let (next, keys): (String, Vec<String>) = coracle::redis::from_redis_value(found)?;
        for key in keys {
            client.command(["UNLINK", &key]).await?;
        }
        if next == "0" {
            return Ok(());
        }
        cursor = next;
    }
}
