//! Runs whose reports the tests open.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use image::{Rgb, RgbImage};
use tempfile::TempDir;

pub(crate) use crate::common::hostile::HOSTILE;
use crate::common::{Clustering, Draw, Dtype, files_below, program, scratch};

/// Start of the name of the folder of `demo`.
const DEMO: &str = "report-demo-";

/// A finished run.
pub(crate) struct Run {
    pub(crate) folder: TempDir,
    pub(crate) out: PathBuf,
}

impl Run {
    pub(crate) fn page(&self) -> PathBuf {
        self.out.join("report.html")
    }

    /// The page's text.
    pub(crate) fn html(&self) -> String {
        fs::read_to_string(self.page()).expect("a report")
    }
}

/// `demo`: three levels of digits with images. Made once; every test has files of its own.
pub(crate) fn digits() -> Run {
    let folder = scratch();
    let (made, out) = (demo(), folder.path().join("metrics"));
    for file in files_below(&made.join("metrics")) {
        let copy = out.join(&file);
        fs::create_dir_all(copy.parent().expect("a folder")).expect("makes a folder");
        fs::copy(made.join("metrics").join(&file), copy).expect("copies");
    }
    // links of the page are relative to its folder
    #[cfg(unix)]
    std::os::unix::fs::symlink(made.join("input"), folder.path().join("input")).expect("links");
    Run { out, folder }
}

/// The folder that `demo` wrote to.
fn demo() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // a test binary has no end at which to remove it, so it lies where Cargo keeps what tests leave
        let tests = Path::new(env!("CARGO_TARGET_TMPDIR"));
        remove_old(tests);
        let folder = tests.join(format!("{DEMO}{}", std::process::id()));
        let output = program().args(["demo", "--device", "cpu", "--out"]).arg(&folder).output().expect("starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        folder
    })
}

