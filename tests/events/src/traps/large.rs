//! Much of anything.

use super::*;

/// Numbers that Lua prints as 1e+15 are positions like others.
pub(super) fn positions(client: &mut Client) -> Result<()> {
    let head = 900_000_000_000_u64;
    let key = client.layout.bell().replace(":b", ":h");
    let state = format!("3 {head} 1099511627775 {head} 1 0 1 0 {} 0", head + 1);
    client.link.query(&["HSET", &key, "s", &state, "o0", "1 1 1", "o1", &format!("{} {} 1", head + 1, head + 1)])?;
    client.meta()?;
    let query = Query { items: vec![item(&["A"], &["a:1", "b:1"])] };
    let after = at(head, Id(1_099_511_627_775));
    let condition = Some(Condition { query: query.clone(), after });
    let events = vec![given(u128::MAX, "B", &["a:1"]), given(u128::MAX - 1, "A", &["a:1", "b:1"]), given(3, "C", &[])];
    let command = Some((Id(9), "Do".to_owned(), Vec::new(), Vec::new()));
    let marker = Some(Marker { id: Id(9), fingerprint: 9, ttl: 0 });
    let appending = Appending { events, condition, command, marker, ..Appending::default() };
    let Outcome::Appended(done) = client.append(&appending)?.map_err(fault)? else { anyhow::bail!("not appended") };
    ensure!((done.first, done.last, done.command) == (head + 1, head + 3, head + 1), "{done:?}");
    let again = client.append(&appending)?.map_err(fault)?;
    ensure!(again == Outcome::Repeated(done), "{again:?}");
    let mut reading = reading(&query);
    reading.check = Some(at(head + 1, Id(u128::MAX)));
    let page = read(client, &reading)?;
    let found: Vec<u64> = page.events.iter().map(|event| event.event.position).collect();
    ensure!(found == [head + 2] && page.looked == head + 3, "{page:?}");
    let condition = Some(Condition { query: query.clone(), after: at(head + 1, Id(u128::MAX)) });
    let conflict = client.append(&Appending { marker: None, condition, ..appending })?.map_err(fault)?;
    ensure!(conflict == Outcome::Conflict { head: head + 3, position: head + 2 }, "{conflict:?}");
    let (commands, next, end) = client.commands(coracle_events::plan::commands::Since::Number(head + 1), 10, 1000)?;
    ensure!(commands.len() == 1 && next == head + 2 && end, "{commands:?}");
    Ok(())
}

pub(super) fn types(client: &mut Client) -> Result<()> {
    for batch in 0..4 {
        append(client, (0..1000).map(|number| given(1, &format!("T{}", batch * 1000 + number), &[])).collect())?;
    }
    append(client, (4000..4096).map(|number| given(1, &format!("T{number}"), &["last:types"])).collect())?;
    // None of these is new, however many are asked for at once.
    append(client, (0..1000).map(|number| given(1, &format!("T{number}"), &[])).collect())?;
    let events = vec![given(1, "T7", &[]), given(1, "One too many", &[])];
    let outcome = client.append(&Appending { events, ..Appending::default() })?.map_err(fault)?;
    ensure!(outcome == Outcome::TooManyTypes, "{outcome:?}");
    let meta = client.meta()?;
    ensure!(meta.types == 4096 && meta.head.position == 5096, "{meta:?}");
    append(client, vec![given(1, "T4095", &["last:types"])])?;
    let query = Query { items: vec![item(&["T4095"], &["last:types"])] };
    let page = read(client, &reading(&query))?;
    ensure!(page.events.len() == 2, "{page:?}");
    Ok(())
}

pub(super) fn batch(client: &mut Client) -> Result<()> {
    let tags: Vec<Vec<String>> =
        (0..1000).map(|event| (0..32).map(|tag| format!("tag{tag}:{}", event / 10)).collect()).collect();
    let tags = tags.iter().map(|tags| tags.iter().map(String::as_str).collect::<Vec<_>>());
    append(client, tags.enumerate().map(|(id, tags)| given(id as u128, "A", &tags)).collect())?;
    let query = Query { items: vec![item(&["A"], &["tag31:7", "tag0:7"])] };
    let page = read(client, &reading(&query))?;
    let found: Vec<u64> = page.events.iter().map(|event| event.event.position).collect();
    ensure!(found == (71..=80).collect::<Vec<_>>(), "{found:?}");
    let whole = all(client)?;
    ensure!(whole.events.len() == 1000 && whole.events.iter().all(|event| event.event.tags.len() == 32), "not all");
    Ok(())
}

pub(super) fn event(client: &mut Client) -> Result<()> {
    let mut large = given(1, "A", &["a:1"]);
    large.data = (0..1 << 20).map(|byte: u32| (byte % 251) as u8).collect();
    large.metadata = vec![0; 5000];
    (large.event.data, large.event.metadata) = (1 << 20, 5000);
    let empty = given(2, "A", &[]);
    append(client, vec![empty.clone(), large.clone(), empty])?;
    let events = all(client)?.events;
    let lengths: Vec<(usize, usize)> = events.iter().map(|event| (event.data.len(), event.metadata.len())).collect();
    ensure!(lengths == [(0, 0), (1 << 20, 5000), (0, 0)], "{lengths:?}");
    ensure!(events.get(1).is_some_and(|event| event.data == large.data), "other data");
    Ok(())
}

