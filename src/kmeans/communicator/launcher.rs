//! Whether an MPI launcher started this process, by the variables that launchers set.

/// The number of processes that a launcher started together with this one; 1 if none did.
pub(super) fn processes_started(variable: impl Fn(&str) -> Option<String>) -> usize {
    let number = |name: &str| variable(name)?.trim().parse::<usize>().ok();
    // mpirun of Open MPI; mpirun of MPICH and Intel MPI, and srun --mpi=pmi2
    let counted = number("OMPI_COMM_WORLD_SIZE").or_else(|| number("PMI_SIZE"));
    // srun --mpi=pmix says the rank only; Slurm says the number
    let by_slurm =
        || variable("PMIX_RANK").and_then(|_| number("SLURM_STEP_NUM_TASKS").or_else(|| number("SLURM_NTASKS")));
    counted.or_else(by_slurm).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_launcher_is_recognised_and_slurm_alone_is_none() {
        for (variables, expected) in [
            (&[("OMPI_COMM_WORLD_SIZE", "4"), ("PMIX_RANK", "1")][..], 4),
            (&[("PMI_SIZE", "8"), ("PMI_RANK", "0")], 8),
            (&[("PMIX_RANK", "0"), ("SLURM_STEP_NUM_TASKS", "3"), ("SLURM_NTASKS", "6")], 3),
            (&[("PMIX_RANK", "0"), ("SLURM_NTASKS", "6")], 6),
            (&[("PMIX_RANK", "0")], 1),
            (&[("OMPI_COMM_WORLD_SIZE", "1")], 1),
            (&[("SLURM_NTASKS", "6"), ("SLURM_PROCID", "0"), ("SLURM_MPI_TYPE", "none")], 1),
            (&[("PMI_SIZE", "many")], 1),
            (&[], 1),
        ] {
            let variable =
                |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(processes_started(variable), expected, "{variables:?}");
        }
    }
}
