//! What a component imports and exports, read back from its bytes: the bytes are what is shipped.

use anyhow::{Context, Result, bail};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Resolve, WorldItem, WorldKey};

use super::build::Variant;

/// The only interfaces whose functions may be imported.
const ALLOWED: [&str; 2] = ["coracle:client/network@", "coracle:client/log@"];
const TESTING: &str = "coracle:client/testing@";

/// The names of what goes over the boundary.
#[derive(Debug)]
pub struct Interface {
    /// Functions imported, as `interface.function`.
    pub imports: Vec<String>,
    /// Functions exported, likewise.
    pub exports: Vec<String>,
}

/// Reads a component's world. Interfaces of which only types are used don't count.
pub fn read(bytes: &[u8]) -> Result<Interface> {
    let DecodedWasm::Component(resolve, world) = decode(bytes).context("the component can't be read back")? else {
        bail!("this is a WIT package, not a component");
    };
    let world = resolve.worlds.get(world).context("the component has no world")?;
    let names = |items: &wit_parser::IndexMap<WorldKey, WorldItem>| -> Vec<String> {
        items.iter().flat_map(|(key, item)| functions(&resolve, key, item)).collect()
    };
    Ok(Interface { imports: names(&world.imports), exports: names(&world.exports) })
}

fn functions(resolve: &Resolve, key: &WorldKey, item: &WorldItem) -> Vec<String> {
    let name = resolve.name_world_key(key);
    match item {
        WorldItem::Interface { id, .. } => match resolve.interfaces.get(*id) {
            Some(interface) => interface.functions.keys().map(|function| format!("{name}.{function}")).collect(),
            None => Vec::new(),
        },
        WorldItem::Function(_) => vec![name],
        WorldItem::Type { .. } => Vec::new(),
    }
}

impl Interface {
    /// Fails if something is imported that no host must be asked for, or faults on request are shipped.
    pub fn check(&self, variant: Variant) -> Result<()> {
        let foreign: Vec<&str> = self.imports.iter().map(String::as_str).filter(|name| !allowed(name)).collect();
        if !foreign.is_empty() {
            bail!("imports other than of `network` and `log`: {}", foreign.join(", "));
        }
        let testing = self.exports.iter().any(|name| name.starts_with(TESTING));
        match variant {
            Variant::Shipped if testing => bail!("it exports `testing`, which must not be shipped"),
            Variant::Testing if !testing => bail!("it does not export `testing`"),
            _ => Ok(()),
        }
    }
}

fn allowed(name: &str) -> bool {
    ALLOWED.iter().any(|interface| name.starts_with(interface))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(imports: &[&str], exports: &[&str]) -> Interface {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Interface { imports: owned(imports), exports: owned(exports) }
    }

    #[test]
    fn refuses_foreign_imports() {
        let ours = ["coracle:client/network@0.1.0.open", "coracle:client/log@0.1.0.write"];
        assert!(interface(&ours, &[]).check(Variant::Shipped).is_ok());
        for foreign in ["wasi:io/poll@0.2.0.poll", "coracle:client/network2@0.1.0.open", "print"] {
            let error = interface(&[ours[0], foreign], &[]).check(Variant::Shipped).unwrap_err();
            assert!(error.to_string().contains(foreign), "{error}");
        }
    }

    #[test]
    fn keeps_faults_on_request_out_of_the_shipped_file() {
        let testing = interface(&[], &["coracle:client/testing@0.1.0.trap"]);
        let shipped = interface(&[], &["coracle:client/driver@0.1.0.opened"]);
        assert!(testing.check(Variant::Shipped).is_err());
        assert!(shipped.check(Variant::Testing).is_err());
        assert!(testing.check(Variant::Testing).is_ok());
        assert!(shipped.check(Variant::Shipped).is_ok());
    }
}
