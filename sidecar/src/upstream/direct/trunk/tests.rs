use futures::FutureExt;
use http::StatusCode;
use tokio::{
    io::AsyncWriteExt,
    net::{UnixListener, UnixStream},
    time::interval,
};
use tokio_util::either::Either;

use super::*;

const ASKED: &[u8] = b"GET /v1/a HTTP/1.1\r\nHost: h\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";

fn trunk(dir: &tempfile::TempDir) -> (UnixListener, Trunk) {
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    (listener, Trunk::new(Arc::new(format!("unix:{}", path.display()).parse().unwrap())))
}

#[tokio::test]
async fn an_answer_that_takes_its_time_holds_nobody_up_however_many_ask() {
    let dir = tempfile::tempdir().unwrap();
    let (listener, trunk) = trunk(&dir);
    let began = Instant::now();
    let first = trunk.get(ASKED);
    let more = async {
        let mut connections = vec![listener.accept().await.unwrap()];
        let mut asks = interval(PATIENCE / 10);
        loop {
            tokio::select! {
                _ = asks.tick() => drop(tokio::spawn({
                    let trunk = trunk.clone();
                    async move { trunk.get(ASKED).await }
                })),
                connection = listener.accept() => connections.push(connection.unwrap()),
            }
        }
    };
    let answer = tokio::select! { answer = first => answer, () = more => None };
    assert!(answer.is_none());
    assert!(began.elapsed() < PATIENCE * 3, "{:?}", began.elapsed());
    let again = Instant::now();
    assert!(trunk.get(ASKED).await.is_none());
    assert!(again.elapsed() < PATIENCE / 2, "those who come then wait no more");
}

#[tokio::test]
async fn answers_come_in_the_order_of_requests_also_where_one_has_left() {
    let dir = tempfile::tempdir().unwrap();
    let (listener, trunk) = trunk(&dir);
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 3 * ASKED.len()];
        stream.read_exact(&mut asked).await.unwrap();
        for body in ["a", "b", "c"] {
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        stream
    };
    let leaves = async { trunk.get(ASKED).now_or_never() };
    let (first, left, last, _stream) = tokio::join!(trunk.get(ASKED), leaves, trunk.get(ASKED), server);
    assert!(left.is_none());
    assert_eq!((first.unwrap().body(), last.unwrap().body()), (&Bytes::from("a"), &Bytes::from("c")));
}

#[tokio::test]
async fn what_comes_before_a_request_was_sent_is_no_answer_to_it() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let (sender, mut answer) = oneshot::channel();
    let shared = Mutex::new(Shared { unsent: 1, waiting: [sender].into(), ..Shared::default() });
    let mut link = Link::new(Either::Right(ours), &shared);
    link.inbox.extend_from_slice(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    assert!(link.deliver().is_err());
    assert!(answer.try_recv().is_err());

    shared.lock().unsent = 0;
    link.inbox.clear();
    link.inbox.extend_from_slice(ANSWER);
    link.deliver().unwrap();
    assert_eq!(answer.try_recv().unwrap().status(), StatusCode::OK);
}
