//! How much memory a value takes.

use redis::Value;

/// Its bytes, nearly: what it points at included.
pub(super) fn size_of_value(value: &Value) -> usize {
    let mut size = 0;
    // Values may be deep, so nothing here recurses.
    let mut todo = vec![value];
    while let Some(value) = todo.pop() {
        size += size_of::<Value>();
        match value {
            Value::BulkString(bytes) | Value::BigNumber(bytes) => size += bytes.len(),
            Value::SimpleString(text) | Value::VerbatimString { text, .. } => size += text.len(),
            Value::Array(children) | Value::Set(children) | Value::Push { data: children, .. } => {
                todo.extend(children);
            }
            Value::Map(pairs) => todo.extend(pairs.iter().flat_map(|(key, value)| [key, value])),
            Value::Attribute { data, attributes } => {
                todo.push(data);
                todo.extend(attributes.iter().flat_map(|(key, value)| [key, value]));
            }
            Value::ServerError(error) => size += error.details().map_or(0, str::len),
            _ => {}
        }
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_pointed_at() {
        let node = size_of::<Value>();
        let text = Value::BulkString(vec![0; 100]);
        assert_eq!(size_of_value(&Value::Nil), node);
        assert_eq!(size_of_value(&text), node + 100);
        let map = Value::Map(vec![(Value::Int(1), Value::Set(vec![text.clone(), text]))]);
        assert_eq!(size_of_value(&map), 5 * node + 200);
    }
}
