//! `limits.memory` is reached before the kernel would end the process: the store says 507, and what the process takes in
//! all stays within what its limits say that it needs.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use kivi_settings::Settings;
use serde_json::{Value, json};

use crate::binary::Binary;

/// Nothing here is about durability, and a disk's speed is not the test's matter.
const CONFIG: &str = "limits: {memory: 64Mi}\nlog: {file: {sync: Never, segmentSize: 16Mi}}\n";

/// Requests on one connection, one after the other.
struct Connection(BufReader<UnixStream>);

impl Connection {
    fn to(binary: &Binary) -> Self {
        Self(BufReader::new(binary.connect()))
    }

    fn ask(&mut self, line: &str, fields: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nHost: kivi\r\n{fields}Content-Length: {length}\r\n\r\n");
        self.0.get_mut().write_all(head.as_bytes()).unwrap();
        self.0.get_mut().write_all(body).unwrap();
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            match line.trim_end().split_once([' ', ':']) {
                None => break,
                Some(("HTTP/1.1", rest)) => status = rest[..3].parse().unwrap(),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap();
                }
                Some(_) => {}
            }
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer).unwrap();
        (status, answer)
    }

    /// A thousand small keys, or as many as are asked for, as one transaction.
    fn put_small(&mut self, numbers: std::ops::Range<u32>, value: char) -> (u16, Vec<u8>) {
        let put =
            |number| json!({"put": {"key": format!("{number:016}"), "value": value.to_string().repeat(32)}});
        let body = json!({"operations": numbers.map(put).collect::<Vec<_>>()}).to_string();
        self.ask("POST /v1/", "Content-Type: application/json\r\n", body.as_bytes())
    }

    fn put_large(&mut self, number: u32, byte: u8) -> (u16, Vec<u8>) {
        self.ask(&format!("PUT /v1/{number}"), "", &vec![byte; 1 << 20])
    }
}

fn assert_refused(answer: &(u16, Vec<u8>)) {
    assert_eq!(answer.0, 507);
    let problem: Value = serde_json::from_slice(&answer.1).unwrap();
    assert_eq!(problem["type"], "https://kivi.dev/problems/memory-full");
    assert_eq!(problem["limit"], json!({"name": "limits.memory", "value": 64 << 20}));
    assert!(problem["detail"].as_str().unwrap().contains("limits.memory"), "{problem}");
}

/// The most that the process ever took is less than what an operator is told to give it, but not by so much that the
/// figure would be a waste.
fn assert_within_need(binary: &Binary) {
    let settings: Settings = serde_yaml::from_str(CONFIG).unwrap();
    let (need, most) = (settings.limits.process_bytes(), binary.memory("VmHWM"));
    println!("most {} MiB, now {} MiB, need {} MiB", most >> 20, binary.memory("VmRSS") >> 20, need >> 20);
    assert!(most < need, "the process took {most} bytes, and was said to need {need}");
}

#[test]
fn small_values_fill_the_limit_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let binary = Binary::start_with(dir.path(), CONFIG);
    let mut connection = Connection::to(&binary);
    let mut keys = 0;
    let refused = loop {
        let answer = connection.put_small(keys..keys + 1000, 'a');
        if answer.0 != 200 {
            break answer;
        }
        keys += 1000;
    };
    assert_refused(&refused);
    // 16 + 32 bytes and what holds them.
    assert!((400_000..600_000).contains(&keys), "{keys}");
    // What is replaced is kept for a while, for those who follow; that is bounded too.
    for from in (0..100_000).step_by(1000) {
        assert_eq!(connection.put_small(from..from + 1000, 'b').0, 200);
    }
    assert_eq!(connection.ask("GET /v1/0000000000000000", "", b""), (200, vec![b'b'; 32]));
    assert_refused(&connection.put_small(keys..keys + 1000, 'c'));
    for number in 0..1000 {
        assert_eq!(connection.ask(&format!("DELETE /v1/{number:016}"), "", b"").0, 200);
    }
    assert_eq!(connection.put_small(keys..keys + 1000, 'c').0, 200, "deletes make room");
    assert_within_need(&binary);
}

#[test]
fn large_values_from_many_clients_fill_the_limit_and_no_more() {
    // 64 values of 1Mi do not fit into 64Mi with what holds them; far more are sent at a time.
    const KEYS: u32 = 64;
    const CLIENTS: u32 = 256;
    let dir = tempfile::tempdir().unwrap();
    let binary = Binary::start_with(dir.path(), CONFIG);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let binary = &binary;
            scope.spawn(move || {
                let mut connection = Connection::to(binary);
                for round in 0..2 {
                    let answer = connection.put_large((client + round) % KEYS, b'a');
                    if answer.0 != 201 {
                        assert_refused(&answer);
                    }
                }
            });
        }
    });
    let mut connection = Connection::to(&binary);
    let present: Vec<u32> =
        (0..KEYS).filter(|key| connection.ask(&format!("GET /v1/{key}"), "", b"").0 == 200).collect();
    assert_eq!(present.len(), 63);
    assert_refused(&connection.put_large(KEYS, b'b'));
    assert_eq!(connection.ask(&format!("DELETE /v1/{}", present[0]), "", b"").0, 200);
    assert_eq!(connection.put_large(KEYS, b'b').0, 201, "deletes make room");
    assert_within_need(&binary);
}