/// Removes what earlier test runs left; one that is still running is younger.
fn remove_old(tests: &Path) {
    let old = |entry: &fs::DirEntry| {
        let age = entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|at| at.elapsed().ok());
        entry.file_name().to_string_lossy().starts_with(DEMO) && age.is_some_and(|age| age > Duration::from_secs(7200))
    };
    for entry in fs::read_dir(tests).into_iter().flatten().flatten().filter(old) {
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// A clustering of `counts` clusters on its levels, the lowest first; `each` points in a cluster.
pub(crate) fn synthetic(counts: &[usize], each: usize, dim: usize) -> Clustering {
    let mut draw = Draw(counts.len() as u64);
    let mut vector = |about: &[f64], scale: f64| -> Vec<f64> {
        about.iter().map(|a| f64::from((a + scale * draw.value()) as f32)).collect()
    };
    let top = counts.len() - 1;
    let mut centroids: Vec<Vec<Vec<f64>>> = vec![Vec::new(); counts.len()];
    for level in (0..counts.len()).rev() {
        for cluster in 0..counts[level] {
            let about = if level == top {
                vec![0.0; dim]
            } else {
                centroids[level + 1][parent(counts, level, cluster)].clone()
            };
            let centroid = vector(&about, 8.0 / (top - level + 1) as f64);
            centroids[level].push(centroid);
        }
    }
    let points: Vec<Vec<f64>> = (0..each * counts[0]).map(|row| vector(&centroids[0][row / each], 0.7)).collect();
    let mut members: Vec<Vec<Vec<u64>>> = counts.iter().map(|&count| vec![Vec::new(); count]).collect();
    for row in 0..points.len() {
        members[0][row / each].push(row as u64);
    }
    for level in 0..top {
        for cluster in 0..counts[level] {
            members[level + 1][parent(counts, level, cluster)].push(cluster as u64);
        }
    }
    Clustering { points, dtype: Dtype::F4, levels: members.into_iter().zip(centroids).collect(), subset: None }
}

/// Uneven, so that sizes differ.
fn parent(counts: &[usize], level: usize, cluster: usize) -> usize {
    (cluster * cluster / 3 + cluster) % counts[level + 1]
}

/// Judges a clustering of a test.
pub(crate) fn judged(clustering: &Clustering, more: &[&str], images: Option<&dyn Fn(&Path) -> PathBuf>) -> Run {
    let folder = scratch();
    let (hier, embeddings) = clustering.write(folder.path());
    let out = folder.path().join("out");
    let mut command = program();
    command.arg("metrics").arg(hier).arg("--embeddings").arg(embeddings).arg("--out").arg(&out);
    command.args(["--device", "cpu"]).args(more);
    if let Some(images) = images {
        command.arg("--images").arg(images(folder.path()));
    }
    let output = command.output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Run { folder, out }
}

/// Four levels; every image is a coloured square.
pub(crate) fn four_levels() -> Run {
    let clustering = synthetic(&[60, 16, 6, 2], 12, 20);
    let rows = clustering.points.len();
    let images = |folder: &Path| {
        let mut list = String::new();
        for row in 0..rows {
            let shade = u8::try_from(row % 256).unwrap_or(0);
            let picture = RgbImage::from_pixel(64, 48, Rgb([shade, 255 - shade, 120]));
            picture.save(folder.join(format!("{row}.png"))).expect("writes");
            let _ = writeln!(list, "{row}.png");
        }
        fs::write(folder.join("names.txt"), list).expect("writes");
        folder.join("names.txt")
    };
    judged(&clustering, &["--metrics", "all", "--yes"], Some(&images))
}

/// 4,000 points whose images are grain, which can't be compressed: too many for a page.
pub(crate) fn grainy() -> Run {
    let clustering = synthetic(&[1000, 150, 30, 5], 4, 4);
    let rows = clustering.points.len();
    let images = |folder: &Path| {
        let mut draw = Draw(3);
        for i in 0..10 {
            let grain =
                RgbImage::from_fn(80, 80, |_, _| Rgb(draw.bits().to_le_bytes()[..3].try_into().expect("three")));
            grain.save(folder.join(format!("{i}.png"))).expect("writes");
        }
        let mut list = String::new();
        for row in 0..rows {
            let _ = writeln!(list, "{}.png", row % 10);
        }
        fs::write(folder.join("names.txt"), list).expect("writes");
        folder.join("names.txt")
    };
    judged(&clustering, &["--metrics", "fast", "--montage-min-size", "2"], Some(&images))
}

/// A run whose images have such names, and captions too.
pub(crate) fn hostile() -> Run {
    let clustering = synthetic(&[8, 3], 16, 6);
    let rows = clustering.points.len();
    let images = |folder: &Path| {
        // some of them are real files
        for name in HOSTILE.iter().filter(|name| !name.contains(['/', '\u{2028}'])) {
            let drawn = RgbImage::from_pixel(20, 20, Rgb([200, 30, 30]))
                .save_with_format(folder.join(name), image::ImageFormat::Png);
            drawn.expect("the file system takes the name");
        }
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut list = "path,caption\n".to_owned();
        for row in 0..rows {
            let (name, caption) = (HOSTILE[row % HOSTILE.len()], HOSTILE[(row + 3) % HOSTILE.len()]);
            let _ = writeln!(list, "{},{}", quoted(name), quoted(caption));
        }
        fs::write(folder.join("<b>names'.csv"), list).expect("writes");
        folder.join("<b>names'.csv")
    };
    judged(&clustering, &[], Some(&images))
}

/// 40 clusters of 12 points; each point has the label that `label` gives its row.
pub(crate) fn labelled(label: &dyn Fn(usize) -> String) -> Run {
    let clustering = synthetic(&[40, 5], 12, 8);
    let labels = scratch();
    let file = labels.path().join("labels.txt");
    let lines: String = (0..clustering.points.len()).map(|row| label(row) + "\n").collect();
    fs::write(&file, lines).expect("writes");
    judged(&clustering, &["--metrics", "all", "--yes", "--labels", file.to_str().expect("text")], None)
}

/// Writes the page again with other data, and returns its path.
pub(crate) fn with_data(run: &Run, change: impl FnOnce(&mut serde_json::Value)) -> PathBuf {
    let html = run.html();
    let opening = "<script type=\"application/json\" id=\"data\">";
    let (before, rest) = html.split_once(opening).expect("data");
    let (data, after) = rest.split_once("</script>").expect("an end");
    let mut data: serde_json::Value = serde_json::from_str(data).expect("JSON");
    change(&mut data);
    let page = run.out.join("changed.html");
    let data = data.to_string().replace('<', "\\u003c");
    fs::write(&page, format!("{before}{opening}{data}</script>{after}")).expect("writes");
    page
}

/// 10,000 clusters of two points.
pub(crate) fn ten_thousand() -> Run {
    judged(&synthetic(&[10_000, 100], 2, 8), &["--metrics", "fast"], None)
}
