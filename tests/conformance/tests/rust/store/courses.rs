//! The first example of dcb.events: students subscribe to courses, which have a capacity.

use coracle::events::{Appended, Decision, Event, EventStore, ExecuteError, Item, Query};
use tokio::task::JoinSet;

use super::dcb::{No, count, execute, exists, last, no, rule};
use super::{open, read};
use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    course_subscriptions;
    real only:
}

fn course(course: &str, type_: &str) -> Query {
    Item::types([type_]).tag(format!("course:{course}")).into()
}

async fn define_course(store: &EventStore, id: &str, capacity: usize) -> Result<Appended, ExecuteError<No>> {
    execute(store, "DefineCourse", async |decision: Decision| {
        if decision.project(exists(course(id, "CourseDefined"))).await? {
            return no(format!("the course {id} exists"));
        }
        Ok(vec![Event::new("CourseDefined").tag(format!("course:{id}")).data(capacity.to_string())])
    })
    .await
}

async fn change_capacity(store: &EventStore, id: &str, capacity: usize) -> Result<Appended, ExecuteError<No>> {
    execute(store, "ChangeCapacity", async |decision: Decision| {
        let query = Item::types(["CourseDefined", "CapacityChanged"]).tag(format!("course:{id}"));
        match decision.project(last(query.into())).await? {
            None => no(format!("there is no course {id}")),
            Some(known) if known == capacity.to_string() => no("it is the same"),
            Some(_) => Ok(vec![Event::new("CapacityChanged").tag(format!("course:{id}")).data(capacity.to_string())]),
        }
    })
    .await
}

async fn subscribe(store: &EventStore, student: &str, id: &str) -> Result<Appended, ExecuteError<No>> {
    execute(store, "SubscribeStudent", async |decision: Decision| {
        let (of_course, of_student) = (format!("course:{id}"), format!("student:{student}"));
        let (capacity, in_course, already, courses) = decision
            .project((
                last(Item::types(["CourseDefined", "CapacityChanged"]).tag(&of_course).into()),
                count(course(id, "StudentSubscribed")),
                exists(Item::types(["StudentSubscribed"]).tag(&of_course).tag(&of_student).into()),
                count(Item::types(["StudentSubscribed"]).tag(&of_student).into()),
            ))
            .await?;
        let Some(capacity) = capacity else { return no(format!("there is no course {id}")) };
        if already {
            return no("already subscribed");
        }
        if in_course >= capacity.parse().unwrap() {
            return no("the course is full");
        }
        if courses >= 5 {
            return no("five courses are enough");
        }
        Ok(vec![Event::new("StudentSubscribed").tag(of_course).tag(of_student)])
    })
    .await
}

async fn course_subscriptions(target: Target) {
    let store = open(&target, "courses").await;
    assert_eq!(rule(subscribe(&store, "s1", "c1").await), "there is no course c1");
    define_course(&store, "c1", 2).await.unwrap();
    assert_eq!(rule(define_course(&store, "c1", 9).await), "the course c1 exists");
    assert_eq!(rule(change_capacity(&store, "c0", 3).await), "there is no course c0");
    assert_eq!(rule(change_capacity(&store, "c1", 2).await), "it is the same");
    subscribe(&store, "s1", "c1").await.unwrap();
    assert_eq!(rule(subscribe(&store, "s1", "c1").await), "already subscribed");
    subscribe(&store, "s2", "c1").await.unwrap();
    assert_eq!(rule(subscribe(&store, "s3", "c1").await), "the course is full");
    change_capacity(&store, "c1", 3).await.unwrap();
    subscribe(&store, "s3", "c1").await.unwrap();
    for number in 2..=6 {
        define_course(&store, &format!("c{number}"), 10).await.unwrap();
    }
    for number in 2..=5 {
        subscribe(&store, "s1", &format!("c{number}")).await.unwrap();
    }
    assert_eq!(rule(subscribe(&store, "s1", "c6").await), "five courses are enough");
    // Twenty at once for seven places: one of them is taken.
    subscribe(&store, "s4", "c6").await.unwrap();
    change_capacity(&store, "c6", 8).await.unwrap();
    let mut tasks = JoinSet::new();
    for number in 10..30 {
        let store = store.clone();
        tasks.spawn(async move { subscribe(&store, &format!("s{number}"), "c6").await.is_ok() });
    }
    let subscribed = in_time(tasks.join_all()).await.into_iter().filter(|subscribed| *subscribed).count();
    assert_eq!(subscribed, 7);
    assert_eq!(read(&store, course("c6", "StudentSubscribed")).await.len(), 8);
}
