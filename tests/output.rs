//! What is written: the folder survives whatever ends a run, distance files are real `.npy`, montages show what is there.

use clustrata::error::Kind;
use clustrata::output::distances::{DistanceBuffer, DistanceFile};
use clustrata::output::files::OutputFolder;
use clustrata::output::montage::{self, Accent, Montage, Options, Tile};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Every file and folder below `root` with its content, hidden ones too.
fn tree(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let content = path.is_file().then(|| fs::read(&path).unwrap());
            if content.is_none() {
                folders.push(path.clone());
            }
            found.insert(path.strip_prefix(root).unwrap().to_path_buf(), content);
        }
    }
    found
}

fn write(folder: &OutputFolder, relative: &str, content: &str) {
    fs::write(folder.staging(relative).unwrap(), content).unwrap();
}

fn finished_run(root: &Path, files: &[&str]) {
    let folder = OutputFolder::prepare(root, false).unwrap();
    files.iter().chain(&["record.json"]).for_each(|file| write(&folder, file, "first"));
    folder.commit().unwrap();
}

#[test]
fn a_commit_leaves_the_files_and_nothing_else() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("deep/metrics");
    let folder = OutputFolder::prepare(&root, false).unwrap();
    assert!(folder.warnings().is_empty(), "{:?}", folder.warnings());
    write(&folder, "record.json", "{}");
    write(&folder, "level1/inertia.npy", "x");
    assert!(!root.join("record.json").exists() && !root.join("level1").exists());
    folder.commit().unwrap();
    let names: Vec<_> = tree(&root).into_keys().collect();
    assert_eq!(names, ["level1", "level1/inertia.npy", "record.json"].map(PathBuf::from));
}

#[test]
fn a_run_that_ends_early_leaves_nothing() {
    let base = tempfile::tempdir().unwrap();
    let before = tree(base.path());
    let folder = OutputFolder::prepare(&base.path().join("a/b"), false).unwrap();
    write(&folder, "level1/clusters.csv", "half");
    assert_ne!(tree(base.path()), before, "the comparison sees nothing");
    drop(folder);
    assert_eq!(tree(base.path()), before);

    let panicked = std::panic::catch_unwind(|| {
        let folder = OutputFolder::prepare(&base.path().join("a"), false).unwrap();
        write(&folder, "record.json", "half");
        panic!("on purpose");
    });
    assert!(panicked.is_err());
    assert_eq!(tree(base.path()), before);
}

#[test]
fn a_finished_run_is_replaced_only_by_force_and_the_user_s_files_stay() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("metrics");
    let montage = "level1/montages/worst-1-cluster-7.png";
    finished_run(&root, &["levels.csv", "level2/inertia.npy", montage]);
    fs::write(root.join("notes.txt"), "mine").unwrap();
    fs::write(root.join("level1/montages/favourite.png"), "mine").unwrap();
    let before = tree(&root);

    let error = OutputFolder::prepare(&root, false).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains("--force"), "{error}");
    assert_eq!(tree(&root), before);

    let folder = OutputFolder::prepare(&root, true).unwrap();
    write(&folder, "levels.csv", "second");
    drop(folder);
    assert_eq!(tree(&root), before, "a forced run that ended early took the earlier run with it");

    let folder = OutputFolder::prepare(&root, true).unwrap();
    write(&folder, "levels.csv", "second");
    write(&folder, "record.json", "second");
    folder.commit().unwrap();
    let after = tree(&root);
    let names: Vec<_> = after.keys().filter_map(|p| p.to_str()).collect();
    let mine = "level1/montages/favourite.png";
    assert_eq!(names, ["level1", "level1/montages", mine, "levels.csv", "notes.txt", "record.json"]);
    assert_eq!(after[Path::new("levels.csv")].as_deref(), Some(&b"second"[..]));
    assert_eq!(after[Path::new(mine)].as_deref(), Some(&b"mine"[..]));
}

