//! What can be an argument.

use std::borrow::Cow;
use std::fmt::{self, Write};

use bytes::Bytes;

use super::{Bodies, Command};

/// Something that can be an argument of a [`Command`]: bytes, text, or a number, which is sent as it is written.
/// `Bytes` and `Vec<u8>` are taken over without a copy.
///
/// ```
/// # use coracle::Command;
/// let command = Command::new("SET").arg("key").arg(12.5).arg("EX").arg(60);
/// ```
pub trait IntoArgument {
    /// Gives the bytes away, or shows them.
    fn add_to(self, command: &mut Command);
}

impl IntoArgument for &[u8] {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_slice(self);
    }
}

impl<const N: usize> IntoArgument for &[u8; N] {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_slice(self);
    }
}

impl IntoArgument for &str {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_slice(self.as_bytes());
    }
}

impl IntoArgument for &String {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_slice(self.as_bytes());
    }
}

impl IntoArgument for String {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_bytes(self.into_bytes().into());
    }
}

impl IntoArgument for &Vec<u8> {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_slice(self);
    }
}

impl IntoArgument for Vec<u8> {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_bytes(self.into());
    }
}

impl IntoArgument for Bytes {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_bytes(self);
    }
}

impl IntoArgument for &Bytes {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_bytes(self.clone());
    }
}

impl IntoArgument for Cow<'_, str> {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        match self {
            Cow::Borrowed(text) => text.add_to(command),
            Cow::Owned(text) => text.add_to(command),
        }
    }
}

/// Floating-point numbers as the `redis` crate has them: 1 is `1.0`, and large ones have an exponent.
macro_rules! numbers {
    ($format:literal: $($number:ty)*) => {
        $(impl IntoArgument for $number {
            #[inline]
            fn add_to(self, command: &mut Command) {
                command.push_text(format_args!($format, self));
            }
        })*
    };
}

numbers!("{}": u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 usize isize);
numbers!("{:?}": f32 f64);

impl Command {
    /// For what is short.
    fn push_text(&mut self, text: fmt::Arguments<'_>) {
        let before = self.small.len();
        // Memory takes all that is written to it.
        let _ = Text(&mut self.small).write_fmt(text);
        self.lengths.push((self.small.len() - before) as u32);
    }
}

struct Text<'a>(&'a mut Bodies);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use redis::ToRedisArgs;

    use super::*;

    /// Whoever comes from there finds the same in his keys.
    #[test]
    fn numbers_are_written_as_redis_writes_them() {
        fn check(number: impl IntoArgument + ToRedisArgs + Copy + fmt::Debug) {
            let command = Command::new("ECHO").arg(number).arg("behind");
            let arguments: Vec<&[u8]> = command.arguments().skip(1).collect();
            assert_eq!(arguments, [&*number.to_redis_args().concat(), b"behind"], "{number:?}");
        }
        check(0);
        check(u8::MAX);
        check(i64::MIN);
        check(u128::MAX);
        check(usize::MAX);
        for number in [0.0, -0.0, 1.0, 1.5, 0.1 + 0.2, 1e15, 1e16, 1e300, 5e-324, f64::MAX, f64::INFINITY, f64::NAN] {
            check(number);
            check(-number);
        }
        check(1.1_f32);
    }

    #[test]
    fn text_and_bytes_of_any_owner() {
        let bytes = Bytes::from_static(b"bytes");
        let command = Command::new("ECHO").arg(&bytes).arg(Cow::Borrowed("a")).arg(Cow::<str>::Owned("b".into()));
        assert_eq!(command.arguments().collect::<Vec<_>>(), [&b"ECHO"[..], b"bytes", b"a", b"b"]);
    }
}
