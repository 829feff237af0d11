//! The upstream's answers, made ready beforehand. Pure.

use super::ask::Ask;

pub(super) struct Answers {
    plain: Vec<u8>,
    fresh: Vec<u8>,
}

impl Answers {
    /// With bodies of so many bytes.
    pub(super) fn new(length: usize) -> Self {
        let answer = |fields: &str| {
            let body: String = ('a'..='z').cycle().take(length).collect();
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n{fields}\r\n{body}")
                .into_bytes()
        };
        // A store tells the revision of what it answers.
        Self { plain: answer("Kivi-Revision: 1\r\n"), fresh: answer("Cache-Control: max-age=3600\r\n") }
    }

    pub(super) fn to(&self, ask: Ask) -> &[u8] {
        match ask {
            Ask::Plain => &self.plain,
            Ask::Fresh | Ask::Slow | Ask::Together => &self.fresh,
        }
    }
}