/// Two tags with 40,000 events each, and none in common, are too much for a small budget, and not for a large one.
pub(super) fn disjoint(client: &mut Client) -> Result<()> {
    for _ in 0..80 {
        append(client, (0..1000).map(|id| given(id, "A", &[if id % 2 == 0 { "a:1" } else { "b:1" }])).collect())?;
    }
    let query = Query { items: vec![item(&[], &["a:1", "b:1"])] };
    let condition = |position| Some(Condition { query: query.clone(), after: at(position, Id(999)) });
    let appending = |position, budget| Appending {
        events: vec![given(1, "A", &[])],
        condition: condition(position),
        budget,
        ..Appending::default()
    };
    let broad = client.append(&appending(0, 10_000))?.map_err(fault)?;
    ensure!(broad == Outcome::TooBroad, "{broad:?}");
    // Only what is behind `after` counts.
    let near = client.append(&appending(79_000, 3000))?.map_err(fault)?;
    ensure!(matches!(near, Outcome::Appended(_)), "{near:?}");
    let mut reading = reading(&query);
    reading.budget = 10_000;
    let (mut pages, mut end) = (0, false);
    while !end {
        let page = read(client, &reading)?;
        ensure!(page.events.is_empty() && page.looked <= reading.from + 12_000, "{:?} from {}", page, reading.from);
        ensure!(page.end || page.looked >= reading.from + 8000, "{:?} from {}", page, reading.from);
        (reading.from, end, pages) = (page.looked, page.end, pages + 1);
    }
    ensure!(pages >= 8, "{pages} pages");
    let enough = client.append(&appending(0, 100_000))?.map_err(fault)?;
    ensure!(matches!(enough, Outcome::Appended(_)), "{enough:?}");
    Ok(())
}

/// The log and the lists are read in chunks of 256, and none begins when the budget is used up.
pub(super) fn budget(client: &mut Client) -> Result<()> {
    append(client, (0..1000).map(|id| given(id, "A", &["a:1"])).collect())?;
    append(client, vec![given(1, "B", &["a:1"])])?;
    for tags in [[].as_slice(), &["a:1"]] {
        let query = Query { items: vec![item(&["B"], tags)] };
        for (budget, looked) in [(1, 256), (256, 256), (257, 512), (512, 512), (600, 768)] {
            let page = read(client, &page::Read { budget, ..reading(&query) })?;
            ensure!(page.looked == looked && !page.end, "{budget}: {:?}", page);
        }
        let page = read(client, &page::Read { from: 1, budget: 1, ..reading(&query) })?;
        ensure!(page.looked == 257 && !page.end, "from 1: {:?}", page);
        let page = read(client, &page::Read { budget: 2000, ..reading(&query) })?;
        ensure!(page.end && page.events.len() == 1, "{:?}", page);
    }
    Ok(())
}

/// The first chunk has as many entries as events are asked for, the second twice as many.
pub(super) fn chunks(client: &mut Client) -> Result<()> {
    let kinds = ["A", "B", "B", "B", "B", "A"];
    append(client, kinds.iter().map(|kind| given(0, kind, &["a:1"])).collect())?;
    let query = Query { items: vec![item(&["B"], &["a:1"])] };
    for (backwards, limit, wanted) in
        [(false, 1, &[2][..]), (false, 2, &[2, 3]), (true, 1, &[5]), (true, 2, &[5, 4]), (true, 3, &[5, 4, 3])]
    {
        let page = read(client, &page::Read { backwards, limit, ..reading(&query) })?;
        let found: Vec<u64> = page.events.iter().map(|event| event.event.position).collect();
        ensure!(found == wanted && !page.end, "{limit}, backwards {backwards}: {found:?}");
    }
    Ok(())
}

pub(super) fn bytes(client: &mut Client) -> Result<()> {
    append(client, (0..100).map(|id| given(id, "A", &["a:1"])).collect())?;
    let query = Query { items: vec![item(&[], &["a:1"])] };
    // Of bodies that are as large as the first one, as many as fit.
    for (bytes, fit) in [(1, 1), (300, 8)] {
        let page = read(client, &page::Read { bytes, ..reading(&query) })?;
        let rest = (fit as u64 + 1..=100).collect::<Vec<_>>();
        ensure!(page.at_once == fit && page.rest == rest, "{} at once, then {:?}", page.at_once, page.rest);
        ensure!(page.events.len() == 100, "{} events", page.events.len());
        let bodies = client.bodies(Some(page.head), &page.rest, bytes)?;
        ensure!(bodies.len() == fit, "{} bodies", bodies.len());
    }
    let page = read(client, &reading(&query))?;
    for (position, id) in [(page.head.position, Id(page.head.id.0 + 1)), (page.head.position + 1, page.head.id)] {
        let other = client.bodies(Some(Cursor { position, id }), &[17], 1);
        ensure!(other.is_err(), "bodies of a log with {id:?} at {position}");
    }
    Ok(())
}

pub(super) fn segments(client: &mut Client) -> Result<()> {
    client.segment_bytes = 1000;
    for _ in 0..100 {
        append(client, vec![given(1, "A", &["a:1"])])?;
    }
    let meta = client.meta()?;
    ensure!((4..=8).contains(&meta.segments.count()), "{meta:?}");
    Ok(())
}
