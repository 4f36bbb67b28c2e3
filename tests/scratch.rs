//! Copies on a node's scratch disk: made once by any number of threads and processes, always complete and up to date.
#![expect(clippy::print_stdout, reason = "a skipped test says why, and child processes report to the test")]

mod common;

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use clustrata::base::error::{Error, Kind, Result};
use clustrata::formats::scratch_copies::{Copies, Outcome, Rows, Staged, copy_back};

/// Bytes of a row. The file has rows and nothing else.
const ROW: usize = 7;

/// Size of the file: several chunks, and small enough for a fingerprint of all bytes.
const SIZE: usize = 428_573 * ROW;

fn always() -> Result<()> {
    Ok(())
}

/// Copies rows of a file.
fn outcome(file: &Path, rows: std::ops::Range<u64>, folder: &Path, go_on: &dyn Fn() -> Result<()>) -> Result<Outcome> {
    let read = |row: u64, out: &mut [u8]| {
        let mut source = File::open(file).map_err(|e| Error::io("can't read", file, &e))?;
        let at = (rows.start + row) * ROW as u64;
        let read = source.seek(SeekFrom::Start(at)).and_then(|_| source.read_exact(out));
        read.map_err(|e| Error::io("can't read", file, &e))
    };
    let count = rows.end - rows.start;
    let rows = Rows { file, what: format!("{rows:?}"), row_bytes: ROW, count, read: &read };
    Copies { folder, go_on }.stage(&[rows]).map(|mut outcomes| outcomes.remove(0))
}

/// Copies all rows.
fn stage(file: &Path, folder: &Path, go_on: &dyn Fn() -> Result<()>) -> Result<Staged> {
    let rows = fs::metadata(file).map_or(1, |metadata| metadata.len() / ROW as u64);
    match outcome(file, 0..rows, folder, go_on)? {
        Outcome::Copied(staged) => Ok(staged),
        other => panic!("{other:?}"),
    }
}

/// A file to stage and the folder to stage it to, in a temporary folder.
fn places() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let base = common::scratch();
    let [file, folder] = ["a file's $name\n.npy", "node disk"].map(|name| base.path().join(name));
    // Windows does not allow the first name.
    let file = if cfg!(windows) { base.path().join("a file's $name.npy") } else { file };
    fs::write(&file, content(0)).expect("written");
    (base, file, folder)
}

fn content(seed: u32) -> Vec<u8> {
    let byte = |i: u32| (i + seed).wrapping_mul(2_654_435_761).to_be_bytes()[0];
    (0..SIZE).map(|i| byte(u32::try_from(i).expect("small"))).collect()
}

/// All copies below a folder, without their locks and descriptions.
fn files(folder: &Path) -> Vec<String> {
    let copy = |name: &String| !name.ends_with(".lock") && !name.ends_with(".json");
    common::files_below(folder).into_iter().filter(copy).collect()
}

/// Changes one byte of a file.
fn damage(path: &Path, offset: usize) {
    let mut file = File::options().read(true).write(true).open(path).expect("opened");
    let mut byte = [0];
    let at = SeekFrom::Start(offset as u64);
    file.seek(at).and_then(|_| file.read_exact(&mut byte)).expect("read");
    file.seek(at).and_then(|_| file.write_all(&[byte[0] ^ 1])).expect("written");
}

#[test]
fn a_copy_is_made_once() {
    let (_base, file, folder) = places();
    let first = stage(&file, &folder, &always).expect("staged");
    assert_eq!(fs::read(&first.path).expect("a copy"), content(0));
    let name = format!("{}.rows", file.file_name().expect("a name").display());
    assert_eq!((first.copied, first.path.file_name()), (SIZE as u64, Some(name.as_ref())));
    assert!(first.path.starts_with(&folder) && first.seconds > 0.0);
    let second = stage(&file, &folder, &always).expect("staged");
    assert_eq!((second.copied, &second.path), (0, &first.path));
    assert_eq!(files(&folder).len(), 1);
    // A file that is already in the folder is used in place.
    assert_eq!(outcome(&first.path, 0..9, &folder, &always).expect("staged"), Outcome::AlreadyThere);
}

#[test]
fn some_rows_are_copied_and_nothing_else() {
    let (_base, file, folder) = places();
    let copy = |rows: std::ops::Range<u64>| match outcome(&file, rows, &folder, &always) {
        Ok(Outcome::Copied(staged)) => staged,
        other => panic!("{other:?}"),
    };
    let some = copy(1000..3000);
    assert_eq!(some.copied, 2000 * ROW as u64);
    assert_eq!(fs::read(&some.path).expect("a copy"), content(0)[1000 * ROW..3000 * ROW]);
    // the same rows again, and others
    assert_eq!((copy(1000..3000).copied, copy(1000..3001).copied), (0, 2001 * ROW as u64));
    assert_eq!(files(&folder).len(), 2);
}

