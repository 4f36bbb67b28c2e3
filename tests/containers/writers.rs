//! Writes a matrix of small whole numbers in every container, without Python.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clustrata::formats::embeddings::{ReadOptions, Untyped};
use half::{bf16, f16};

use crate::common::npy_header;

/// A matrix `[rows, dim]` of whole numbers from 0 to 100, which every element type holds.
#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    pub(crate) rows: usize,
    pub(crate) dim: usize,
    pub(crate) values: Vec<u8>,
}

impl Matrix {
    pub(crate) fn new(rows: usize, dim: usize) -> Matrix {
        let mut draw = crate::common::Draw(rows as u64 * 1000 + dim as u64 + 1);
        let values = (0..rows * dim).map(|_| u8::try_from(draw.below(101)).expect("small")).collect();
        Matrix { rows, dim, values }
    }

    /// The elements in the order of a Fortran array.
    fn by_columns(&self) -> Matrix {
        let values = (0..self.values.len()).map(|at| self.values[at % self.rows * self.dim + at / self.rows]).collect();
        Matrix { values, ..*self }
    }

    pub(crate) fn bytes<const N: usize>(&self, element: impl Fn(u8) -> [u8; N]) -> Vec<u8> {
        self.values.iter().flat_map(|&value| element(value)).collect()
    }

    fn shape(&self) -> String {
        format!("({}, {})", self.rows, self.dim)
    }

    /// A `.npy` file.
    pub(crate) fn npy<const N: usize>(&self, descr: &str, element: impl Fn(u8) -> [u8; N]) -> Vec<u8> {
        [npy_header(descr, &self.shape(), false), self.bytes(element)].concat()
    }

    /// A `.npy` file in Fortran order.
    fn npy_by_columns<const N: usize>(&self, descr: &str, element: impl Fn(u8) -> [u8; N]) -> Vec<u8> {
        [npy_header(descr, &self.shape(), true), self.by_columns().bytes(element)].concat()
    }

    /// A `.fbin` file.
    fn bin<const N: usize>(&self, element: impl Fn(u8) -> [u8; N]) -> Vec<u8> {
        let header = [self.rows as u32, self.dim as u32].map(u32::to_le_bytes).concat();
        [header, self.bytes(element)].concat()
    }

    /// A `.fvecs` file.
    fn vecs<const N: usize>(&self, element: impl Fn(u8) -> [u8; N]) -> Vec<u8> {
        let bytes = self.bytes(element);
        let prefix = (self.dim as i32).to_le_bytes();
        bytes.chunks(self.dim * N).flat_map(|row| [&prefix[..], row].concat()).collect()
    }

    fn safetensors<const N: usize>(&self, dtype: &str, element: impl Fn(u8) -> [u8; N]) -> Vec<u8> {
        let bytes = self.bytes(element);
        let header = format!(
            "{{\"__metadata__\":{{\"made\":\"here\"}},\"bias\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}},\
             \"emb\":{{\"dtype\":\"{dtype}\",\"shape\":[{},{}],\"data_offsets\":[4,{}]}}}}",
            self.rows,
            self.dim,
            4 + bytes.len()
        );
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 4], &bytes].concat()
    }
}

pub(crate) fn f16_le(value: u8) -> [u8; 2] {
    f16::from_f32(value.into()).to_le_bytes()
}
pub(crate) fn f32_le(value: u8) -> [u8; 4] {
    f32::from(value).to_le_bytes()
}
pub(crate) fn f64_le(value: u8) -> [u8; 8] {
    f64::from(value).to_le_bytes()
}
fn bf16_le(value: u8) -> [u8; 2] {
    bf16::from_f32(value.into()).to_le_bytes()
}
fn reversed<const N: usize>(element: fn(u8) -> [u8; N]) -> impl Fn(u8) -> [u8; N] {
    move |value| {
        let mut bytes = element(value);
        bytes.reverse();
        bytes
    }
}

/// A member of a zip archive.
pub(crate) struct Member<'a> {
    pub(crate) name: &'a str,
    pub(crate) content: &'a [u8],
    pub(crate) deflated: bool,
    /// The size that the directory claims; `None` for the true one.
    pub(crate) claimed: Option<u64>,
}

/// A zip archive as `numpy.savez` and `numpy.savez_compressed` write it, with sizes in Zip64 fields.
pub(crate) fn zip(members: &[Member<'_>]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let stored = if member.deflated { deflate(member.content) } else { member.content.to_vec() };
        let mut crc = flate2::Crc::new();
        crc.update(member.content);
        let (at, size) = (file.len() as u64, member.claimed.unwrap_or(member.content.len() as u64));
        let wide = [&[1, 0, 16, 0][..], &size.to_le_bytes(), &(stored.len() as u64).to_le_bytes()].concat();
        let method = if member.deflated { 8_u16 } else { 0 };
        let mut common = [45_u16, 0, method, 0, 0].map(u16::to_le_bytes).concat();
        common.extend([crc.sum(), u32::MAX, u32::MAX].map(u32::to_le_bytes).concat());
        common.extend([member.name.len() as u16, wide.len() as u16].map(u16::to_le_bytes).concat());
        file.extend([b"PK\x03\x04", &common[..], member.name.as_bytes(), &wide, &stored].concat());
        directory.extend([b"PK\x01\x02\x2d\x00", &common[..], &[0; 10], &(at as u32).to_le_bytes()].concat());
        directory.extend([member.name.as_bytes(), &wide].concat());
    }
    let (at, count) = (file.len() as u32, members.len() as u16);
    file.extend(&directory);
    file.extend(b"PK\x05\x06\x00\x00\x00\x00");
    file.extend([count, count].map(u16::to_le_bytes).concat());
    file.extend([directory.len() as u32, at].map(u32::to_le_bytes).concat());
    file.extend([0; 2]);
    file
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).expect("deflates");
    encoder.finish().expect("deflates")
}

