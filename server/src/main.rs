//! Kivi's key-value server: routes, store, log.

fn main() {}
