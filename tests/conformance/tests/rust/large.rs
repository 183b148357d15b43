//! Values that do not enter the sandbox.

use std::time::Duration;

use bytes::Bytes;
use coracle::{Command, Limits, Script};
use redis::{AsyncCommands, Value};

use crate::on_servers;
use crate::targets::{Target, in_time, pattern};

on_servers! {
    held_arguments_among_small_ones
    large_and_small_in_one_reply;
    real only: sixty_four_mebibytes_through_four a_million_elements_through_four
}

async fn held_arguments_among_small_ones(target: Target) {
    let client = target.client().await;
    let large: Vec<Bytes> = (0..3).map(|seed| pattern(20_000 << seed, seed).into()).collect();
    let mut command = Command::new("MSET");
    for (number, bytes) in large.iter().enumerate() {
        command =
            command.arg(format!("held:{number}:small")).arg("small").arg(format!("held:{number}")).arg(bytes.clone());
    }
    // With a long name too: any argument may be held but the command's.
    command = command.arg(Bytes::from(pattern(5000, 9))).arg("named");
    assert_eq!(client.call(command).await, Ok(Value::Okay));
    for (number, bytes) in large.iter().enumerate() {
        assert_eq!(
            client.command(["GET".to_owned(), format!("held:{number}")]).await,
            Ok(Value::BulkString(bytes.to_vec()))
        );
        let small = client.command(["GET".to_owned(), format!("held:{number}:small")]).await;
        assert_eq!(small, Ok(Value::BulkString(b"small".to_vec())));
    }
    let named = Command::new("GET").arg(Bytes::from(pattern(5000, 9)));
    assert_eq!(client.call(named).await, Ok(Value::BulkString(b"named".to_vec())));
}

async fn large_and_small_in_one_reply(target: Target) {
    let limits = Limits { pass_above: 64, hold_above: 64, ..Limits::default() };
    let mut client = in_time(target.config().limits(limits).connect()).await.unwrap();
    let values: Vec<Vec<u8>> = [5, 300_000, 0, 64, 65, 100_000, 1].iter().map(|&length| pattern(length, 3)).collect();
    let keys: Vec<String> = (0..values.len()).map(|number| format!("mixed:{number}")).collect();
    let pairs: Vec<(&String, &Vec<u8>)> = keys.iter().zip(&values).collect();
    let () = client.mset(&pairs).await.unwrap();
    for _ in 0..20 {
        let read: Vec<Vec<u8>> = in_time(client.mget(&keys)).await.unwrap();
        assert!(read == values);
    }
    let mut pipe = redis::pipe();
    pipe.atomic().mget(&keys).get(&keys[0]).mget(&keys);
    let (first, small, last): (Vec<Vec<u8>>, Vec<u8>, Vec<Vec<u8>>) =
        in_time(pipe.query_async(&mut client)).await.unwrap();
    assert!(first == values && small == values[0] && last == values);
}

async fn sixty_four_mebibytes_through_four(target: Target) {
    let limits = Limits { memory: 4 << 20, ..Limits::default() };
    let client = target.config().limits(limits).connect().await.unwrap();
    let value = Bytes::from(pattern(64 << 20, 1));
    let set = Command::new("SET").arg("large").arg(value.clone());
    assert_eq!(in_time(client.call(set)).await, Ok(Value::Okay));
    let Ok(Value::BulkString(read)) = in_time(client.command(["GET", "large"])).await else {
        panic!("it is no string")
    };
    assert!(read == value);
    let stats = client.stats();
    assert!(stats.peak_memory <= 4 << 20, "{stats:?}");
    assert!(stats.bytes_passed > 60 << 20, "{stats:?}");
    println!("peak instance memory: {} bytes", stats.peak_memory);
}

/// Each element is told in the call in which its last byte came: none is kept in the sandbox.
async fn a_million_elements_through_four(target: Target) {
    const COUNT: usize = 1_000_000;
    let limits = Limits { memory: 4 << 20, ..Limits::default() };
    let client =
        in_time(target.config().limits(limits).deadline(Some(Duration::from_secs(50))).connect()).await.unwrap();
    let fill = Script::new(
        "for i = 0, 999 do
           local values = {}
           for j = 1, 1000 do values[j] = string.format('element %d', i * 1000 + j - 1) end
           redis.call('RPUSH', KEYS[1], unpack(values))
         end",
    );
    in_time(client.script(&fill, ["million"], [""; 0])).await.unwrap();
    let Ok(Value::Array(elements)) = in_time(client.command(["LRANGE", "million", "0", "-1"])).await else {
        panic!("it is no array")
    };
    assert_eq!(elements.len(), COUNT);
    for (number, element) in elements.iter().enumerate() {
        assert!(*element == Value::BulkString(format!("element {number}").into_bytes()), "{number}: {element:?}");
    }
    let stats = client.stats();
    assert!(stats.peak_memory <= 1 << 20, "{stats:?}");
}