#[test]
fn other_files_get_other_copies() {
    let (base, file, folder) = places();
    let first = stage(&file, &folder, &always).expect("staged");
    // The same name and content in another folder.
    let elsewhere = base.path().join("other").join(file.file_name().expect("a name"));
    fs::create_dir(base.path().join("other")).and_then(|()| fs::copy(&file, &elsewhere)).expect("copied");
    let second = stage(&elsewhere, &folder, &always).expect("staged");
    assert_ne!(first.path, second.path);
    // Touched in place: the new time alone leads to a new copy.
    let later = UNIX_EPOCH + Duration::from_secs(2_000_000_000);
    File::options().write(true).open(&file).and_then(|file| file.set_modified(later)).expect("a time");
    let third = stage(&file, &folder, &always).expect("staged");
    assert_ne!(first.path, third.path);
    assert_eq!([second.copied, third.copied], [SIZE as u64; 2]);
    assert_eq!(files(&folder).len(), 3);
}

#[test]
fn threads_that_ask_together_copy_once() {
    let (_base, file, folder) = places();
    let barrier = Barrier::new(8);
    let ask = || {
        barrier.wait();
        stage(&file, &folder, &always).expect("staged")
    };
    let staged: Vec<Staged> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("it ends")).collect()
    });
    assert_eq!(staged.iter().map(|staged| staged.copied).sum::<u64>(), SIZE as u64);
    assert!(staged.iter().all(|other| other.path == staged[0].path));
    assert_eq!(fs::read(&staged[0].path).expect("a copy"), content(0));
}

/// Tells [`one_of_the_processes`] what to stage, where to, and whether to hang.
const ROLE: [&str; 3] = ["CLUSTRATA_TEST_FILE", "CLUSTRATA_TEST_FOLDER", "CLUSTRATA_TEST_HANGS"];

/// Not a test: [`process`] runs it in a child process.
#[test]
fn one_of_the_processes() {
    let [file, folder, hangs] = ROLE.map(std::env::var_os);
    let (Some(file), Some(folder)) = (file, folder) else { return };
    let calls = Cell::new(0);
    let go_on = || {
        calls.set(calls.get() + 1);
        if hangs.is_some() && calls.get() == 3 {
            print!("hangs\n\n");
            // Until it is killed, or the test has ended.
            let ended = std::io::stdin().read_to_end(&mut Vec::new());
            panic!("nobody killed it: {ended:?}");
        }
        Ok(())
    };
    let staged = stage(Path::new(&file), Path::new(&folder), &go_on).expect("staged");
    assert_eq!(fs::read(&staged.path).expect("a copy"), content(0));
    println!("\ncopied {}\n", staged.copied);
}

/// Starts a process that stages a file, or hangs after it has copied two chunks.
fn process(file: &Path, folder: &Path, hangs: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", "one_of_the_processes", "--nocapture"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.env(ROLE[0], file).env(ROLE[1], folder);
    if hangs {
        command.env(ROLE[2], "1");
    }
    command.spawn().expect("it starts")
}

/// The number of bytes that a process reports as copied.
fn copied(process: Child) -> u64 {
    let output = process.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text.lines().find_map(|line| line.strip_prefix("copied ")).and_then(|n| n.parse().ok()).expect("a number")
}

#[test]
fn processes_that_ask_together_copy_once() {
    let (_base, file, folder) = places();
    let processes: Vec<Child> = (0..6).map(|_| process(&file, &folder, false)).collect();
    let copied: Vec<u64> = processes.into_iter().map(copied).collect();
    assert_eq!(copied.iter().sum::<u64>(), SIZE as u64, "{copied:?}");
    assert_eq!(files(&folder).len(), 1);
}

#[test]
fn an_unfinished_copy_of_a_killed_process_is_not_used() {
    let (_base, file, folder) = places();
    let mut killed = process(&file, &folder, true);
    let mut said = Vec::new();
    let stdout = killed.stdout.as_mut().expect("piped");
    while !String::from_utf8_lossy(&said).contains("hangs\n") {
        let mut byte = [0];
        stdout.read_exact(&mut byte).expect("it says so");
        said.push(byte[0]);
    }
    // It holds the lock, so another process waits, and can be stopped.
    let waited = Cell::new(0);
    let stop_at_third = || {
        waited.set(waited.get() + 1);
        if waited.get() == 3 { Err(Error::interrupted()) } else { Ok(()) }
    };
    assert_eq!(stage(&file, &folder, &stop_at_third).expect_err("stopped").kind(), Kind::Interrupted);
    let left = files(&folder);
    assert!(left.len() == 1 && left[0].contains(".tmp-"), "{left:?}");
    killed.kill().and_then(|()| killed.wait()).expect("it ends");
    let staged = stage(&file, &folder, &always).expect("staged");
    assert_eq!(staged.copied, SIZE as u64);
    assert_eq!(fs::read(&staged.path).expect("a copy"), content(0));
    assert_eq!(files(&folder).len(), 1);
}

