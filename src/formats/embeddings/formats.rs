//! The table of all containers. A new one is a file beside this one, and an entry here.

use std::io::{Read, Seek};
use std::path::Path;

use super::row_file::{Candidate, Opened, ReadOptions};
use super::{npy, npz, safetensors, vector_files};
use crate::base::error::Finding;
use crate::formats::input_file;
use crate::formats::npy::shell_word;

/// A container of embeddings.
pub(super) struct Format {
    /// Name in messages and records.
    pub(super) name: &'static str,
    /// Extensions, in lower case.
    extensions: &'static [&'static str],
    /// Whether the first bytes are those of the container; `None` if any bytes could be, so that the extension decides.
    recognises: Option<fn(&[u8]) -> bool>,
    open: fn(Candidate<'_>) -> Result<Opened, Finding>,
}

/// All containers.
const FORMATS: &[Format] = &[
    Format { name: "npy", extensions: &["npy"], recognises: Some(npy::recognises), open: npy::open },
    Format { name: "npz", extensions: &["npz"], recognises: Some(npz::recognises), open: npz::open },
    Format {
        name: "parquet",
        extensions: &["parquet", "pq"],
        recognises: Some(|start| start.starts_with(b"PAR1")),
        open: parquet,
    },
    Format {
        name: "hdf5",
        extensions: &["h5", "hdf5", "hdf"],
        recognises: Some(|start| start.starts_with(b"\x89HDF")),
        open: hdf5,
    },
    Format {
        name: "safetensors",
        extensions: &["safetensors"],
        recognises: Some(safetensors::recognises),
        open: safetensors::open,
    },
    Format {
        name: "bin",
        extensions: &["fbin", "f16bin", "u8bin", "i8bin"],
        recognises: None,
        open: vector_files::open_bin,
    },
    Format { name: "vecs", extensions: &["fvecs", "bvecs"], recognises: None, open: vector_files::open_vecs },
];

/// Bytes that are looked at to recognise a container.
const START: u64 = 16;

/// Opens a file in the container that its first bytes, or else its extension, tell. Also returns the format and the file's
/// metadata.
pub(super) fn open(
    path: &Path,
    options: &ReadOptions,
    keep_open: bool,
) -> Result<(&'static Format, std::fs::Metadata, Opened), Finding> {
    let hint = "name the file itself; for all files of a folder, write a pattern such as 'FOLDER/*.npy'";
    let (mut file, metadata) = input_file::open_or_advise(path, hint)?;
    let unreadable = |e: std::io::Error| Finding::io("the file can't be read", path, &e);
    let mut start = Vec::new();
    file.by_ref().take(START).read_to_end(&mut start).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let extension = input_file::extension(path);
    let named = FORMATS.iter().find(|format| format.extensions.contains(&extension.as_str()));
    let by_start = || FORMATS.iter().find(|format| format.recognises.is_some_and(|recognises| recognises(&start)));
    // the finding about a file of another kind is that of .npy, which names common ones
    let format = match named {
        Some(format) if format.recognises.is_none() => format,
        _ => by_start().or(named).unwrap_or(&FORMATS[0]),
    };
    let candidate = Candidate { path, file, bytes: metadata.len(), options, keep_open };
    let opened = (format.open)(candidate)?;
    Ok((format, metadata, opened))
}

#[cfg(feature = "parquet")]
use super::parquet::open as parquet;

#[cfg(not(feature = "parquet"))]
fn parquet(candidate: Candidate<'_>) -> Result<Opened, Finding> {
    Err(input_file::no_parquet(candidate.path))
}

/// HDF5 is read through its C library, which is not a dependency.
fn hdf5(candidate: Candidate<'_>) -> Result<Opened, Finding> {
    let to = candidate.path.with_extension("fixed.npy");
    let code = "import h5py, numpy as np, sys; np.save(sys.argv[2], h5py.File(sys.argv[1])[sys.argv[3]][:])";
    let finding = Finding::new("HDF5 files can't be read").file(candidate.path);
    let finding = finding.expected("a .npy, .npz, .parquet, .safetensors, .fbin or .fvecs file").found("HDF5");
    let (from, to) = (shell_word(candidate.path), shell_word(&to));
    Err(finding.hint(format!(
        "convert it, with the data set's name in place of DATASET: python -c \"{code}\" {from} {to} DATASET"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_have_names_and_extensions_of_their_own() {
        let names: std::collections::BTreeSet<&str> = FORMATS.iter().map(|format| format.name).collect();
        let extensions: Vec<&str> = FORMATS.iter().flat_map(|format| format.extensions).copied().collect();
        let different: std::collections::BTreeSet<&&str> = extensions.iter().collect();
        assert_eq!((names.len(), different.len()), (FORMATS.len(), extensions.len()));
    }
}
