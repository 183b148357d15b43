//! How jobs become rows.

use futures_util::FutureExt;

use crate::command::{Columns, Command};
use crate::error::{Cause, Error};
use crate::job::Job;
use crate::manager::batch::Batch;
use crate::manager::queue::Queue;
use crate::manager::requests::{MANY, Phase, Table};
use crate::rows::{HELD, MAX_BYTES, MAX_LENGTHS, MAX_ROWS, NEVER};
use crate::ticket::{Answer, Call};
use crate::ticket::{Replies, Shape};

const HOLD_ABOVE: usize = 100;
const ATOMIC: u64 = 1;
const CONTINUES: u64 = 1 << 3;
const LONE: u64 = 1 << 6;

#[derive(Default)]
struct Bench {
    table: Table,
    queue: Queue,
    batch: Batch,
    answers: Vec<Answer<'static>>,
}

/// A row: id, arguments here, options, arguments in all.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    id: u64,
    arguments: u64,
    options: u64,
    total: u64,
}

impl Bench {
    fn job(&mut self, shape: Shape, commands: Vec<Command>) -> u64 {
        self.late_job(shape, commands, NEVER)
    }

    fn late_job(&mut self, shape: Shape, commands: Vec<Command>, deadline: u64) -> u64 {
        let mut columns = Columns::default();
        commands.into_iter().for_each(|mut command| columns.add(&mut command, 0, HOLD_ABOVE).unwrap());
        self.insert(Call::new(columns, shape, deadline, false, 0))
    }

    fn insert(&mut self, call: Call) -> u64 {
        let job = Job::of(call);
        self.answers.push(job.ticket.answer(Box::leak(Box::default())));
        let id = self.table.insert(job);
        self.queue.push(id, self.table.job(id).unwrap());
        id
    }

    fn pack(&mut self) -> Vec<Row> {
        self.queue.pack(&self.table, &mut self.batch);
        let rows = self.batch.rows.chunks(4);
        rows.map(|row| Row {
            id: row[0],
            arguments: row[2],
            options: row[3] & u64::from(u32::MAX),
            total: row[3] >> 32,
        })
        .collect()
    }

    fn accept(&mut self, rows: usize) {
        self.queue.settle(&mut self.table, &mut self.batch, rows, 7);
    }

    /// Packs once and accepts all; gives ids, without repetition.
    fn next_ids(&mut self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.pack().iter().map(|row| row.id).collect();
        self.accept(usize::MAX);
        ids.dedup();
        ids
    }

    fn again(&mut self, id: u64, job: u64) {
        let (live, index) = self.table.find(id).unwrap();
        live.set_phase(index, Phase::Waiting);
        self.queue.push_again(id, job, live, index, live.job.deadline);
    }
}

fn get() -> Command {
    Command::from_args(["GET", "k"])
}

fn long(arguments: usize, size: usize) -> Command {
    Command::from_args(std::iter::repeat_n(vec![b'x'; size], arguments))
}

#[test]
fn a_job_is_a_row_and_a_pipeline_many() {
    let mut bench = Bench::default();
    let single = bench.job(Shape::Single, vec![get()]);
    let pipeline = bench.job(Shape::Pipeline, vec![get(), get()]);
    let row = |id| Row { id, arguments: 2, options: 0, total: 2 };
    assert_eq!(bench.pack(), [row(single), row(pipeline), row(pipeline + 1)]);
    assert_eq!(bench.batch.bytes, b"GETkGETkGETk");
    bench.accept(3);
    assert!(bench.queue.is_empty());
    assert_eq!(bench.table.find(pipeline + 1).unwrap().0.phase(1), Phase::Taken(7));
}

#[test]
fn what_is_not_accepted_comes_again_in_order() {
    let mut bench = Bench::default();
    let first = bench.job(Shape::Pipeline, vec![get(); 3]);
    let second = bench.job(Shape::Single, vec![get()]);
    assert_eq!(bench.pack().len(), 4);
    bench.accept(1);
    let third = bench.job(Shape::Single, vec![get()]);
    assert_eq!(bench.next_ids(), [first + 1, first + 2, second, third]);
}

#[test]
fn a_long_command_goes_on_in_the_next_calls() {
    for (count, size) in [(40_000, 1), (4000, 90)] {
        let mut bench = Bench::default();
        let id = bench.job(Shape::Single, vec![long(count, size)]);
        let mut left = count as u64;
        while left > 0 {
            let rows = bench.pack();
            let [row] = rows.as_slice() else { panic!("{} rows of one command", rows.len()) };
            assert!(bench.batch.lengths.len() <= MAX_LENGTHS && bench.batch.bytes.len() <= MAX_BYTES);
            assert_eq!((row.id, row.total), (id, left));
            left -= row.arguments;
            assert_eq!(row.options, if left > 0 { CONTINUES } else { 0 });
            bench.accept(1);
        }
        assert!(bench.queue.is_empty());
    }
}

