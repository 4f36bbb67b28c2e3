//! The processes that make a clustering together, and what connects them.

use crate::base::error::Result;
use crate::base::numeric::to_usize;
use crate::engine::share::Shard;
use crate::kmeans::{Communicator, Rendezvous, SingleProcess, TcpCommunicator};
#[cfg(feature = "mpi")]
use crate::kmeans::{MpiCommunicator, World};
use crate::plan::settings::KmeansSettings;

/// Which of how many processes this is.
pub(super) struct Company {
    shard: Shard,
    /// The processes started by MPI, if it started several and `--shard` says nothing else.
    #[cfg(feature = "mpi")]
    world: Option<World>,
}

impl Company {
    /// As `--shard` says; without it, as MPI says; else a single process.
    pub(super) fn of(shard: Option<Shard>) -> Result<Company> {
        let alone = Shard { index: 1, of: 1 };
        #[cfg(feature = "mpi")]
        let company = {
            let world = if shard.is_some() { None } else { World::start()? };
            let by_mpi = world.as_ref().map(|world| Shard { index: world.rank as u64 + 1, of: world.size as u64 });
            Company { shard: shard.or(by_mpi).unwrap_or(alone), world }
        };
        #[cfg(not(feature = "mpi"))]
        let company = Company { shard: shard.unwrap_or(alone) };
        Ok(company)
    }

    /// This process's share of the work.
    pub(super) fn shard(&self) -> Shard {
        self.shard
    }

    /// Connects the processes; a single one needs no others.
    pub(super) fn join<'a>(
        self,
        settings: &KmeansSettings,
        agreement: &str,
        cancelled: &'a (dyn Fn() -> bool + Sync),
    ) -> Result<Box<dyn Communicator + 'a>> {
        let Shard { index, of } = self.shard;
        if of == 1 {
            return Ok(Box::new(SingleProcess));
        }
        tracing::info!("waiting for the other {} of {of} processes", of - 1);
        let meeting = Rendezvous {
            folder: &settings.out,
            rank: to_usize(index - 1),
            size: to_usize(of),
            fingerprint: *blake3::hash(agreement.as_bytes()).as_bytes(),
            interface: settings.interface.as_deref(),
        };
        #[cfg(feature = "mpi")]
        if let Some(world) = self.world {
            return Ok(Box::new(MpiCommunicator::join(world, &meeting, cancelled)?));
        }
        Ok(Box::new(TcpCommunicator::join(&meeting, cancelled)?))
    }
}
