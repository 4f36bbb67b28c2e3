//! Full and read-only disks: small file systems in memory, which only root can mount.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::fixtures::{Place, refused, same_tree, text, tree};

/// A file system in memory; unmounted when it goes out of scope.
struct Mount(PathBuf);

impl Mount {
    /// Mounts one of `size` on `at`; says why not where that is not possible.
    fn new(at: PathBuf, size: &str) -> Option<Mount> {
        fs::create_dir_all(&at).expect("makes a folder");
        let options = format!("size={size},mode=755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&at).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Mount(at)),
            Ok(output) => {
                println!("skipped: no file system in memory can be mounted: {}", text(&output.stderr).trim());
                None
            }
            Err(error) => {
                println!("skipped: no mount command: {error}");
                None
            }
        }
    }

    /// From here on nothing can be written.
    fn freeze(&self) {
        let frozen = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.0).status();
        assert!(frozen.is_ok_and(|status| status.success()), "can't be made read-only");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // lazily: a process that is just ending may still hold it
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Runs into a disk of `size` and expects a refusal that names the room; nothing may stay on the disk.
fn into_small_disk(size: &str, more: &[&str]) {
    let mut place = Place::new();
    let Some(disk) = Mount::new(place.at("disk"), size) else { return };
    place.out = disk.0.join("out");
    place.refused(
        more,
        1,
        &["not enough room", "disk/out", "expected:", "available", "found:", "another disk with --out"],
    );
}

#[test]
fn a_full_disk_is_an_error_before_anything_is_computed() {
    into_small_disk("1m", &[]);
}

#[test]
fn a_small_scratch_disk_is_not_written_to() {
    let mut draw = crate::common::Draw(3);
    let members = (0..6).map(|cluster| (0..600).filter(|row| row % 6 == cluster).collect()).collect();
    let centroids = (0..6).map(|_| vec![draw.value(), draw.value()]).collect();
    let place = Place::of(&crate::common::Clustering {
        points: (0..600).map(|_| vec![draw.value(), draw.value()]).collect(),
        dtype: crate::common::Dtype::F8,
        levels: vec![(members, centroids)],
        subset: None,
    });
    let Some(disk) = Mount::new(place.at("node"), "4k") else { return };
    let node = disk.0.display().to_string();
    // every row is read twice
    let more = ["--metrics", "all", "--yes", "--scratch", &node];
    let output = place.command(&more).output().expect("starts");
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("has no room for a copy"), "{said}");
    assert!(crate::common::files_below(&disk.0).is_empty());
    let record = crate::common::record(&place.out);
    let scratch = &record["provenance"]["legs"][0]["scratch"];
    assert_eq!((&scratch["copied_bytes"], &scratch["bytes"]), (&0.into(), &0.into()), "{scratch}");
    assert!(scratch["source"].as_str().is_some_and(|why| why.contains("4.0 kB")), "{scratch}");
    assert!(record["warnings"].to_string().contains("has no room for a copy"));
}

#[test]
fn a_full_disk_is_an_error_before_distances_are_written() {
    into_small_disk("1m", &["--distances", "own"]);
    into_small_disk("1m", &["--distances", "all"]);
}

#[test]
fn distances_that_do_not_fit_are_refused_where_the_tables_would() {
    let (rows, clusters) = (100_000u64, 200u64);
    let members = (0..clusters).map(|c| (0..rows).filter(|row| row % clusters == c).collect()).collect();
    let made = crate::common::Clustering {
        points: vec![vec![0.25]; usize::try_from(rows).expect("small")],
        dtype: crate::common::Dtype::F4,
        levels: vec![(members, vec![vec![0.5]; 200])],
        subset: None,
    };
    let mut place = Place::of(&made);
    let Some(disk) = Mount::new(place.at("disk"), "40m") else { return };
    place.out = disk.0.join("out");
    place.refused(&["--distances", "all"], 1, &["not enough room", "97.1 MB", "leave out --distances"]);
    place.judged(&["--distances", "own", "--metrics", "fast"]);
}

#[test]
fn a_disk_without_a_single_free_block_leaves_nothing_behind() {
    let mut place = Place::new();
    let Some(disk) = Mount::new(place.at("disk"), "64k") else { return };
    let _ = fs::write(disk.0.join("fill"), vec![1; 1 << 17]);
    place.out = disk.0.join("out");
    place.refused(&["--distances", "own"], 1, &["disk/out", "found:", "try:"]);
}

#[test]
fn a_read_only_clustering_asks_for_another_folder() {
    let place = Place::new();
    let at = place.at("disk");
    let Some(disk) = Mount::new(at.clone(), "1m") else { return };
    let copied = Command::new("cp").arg("-r").arg(&place.hier).arg(&at).status();
    assert!(copied.is_ok_and(|status| status.success()));
    disk.freeze();
    let mut command = crate::common::program();
    command.arg("metrics").arg(at.join("hier")).arg("--embeddings").arg(&place.embeddings);
    let parts = ["the output folder can't be created", "hier/metrics", "Read-only", "--out"];
    refused(&mut command, place.folder.path(), 1, &parts);
    let before = tree(&at);
    crate::fixtures::succeeded(command.arg("--out").arg(&place.out));
    same_tree(&before, &tree(&at));
}

#[test]
fn an_existing_folder_on_a_read_only_disk_is_told() {
    let mut place = Place::new();
    let Some(disk) = Mount::new(place.at("disk"), "1m") else { return };
    place.out = disk.0.join("out");
    fs::create_dir(&place.out).expect("makes a folder");
    disk.freeze();
    place.refused(&[], 1, &["the output folder can't be written", "disk/out", "Read-only", "--out"]);
}
