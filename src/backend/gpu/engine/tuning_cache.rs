//! What earlier runs learned about the speed of a device: a small JSON file in the user's cache folder.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::options::KernelShape;
use super::tuning::ShapeClass;
use super::units::{OCTET, wide};
use crate::backend::DeviceInfo;
use crate::formats::atomic_file::AtomicFile;

const FILE: &str = "tuning.json";
const FORMAT: u32 = 1;

/// Most entries of the file: the oldest are dropped.
const MOST: usize = 500;

/// The file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Content {
    format: u32,
    entries: Vec<Entry>,
}

/// The fastest shape of one shape class on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    adapter: String,
    driver: String,
    version: String,
    columns: u64,
    clusters: u64,
    dtype: String,
    shape: String,
    /// Operations per second.
    rate: f64,
}

impl Entry {
    fn is_about(&self, other: &Entry) -> bool {
        let key = |entry: &Entry| (entry.columns, entry.clusters, entry.dtype.clone());
        self.is_of_the_device_of(other) && key(self) == key(other)
    }

    fn is_of_the_device_of(&self, other: &Entry) -> bool {
        (&self.adapter, &self.driver, &self.version) == (&other.adapter, &other.driver, &other.version)
    }
}

/// The entries of one device under this version of the program.
#[derive(Debug)]
pub(crate) struct TuningCache {
    file: PathBuf,
    /// An entry of this device without a class.
    device: Entry,
    known: Vec<Entry>,
}

impl TuningCache {
    /// Reads the file in `folder`. A missing or unreadable folder is as good as an empty one; a file that another program wrote,
    /// or that is damaged, is left alone with a warning.
    pub(crate) fn open(folder: &Path, info: &DeviceInfo) -> TuningCache {
        let device = Entry {
            adapter: info.name.clone(),
            driver: format!("{} {}", info.api, info.driver),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            columns: 0,
            clusters: 0,
            dtype: String::new(),
            shape: String::new(),
            rate: 0.0,
        };
        let file = folder.join(FILE);
        let content = read(&file).unwrap_or_else(|damage| {
            tracing::warn!(
                "{}: not a list of measured speeds ({damage}); it is ignored, remove it to have it written anew",
                file.display()
            );
            Content::default()
        });
        let of_device =
            |entry: &Entry| entry.is_of_the_device_of(&device) && entry.rate.is_normal() && entry.rate > 0.0;
        let known = content.entries.into_iter().filter(of_device).collect();
        TuningCache { file, device, known }
    }

    /// The name of a class's shape, and its operations per second.
    pub(crate) fn get(&self, class: ShapeClass) -> Option<(&str, f64)> {
        let wanted = self.entry(class, KernelShape::Auto, 0.0);
        let found = self.known.iter().rfind(|entry| entry.is_about(&wanted))?;
        Some((&found.shape, found.rate))
    }

    /// Operations per second of the class that runs fastest: work that takes long fills the device.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.known.iter().map(|entry| entry.rate).max_by(f64::total_cmp)
    }

    /// Adds the choice for a class to the file. Where it can't be written, later runs measure again.
    pub(crate) fn put(&self, class: ShapeClass, shape: KernelShape, rate: f64) {
        let entry = self.entry(class, shape, rate);
        if let Err(reason) = add(&self.file, entry) {
            tracing::debug!("{}: not written: {reason}", self.file.display());
        }
    }

    fn entry(&self, class: ShapeClass, shape: KernelShape, rate: f64) -> Entry {
        Entry {
            columns: u64::from(class.octets) * wide(OCTET),
            clusters: class.clusters,
            dtype: class.dtype.descr().to_owned(),
            shape: shape.name().to_owned(),
            rate,
            ..self.device.clone()
        }
    }
}

/// The content of the file; empty where there is none that can be read. Fails if it is no such file.
fn read(file: &Path) -> Result<Content, String> {
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Content::default()),
        Err(e) => {
            tracing::debug!("{}: not read: {e}", file.display());
            return Ok(Content::default());
        }
    };
    match serde_json::from_slice::<Content>(&text) {
        Ok(content) if content.format == FORMAT => Ok(content),
        Ok(content) => Err(format!("format {} instead of {FORMAT}", content.format)),
        Err(e) => Err(e.to_string()),
    }
}

