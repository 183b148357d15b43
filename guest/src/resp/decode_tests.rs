use super::*;
use crate::wire::PASSES;
use proptest::prelude::*;

/// Decodes `input` in pieces cut before each of `cuts`; gives the nodes as text, a line for each whole value, which
/// ends in `.`.
fn decode(input: &[u8], cuts: &[usize], limits: Limits) -> Result<String, Fault> {
    let (mut decoder, mut shown, mut from) = (Decoder::new(limits), String::new(), 0);
    for end in cuts.iter().copied().chain([input.len()]) {
        let mut skipped = from;
        let passing = usize::try_from(decoder.passing()).unwrap();
        if passing > 0 {
            skipped = (from + passing).min(end);
            decoder.skip((skipped - from) as u64).unwrap();
        }
        let mut piece = &input[skipped..end];
        from = end;
        loop {
            let mut out = Output::default();
            let step = decoder.next(&mut piece, &mut out)?;
            show(&out, input, &mut shown);
            match step {
                Step::Value(_) => shown.push_str(".\n"),
                Step::NeedMore => break,
            }
        }
        assert!(piece.is_empty());
    }
    Ok(shown)
}

fn show(out: &Output, input: &[u8], shown: &mut String) {
    for row in out.nodes.as_chunks::<2>().0 {
        let [head, value] = *row;
        let (kind, detail, size) = (head as u8, (head >> 8) as u8 & !PASSES, head >> 16);
        let text = || {
            let from = value as usize;
            input[from..from + size as usize].escape_ascii().to_string()
        };
        shown.push_str(&match kind {
            0 => format!("nil{detail} "),
            1 => format!("bool{value} "),
            2 => format!("int{} ", value as i64),
            3 => format!("double{} ", f64::from_bits(value)),
            4 => "ok ".into(),
            5 => format!("status[{}] ", text()),
            6 => format!("error{detail}[{}] ", text()),
            7 => format!("bulk[{}] ", text()),
            8 => format!("verbatim{detail}[{}] ", text()),
            9 => format!("big[{}] ", text()),
            10 => format!("array{size} "),
            11 => format!("set{size} "),
            12 => format!("map{size} "),
            13 => format!("attribute{size} "),
            other => panic!("node kind {other}"),
        });
    }
}

fn whole(input: &str) -> Result<String, Fault> {
    decode(input.as_bytes(), &[], Limits::default()).map(|shown| shown.replace('\n', " ").trim_end().to_owned())
}

#[test]
fn reads_every_type() {
    for (input, shown) in [
        ("+OK\r\n", "ok ."),
        ("+PONG\r\n", "status[PONG] ."),
        ("-MOVED 1 a:1\r\n", "error1[MOVED 1 a:1] ."),
        (":-5\r\n", "int-5 ."),
        ("$3\r\na\nb\r\n", "bulk[a\\nb] ."),
        ("$0\r\n\r\n", "bulk[] ."),
        ("$-1\r\n", "nil1 ."),
        ("*-1\r\n", "nil2 ."),
        ("_\r\n", "nil0 ."),
        ("#t\r\n#f\r\n", "bool1 . bool0 ."),
        (",1.5\r\n,inf\r\n,-inf\r\n,nan\r\n", "double1.5 . doubleinf . double-inf . doubleNaN ."),
        ("(123456789012345678901\r\n", "big[123456789012345678901] ."),
        ("!9\r\nERR a b c\r\n", "error0[ERR a b c] ."),
        ("=7\r\ntxt:a,b\r\n", "verbatim0[a,b] ."),
        ("=5\r\nmkd:#\r\n", "verbatim1[#] ."),
        ("=4\r\nxyz:\r\n", "verbatim2[] ."),
        ("*0\r\n", "array0 ."),
        ("*2\r\n:1\r\n*1\r\n+a\r\n", "array2 int1 array1 status[a] ."),
        ("%1\r\n+a\r\n~2\r\n:1\r\n:2\r\n", "map1 status[a] set2 int1 int2 ."),
        (
            "|1\r\n+ttl\r\n:3\r\n*1\r\n|1\r\n+x\r\n:1\r\n:7\r\n",
            "attribute1 status[ttl] int3 array1 attribute1 status[x] int1 int7 .",
        ),
        ("|0\r\n:7\r\n", "attribute0 int7 ."),
        (">2\r\n+a\r\n*0\r\n:1\r\n", "array2 status[a] array0 . int1 ."),
    ] {
        assert_eq!(whole(input).as_deref(), Ok(shown), "{input:?}");
    }
}

#[test]
fn bounds_a_reply_as_a_whole() {
    let reply = b"*3\r\n$4\r\nabcd\r\n$3\r\nabc\r\n$3\r\nabc\r\n";
    let bounded = |reply_bytes| decode(reply, &[], Limits { reply_bytes, ..Limits::default() });
    assert!(bounded(30).is_ok());
    assert_eq!(bounded(29).unwrap_err().cause, Cause::TooLarge);
}

