//! A server to stand behind the sidecar, the sidecar itself, and a client.

mod client;
mod fixture;
mod scripted;
mod server;
mod staleness;
mod store;
mod wire;

pub(crate) use client::{Answer, connect, get, raw, send, send_to};
pub(crate) use fixture::{Fixture, TOKEN};
pub(crate) use scripted::{Act, Scripted};
pub(crate) use server::{Body, Server, echo, text};
pub(crate) use staleness::{KEEPS, before, stalenesses};
pub(crate) use store::{Store, put};
pub(crate) use wire::{Got, Wire};
