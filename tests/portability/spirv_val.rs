//! The Khronos validator, `spirv-val`, on a translated kernel.

use std::path::Path;
use std::process::Command;

/// Rules that naga breaks in every shader, and why that is harmless. Nothing else is excused.
const EXCUSED: &[(&str, &str)] = &[(
    "VUID-StandaloneSpirv-None-10684",
    "newer validators refuse layout decorations on types of workgroup and function memory, which naga shares with \
     buffers (gfx-rs/wgpu issue 7696); drivers ignore them",
)];

/// Whether the program is installed.
pub(crate) fn is_installed() -> bool {
    Command::new("spirv-val").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The validator's complaint about a module; `None` if the module is valid or breaks only excused rules.
pub(crate) fn complaint(module: &[u32], target: &str, file: &Path) -> Option<String> {
    let bytes: Vec<u8> = module.iter().flat_map(|word| word.to_le_bytes()).collect();
    std::fs::write(file, bytes).expect("a file in a temporary folder");
    let output = Command::new("spirv-val").args(["--target-env", target]).arg(file).output().expect("spirv-val starts");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (!output.status.success() && !is_excused(&said)).then(|| said.into_owned())
}

/// Whether the text names rules and all of them are excused.
pub(crate) fn is_excused(said: &str) -> bool {
    let excused = |rule: &str| EXCUSED.iter().any(|(name, _)| *name == rule);
    let words = said.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let mut rules = words.filter(|word| word.starts_with("VUID-")).peekable();
    rules.peek().is_some() && rules.all(excused)
}
