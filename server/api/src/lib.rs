//! Kivi's wire types, problem+json errors and Rust client.
