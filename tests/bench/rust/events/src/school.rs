//! The loads, as `go/internal/events/load.go` has them.

use anyhow::{Result, bail};
use bench_measure::Random;
use coracle::events::{Event, Item, Query};

/// The types of a school's events.
const COURSE_DEFINED: &str = "CourseDefined";
const STUDENT_REGISTERED: &str = "StudentRegistered";
const SUBSCRIBED: &str = "StudentSubscribedToCourse";

/// What a store was filled with: courses of about a hundred events, students of about a dozen.
#[derive(Clone, Copy)]
pub struct School {
    courses: usize,
    students: usize,
}

/// One kind of operation.
#[derive(Clone, Copy)]
pub enum Load {
    /// Of a student, or of a course: at most so many events.
    ReadStudent(u64),
    ReadCourse(u64),
    OneTag,
    ThreeTags,
    ThreeItems,
    Course,
}

impl Load {
    pub fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "read, 10 events" => Self::ReadStudent(10),
            "read, 100 events" => Self::ReadCourse(100),
            "append, 1 tag" => Self::OneTag,
            "append, 3 tags" => Self::ThreeTags,
            "append, 3-item OR" => Self::ThreeItems,
            "append, course" => Self::Course,
            _ => bail!("there is no load {name:?}"),
        })
    }
}

impl School {
    pub fn new(events: usize) -> Self {
        Self { courses: (events / 130).max(1), students: (events / 14).max(1) }
    }

    pub fn course(&self, random: &mut Random) -> String {
        format!("course:c{}", random.below(self.courses))
    }

    pub fn student(&self, random: &mut Random) -> String {
        format!("student:s{}", random.below(self.students))
    }

    /// What is appended, and what its condition is about. A load that reads has none.
    pub fn append(&self, load: Load, random: &mut Random) -> Option<(Event, Query)> {
        let (course, student) = (self.course(random), self.student(random));
        let of = |kind: &str, tags: &[&str]| tags.iter().fold(Item::types([kind]), |item, tag| item.tag(*tag));
        Some(match load {
            Load::ReadStudent(_) | Load::ReadCourse(_) => return None,
            Load::OneTag => {
                let query = of(STUDENT_REGISTERED, &[&student]).into();
                (Event::new(STUDENT_REGISTERED).tag(student).data(data("name", "somebody")), query)
            }
            Load::ThreeTags => {
                let term = format!("term:t{}", random.below(100));
                let query = of(SUBSCRIBED, &[&course, &student, &term]).into();
                (subscription(course, student).tag(term), query)
            }
            Load::ThreeItems => {
                let query = Query::from(of(COURSE_DEFINED, &[&course]))
                    .or(of(STUDENT_REGISTERED, &[&student]))
                    .or(of(SUBSCRIBED, &[&student]));
                (subscription(course, student), query)
            }
            Load::Course => {
                let query = Query::from(of(COURSE_DEFINED, &[&course]))
                    .or(of(SUBSCRIBED, &[&course]))
                    .or(of(SUBSCRIBED, &[&course, &student]));
                (subscription(course, student), query)
            }
        })
    }
}

fn subscription(course: String, student: String) -> Event {
    Event::new(SUBSCRIBED).tag(course).tag(student).data(data("grade", "none yet"))
}

/// About a hundred bytes of JSON.
fn data(key: &str, value: &str) -> String {
    format!(r#"{{"number":0,"at":"2026-01-01T00:00:00Z","by":"the registry of the school","{key}":"{value}"}}"#)
}