#[test]
fn counts_what_has_no_length_too() {
    let lines = ["+OK", "+status", "-ERR no", ":1", ":-1", ":1234567890", "_", "$-1", "*-1", "#t", ",1.5", "(12", "*0"];
    for line in lines {
        let reply = format!("*3\r\n{}", format!("{line}\r\n").repeat(3));
        let cuts: Vec<usize> = (1..reply.len()).collect();
        for cuts in [&[][..], &cuts] {
            let most = reply.len() as u64;
            let bounded = |reply_bytes| decode(reply.as_bytes(), cuts, Limits { reply_bytes, ..Limits::default() });
            assert!(bounded(most).is_ok(), "{line}");
            assert_eq!(bounded(most - 1).map_err(|fault| fault.cause), Err(Cause::TooLarge), "{line}");
        }
    }
}

#[test]
fn knows_where_the_last_value_began() {
    let mut decoder = Decoder::new(Limits::default());
    let mut input = &b"+OK\r\n$1\r\na\r\n*1\r\n:1\r\n"[..];
    let mut out = Output::default();
    for from in [0, 5] {
        assert!(decoder.next_usual(&mut input, &mut out));
        assert_eq!(decoder.last_from(), from);
    }
    assert!(!decoder.next_usual(&mut input, &mut out));
    decoder.next(&mut input, &mut out).unwrap();
    assert_eq!(decoder.last_from(), 12);
}

#[test]
fn names_the_peers_fault() {
    for (input, cause, text) in [
        ("$?\r\n", Cause::Protocol, "streamed"),
        ("*?\r\n", Cause::Protocol, "streamed"),
        (";4\r\n", Cause::Protocol, "streamed"),
        (".\r\n", Cause::Protocol, "streamed"),
        (":1\n", Cause::Protocol, "CR LF"),
        ("\r\n", Cause::Protocol, "CR LF"),
        ("?\r\n", Cause::Protocol, "begins no RESP value"),
        (":x\r\n", Cause::Protocol, "an integer"),
        (",x\r\n", Cause::Protocol, "a double"),
        ("#x\r\n", Cause::Protocol, "a value"),
        ("_x\r\n", Cause::Protocol, "a value"),
        ("(1x\r\n", Cause::Protocol, "a value"),
        ("$-2\r\n", Cause::Protocol, "a length"),
        ("$1\r\nab\r\n", Cause::Protocol, "not followed"),
        ("$1\r\na\r\r", Cause::Protocol, "not followed"),
        ("=3\r\ntxt\r\n", Cause::Protocol, "verbatim"),
        ("=5\r\ntxtab\r\n", Cause::Protocol, "no format"),
        ("*1\r\n>1\r\n:1\r\n", Cause::Protocol, "inside another"),
        ("|1\r\n:1\r\n:1\r\n>1\r\n:1\r\n", Cause::Protocol, "inside another"),
        ("*5000000000\r\n", Cause::TooLarge, "elements"),
        ("$2000000000000\r\n", Cause::TooLarge, "reply-bytes"),
        ("!65537\r\n", Cause::TooLarge, "an error"),
    ] {
        let fault = whole(input).expect_err(input);
        assert_eq!(fault.cause, cause, "{input:?}: {}", fault.text);
        assert!(fault.text.contains(text), "{input:?}: {}", fault.text);
    }
}

#[test]
#[cfg_attr(miri, ignore = "lines of 64 KiB take it minutes")]
fn bounds_lines_and_depth() {
    let limits = Limits { depth: 2, ..Limits::default() };
    assert_eq!(decode(b"*1\r\n*1\r\n:1\r\n", &[], limits).as_deref(), Ok("array1 array1 int1 .\n"));
    let deep = decode(b"*1\r\n*1\r\n*1\r\n:1\r\n", &[], limits).expect_err("three levels");
    assert_eq!(deep.cause, Cause::TooLarge);
    for ended in ["", "\r\n"] {
        let longest = format!("+{}{ended}", "x".repeat(MAX_LINE - 1));
        assert!(whole(&longest).is_ok());
        let longer = format!("+{}{ended}", "x".repeat(MAX_LINE));
        assert_eq!(whole(&longer).expect_err("a long line").cause, Cause::TooLarge);
    }
}

#[test]
#[cfg_attr(miri, ignore = "lines of 64 KiB take it minutes")]
fn a_line_is_as_long_however_it_is_cut() {
    let longest = format!("+{}\r\n", "x".repeat(MAX_LINE - 1));
    let longer = format!("+{}\r\n", "x".repeat(MAX_LINE));
    let unended = format!("+{}\n", "x".repeat(MAX_LINE));
    for line in [longest, longer, unended] {
        let expected = decode(line.as_bytes(), &[], Limits::default());
        for cut in [1, MAX_LINE, MAX_LINE + 1] {
            assert_eq!(decode(line.as_bytes(), &[cut], Limits::default()), expected, "{} cut at {cut}", line.len());
        }
    }
}