#[test]
fn a_command_that_fits_a_call_is_not_cut() {
    let mut bench = Bench::default();
    bench.job(Shape::Single, vec![long(1000, 90)]);
    let second = bench.job(Shape::Single, vec![long(1000, 90)]);
    assert_eq!(bench.pack().len(), 1);
    bench.accept(1);
    assert_eq!(bench.next_ids(), [second]);
}

#[test]
fn held_arguments_are_lengths_only() {
    let mut bench = Bench::default();
    let id = bench.job(Shape::Single, vec![Command::new("SET").arg("k").arg(vec![1; HOLD_ABOVE + 1])]);
    bench.pack();
    assert_eq!(bench.batch.lengths, [3, 1, 101 | HELD]);
    assert_eq!(bench.batch.bytes, b"SETk");
    let columns = &bench.table.job(id).unwrap().job.columns;
    assert_eq!((columns.held(2).map(bytes::Bytes::len), columns.held(1)), (Some(101), None));
}

/// Whichever way they are kept, and wherever the command is cut.
#[test]
fn arguments_of_all_sizes_come_in_order() {
    let mut bench = Bench::default();
    let sizes = [3, 1500, 1, 5000, 1024, 4096, 4097, 0, 900];
    let argument = |number: usize| vec![number as u8; sizes[number % sizes.len()]];
    let mut command = Command::from_args((0..900).map(argument));
    let mut columns = Columns::default();
    columns.add(&mut Command::new("PING"), 0, 4096).unwrap();
    columns.add(&mut command, 0, 4096).unwrap();
    let id = bench.insert(Call::new(columns, Shape::Pipeline, NEVER, false, 0));
    let (mut lengths, mut bytes, mut calls) = (Vec::new(), Vec::new(), 0);
    while !bench.queue.is_empty() {
        bench.pack();
        lengths.extend_from_slice(&bench.batch.lengths);
        bytes.extend_from_slice(&bench.batch.bytes);
        bench.accept(usize::MAX);
        calls += 1;
    }
    let columns = &bench.table.job(id).unwrap().job.columns;
    let (mut wanted_lengths, mut wanted) = (vec![4], b"PING".to_vec());
    for number in 0..900 {
        let argument = argument(number);
        let held = argument.len() > 4096;
        wanted_lengths.push(argument.len() as u32 | if held { HELD } else { 0 });
        assert_eq!(columns.held(number + 1).map(|bytes| &bytes[..]), held.then_some(&argument[..]), "{number}");
        if !held {
            wanted.extend(argument);
        }
    }
    assert_eq!((lengths, bytes == wanted), (wanted_lengths, true));
    assert!(calls > 5, "it was cut");
}

#[test]
fn transactions_are_marked() {
    let mut bench = Bench::default();
    let id = bench.job(Shape::Transaction, vec![get(), get()]);
    let lone = bench.job(Shape::Transaction, vec![get()]);
    let row = |id, options| Row { id, arguments: 2, options, total: 2 };
    assert_eq!(bench.pack(), [row(id, ATOMIC), row(id, 0), row(lone, LONE)]);
}

#[test]
fn what_is_asked_for_again_comes_first_but_not_between_parts() {
    let mut bench = Bench::default();
    let (one, two) = (bench.job(Shape::Single, vec![get()]), bench.job(Shape::Single, vec![get()]));
    bench.next_ids();
    let long = bench.job(Shape::Single, vec![long(40_000, 1)]);
    let fresh = bench.job(Shape::Single, vec![get()]);
    bench.next_ids();
    bench.again(one, one);
    bench.again(two, two);
    let mut ids = Vec::new();
    while !bench.queue.is_empty() {
        ids.extend(bench.next_ids());
    }
    ids.dedup();
    assert_eq!(ids, [long, one, two, fresh]);
}

#[test]
fn one_command_of_a_pipeline_is_asked_for_again() {
    let mut bench = Bench::default();
    let pipeline = bench.job(Shape::Pipeline, vec![get(); 5]);
    bench.next_ids();
    bench.again(pipeline + 3, pipeline);
    assert_eq!(bench.next_ids(), [pipeline + 3]);
}

#[test]
fn nothing_follows_what_ended_in_part() {
    let mut bench = Bench::default();
    let pipeline = bench.job(Shape::Pipeline, vec![long(40_000, 1), get()]);
    assert_eq!(bench.next_ids(), [pipeline]);
    bench.queue.forget(pipeline);
    bench.table.end(pipeline, Err(Error::not_sent(Cause::Lost, "")));
    assert_eq!(bench.next_ids(), [pipeline + 1]);
}

#[test]
fn what_is_asked_for_again_begins_anew() {
    let mut bench = Bench::default();
    let id = bench.job(Shape::Single, vec![long(40_000, 1)]);
    bench.next_ids();
    bench.again(id, id);
    assert_eq!(bench.pack()[0].total, 40_000);
}

#[test]
fn a_long_pipeline_goes_on_in_the_next_call() {
    let mut bench = Bench::default();
    let first = bench.job(Shape::Single, vec![get()]);
    let long = bench.job(Shape::Pipeline, vec![get(); MAX_ROWS]);
    let ids: Vec<u64> = std::iter::once(first).chain(long..long + MAX_ROWS as u64).collect();
    assert_eq!(bench.next_ids(), ids[..MAX_ROWS]);
    assert_eq!(bench.next_ids(), ids[MAX_ROWS..]);
    let short = bench.job(Shape::Pipeline, vec![get(); 3]);
    bench.pack();
    assert_eq!(bench.batch.requests().collect::<Vec<_>>(), [short, short + 1, short + 2]);
}

