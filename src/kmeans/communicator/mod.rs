//! Communication between the processes of one k-means. Each process works on its own points, and the sums are combined.
//!
//! | module | content |
//! |---|---|
//! | `collectives` | the trait: what processes do together, made of one operation, `exchange` |
//! | `tcp` | that operation over TCP |
//! | `mpi`, `launcher`, `lifelines` | that operation over MPI; whether MPI started the processes; which of them still live |
//! | `rendezvous`, `greeting`, `address` | how the processes find each other: the meeting, its messages, where to listen |
//! | `lost` | errors about the other processes |

mod address;
mod collectives;
mod greeting;
#[cfg(any(feature = "mpi", test))]
mod launcher;
#[cfg(any(feature = "mpi", test))]
mod lifelines;
mod lost;
#[cfg(feature = "mpi")]
mod mpi;
mod rendezvous;
mod tcp;
#[cfg(test)]
mod tests;

pub use collectives::{Communicator, Exchanged, SingleProcess};
#[cfg(feature = "mpi")]
pub use mpi::{MpiCommunicator, World};
pub use rendezvous::Rendezvous;
pub use tcp::TcpCommunicator;
