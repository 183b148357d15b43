//! The contract of `wit/`, as Rust types. Generated; only the instance looks in here.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "client",
    imports: { default: trappable },
});