fn add(file: &Path, entry: Entry) -> Result<(), String> {
    // others may have added entries since
    let mut content = read(file)?;
    content.format = FORMAT;
    content.entries.retain(|other| !other.is_about(&entry));
    content.entries.push(entry);
    content.entries.drain(..content.entries.len().saturating_sub(MOST));
    let text = serde_json::to_vec_pretty(&content).map_err(|e| e.to_string())?;
    let write = || {
        file.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        let mut written = AtomicFile::create(file)?;
        written.write_all(&text)?;
        written.commit_unsynced()
    };
    write().map_err(|e: std::io::Error| e.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::matrix::Dtype;

    const CLASS: ShapeClass = ShapeClass { octets: 96, clusters: 1024, dtype: Dtype::F32 };

    fn info(driver: &str) -> DeviceInfo {
        DeviceInfo {
            backend: "gpu",
            name: "a card".into(),
            kind: "discrete",
            api: "Vulkan".into(),
            driver: driver.into(),
            limits: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn a_choice_is_found_again_by_the_same_device_and_class_alone() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("deep/cache");
        let open = |driver| TuningCache::open(&folder, &info(driver));
        assert_eq!((open("1").get(CLASS), open("1").rate()), (None, None));
        open("1").put(CLASS, KernelShape::WorkgroupTile, 1e12);
        let wider = ShapeClass { octets: 97, ..CLASS };
        open("1").put(wider, KernelShape::RegisterTile, 3e12);
        open("1").put(CLASS, KernelShape::SmallRegisterTile, 2.5e12);
        let found = open("1");
        assert_eq!(found.get(CLASS), Some(("small-register-tile", 2.5e12)));
        assert_eq!((found.get(wider), found.rate()), (Some(("register-tile", 3e12)), Some(3e12)));
        for other in [
            ShapeClass { clusters: 2048, ..CLASS },
            ShapeClass { dtype: Dtype::F16, ..CLASS },
            ShapeClass { octets: 95, ..CLASS },
        ] {
            assert_eq!(found.get(other), None);
        }
        assert_eq!((open("2").get(CLASS), open("2").rate()), (None, None), "another driver");
        let text = fs::read_to_string(folder.join(FILE)).unwrap();
        fs::write(folder.join(FILE), text.replace(env!("CARGO_PKG_VERSION"), "0.0.0")).unwrap();
        assert_eq!(open("1").get(CLASS), None, "another version of the program");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left in the folder");
    }

    #[test]
    fn a_damaged_or_foreign_file_is_ignored_and_kept() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join(FILE);
        let foreign = r#"{"format": 2, "entries": []}"#;
        let rates = r#"{"format": 1, "entries": [{"rate": 1e999}]}"#;
        for text in ["", "{", "not JSON", "[1, 2]", r#"{"name": "mine"}"#, foreign, rates, "\0\u{1f}"] {
            fs::write(&file, text).unwrap();
            let cache = TuningCache::open(base.path(), &info("1"));
            assert_eq!((cache.get(CLASS), cache.rate()), (None, None), "{text}");
            cache.put(CLASS, KernelShape::RegisterTile, 1e12);
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
    }

    #[test]
    fn a_rate_that_is_none_is_ignored() {
        let base = tempfile::tempdir().unwrap();
        for rate in ["0.0", "-1.0", "1e-320"] {
            let cache = TuningCache::open(base.path(), &info("1"));
            cache.put(CLASS, KernelShape::RegisterTile, 1e12);
            let file = base.path().join(FILE);
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.contains("1000000000000.0"), "{text}");
            fs::write(&file, text.replace("1000000000000.0", rate)).unwrap();
            assert_eq!(TuningCache::open(base.path(), &info("1")).rate(), None, "{rate}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_no_error() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("a file");
        fs::write(&file, "mine").unwrap();
        for folder in [file.join("below"), file.clone(), PathBuf::from("/proc/nowhere")] {
            let cache = TuningCache::open(&folder, &info("1"));
            cache.put(CLASS, KernelShape::RegisterTile, 1e12);
            assert_eq!(TuningCache::open(&folder, &info("1")).rate(), None);
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }

    #[test]
    fn the_file_stays_small() {
        let base = tempfile::tempdir().unwrap();
        let cache = TuningCache::open(base.path(), &info("1"));
        let entries = (0..600_u32).map(|octets| cache.entry(ShapeClass { octets, ..CLASS }, KernelShape::Auto, 1.0));
        let content = Content { format: FORMAT, entries: entries.collect() };
        fs::write(base.path().join(FILE), serde_json::to_vec(&content).unwrap()).unwrap();
        cache.put(CLASS, KernelShape::RegisterTile, 1e12);
        let after = read(&base.path().join(FILE)).unwrap().entries;
        assert_eq!((after.len(), after.last().map(|entry| entry.rate)), (MOST, Some(1e12)));
    }
}
