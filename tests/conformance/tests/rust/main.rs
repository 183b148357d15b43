//! The Rust host against real servers: Redis, Valkey, and miniredis, which `scripts/with-miniredis.sh` runs beside.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test, a panic is how it fails"
)]

mod caching;
mod commands;
mod events;
mod faults;
mod lanes;
mod large;
mod monitor;
mod pubsub;
mod raw;
mod repeats;
mod secrets;
mod sessions;
mod store;
mod swap;
mod targets;

/// A test for each real server.
macro_rules! on_real_servers {
    ($name:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn redis() {
            super::$name(Target::redis()).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn valkey() {
            super::$name(Target::valkey()).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn newer_redis() {
            super::$name(Target::newer_redis()).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn newer_valkey() {
            super::$name(Target::newer_valkey()).await;
        }
    };
}
use on_real_servers;

/// A test for each server: the body gets the server's URL. Those after `real only:` need what miniredis does not do.
macro_rules! on_servers {
    ($($name:ident)*; real only: $($real:ident)*) => {
        $(mod $name {
            use crate::targets::Target;

            crate::on_real_servers!($name);

            #[tokio::test(flavor = "multi_thread")]
            async fn miniredis() {
                super::$name(Target::miniredis()).await;
            }
        })*
        $(mod $real {
            use crate::targets::Target;

            crate::on_real_servers!($real);
        })*
    };
}
use on_servers;