#[test]
fn a_damaged_copy_is_made_again() {
    let (_base, file, folder) = places();
    let path = stage(&file, &folder, &always).expect("staged").path;
    damage(&path, SIZE / 2);
    assert_eq!(stage(&file, &folder, &always).expect("staged").copied, SIZE as u64);
    File::options().write(true).open(&path).and_then(|copy| copy.set_len(5)).expect("cut");
    assert_eq!(stage(&file, &folder, &always).expect("staged").copied, SIZE as u64);
    assert_eq!(fs::read(&path).expect("a copy"), content(0));
    assert_eq!(stage(&file, &folder, &always).expect("staged").copied, 0);
}

/// Stages a file and calls `happens` at the `at`-th call of `go_on`. Asserts that this leaves no copy.
fn refused(file: &Path, folder: &Path, at: u32, happens: impl Fn() -> Result<()>) -> Error {
    let calls = Cell::new(0);
    let go_on = || {
        calls.set(calls.get() + 1);
        if calls.get() == at { happens() } else { Ok(()) }
    };
    let error = stage(file, folder, &go_on).expect_err("refused");
    assert!(calls.get() >= at, "`happens` was not called");
    assert!(files(folder).is_empty(), "{:?}", files(folder));
    error
}

#[test]
fn a_file_that_changes_during_the_copy_is_refused() {
    let (_base, file, folder) = places();
    let changes: [&dyn Fn(); 3] =
        [&|| damage(&file, 10), &|| fs::write(&file, &content(0)[..SIZE - 1]).expect("written"), &|| {
            fs::write(&file, [content(0), content(1)].concat()).expect("written")
        }];
    for change in changes {
        fs::write(&file, content(0)).expect("written");
        let error = refused(&file, &folder, 2, || {
            change();
            Ok(())
        });
        assert_eq!(error.kind(), Kind::Failed);
        assert!(error.to_string().contains("changed while"), "{error}");
    }
}

#[test]
fn a_copy_that_differs_from_the_file_is_refused() {
    let (_base, file, folder) = places();
    // Before the copy is read back: after all chunks and the end of the file.
    let at = u32::try_from(SIZE.div_ceil(1 << 20) + 2).expect("small");
    let error = refused(&file, &folder, at, || {
        let unfinished = files(&folder);
        assert!(unfinished.len() == 1 && unfinished[0].contains(".tmp-"), "{unfinished:?}");
        damage(&folder.join(&unfinished[0]), SIZE - 1);
        Ok(())
    });
    assert!(error.to_string().contains("differs from the file"), "{error}");
}

#[test]
fn copying_can_be_stopped() {
    let (_base, file, folder) = places();
    for at in [1, 2, 4, 5] {
        assert_eq!(refused(&file, &folder, at, || Err(Error::interrupted())).kind(), Kind::Interrupted);
    }
}

#[test]
fn rows_that_do_not_fit_are_not_copied_at_all() {
    let (base, file, folder) = places();
    let available = fs4::available_space(base.path()).expect("known");
    let calls = Cell::new(0);
    let go_on = || {
        calls.set(calls.get() + 1);
        Ok(())
    };
    let never = |_: u64, _: &mut [u8]| -> Result<()> { panic!("nothing is read") };
    let rows = |count: u64| Rows { file: &file, what: count.to_string(), row_bytes: ROW, count, read: &never };
    // each of them would fit
    let half = available / ROW as u64 / 3 * 2;
    let outcomes = Copies { folder: &folder, go_on: &go_on }.stage(&[rows(half), rows(half - 1)]).expect("no error");
    let needed = (2 * half - 1) * ROW as u64;
    assert_eq!(outcomes.len(), 2);
    for outcome in outcomes {
        assert!(matches!(outcome, Outcome::NoRoom(bytes, there) if bytes == needed && there < needed), "{outcome:?}");
    }
    assert!(calls.get() == 0 && common::files_below(&folder).is_empty());
}

#[test]
fn a_missing_file_and_a_missing_folder_are_refused_by_name() {
    let (base, file, folder) = places();
    let missing = base.path().join("missing.npy");
    let error = stage(&missing, &folder, &always).expect_err("missing");
    assert_eq!(error.kind(), Kind::Input);
    assert!(error.to_string().contains("missing.npy") && !folder.exists(), "{error}");
    // A file in place of the folder.
    let error = stage(&file, &file.join("x"), &always).expect_err("no folder");
    assert_eq!(error.kind(), Kind::Failed);
}

#[cfg(unix)]
#[test]
fn copies_are_private_to_the_user() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_base, file, folder) = places();
    let path = stage(&file, &folder, &always).expect("staged").path;
    let mode = fs::metadata(path.parent().expect("a folder")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn buffers_are_copied_back_completely() {
    let (base, local, _) = places();
    let to = base.path().join("distances.npy");
    fs::write(&to, "before").expect("written");
    let stop = || Err(Error::interrupted());
    assert_eq!(copy_back(&local, &to, &stop).expect_err("stopped").kind(), Kind::Interrupted);
    assert_eq!(fs::read(&to).expect("there"), b"before");
    assert_eq!(copy_back(&local, &to, &always).expect("copied"), SIZE as u64);
    assert_eq!(fs::read(&to).expect("there"), content(0));
    assert!(copy_back(&base.path().join("missing.npy"), &to, &always).is_err());
    assert_eq!(common::files_below(base.path()).len(), 2);
}
