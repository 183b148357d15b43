//! Finding a word in a component, and changing one letter of it.
//!
//! A word that is written lies in the data. One that is only compared may lie there too, or the compiler made
//! comparisons of it, letter by letter: then its letters are constants in the code, one after the other.

use anyhow::{Context, Result, bail};
use wasmparser::{FunctionBody, Operator, Parser, Payload};

/// A copy of `component` in which letter `index` of `word` is `letter`. The word must be there exactly once.
pub fn change(component: &[u8], word: &str, index: usize, letter: u8) -> Result<Vec<u8>> {
    let word = word.as_bytes();
    // In code a capital is two bytes, of which the first has the low 7 bits and a mark that another follows.
    let old = *word.get(index).context("no such letter")?;
    if !(0x40..0x80).contains(&old) || !(0x40..0x80).contains(&letter) {
        bail!("only letters can be changed");
    }
    let mut places: Vec<(usize, u8)> = in_data(component, word).map(|at| (at + index, letter)).collect();
    places.extend(in_code(component, word)?.iter().filter_map(|letters| Some((*letters.get(index)?, letter | 0x80))));
    let &[(at, byte)] = places.as_slice() else {
        bail!("`{}` is in the component {} times, should be once", word.escape_ascii(), places.len());
    };
    let mut changed = component.to_vec();
    *changed.get_mut(at).context("out of the file")? = byte;
    Ok(changed)
}

fn in_data<'a>(component: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    component.windows(word.len()).enumerate().filter(move |(_, part)| *part == word).map(|(at, _)| at)
}

/// For each place where constants follow each other as the word's letters do: where the letters' bytes are.
fn in_code(component: &[u8], word: &[u8]) -> Result<Vec<Vec<usize>>> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::CodeSectionEntry(body) = payload? {
            let constants = constants(&body)?;
            let matches =
                |part: &&[(i32, usize)]| part.iter().zip(word).all(|((value, _), letter)| *value == i32::from(*letter));
            found.extend(
                constants.windows(word.len()).filter(matches).map(|part| part.iter().map(|(_, at)| *at).collect()),
            );
        }
    }
    Ok(found)
}

/// A function's constants, and where in the file each one's value is.
fn constants(body: &FunctionBody<'_>) -> Result<Vec<(i32, usize)>> {
    let mut constants = Vec::new();
    for item in body.get_operators_reader()?.into_iter_with_offsets() {
        if let (Operator::I32Const { value }, offset) = item? {
            constants.push((value, usize::try_from(offset)? + 1));
        }
    }
    Ok(constants)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{
        CodeSection, Component, ConstExpr, DataSection, Function, FunctionSection, MemorySection, MemoryType, Module,
        ModuleSection, TypeSection,
    };

    /// A component with `data`, and a function that compares with the letters of `code`.
    fn component(data: &[u8], code: &[u8]) -> Vec<u8> {
        let (mut types, mut functions, mut memories) =
            (TypeSection::new(), FunctionSection::new(), MemorySection::new());
        types.ty().function([], []);
        functions.function(0);
        memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
        let mut body = Function::new([]);
        for letter in code {
            body.instructions().i32_const((*letter).into()).drop();
        }
        body.instructions().end();
        let (mut codes, mut segments) = (CodeSection::new(), DataSection::new());
        codes.function(&body);
        segments.active(0, &ConstExpr::i32_const(0), data.iter().copied());
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&memories).section(&codes).section(&segments);
        let mut component = Component::new();
        component.section(&ModuleSection(&module));
        component.finish()
    }

    #[test]
    fn changes_one_letter_in_data_or_in_code() {
        assert_eq!(change(&component(b"a SETINFO", b""), "SETINFO", 6, b'A').unwrap(), component(b"a SETINFA", b""));
        assert_eq!(change(&component(b"", b"xMOVED"), "MOVED", 2, b'W').unwrap(), component(b"", b"xMOWED"));
    }

    #[test]
    fn refuses_a_word_that_is_not_there_once() {
        for (data, code, times) in
            [("", "MOVE", 0), ("MOVED", "MOVED", 2), ("MOVED MOVED", "", 2), ("", "MOVEDMOVED", 2)]
        {
            let error = change(&component(data.as_bytes(), code.as_bytes()), "MOVED", 2, b'W').unwrap_err();
            assert!(error.to_string().contains(&format!("{times} times")), "{error}");
        }
    }
}