#[test]
fn reopening_replaces_what_is_written_again_and_keeps_the_rest() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("metrics");
    assert_eq!(OutputFolder::reopen(&root).unwrap_err().kind(), Kind::Usage);
    finished_run(&root, &["report.html", "level1/distances.npy"]);
    let folder = OutputFolder::reopen(&root).unwrap();
    write(&folder, "report.html", "second");
    folder.commit().unwrap();
    assert_eq!(fs::read_to_string(root.join("report.html")).unwrap(), "second");
    for file in ["level1/distances.npy", "record.json"] {
        assert_eq!(fs::read_to_string(root.join(file)).unwrap(), "first", "{file}");
    }
}

#[test]
fn a_failing_commit_takes_everything_back() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("metrics");
    finished_run(&root, &["config.yaml", "levels.csv"]);
    // A folder in the place of a file: the last move but one fails.
    fs::create_dir_all(root.join("report.html/in-the-way")).unwrap();
    let before = tree(&root);
    let folder = OutputFolder::prepare(&root, true).unwrap();
    for file in ["config.yaml", "levels.csv", "level1/inertia.npy", "report.html", "record.json"] {
        write(&folder, file, "second");
    }
    let error = folder.commit().unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.to_string().contains("report.html"), "{error}");
    assert_eq!(tree(&root), before);
}

#[test]
fn files_of_unknown_origin_and_clusterings_are_not_written_over() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path();
    fs::write(root.join("config.yaml"), "n_levels: 2").unwrap();
    let error = OutputFolder::prepare(root, false).unwrap_err();
    assert!(error.to_string().contains("config.yaml"), "{error}");
    fs::create_dir(root.join("level1")).unwrap();
    fs::write(root.join("level1/centroids.npy"), "x").unwrap();
    let before = tree(root);
    let error = OutputFolder::prepare(root, true).unwrap_err();
    assert!(error.to_string().contains("a clustering itself"), "{error}");
    assert_eq!(tree(root), before);
    // Inside a clustering is the usual place.
    drop(OutputFolder::prepare(&root.join("metrics"), false).unwrap());
    assert_eq!(tree(root), before);
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("file");
    fs::write(&file, "mine").unwrap();
    for path in [file.clone(), file.join("below/it")] {
        assert_eq!(OutputFolder::prepare(&path, true).unwrap_err().kind(), Kind::Usage, "{}", path.display());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn a_second_handle_finds_the_folder_locked() {
    let base = tempfile::tempdir().unwrap();
    let first = OutputFolder::prepare(base.path(), false).unwrap();
    write(&first, "levels.csv", "first");
    let error = OutputFolder::prepare(base.path(), true).unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.to_string().contains("another run"), "{error}");
    first.commit().unwrap();
    assert!(OutputFolder::prepare(base.path(), true).is_ok());
}

/// Many runs that come and go: at no moment do two of them hold the folder.
#[test]
fn the_lock_is_exclusive_while_folders_come_and_go() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("metrics");
    let holders = std::sync::atomic::AtomicU32::new(0);
    let order = std::sync::atomic::Ordering::SeqCst;
    let taken: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut taken = 0;
                    for _ in 0..200 {
                        if let Ok(folder) = OutputFolder::prepare(&root, false) {
                            assert_eq!(holders.fetch_add(1, order), 0, "two runs hold the folder");
                            std::thread::yield_now();
                            holders.fetch_sub(1, order);
                            taken += 1;
                            drop(folder);
                        }
                    }
                    taken
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(taken > 0);
    assert!(!root.exists());
}

const HOLD: &str = "CLUSTRATA_TEST_HOLD";

/// No test of its own: what the next one runs as another process and kills.
#[test]
fn hold_the_folder_until_killed() {
    let Some(root) = std::env::var_os(HOLD) else { return };
    let folder = OutputFolder::prepare(Path::new(&root), false).unwrap();
    write(&folder, "level1/distances.npy", "half");
    eprintln!("holding");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_killed_process_frees_the_folder_and_the_next_run_cleans_up() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("metrics");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hold_the_folder_until_killed", "--nocapture"])
        .env(HOLD, &root)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let is_held = lines.map_while(Result::ok).any(|line| line.contains("holding"));
    let while_held = OutputFolder::prepare(&root, true).map(drop);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_held);
    assert_eq!(while_held.unwrap_err().kind(), Kind::Failed);
    assert!(!tree(&root).is_empty(), "the killed process left nothing to clean up");
    drop(OutputFolder::prepare(&root, false).unwrap());
    assert!(tree(&root).is_empty(), "{:?}", tree(&root).keys());
}

