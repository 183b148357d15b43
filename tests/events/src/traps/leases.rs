//! Locks and checkpoints.

use coracle_events::plan::lock::Token;

use super::*;

pub(super) fn needed(client: &mut Client) -> Result<()> {
    let token = Token(7);
    let appending = |locks: &[(&str, Token)]| Appending {
        events: vec![given(1, "A", &[])],
        locks: locks.iter().map(|(name, token)| ((*name).to_owned(), *token)).collect(),
        ..Appending::default()
    };
    let absent = client.append(&appending(&[("x", token)]))?.map_err(fault)?;
    ensure!(absent == Outcome::LockLost(0), "{absent:?}");
    take(client, "x", token)?;
    let second = client.append(&appending(&[("x", token), ("y", token)]))?.map_err(fault)?;
    ensure!(second == Outcome::LockLost(1), "{second:?}");
    let other = client.append(&appending(&[("x", Token(8))]))?.map_err(fault)?;
    ensure!(other == Outcome::LockLost(0), "{other:?}");
    ensure!(client.meta()?.head.position == 0, "something was written");
    let held = client.append(&appending(&[("x", token)]))?.map_err(fault)?;
    ensure!(matches!(held, Outcome::Appended(_)), "{held:?}");
    Ok(())
}

pub(super) fn one(client: &mut Client) -> Result<()> {
    let (mine, other) = (Token(1), Token(2));
    let first = take(client, "x", mine)?;
    let held = take(client, "x", other)?;
    ensure!(matches!(held, lock::Outcome::Held(1..=60_000)), "{held:?}");
    let again = take(client, "x", mine)?;
    let elsewhere = take(client, "y", other)?;
    let fences = [first, again, elsewhere].map(|outcome| match outcome {
        lock::Outcome::Taken(fence) => fence,
        lock::Outcome::Held(_) => 0,
    });
    ensure!(fences[0] > 0 && fences[0] < fences[1] && fences[1] < fences[2], "{fences:?}");
    let both = |one, two| [("x".to_owned(), one), ("y".to_owned(), two)];
    let lost = held_after(client, &both(other, other), Some(1000))?;
    ensure!(lost == Some(0), "{lost:?}");
    let left = ["x", "y"].map(|name| client.link.query(&["PTTL", &client.layout.lock(name)]));
    ensure!(matches!(left, [Ok(Value::Int(1001..)), Ok(Value::Int(1..=1000))]), "{left:?}");
    ensure!(held_after(client, &both(mine, other), None)?.is_none(), "they were held");
    ensure!(held_after(client, &both(mine, other), None)? == Some(0), "they were given back");
    let free = take(client, "x", other)?;
    ensure!(matches!(free, lock::Outcome::Taken(_)), "{free:?}");
    Ok(())
}

pub(super) fn moves(client: &mut Client) -> Result<()> {
    let (one, two) = (at(1, Id(u128::MAX)), at(2, Id(5)));
    let mut advance = |expected, to, mark| -> Result<_> {
        let commands = checkpoint::advance(&client.layout, "reader", expected, to, mark);
        let replies = client.link.send(&commands, &[])?;
        checkpoint::advanced(&client.layout, &mut replies.reply()).map_err(fault)
    };
    ensure!(advance(Some(two), one, 1)? == (false, None), "it was nowhere");
    ensure!(advance(None, one, 2)? == (true, Some(one)), "it did not begin");
    ensure!(advance(None, two, 3)? == (false, Some(one)), "it began twice");
    ensure!(advance(None, one, 4)? == (false, Some(one)), "another one began there");
    ensure!(advance(Some(one), two, 5)? == (true, Some(two)), "it did not move");
    ensure!(advance(Some(one), two, 5)? == (true, Some(two)), "it did not move by an attempt that was sent again");
    ensure!(advance(Some(one), two, 6)? == (false, Some(two)), "another one moved there");
    ensure!(advance(Some(two), at(0, Id(0)), 7)? == (true, None), "it was not set back");
    ensure!(advance(Some(two), one, 8)? == (false, None), "it was not set back");
    ensure!(advance(Some(at(0, Id(9))), two, 9)? == (true, Some(two)), "it did not begin anew");
    let replies = client.link.send(&checkpoint::load(&client.layout, "reader"), &[])?;
    let loaded = checkpoint::loaded(&client.layout, &mut replies.reply()).map_err(fault)?;
    ensure!(loaded == Some(two), "{loaded:?}");
    Ok(())
}

fn take(client: &mut Client, name: &str, token: Token) -> Result<lock::Outcome> {
    let replies = client.link.send(&lock::take(&client.layout, name, token, 60_000), &[])?;
    lock::taken(&mut replies.reply()).map_err(fault)
}

/// Renews for so long, or gives back.
fn held_after(client: &mut Client, locks: &[(String, Token)], lease: Option<u32>) -> Result<Option<usize>> {
    let commands = match lease {
        Some(lease) => lock::renew(&client.layout, locks, lease),
        None => lock::release(&client.layout, locks),
    };
    let replies = client.link.send(&commands, &[])?;
    lock::held(&mut replies.reply()).map_err(fault)
}
