//! Dictionaries of structured fields (RFC 9651, 3.2), as far as directives need them: the members with
//! what is a number or has no value told from the rest. All of the syntax is checked, for a field with an
//! error in it is to be ignored as a whole (4.2).

/// A member's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// The boolean true, which is also that of a member without a value.
    True,
    /// An integer.
    Integer(i64),
    /// A value of another type.
    Other,
}

/// The members of a dictionary whose lines are joined by commas; of repeated keys the last one. `None`: it is
/// malformed.
pub(super) fn members(text: &[u8]) -> Option<Vec<(&[u8], Value)>> {
    let mut input = Input(text);
    let mut members: Vec<(&[u8], Value)> = Vec::new();
    input.skip(b" ");
    while !input.0.is_empty() {
        let key = input.key()?;
        let value = if !input.take(b'=') {
            Value::True
        } else if input.take(b'(') {
            input.inner_list()?
        } else {
            input.item()?
        };
        input.parameters()?;
        members.retain(|(other, _)| *other != key);
        members.push((key, value));
        input.skip(b" \t");
        if input.0.is_empty() {
            break;
        }
        if !input.take(b',') {
            return None;
        }
        input.skip(b" \t");
        if input.0.is_empty() {
            return None;
        }
    }
    Some(members)
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, byte: u8) -> bool {
        let rest = self.0.strip_prefix(&[byte]);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !belongs(*byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn skip(&mut self, bytes: &[u8]) {
        self.take_while(|byte| bytes.contains(&byte));
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        self.0.first().filter(|byte| byte.is_ascii_lowercase() || **byte == b'*')?;
        Some(
            self.take_while(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
            }),
        )
    }

    fn parameters(&mut self) -> Option<()> {
        while self.take(b';') {
            self.skip(b" ");
            self.key()?;
            if self.take(b'=') {
                self.item()?;
            }
        }
        Some(())
    }

    /// After the opening bracket.
    fn inner_list(&mut self) -> Option<Value> {
        loop {
            self.skip(b" ");
            if self.take(b')') {
                return Some(Value::Other);
            }
            self.item()?;
            self.parameters()?;
            self.0.first().filter(|byte| b" )".contains(byte))?;
        }
    }

    fn item(&mut self) -> Option<Value> {
        match *self.0.first()? {
            b'-' | b'0'..=b'9' => return self.number(),
            b'"' => self.string()?,
            b':' => self.bytes()?,
            b'?' => return self.boolean(),
            b'@' => {
                self.take(b'@');
                self.number().filter(|date| *date != Value::Other)?;
            }
            b'%' => {
                self.take(b'%');
                self.string()?;
            }
            byte if byte.is_ascii_alphabetic() || byte == b'*' => {
                self.take_while(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte));
            }
            _ => return None,
        }
        Some(Value::Other)
    }

    /// An integer of at most 15 digits, or a decimal of at most 12 and 3.
    fn number(&mut self) -> Option<Value> {
        let sign = if self.take(b'-') { -1 } else { 1 };
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if self.take(b'.') {
            let fraction = self.take_while(|byte| byte.is_ascii_digit());
            let fits = (1..=12).contains(&digits.len()) && (1..=3).contains(&fraction.len());
            return fits.then_some(Value::Other);
        }
        let fits = (1..=15).contains(&digits.len());
        let number = digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        fits.then_some(Value::Integer(sign * number))
    }

    fn boolean(&mut self) -> Option<Value> {
        self.take(b'?');
        if self.take(b'1') {
            return Some(Value::True);
        }
        self.take(b'0').then_some(Value::Other)
    }

    fn string(&mut self) -> Option<()> {
        if !self.take(b'"') {
            return None;
        }
        loop {
            self.take_while(|byte| matches!(byte, b' '..=b'~') && !b"\"\\".contains(&byte));
            if self.take(b'"') {
                return Some(());
            }
            if !(self.take(b'\\') && (self.take(b'"') || self.take(b'\\'))) {
                return None;
            }
        }
    }

    fn bytes(&mut self) -> Option<()> {
        self.take(b':');
        self.take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        self.take(b':').then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_values_and_of_repeated_keys_the_last_counts() {
        let text = b"  max-age=60 ,\tno-store, a=-5;p;q=\"x\", b=1.5, no-store=?0, c=(1 x \"y\" );z, *d=:YQ==:, e=@5";
        let expected = [
            (&b"max-age"[..], Value::Integer(60)),
            (b"a", Value::Integer(-5)),
            (b"b", Value::Other),
            (b"no-store", Value::Other),
            (b"c", Value::Other),
            (b"*d", Value::Other),
            (b"e", Value::Other),
        ];
        assert_eq!(members(text).unwrap(), expected);
        assert_eq!(members(b"a=?1").unwrap(), [(&b"a"[..], Value::True)]);
        assert_eq!(members(b" ").unwrap(), []);
    }

    #[test]
    fn an_error_anywhere_is_an_error_of_all() {
        for text in [
            "max-age=60,",
            "max-age=60,,no-store",
            ",",
            "Max-Age=60",
            "max-age =60",
            "max-age= 60",
            "max-age=",
            "max-age=60 no-store",
            "max-age=1234567890123456",
            "a=1.",
            "a=1.2345",
            "a=-",
            "a=\"x",
            "a=\"\\n\"",
            "a=(1",
            "a=(1\"x\")",
            "a=?2",
            "a=:x",
            "a=@1.5",
            "a;",
            "a;B",
            "a={}",
            "a=\u{e9}",
            "a=60s",
        ] {
            assert_eq!(members(text.as_bytes()), None, "{text}");
        }
    }
}