#[test]
fn what_ended_early_is_passed_over() {
    let mut bench = Bench::default();
    let pipeline = bench.job(Shape::Pipeline, vec![get(); 3]);
    for index in [0, 1] {
        bench.table.end(pipeline + index, Err(Error::not_sent(Cause::Cancelled, "")));
    }
    assert_eq!(bench.next_ids(), [pipeline + 2]);
    assert!(bench.queue.is_empty());
}

#[test]
fn deadlines_pass_in_the_queue() {
    let mut bench = Bench::default();
    let late = bench.late_job(Shape::Single, vec![get()], 10);
    let later = bench.late_job(Shape::Single, vec![get()], 20);
    assert_eq!(bench.queue.deadline(), 10);
    assert_eq!(bench.queue.expired(10), [late]);
    assert_eq!(bench.queue.deadline(), 20);
    assert_eq!(bench.next_ids(), [later]);
}

#[test]
fn an_old_id_is_known_to_be_old() {
    let mut bench = Bench::default();
    let old = bench.job(Shape::Single, vec![get()]);
    bench.table.end(old, Ok(redis::Value::Nil));
    let new = bench.job(Shape::Single, vec![get()]);
    assert_ne!(old, new);
    assert!(bench.table.find(old).is_none());
    let answer = (&mut bench.answers[0]).now_or_never();
    assert!(matches!(answer, Some(Some(Replies::One(Ok(redis::Value::Nil))))));
}

#[test]
fn who_had_a_batch_of_his_own_is_not_waited_for() {
    let mut bench = Bench::default();
    for (commands, waited_for) in [(1, true), (MANY - 1, true), (MANY, false), (2, true)] {
        let id = bench.job(Shape::Pipeline, vec![get(); commands]);
        (0..commands as u64).for_each(|index| bench.table.reply(id + index, || redis::Value::Okay));
        assert_eq!(bench.table.has_answered(), waited_for, "{commands} commands");
        assert!(!bench.table.has_answered(), "each answer is told once");
    }
    assert_eq!(bench.table.answered(), 4);
}

#[test]
fn who_is_prompt_is_not_waited_for() {
    let mut bench = Bench::default();
    for (prompt, waited_for) in [(true, false), (false, true)] {
        for (shape, commands) in [(Shape::Single, 1), (Shape::Pipeline, 2)] {
            let mut columns = Columns::default();
            (0..commands).for_each(|_| columns.add(&mut get(), 0, HOLD_ABOVE).unwrap());
            let id = bench.insert(Call::new(columns, shape, NEVER, false, 0).prompt(prompt));
            (0..commands).for_each(|index| bench.table.reply(id + index, || redis::Value::Okay));
            assert_eq!(bench.table.has_answered(), waited_for, "{prompt} {shape:?}");
        }
    }
}

#[test]
fn a_request_ends_once_and_by_its_own_id() {
    let mut bench = Bench::default();
    let single = bench.job(Shape::Single, vec![get()]);
    let pipeline = bench.job(Shape::Pipeline, vec![get(); 2]);
    bench.table.end(single + 1, Ok(redis::Value::Nil));
    assert!((&mut bench.answers[0]).now_or_never().is_none(), "it has one command");
    bench.table.reply(pipeline + 1, || redis::Value::Int(1));
    bench.table.end(pipeline + 1, Ok(redis::Value::Int(2)));
    assert!((&mut bench.answers[1]).now_or_never().is_none(), "one command has no reply");
    bench.table.reply(pipeline, || redis::Value::Okay);
    let answer = (&mut bench.answers[1]).now_or_never();
    let Some(Some(Replies::Many(replies))) = answer else { panic!("{answer:?}") };
    assert_eq!(replies, [Ok(redis::Value::Okay), Ok(redis::Value::Int(1))]);
    bench.table.reply(single, || redis::Value::Okay);
    let answer = (&mut bench.answers[0]).now_or_never();
    assert!(matches!(answer, Some(Some(Replies::One(Ok(redis::Value::Okay))))));
    assert!(bench.table.is_empty());
}

#[test]
fn options_have_the_bits_of_the_contract() {
    use crate::engine::Options;
    use crate::rows::{ATOMIC, CONTINUES, LONE, MAY_REPEAT, PATIENT, RAW, SCRIPT, TRACK};
    for (ours, generated) in [
        (ATOMIC, Options::ATOMIC),
        (MAY_REPEAT, Options::MAY_REPEAT),
        (TRACK, Options::TRACK),
        (SCRIPT, Options::SCRIPT),
        (CONTINUES, Options::CONTINUES),
        (LONE, Options::LONE),
        (PATIENT, Options::PATIENT),
        (RAW, Options::RAW),
    ] {
        assert_eq!(generated.as_array().first(), Some(&ours));
    }
}
