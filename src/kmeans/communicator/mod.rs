//! Communication between the processes of one k-means. Each process works on its own points, and the sums are combined.
//!
//! | module | content |
//! |---|---|
//! | `collectives` | the trait: what processes do together, made of one operation, `exchange` |
//! | `tcp` | that operation over TCP |
//! | `rendezvous`, `greeting`, `address` | how the processes find each other: the meeting, its messages, where to listen |
//! | `lost` | errors about the other processes |

mod address;
mod collectives;
mod greeting;
mod lost;
mod rendezvous;
mod tcp;
#[cfg(test)]
mod tests;

pub use collectives::{Communicator, Exchanged, SingleProcess};
pub use rendezvous::Rendezvous;
pub use tcp::TcpCommunicator;
