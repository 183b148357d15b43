//! `cargo xtask wire`: the numbers that packed rows carry, from the WIT to Go. Rust hosts get theirs from bindings; Go
//! has no generator that we would depend on.

mod go;

use anyhow::{Context, Result};
use wit_parser::{InterfaceId, PackageId, Resolve, TypeDef, TypeDefKind};

use crate::generated::{File, Mode, settle};
use crate::root;

const OUTPUT: &str = "go-host/internal/wire/wire_gen.go";

/// A WIT type that becomes Go constants.
struct Source {
    interface: &'static str,
    name: &'static str,
    /// The Go type.
    go: &'static str,
    /// What each constant's name begins with.
    prefix: &'static str,
}

const SOURCES: [Source; 9] = [
    Source { interface: "types", name: "event-kind", go: "EventKind", prefix: "Event" },
    Source { interface: "types", name: "node-kind", go: "NodeKind", prefix: "Node" },
    Source { interface: "types", name: "failure", go: "Failure", prefix: "Failure" },
    Source { interface: "types", name: "cause", go: "Cause", prefix: "Cause" },
    Source { interface: "types", name: "error-class", go: "ErrorClass", prefix: "Class" },
    Source { interface: "types", name: "client-state", go: "ClientState", prefix: "State" },
    Source { interface: "driver", name: "reason", go: "Reason", prefix: "Reason" },
    Source { interface: "pubsub", name: "kind", go: "SubscriptionKind", prefix: "Kind" },
    Source { interface: "commands", name: "options", go: "Options", prefix: "Option" },
];

/// One name of an enum or of flags, in order.
struct Case<'a> {
    name: &'a str,
    docs: &'a str,
}

/// Writes or checks the Go file.
pub fn run(mode: Mode) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root::path("wit"))?;
    let text = generate(&resolve, package)?;
    settle(mode, &[File { path: OUTPUT.into(), bytes: text.into_bytes() }], "cargo xtask wire")
}

fn generate(resolve: &Resolve, package: PackageId) -> Result<String> {
    let mut text = go::HEADER.to_owned();
    for source in &SOURCES {
        let id = interface(resolve, package, source.interface)?;
        let found = find(resolve, id, source.name);
        let definition = found.with_context(|| format!("no type `{}` in `{}`", source.name, source.interface))?;
        text.push_str(&match &definition.kind {
            TypeDefKind::Enum(kind) => {
                let cases: Vec<Case> = kind.cases.iter().map(|case| new_case(&case.name, &case.docs)).collect();
                go::enumeration(source, docs(&definition.docs), &cases)
            }
            TypeDefKind::Flags(kind) => {
                let cases: Vec<Case> = kind.flags.iter().map(|flag| new_case(&flag.name, &flag.docs)).collect();
                go::flags(source, docs(&definition.docs), &cases)
            }
            other => anyhow::bail!("`{}` is a {}, not an enum or flags", source.name, other.as_str()),
        });
    }
    text.push_str(go::FOOTER);
    Ok(text)
}

fn interface(resolve: &Resolve, package: PackageId, name: &str) -> Result<InterfaceId> {
    let package = resolve.packages.get(package).context("no package in wit/")?;
    package.interfaces.get(name).copied().with_context(|| format!("no interface `{name}` in wit/"))
}

fn find<'a>(resolve: &'a Resolve, interface: InterfaceId, name: &str) -> Option<&'a TypeDef> {
    let id = resolve.interfaces.get(interface)?.types.get(name)?;
    resolve.types.get(*id)
}

fn new_case<'a>(name: &'a str, text: &'a wit_parser::Docs) -> Case<'a> {
    Case { name, docs: docs(text) }
}

fn docs(docs: &wit_parser::Docs) -> &str {
    docs.contents.as_deref().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIT: &str = "package a:b;
        interface types {
            enum event-kind { part, %map }
            enum node-kind { nil } enum failure { not-sent } enum cause { none }
            enum error-class { oom } enum client-state { down }
        }
        interface driver { enum reason { tls } }
        interface pubsub { enum kind { shard } }
        interface commands { flags options { atomic, may-repeat } }";

    fn go(wit: &str) -> Result<String> {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("test.wit", wit)?;
        generate(&resolve, package)
    }

    #[test]
    fn numbers_follow_the_order_of_the_wit() {
        let text = go(WIT).unwrap();
        assert!(text.contains("\tEventPart EventKind = iota\n\tEventMap\n"), "{text}");
        assert!(text.contains("\tOptionAtomic Options = 1 << iota\n\tOptionMayRepeat\n"), "{text}");
        assert!(text.contains("ClassOom") && text.contains("ReasonTLS"), "{text}");
    }

    #[test]
    fn a_type_that_went_away_is_an_error() {
        let error = go(&WIT.replace("enum cause", "enum motive")).unwrap_err();
        assert!(error.to_string().contains("no type `cause` in `types`"), "{error}");
    }
}
