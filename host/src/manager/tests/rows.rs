//! What rows say beside the arguments.

use crate::Script;
use crate::command::{Columns, Command};
use crate::job::Job;
use crate::manager::batch::Batch;
use crate::manager::queue::Queue;
use crate::manager::requests::Table;
use crate::rows::{ATOMIC, CONTINUES, MAX_LENGTHS, MAY_REPEAT, NEVER, PATIENT, SCRIPT};
use crate::ticket::Call;
use crate::ticket::Shape;

/// A row: session, arguments here, options.
type Row = (u64, u64, u32);

/// The rows of one call after another, until nothing is left.
fn rows(jobs: Vec<(Shape, Vec<Command>, bool, u32)>) -> Vec<Vec<Row>> {
    let (mut table, mut queue, mut batch) = (Table::default(), Queue::default(), Batch::default());
    for (shape, commands, patient, session) in jobs {
        let mut columns = Columns::default();
        commands.into_iter().for_each(|mut command| columns.add(&mut command, 0, 100).unwrap());
        let id = table.insert(Job::of(Call::new(columns, shape, NEVER, patient, session)));
        queue.push(id, table.job(id).unwrap());
    }
    let mut calls = Vec::new();
    while !queue.is_empty() {
        queue.pack(&table, &mut batch);
        let row = |row: &[u64]| (row[2] >> 32, row[2] & u64::from(u32::MAX), row[3] as u32);
        calls.push(batch.rows.chunks(4).map(row).collect());
        queue.settle(&mut table, &mut batch, usize::MAX, 1);
    }
    calls
}

fn get() -> Command {
    Command::from_args(["GET", "k"])
}

#[test]
fn a_row_names_its_session() {
    let jobs = vec![(Shape::Single, vec![get()], false, 7), (Shape::Single, vec![get()], false, 0)];
    assert_eq!(rows(jobs), [[(7, 2, 0), (0, 2, 0)]]);
}

#[test]
fn a_usual_deadline_is_said_to_be_one() {
    let pipeline = (Shape::Pipeline, vec![get(), get()], true, 0);
    assert_eq!(rows(vec![pipeline]), [[(0, 2, PATIENT), (0, 2, PATIENT)]]);
}

#[test]
fn each_command_says_for_itself_whether_it_may_be_repeated() {
    let commands = vec![get().may_repeat(), get(), get().may_repeat()];
    let pipeline = (Shape::Pipeline, commands.clone(), false, 0);
    assert_eq!(rows(vec![pipeline]), [[(0, 2, MAY_REPEAT), (0, 2, 0), (0, 2, MAY_REPEAT)]]);
    let transaction = (Shape::Transaction, commands, false, 0);
    assert_eq!(rows(vec![transaction]), [[(0, 2, MAY_REPEAT | ATOMIC), (0, 2, ATOMIC), (0, 2, MAY_REPEAT)]]);
}

#[test]
fn a_script_brings_its_hash_and_its_source() {
    let command = Script::new("return 1").command(["k"], ["a", "b"]);
    let mut columns = Columns::default();
    columns.add(&mut command.clone(), 0, 100).unwrap();
    assert_eq!(columns.bytes.as_slice(), b"EVALSHAe0e1f9fabfc9d4800c877a703b823ac0578ff8dbreturn 11kab");
    assert_eq!(rows(vec![(Shape::Single, vec![command], false, 0)]), [[(0, 7, SCRIPT)]]);
}

/// Where a call has room for two more arguments, the script begins in the next one.
#[test]
fn the_head_of_a_script_is_not_cut() {
    let filler = Command::from_args(std::iter::repeat_n("", MAX_LENGTHS - 2));
    let script = Script::new("return 1").command(std::iter::repeat_n("", MAX_LENGTHS), [""; 0]);
    let jobs = vec![(Shape::Single, vec![filler], false, 0), (Shape::Single, vec![script], false, 0)];
    let all = MAX_LENGTHS as u64;
    assert_eq!(rows(jobs), [vec![(0, all - 2, 0)], vec![(0, all, SCRIPT | CONTINUES)], vec![(0, 4, SCRIPT)]]);
}
