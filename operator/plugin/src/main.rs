//! kubectl plugin for Kivi's key-value stores.

fn main() {}