#[test]
fn room_is_compared_with_what_is_available() {
    let base = tempfile::tempdir().unwrap();
    let folder = OutputFolder::prepare(base.path(), false).unwrap();
    folder.ensure_room(1).unwrap();
    let error = folder.ensure_room(u64::MAX).unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.to_string().contains(&u64::MAX.to_string()), "{error}");
}

/// A folder on a file system of 256 kB; unmounted on drop.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|output| output.status.success()).then(|| SmallDisk(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[test]
fn a_full_disk_is_an_error_at_the_start() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: a full disk needs the right to mount a tmpfs");
        return;
    };
    let folder = OutputFolder::prepare(disk.0.path(), false).unwrap();
    assert!(folder.ensure_room(1_000_000).is_err());
    let path = folder.staging("level1/distances_all.npy").unwrap();
    let error = DistanceBuffer::create(&path, 1000, Some(1000)).unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    let text = error.to_string();
    assert!(text.contains("not enough room") && text.contains("4000128 bytes"), "{text}");
    assert!(!path.exists());
    // What fits is written, to the last page.
    let mut buffer = DistanceBuffer::create(&path, 100, Some(100)).unwrap();
    buffer.tiles(7).for_each(|tile| tile.fill(1.0));
    buffer.finish().unwrap();
}

/// The shape of a `.npy` as its own bytes tell it, and where the data start; shares no code with the writer.
fn npy_header(bytes: &[u8]) -> (String, usize) {
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    assert!(header.ends_with('\n'));
    (header.trim_end().to_string(), 10 + length)
}

