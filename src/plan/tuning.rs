//! Where a run keeps what it learns about the speed of its device.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::backend::Tuning;

/// Names the cache folder; empty for none.
const FOLDER: &str = "CLUSTRATA_CACHE";

/// How the devices of this process are tuned: not at all if the user turned it off.
pub fn tuning(off: bool) -> Tuning {
    if off {
        return Tuning::Off;
    }
    folder(|name| std::env::var_os(name)).map_or(Tuning::EachRun, Tuning::Kept)
}

/// The cache folder: the one named, else the system's. `None` if there is none.
fn folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(named) = variable(FOLDER) {
        return Some(PathBuf::from(named)).filter(|folder| !folder.as_os_str().is_empty());
    }
    // a relative path would depend on where the program is started
    let path = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = if cfg!(windows) {
        path("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        path("HOME").map(|home| home.join("Library/Caches"))
    } else {
        path("XDG_CACHE_HOME").or_else(|| path("HOME").map(|home| home.join(".cache")))
    };
    caches.map(|caches| caches.join("clustrata"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Option<PathBuf> {
        folder(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_named_folder_comes_first_and_an_empty_name_means_none() {
        let home = [("HOME", "/home/x"), ("XDG_CACHE_HOME", "/caches"), ("LOCALAPPDATA", "C:\\caches")];
        let with = |name| of(&[&home[..], &[("CLUSTRATA_CACHE", name)]].concat());
        assert_eq!(with("mine"), Some("mine".into()));
        assert_eq!(with(""), None);
        assert!(of(&home).is_some() && of(&[]).is_none());
        assert_eq!(tuning(true), Tuning::Off);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn on_linux_the_base_directories_apply() {
        assert_eq!(of(&[("HOME", "/home/x"), ("XDG_CACHE_HOME", "/caches")]), Some("/caches/clustrata".into()));
        assert_eq!(of(&[("HOME", "/home/x")]), Some("/home/x/.cache/clustrata".into()));
        assert_eq!(of(&[("HOME", "/home/x"), ("XDG_CACHE_HOME", "here")]), Some("/home/x/.cache/clustrata".into()));
        assert_eq!(of(&[("HOME", "x")]), None);
    }
}
