//! A job that was given a GPU does not compute on the CPU in silence.

use std::process::{Command, Output};

use crate::cluster::text;

/// The program where no driver of a GPU is to be found.
fn without_drivers(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clustrata"));
    for name in ["CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS"] {
        command.env_remove(name);
    }
    // two names of the same, for old and new loaders
    command.env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent");
    command.envs(variables.iter().copied()).args(arguments).output().expect("the program starts")
}

#[test]
fn auto_warns_and_gpu_fails_where_the_given_gpu_is_not_there() {
    if cfg!(target_os = "macos") {
        // Metal needs no driver that could be hidden
        return;
    }
    for (name, value) in [("CUDA_VISIBLE_DEVICES", "0"), ("ROCR_VISIBLE_DEVICES", "1"), ("SLURM_JOB_GPUS", "2,3")] {
        let given = format!("was given a GPU ({name}={value})");
        let output = without_drivers(&["devices"], &[(name, value)]);
        assert!(output.status.success() && text(&output).contains(&given), "{}", text(&output));
        let output = without_drivers(&["check", "--device", "gpu"], &[(name, value)]);
        assert_eq!(output.status.code(), Some(4), "{}", text(&output));
        assert!(text(&output).contains(&format!("{name}={value}")), "{}", text(&output));
    }
    for nothing in [&[][..], &[("CUDA_VISIBLE_DEVICES", "NoDevFiles")]] {
        let output = without_drivers(&["devices"], nothing);
        assert!(output.status.success() && !text(&output).contains("was given"), "{}", text(&output));
    }
}