#[test]
fn distance_files_are_real_npy() {
    let base = tempfile::tempdir().unwrap();
    for (columns, shape) in [(None, "(5,)"), (Some(1), "(5, 1)"), (Some(3), "(5, 3)")] {
        let path = base.path().join(format!("{columns:?}.npy"));
        let mut buffer = DistanceBuffer::create(&path, 5, columns).unwrap();
        let mut next = 0.0;
        for value in buffer.tiles(2).flatten() {
            *value = next;
            next += 1.0;
        }
        buffer.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        let (header, start) = npy_header(&bytes);
        assert_eq!(header, format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"));
        assert_eq!(start % 64, 0);
        let values: Vec<f32> = bytes[start..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        let count = u8::try_from(5 * columns.unwrap_or(1)).unwrap();
        assert_eq!(values, (0..count).map(f32::from).collect::<Vec<_>>());
        assert_eq!(DistanceFile::open(&path).is_ok(), columns.is_none());
    }
}

/// Deletes the disk space from under nobody: the blocks are there before the first write.
#[cfg(unix)]
#[test]
fn the_space_is_allocated_before_it_is_mapped() {
    use std::os::unix::fs::MetadataExt as _;
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("d.npy");
    let _buffer = DistanceBuffer::create(&path, 1 << 20, None).unwrap();
    assert!(fs::metadata(&path).unwrap().blocks() * 512 >= 4 << 20);
    let sparse = fs::File::create(base.path().join("sparse")).unwrap();
    sparse.set_len(4 << 20).unwrap();
    assert!(sparse.metadata().unwrap().blocks() * 512 < 4 << 20, "the comparison can't fail here");
}

// ---- montages ----

const RED: image::Rgb<u8> = image::Rgb([220, 20, 20]);

fn solid(folder: &Path, name: &str, width: u32, height: u32) -> PathBuf {
    let path = folder.join(name);
    image::RgbImage::from_pixel(width, height, RED).save(&path).unwrap();
    path
}

fn montage_of(images: &[PathBuf]) -> Montage {
    Montage {
        title: "Level 1 · cluster 42 · best 1 of 5".to_string(),
        subtitle: "128 points".to_string(),
        accent: Accent::Neutral,
        tiles: images.iter().map(|image| Tile { image: image.clone(), caption: None }).collect(),
    }
}

/// Width and height of what is red in the picture.
fn red_extent(image: &image::RgbImage) -> (u32, u32) {
    let red = |p: &image::Rgb<u8>| p.0.iter().zip(RED.0).all(|(a, b)| a.abs_diff(b) < 12);
    let places: Vec<_> = image.enumerate_pixels().filter(|(_, _, p)| red(p)).map(|(x, y, _)| (x, y)).collect();
    let extent = |values: Vec<u32>| values.iter().max().zip(values.iter().min()).map_or(0, |(max, min)| max - min + 1);
    (extent(places.iter().map(|p| p.0).collect()), extent(places.iter().map(|p| p.1).collect()))
}

#[test]
fn aspect_ratios_are_kept() {
    let base = tempfile::tempdir().unwrap();
    // Large ones are reduced, mid-sized ones grow to the tile, tiny ones by a whole factor.
    let shapes = [
        ((800, 400), (160, 80)),
        ((400, 800), (80, 160)),
        ((100, 75), (160, 120)),
        ((8, 8), (160, 160)),
        ((28, 14), (140, 70)),
        ((48, 48), (144, 144)),
        ((4000, 3), (160, 1)),
    ];
    for ((width, height), expected) in shapes {
        let image = solid(base.path(), &format!("{width}x{height}.png"), width, height);
        let rendered = montage::render(&montage_of(&[image]), &Options::default()).unwrap();
        assert_eq!(red_extent(&rendered.image), expected, "{width} x {height}");
    }
    let nothing = montage::render(&montage_of(&[]), &Options::default()).unwrap();
    assert_eq!(red_extent(&nothing.image), (0, 0));
}

/// A JPEG with EXIF orientation 6 (turn right by 90 degrees), put together from a plain one.
fn turned_jpeg(folder: &Path) -> PathBuf {
    let mut plain = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(320, 160, RED).write_to(&mut plain, image::ImageFormat::Jpeg).unwrap();
    let plain = plain.into_inner();
    let tiff = [b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".as_slice()].concat();
    let length = u16::try_from(tiff.len() + 2).unwrap().to_be_bytes();
    let bytes = [&plain[..2], &[0xff, 0xe1], &length, &tiff, &plain[2..]].concat();
    let path = folder.join("turned.jpg");
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn orientation_alpha_and_depth_are_honoured() {
    let base = tempfile::tempdir().unwrap();
    let turned = montage::render(&montage_of(&[turned_jpeg(base.path())]), &Options::default()).unwrap();
    assert_eq!(red_extent(&turned.image), (80, 160));

    // The left half is transparent and its hidden colour must not show.
    let path = base.path().join("alpha.png");
    let half = |x, _| image::Rgba([RED.0[0], RED.0[1], RED.0[2], if x < 100 { 0 } else { 255 }]);
    image::RgbaImage::from_fn(200, 200, half).save(&path).unwrap();
    let (width, height) = red_extent(&montage::render(&montage_of(&[path]), &Options::default()).unwrap().image);
    assert!((79..=81).contains(&width) && height == 160, "{width} x {height}");

    let path = base.path().join("deep.png");
    let deep = RED.0.map(|channel| u16::from(channel) * 257);
    image::ImageBuffer::<image::Rgb<u16>, _>::from_pixel(300, 300, image::Rgb(deep)).save(&path).unwrap();
    assert_eq!(red_extent(&montage::render(&montage_of(&[path]), &Options::default()).unwrap().image), (160, 160));
}

/// A PNG whose header claims 60,000 x 60,000 pixels, with a right checksum.
fn bomb(folder: &Path) -> PathBuf {
    let mut header = b"IHDR".to_vec();
    header.extend(60_000u32.to_be_bytes());
    header.extend(60_000u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let crc = header.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    });
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend(header);
    bytes.extend((!crc).to_be_bytes());
    bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
    let path = folder.join("bomb.png");
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn missing_and_broken_images_are_marked_and_counted() {
    let base = tempfile::tempdir().unwrap();
    let at = |name: &str| base.path().join(name);
    let good = solid(base.path(), "good.png", 200, 200);
    fs::write(at("text.jpg"), "no image").unwrap();
    fs::write(at("empty.png"), "").unwrap();
    let whole = fs::read(&good).unwrap();
    fs::write(at("cut.png"), &whole[..whole.len() / 2]).unwrap();
    fs::create_dir(at("folder.png")).unwrap();
    let bomb = bomb(base.path());
    let broken = [at("text.jpg"), at("empty.png"), at("cut.png"), at("folder.png"), bomb];
    let missing = [at("not-there.png"), at("日本語.png"), PathBuf::new()];
    let images = [&[good.clone()], &broken[..], &missing[..]].concat();

    let rendered = montage::render(&montage_of(&images), &Options::default()).unwrap();
    assert_eq!(rendered.missing, missing);
    let found: Vec<_> = rendered.broken.iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(found, broken);
    assert!(rendered.broken[4].1.contains("60000 x 60000"), "{:?}", rendered.broken[4]);
    assert_eq!(red_extent(&rendered.image), (160, 160));
    let fine = montage::render(&montage_of(&[good]), &Options::default()).unwrap();
    assert!(fine.missing.is_empty() && fine.broken.is_empty());
}

#[test]
fn montages_are_written_the_same_every_time() {
    let base = tempfile::tempdir().unwrap();
    let images: Vec<_> = (1..12).map(|i| solid(base.path(), &format!("{i}.png"), 30 * i, 500)).collect();
    let jobs: Vec<_> =
        (0..6).map(|i| (base.path().join(format!("montage-{i}.png")), montage_of(&images[..=i]))).collect();
    let written = || {
        let summary = montage::write_all(&jobs, &Options::default(), |_| Ok(())).unwrap();
        assert_eq!((summary.written, summary.missing.len(), summary.broken.len()), (6, 0, 0));
        jobs.iter().map(|(path, _)| fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    let first = written();
    assert_eq!(first, written());
    assert_ne!(first[0], first[1]);
    // A budget below every image's need changes the order of the work, not the result.
    let strict = Options { decode_bytes: 1, ..Options::default() };
    montage::write_all(&jobs, &strict, |_| Ok(())).unwrap();
    assert_eq!(first[5], fs::read(&jobs[5].0).unwrap());
}

#[test]
fn an_interruption_ends_the_writing() {
    let base = tempfile::tempdir().unwrap();
    let jobs: Vec<_> = (0..50).map(|i| (base.path().join(format!("{i}.png")), montage_of(&[]))).collect();
    let stop = |_: &Path| Err(clustrata::error::Error::interrupted());
    assert_eq!(montage::write_all(&jobs, &Options::default(), stop).unwrap_err().kind(), Kind::Interrupted);
    let written = fs::read_dir(base.path()).unwrap().count();
    assert!((1..50).contains(&written), "{written}");
    let nowhere = [(base.path().join("no/such/folder.png"), montage_of(&[]))];
    assert_eq!(montage::write_all(&nowhere, &Options::default(), |_| Ok(())).unwrap_err().kind(), Kind::Failed);
}

/// The digits and photos that the project is tested with.
#[test]
fn real_images_are_shown() {
    let shared = std::env::var_os("CLUSTRATA_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        |shared| PathBuf::from(shared).join("data"),
    );
    for (set, extension) in [("digits", "png"), ("photos", "jpg")] {
        let folder = shared.join(set).join("images");
        if !folder.is_dir() {
            eprintln!("skipped: {} is absent (set CLUSTRATA_SHARED)", folder.display());
            continue;
        }
        let images: Vec<_> = (0..20).map(|i| folder.join(format!("{:05}.{extension}", i * 50))).collect();
        let rendered = montage::render(&montage_of(&images), &Options::default()).unwrap();
        assert!(rendered.missing.is_empty() && rendered.broken.is_empty(), "{rendered:?}");
        let blank = montage::render(&montage_of(&[]), &Options::default()).unwrap();
        assert!(rendered.image.dimensions() > blank.image.dimensions());
    }
}
