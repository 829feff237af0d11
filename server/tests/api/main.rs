//! The REST contract, over the real HTTP server: every row of the API, every error with its type.

#[cfg(test)]
mod client;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod copies;
#[cfg(test)]
mod described;
#[cfg(test)]
mod document;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod guarantees;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod lane;
#[cfg(test)]
mod life;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod running;
#[cfg(test)]
mod spellings;
#[cfg(test)]
mod transactions;
#[cfg(test)]
mod uploads;
#[cfg(test)]
mod values;
#[cfg(test)]
mod watches;
