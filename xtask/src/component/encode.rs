//! From a core module to a component with nothing in it but what runs.

use std::ops::Range;

use anyhow::{Context, Result};
use wasm_encoder::{ComponentSectionId, Encode, RawSection, Section};
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};
use wit_component::ComponentEncoder;

/// Makes a component of `module`, which carries its world in a custom section.
pub fn component(module: &[u8]) -> Result<Vec<u8>> {
    let component = ComponentEncoder::default()
        .module(module)
        .context("the module's world can't be read")?
        // Names of shims would be for debuggers only.
        .debug_names(false)
        .encode()
        .context("the module can't be made a component")?;
    let stripped = strip(&component, Parser::new(0))?;
    Validator::new_with_features(WasmFeatures::default())
        .validate_all(&stripped)
        .context("the stripped component is not valid")?;
    Ok(stripped)
}

/// Leaves out every custom section (names, producers), of nested modules and components too.
fn strip(bytes: &[u8], parser: Parser) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut depth = 0_u32;
    for payload in parser.parse_all(bytes) {
        let payload = payload?;
        match &payload {
            Payload::Version { encoding, .. } if depth == 0 => out.extend_from_slice(match encoding {
                Encoding::Module => &wasm_encoder::Module::HEADER,
                Encoding::Component => &wasm_encoder::Component::HEADER,
            }),
            Payload::Version { .. } => {}
            Payload::ModuleSection { unchecked_range, .. } | Payload::ComponentSection { unchecked_range, .. } => {
                if depth == 0 {
                    let id = match payload {
                        Payload::ModuleSection { .. } => ComponentSectionId::CoreModule,
                        _ => ComponentSectionId::Component,
                    };
                    let inner = strip(slice(bytes, unchecked_range)?, Parser::new(0))?;
                    section(&mut out, id.into(), &inner);
                }
                // What `parse_all` now says is about the inner one, which was dealt with.
                depth += 1;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(_) => {}
            other => {
                if let (0, Some((id, range))) = (depth, other.as_section()) {
                    section(&mut out, id, slice(bytes, &range)?);
                }
            }
        }
    }
    Ok(out)
}

fn section(out: &mut Vec<u8>, id: u8, data: &[u8]) {
    let section = RawSection { id, data };
    out.push(section.id());
    section.encode(out);
}

fn slice<'a>(bytes: &'a [u8], range: &Range<u64>) -> Result<&'a [u8]> {
    let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
    bytes.get(range).context("a section is outside of its file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{Component, CustomSection, Module, ModuleSection, TypeSection};

    #[test]
    fn strips_nested_custom_sections_and_nothing_else() {
        let custom = CustomSection { name: "name".into(), data: b"bytes".as_slice().into() };
        let module = |strip: bool| {
            let mut types = TypeSection::new();
            types.ty().function([], []);
            let mut module = Module::new();
            if !strip {
                module.section(&custom);
            }
            module.section(&types);
            module
        };
        let component = |strip: bool| {
            let mut inner = Component::new();
            inner.section(&ModuleSection(&module(strip)));
            let mut outer = Component::new();
            outer.section(&ModuleSection(&module(strip)));
            if !strip {
                outer.section(&custom);
            }
            outer.section(&wasm_encoder::NestedComponentSection(&inner));
            outer.section(&ModuleSection(&module(strip)));
            outer.finish()
        };
        assert_eq!(strip(&component(false), Parser::new(0)).unwrap(), component(true));
    }
}