#[test]
fn a_large_string_passes_only_where_its_end_was_not_fed() {
    let limits = Limits { pass_above: 64, ..Limits::default() };
    let input = format!("*2\r\n${}\r\n{}\r\n:1\r\n", 100, "x".repeat(100));
    let mut decoder = Decoder::new(limits);
    let mut out = Output::default();
    assert_eq!(decoder.next(&mut input.as_bytes(), &mut out), Ok(Step::Value(Top::Array)));
    assert_eq!(decoder.passing(), 0);

    let (mut decoder, mut out) = (Decoder::new(limits), Output::default());
    assert_eq!(decoder.next(&mut &input.as_bytes()[..20], &mut out), Ok(Step::NeedMore));
    assert_eq!((decoder.passing(), decoder.offset(), decoder.keep_from()), (90, 20, 20));
    assert_eq!(out.nodes[2..], [7 | u64::from(PASSES) << 8 | 100 << 16, 10]);
    assert_eq!(decoder.skip(91), Err(90));
    assert_eq!((decoder.skip(40), decoder.skip(50)), (Ok(()), Ok(())));
    assert_eq!(decoder.next(&mut &input.as_bytes()[110..], &mut out), Ok(Step::Value(Top::Array)));
}

#[test]
fn a_string_of_just_the_limit_does_not_pass() {
    for (size, passing) in [(64, 0), (65, 64)] {
        let (mut decoder, mut out) = (Decoder::new(Limits { pass_above: 64, ..Limits::default() }), Output::default());
        let begun = format!("${size}\r\nx");
        assert_eq!(decoder.next(&mut begun.as_bytes(), &mut out), Ok(Step::NeedMore));
        assert_eq!((decoder.passing(), out.nodes.is_empty()), (passing, passing == 0), "{size} bytes");
    }
}

#[test]
fn refuses_bytes_that_should_have_passed() {
    let mut decoder = Decoder::new(Limits { pass_above: 64, ..Limits::default() });
    let mut out = Output::default();
    assert_eq!(decoder.next(&mut &b"$100\r\nxx"[..], &mut out), Ok(Step::NeedMore));
    assert!(decoder.next(&mut &b"x"[..], &mut out).is_err());
    assert_eq!(Decoder::new(Limits::default()).skip(1), Err(0));
}

#[test]
fn keeps_input_from_the_token_under_way() {
    let (mut decoder, mut out) = (Decoder::new(Limits::default()), Output::default());
    for (fed, keep) in [("*2\r\n$5", 4), ("\r\nab", 8), ("cde", 8), ("\r", 8), ("\n:1", 15), ("\r\n", 19)] {
        decoder.next(&mut fed.as_bytes(), &mut out).unwrap();
        assert_eq!(decoder.keep_from(), keep, "after {fed:?}");
    }
}

fn resp() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|n| format!(":{n}\r\n").into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| bulk(b'$', &bytes)),
        proptest::collection::vec(any::<u8>(), 0..100).prop_map(|bytes| bulk(b'=', &[b"txt:", &bytes[..]].concat())),
        "[A-Z]{2,8} [a-z ]{0,20}".prop_map(|text| bulk(b'!', text.as_bytes())),
        "[A-Z]{2,8} [a-z ]{0,20}".prop_map(|text| format!("-{text}\r\n").into_bytes()),
        "[a-zA-Z ]{1,20}".prop_map(|text| format!("+{text}\r\n").into_bytes()),
        any::<f64>().prop_map(|n| format!(",{n}\r\n").to_lowercase().into_bytes()),
        Just(b"_\r\n".to_vec()),
        Just(b"$-1\r\n".to_vec()),
        Just(b"#t\r\n".to_vec()),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        (0..5_usize, proptest::collection::vec(inner, 6)).prop_map(|(kind, parts)| match kind {
            0 => [b"*6\r\n".to_vec(), parts.concat()].concat(),
            1 => [b"~6\r\n".to_vec(), parts.concat()].concat(),
            2 => [b"%3\r\n".to_vec(), parts.concat()].concat(),
            3 => [b"|2\r\n".to_vec(), parts[..5].concat()].concat(),
            _ => b"*0\r\n".to_vec(),
        })
    })
}

fn bulk(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind][..], format!("{}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// Miri is slow, and lets nothing out, so that failures can't be kept in files.
fn config() -> ProptestConfig {
    match cfg!(miri) {
        true => ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() },
        false => ProptestConfig::default(),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes over a single case")]
    fn splits_change_nothing(values in proptest::collection::vec(resp(), 1..4), at in any::<proptest::sample::Index>()) {
        let input = values.concat();
        let limits = Limits { pass_above: 64, ..Limits::default() };
        let expected = decode(&input, &[], limits).unwrap();
        let every: Vec<usize> = (1..input.len()).collect();
        prop_assert_eq!(&decode(&input, &every, limits).unwrap(), &expected);
        prop_assert_eq!(&decode(&input, &[at.index(input.len())], limits).unwrap(), &expected);
        prop_assert_eq!(expected.lines().count(), values.len());
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(input in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&input, &[], Limits::default());
    }

    #[test]
    fn spoiled_replies_do_no_harm(mut input in resp(), at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let at = at.index(input.len());
        input[at] = byte;
        let every: Vec<usize> = (1..input.len()).collect();
        let limits = Limits { depth: 3, ..Limits::default() };
        prop_assert_eq!(decode(&input, &[], limits), decode(&input, &every, limits));
    }
}
