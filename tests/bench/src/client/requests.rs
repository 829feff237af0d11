//! Requests, made ready before the clock runs: what stands before the key, the keys, what stands behind.

/// Bytes of a key.
const KEY_BYTES: usize = 16;

/// The key with this number: 16 bytes, of letters that no protocol has to escape.
pub(crate) fn key(number: usize) -> String {
    format!("key-{number:012}")
}

/// Keys as one protocol writes them, all of one width.
#[derive(Debug, Clone)]
pub(crate) struct KeySpace {
    written: Vec<u8>,
    width: usize,
}

impl KeySpace {
    /// The first `count` keys as they are.
    pub(crate) fn plain(count: usize) -> Self {
        Self { written: (0..count).flat_map(|number| key(number).into_bytes()).collect(), width: KEY_BYTES }
    }

    /// The first `count` keys in base64.
    pub(crate) fn base64(count: usize) -> Self {
        let written = (0..count).flat_map(|number| base64(key(number).as_bytes()).into_bytes()).collect();
        Self { written, width: KEY_BYTES.div_ceil(3) * 4 }
    }

    /// Bytes of each as it is written.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.written.len() / self.width
    }

    fn get(&self, number: usize) -> &[u8] {
        &self.written[number * self.width..][..self.width]
    }
}

/// The same request for any key.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    before: Vec<u8>,
    keys: KeySpace,
    after: Vec<u8>,
}

impl Requests {
    pub(crate) fn new(before: impl Into<Vec<u8>>, keys: KeySpace, after: impl Into<Vec<u8>>) -> Self {
        Self { before: before.into(), keys, after: after.into() }
    }

    /// How many keys there are.
    pub(crate) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Writes the request for one key in the place of what `into` holds.
    pub(super) fn write(&self, number: usize, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(&self.before);
        into.extend_from_slice(self.keys.get(number));
        into.extend_from_slice(&self.after);
    }
}

/// RFC 4648 section 4, which is how etcd's JSON gateway takes bytes.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0, |bits: u32, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_request_holds_its_key_as_the_protocol_writes_it() {
        let mut request = Vec::new();
        Requests::new("GET ", KeySpace::plain(8), " end").write(7, &mut request);
        assert_eq!(request, b"GET key-000000000007 end");
        Requests::new("", KeySpace::base64(8), "").write(7, &mut request);
        assert_eq!(request, base64(b"key-000000000007").as_bytes());
    }
}
