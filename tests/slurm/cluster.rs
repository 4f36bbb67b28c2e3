//! A real Slurm for one test, taken down with it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::Duration;

/// A cluster of three nodes with a folder that all of them see.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Brings one up; none where Slurm is not installed, which is said.
    pub(crate) fn up() -> Option<Cluster> {
        Cluster::with(&[])
    }

    /// The same, with settings of `cluster.sh`.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Option<Cluster> {
        if !is_installed() {
            println!("skipped: Slurm is not installed (on Debian: slurm-wlm)");
            return None;
        }
        let cluster = Cluster { folder: tempfile::tempdir().expect("a temporary folder") };
        let (port, owner) = (free_ports(4).to_string(), std::process::id().to_string());
        let mut up = script();
        up.arg("up").arg(cluster.slurm()).args([port, owner]).envs(settings.iter().copied());
        let output = up.output().expect("bash");
        assert!(output.status.success(), "{}", text(&output));
        Some(cluster)
    }

    fn slurm(&self) -> PathBuf {
        self.folder.path().join("cluster")
    }

    /// A folder that all nodes see.
    pub(crate) fn shared(&self) -> &Path {
        self.folder.path()
    }

    /// A node's own disk.
    pub(crate) fn scratch(&self, node: &str) -> PathBuf {
        self.slurm().join("scratch").join(node)
    }

    /// A command that talks to this cluster.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.slurm().join("etc/slurm.conf"));
        command
    }

    /// What a command prints; it must succeed.
    pub(crate) fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).output().expect(program);
        assert!(output.status.success(), "{program} {arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// `clustrata`, which must succeed; what it prints.
    pub(crate) fn clustrata(&self, arguments: &[&str]) -> String {
        let output = self.try_clustrata(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// What `clustrata status` prints; it must end with this exit code.
    pub(crate) fn status(&self, arguments: &[&str], code: i32) -> String {
        let output = self.try_clustrata(&[&["status"], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// The mails that Slurm sent: the subject of each.
    pub(crate) fn mails(&self) -> Vec<String> {
        let text = fs::read_to_string(self.slurm().join("log/mails")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// `clustrata`, however it ends.
    pub(crate) fn try_clustrata(&self, arguments: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_clustrata")).args(arguments).output().expect("the program starts")
    }

    /// Writes a spec and gives its path.
    pub(crate) fn spec(&self, name: &str, text: &str) -> String {
        let path = self.shared().join(name);
        fs::write(&path, text).expect("writes");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// Writes a program of bash lines and gives its path.
    pub(crate) fn program(&self, name: &str, lines: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.shared().join(name);
        fs::write(&path, format!("#!/bin/bash\n{lines}\n")).expect("writes");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        path
    }

    /// Waits until no job waits or runs.
    pub(crate) fn wait_for_all_jobs(&self) {
        while !self.ask("squeue", &["-h", "-t", "PD,R,CG,S,CF"]).trim().is_empty() {
            sleep(Duration::from_millis(100));
        }
    }

    /// The jobs that Slurm remembers, as `12_3 COMPLETED`.
    pub(crate) fn jobs(&self) -> Vec<String> {
        let list = self.ask("squeue", &["-h", "-r", "-t", "all", "-o", "%i %T"]);
        let mut jobs: Vec<String> = list.lines().map(|line| line.trim().to_owned()).collect();
        jobs.sort();
        jobs
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let down = script().arg("down").arg(self.slurm()).output();
        if let Some(output) = down.ok().filter(|output| !output.status.success()) {
            println!("the cluster did not go down: {}", text(&output));
        }
    }
}

/// Waits until something is so.
pub(crate) fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        sleep(Duration::from_millis(50));
    }
}

/// Both outputs of a command.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn is_installed() -> bool {
    // the daemons may lie where only root looks
    let look = "PATH=$PATH:/usr/sbin; for name in slurmctld slurmd sbatch squeue; do command -v $name || exit; done";
    Command::new("bash").args(["-c", look]).output().is_ok_and(|output| output.status.success())
}

fn script() -> Command {
    let mut bash = Command::new("bash");
    bash.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slurm/cluster.sh"));
    bash
}

/// The first of `count` ports in a row that nobody listens on.
fn free_ports(count: u16) -> u16 {
    loop {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let first = listener.local_addr().expect("an address").port();
        let Some(last) = first.checked_add(count - 1) else { continue };
        if (first + 1..=last).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return first;
        }
    }
}