fn npz(content: &[u8], deflated: bool) -> Vec<u8> {
    let labels = [npy_header("<i8", "(1,)", false), vec![0; 8]].concat();
    zip(&[
        Member { name: "labels.npy", content: &labels, deflated, claimed: None },
        Member { name: "emb.npy", content, deflated, claimed: None },
    ])
}

/// A file with a matrix, and how to read it.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) path: PathBuf,
    pub(crate) options: ReadOptions,
    /// As options of the command line.
    pub(crate) arguments: Vec<&'static str>,
}

impl Written {
    pub(crate) fn new(folder: &Path, name: &str, content: &[u8]) -> Written {
        let path = folder.join(name);
        fs::write(&path, content).expect("writes");
        Written { path, options: ReadOptions::default(), arguments: Vec::new() }
    }
}

/// The matrix in every container whose rows are delivered as float16; the plain `.npy` comes first.
pub(crate) fn halves(matrix: &Matrix, folder: &Path) -> Vec<Written> {
    let write = |name: &str, content: Vec<u8>| Written::new(folder, name, &content);
    let byte = |value: u8| [value];
    let plain = matrix.npy("<f2", f16_le);
    let mut all = vec![
        write("plain.npy", plain.clone()),
        write("big.npy", matrix.npy(">f2", reversed(f16_le))),
        write("fortran.npy", matrix.npy_by_columns("<f2", f16_le)),
        write("fortran-bytes.npy", matrix.npy_by_columns("|u1", byte)),
        write("unsigned.npy", matrix.npy("|u1", byte)),
        write("signed.npy", matrix.npy("|i1", byte)),
        write("stored.npz", npz(&plain, false)),
        write("deflated.npz", npz(&matrix.npy("|i1", byte), true)),
        write("x.safetensors", matrix.safetensors("F16", f16_le)),
        write("bytes.safetensors", matrix.safetensors("U8", byte)),
        write("x.f16bin", matrix.bin(f16_le)),
        write("x.u8bin", matrix.bin(byte)),
        write("x.i8bin", matrix.bin(byte)),
        write("x.bvecs", matrix.vecs(byte)),
    ];
    #[cfg(feature = "parquet")]
    all.extend(crate::parquet_files::halves(matrix, folder));
    all.shrink_to_fit();
    all
}

/// The matrix in every container whose rows are delivered as float32; the plain `.npy` comes first.
pub(crate) fn singles(matrix: &Matrix, folder: &Path) -> Vec<Written> {
    let write = |name: &str, content: Vec<u8>| Written::new(folder, name, &content);
    let untyped = |written: Written| {
        let options = ReadOptions { untyped: Some(Untyped::Bf16), ..ReadOptions::default() };
        Written { options, arguments: vec!["--dtype", "bf16"], ..written }
    };
    let plain = matrix.npy("<f4", f32_le);
    let mut all = vec![
        write("plain.npy", plain.clone()),
        write("big.npy", matrix.npy(">f4", reversed(f32_le))),
        write("fortran.npy", matrix.npy_by_columns("<f4", f32_le)),
        write("fortran-big.npy", matrix.npy_by_columns(">f4", reversed(f32_le))),
        untyped(write("bf16.npy", matrix.npy("|V2", bf16_le))),
        untyped(write("bf16-fortran.npy", matrix.npy_by_columns("<V2", bf16_le))),
        write("stored.npz", npz(&plain, false)),
        write("deflated.npz", npz(&plain, true)),
        write("deflated-fortran.npz", npz(&matrix.npy_by_columns("<f4", f32_le), true)),
        write("x.safetensors", matrix.safetensors("F32", f32_le)),
        write("bf16.safetensors", matrix.safetensors("BF16", bf16_le)),
        write("x.fbin", matrix.bin(f32_le)),
        write("x.fvecs", matrix.vecs(f32_le)),
    ];
    #[cfg(feature = "parquet")]
    all.extend(crate::parquet_files::singles(matrix, folder));
    all.shrink_to_fit();
    all
}

/// The matrix in every container whose rows are delivered as float64; the plain `.npy` comes first.
pub(crate) fn doubles(matrix: &Matrix, folder: &Path) -> Vec<Written> {
    let write = |name: &str, content: Vec<u8>| Written::new(folder, name, &content);
    let plain = matrix.npy("<f8", f64_le);
    let mut all = vec![
        write("plain.npy", plain.clone()),
        write("big.npy", matrix.npy(">f8", reversed(f64_le))),
        write("fortran.npy", matrix.npy_by_columns("<f8", f64_le)),
        write("deflated.npz", npz(&plain, true)),
        write("x.safetensors", matrix.safetensors("F64", f64_le)),
    ];
    #[cfg(feature = "parquet")]
    all.extend(crate::parquet_files::doubles(matrix, folder));
    all.shrink_to_fit();
    all
}
