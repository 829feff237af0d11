//! What the OpenAPI document and the prose say besides single answers: methods, problems, examples.

use kivi_api::ProblemType;

use crate::document::Document;
use crate::running::Running;

/// A method that a resource does not know is none of its operations, and is told so in one way.
#[tokio::test]
async fn other_methods_are_405_with_the_documented_ones() {
    let server = Running::start().await;
    let document = Document::of(&server).await;
    for path in ["/v1/k", "/v1/", "/snapshot", "/log", "/openapi.json"] {
        for method in ["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
            let answer = server.ask(method, path, &[], "").await;
            if document.operation(method, path).is_some() {
                assert_ne!(answer.status(), 405, "{method} {path}");
                continue;
            }
            assert_eq!(
                crate::running::problem(&answer).kind,
                ProblemType::MethodNotAllowed,
                "{method} {path}"
            );
            let allow = answer.headers()["allow"].to_str().unwrap();
            let allowed: Vec<_> = allow.split(", ").collect();
            assert!(allowed.iter().all(|known| document.operation(known, path).is_some()), "{path}: {allow}");
            assert_eq!(allowed.len(), document.methods(path), "{path}: {allow}");
        }
    }
}

#[tokio::test]
async fn the_document_names_every_problem_with_its_status_and_its_examples_are_valid() {
    let server = Running::start().await;
    let document = Document::of(&server).await;
    for kind in ProblemType::ALL {
        assert!(document.names(kind), "{kind}");
    }
    assert!(document.check_examples() > 5);
    let tag = server.ask("GET", "/openapi.json", &[], "").await.headers()["etag"].clone();
    let tag = tag.to_str().unwrap();
    assert!(tag.len() > 20 && tag.starts_with('"'), "no strong tag: {tag}");
    for (field, status) in [(tag, 304), (&format!("\"x\", W/{tag}"), 304), ("\"x\"", 200), ("x", 400)] {
        assert_eq!(
            server.ask("GET", "/openapi.json", &[("if-none-match", field)], "").await.status(),
            status
        );
    }
}

/// What is written of a transaction in the document is what a server makes of it.
#[tokio::test]
async fn the_documents_transaction_does_what_it_says() {
    let server = Running::start().await;
    let document = Document::of(&server).await;
    let (asked, mut said) = document.transaction();
    let answer =
        server.ask("POST", "/v1/", &[("content-type", "application/json")], &asked.to_string()).await;
    let done: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    said["revision"] = done["revision"].clone();
    assert_eq!((answer.status().as_u16(), done), (200, said));
}

/// The page for people names every problem that is sent.
#[test]
fn the_prose_names_every_problem_with_its_status() {
    let prose = include_str!("../../../docs/rest-api.md");
    let rows: Vec<&str> = prose.lines().filter(|line| line.starts_with("| ")).collect();
    // Nothing is forbidden to a valid token yet.
    for kind in ProblemType::ALL.into_iter().filter(|kind| *kind != ProblemType::Forbidden) {
        let (status, slug) = (kind.status().as_u16().to_string(), format!("`{}`", kind.slug()));
        assert!(rows.iter().any(|row| row.contains(&status) && row.contains(&slug)), "{status} {slug}");
    }
}
