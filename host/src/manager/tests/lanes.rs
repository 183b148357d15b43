//! Several lanes of one client: a fault of one is not the others'.

use std::sync::Arc;

use super::fake::Server;
use super::{HANG, config, connect, in_time, ping, pong, until};
use crate::stats::Counters;
use crate::{Client, Names, SubscribeOptions};

async fn lanes(server: &Server) -> Client {
    config(server).lanes(2).connect().await.unwrap()
}

#[tokio::test]
async fn a_trap_costs_one_lane() {
    let server = Server::default();
    let client = lanes(&server).await;
    assert_eq!(server.connections(), 2);
    let hanging = tokio::spawn({
        let lane = client.at(1);
        async move { lane.command([HANG, "k"]).await }
    });
    in_time(server.seen(HANG)).await;
    client.at(0).testing("trap", None).await.unwrap();
    in_time(until(|| client.stats().traps == 1)).await;
    assert_eq!(ping(&client.at(0)).await, Ok(pong()));
    server.say_after(HANG, "+PONG\r\n");
    assert_eq!(in_time(hanging).await.unwrap(), Ok(pong()), "the other lane goes on");
    assert_eq!((client.stats().instances, client.stats().traps, server.connections()), (2, 1, 3));
    assert_eq!((client.stats().reconnects, client.stats().down_since), (0, None));
}

#[tokio::test]
async fn all_lanes_end_with_the_last_handle() {
    let instances = |counters: &Arc<Counters>, clock| counters.snapshot(clock).instances;
    let server = Server::default();
    let client = lanes(&server).await;
    let (counters, clock) = (Arc::clone(&client.shared.counters), client.clock());
    let subscription = client.subscribe(Names::channels(["news"]), SubscribeOptions::default()).await.unwrap();
    drop(client);
    let other = connect(&server).await;
    assert_eq!(ping(&other).await, Ok(pong()));
    assert_eq!(instances(&counters, clock), 2, "a subscription keeps its client");
    drop(subscription);
    in_time(until(|| instances(&counters, clock) == 0)).await;
}
