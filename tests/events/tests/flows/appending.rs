//! Appending and reading, and what comes of an attempt that was lost.

use super::*;

#[test]
fn appends_and_reads_in_pages_over_segments() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut settings = settings("pages");
        settings.page_events = 7;
        let mut host = Host::open(target.url(), settings)?;
        // 20 segments of 1 MiB, of which a page has the bodies of 8.
        let large = "x".repeat(100_000);
        for number in 0..200_u128 {
            let tag = format!("n:{}", number % 2);
            let given = vec![event(number + 1, "kept", &["all:1", &tag], &format!("{number} {large}"))];
            let ending = host.append(given, None, None)?;
            assert_eq!(places(&ending), (number as u64 + 1, number as u64 + 1, false));
        }
        // One that knows nothing of the segments yet.
        let mut host = Host::open(target.url(), events::host::settings("pages"))?;
        for backwards in [false, true] {
            for tags in [&["all:1"][..], &["n:1"], &["all:1", "n:0"], &[]] {
                for limit in [0, 3, 101] {
                    let all = Selection { backwards, limit, ..selection(vec![item(&[], tags)]) };
                    let (seen, head) = host.seen(all)?;
                    let mut expected: Vec<u64> = (1..=200)
                        .filter(|position| !tags.contains(&"n:1") || position % 2 == 0)
                        .filter(|position| !tags.contains(&"n:0") || position % 2 == 1)
                        .collect();
                    if backwards {
                        expected.reverse();
                    }
                    if limit > 0 {
                        expected.truncate(limit as usize);
                    }
                    assert_eq!(positions(&seen), expected, "{tags:?} {backwards} {limit}");
                    assert_eq!(head.position, 200);
                    for event in seen {
                        assert_eq!(event.id, Id(event.position.into()));
                        assert!(event.data.starts_with(format!("{} x", event.position - 1).as_bytes()));
                        assert_eq!((event.data.len() > 100_000, event.metadata.as_slice()), (true, &b"{}"[..]));
                        assert_eq!(event.tags.first().map(String::as_str), Some("all:1"));
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn tells_which_queries_match_and_refuses_by_condition() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = Host::open(target.url(), settings("queries"))?;
        let one = event(1, "defined", &["course:c1"], "");
        let two = event(2, "subscribed", &["course:c1", "student:s1"], "");
        host.append(vec![one, two], None, None)?.unwrap();
        let queries = vec![vec![item(&["defined"], &[])], vec![item(&[], &["student:s1"]), item(&[], &["course:c1"])]];
        let (seen, head) = host.seen(Selection { queries, ..selection(Vec::new()) })?;
        assert_eq!(seen.iter().map(|event| event.matches).collect::<Vec<_>>(), [0b11, 0b10]);

        let query = || vec![item(&[], &["student:s1"])];
        let first = seen.first().map(cursor).unwrap();
        let conflict = host.append(vec![event(3, "subscribed", &[], "")], Some((query(), first)), None)?;
        assert_eq!(conflict, Err(Fault::Conflict(2, 2)));
        let ahead = Cursor { position: 9, id: Id(9) };
        let ending = host.append(vec![event(3, "subscribed", &[], "")], Some((query(), ahead)), None)?;
        assert_eq!(ending, Err(Fault::Ahead(2)));
        let other = Cursor { position: 2, id: Id(77) };
        let ending = host.append(vec![event(3, "subscribed", &[], "")], Some((query(), other)), None)?;
        assert_eq!(ending, Err(Fault::Rewritten(2)));
        let (_, ending) = host.read(Selection { after: other, ..selection(query()) })?;
        assert_eq!(ending, Err(Fault::Rewritten(2)));
        let ending = host.append(vec![event(3, "subscribed", &[], "")], Some((query(), head)), None)?;
        assert_eq!(places(&ending), (3, 3, false));
    }
    Ok(())
}

/// Every mishap at every place of an append with an id: the caller is told one result, and the events are there once.
#[test]
fn resolves_by_itself_what_may_have_been_executed() -> Result<()> {
    use Mishap::{Lost, None as Well, NotSent, Unheard};
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = Host::open(target.url(), settings("resolved"))?;
        let mut at = 0;
        for mishaps in [
            vec![Lost],
            vec![Unheard],
            vec![Unheard, Unheard],
            vec![Lost, Unheard, Lost],
            vec![Unheard, NotSent, Lost],
            vec![Well],
        ] {
            at += 1;
            host.mishaps = mishaps.clone().into();
            let id = command(at.into(), "", b"same");
            let ending = host.append(vec![event(at.into(), "e", &["t:1"], "")], None, Some((id, b"same".to_vec())))?;
            assert_eq!(places(&ending), (at, at, mishaps.contains(&Unheard)), "{mishaps:?}");
        }
        // Its condition forbids what it did itself: the marker comes first.
        let (_, head) = host.seen(selection(vec![Item::default()]))?;
        host.mishaps = [Unheard].into();
        let condition = Some((vec![item(&[], &["t:1"])], head));
        let ending = host.append(
            vec![event(50, "e", &["t:1"], "")],
            condition,
            Some((command(50, "", b"same"), b"same".to_vec())),
        )?;
        assert_eq!(places(&ending), (7, 7, true));

        // Without an id nobody can know.
        host.mishaps = [Unheard].into();
        let ending = host.append(vec![event(51, "e", &[], "")], None, None)?;
        assert!(matches!(&ending, Err(Fault::Transport(lost)) if lost.failure as u8 == 1), "{ending:?}");
        // What was not sent is told at once.
        host.mishaps = [NotSent].into();
        let ending = host.append(vec![event(52, "e", &[], "")], None, Some((command(52, "", b""), Vec::new())))?;
        assert!(matches!(&ending, Err(Fault::Transport(lost)) if lost.failure as u8 == 0), "{ending:?}");

        // The same id by somebody else: the same content, and another.
        let again = |data: &[u8]| Some((command(1, "", data), data.to_vec()));
        let ending = host.append(vec![event(1, "e", &["t:1"], "")], None, again(b"same"))?;
        assert_eq!(ending, Err(Fault::Duplicate(1, 1)));
        let ending = host.append(vec![event(1, "e", &["t:1"], "")], None, again(b"other"))?;
        assert_eq!(ending, Err(Fault::IdReused(Id(1))));
    }
    Ok(())
}
