//! The clusters of one level: `sorted_clusters.npy`, or a pickle of a list.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::dtype::Dtype;
use super::machine::{Sink, Top, decode};
use super::opcode::scan;
use super::source::{Decoded, Source};
use super::value::{Data, Object, Shape, Span, Value};
use crate::base::error::Finding;
use crate::base::numeric::to_usize;
use crate::formats::input_file::{self, BUFFER};
use crate::formats::npy::{self, Header};

/// Limit on the number of clusters if all are empty. Such a file can claim any number without any data.
const MAX_EMPTY: u64 = 1 << 20;

/// The members of every cluster of a level, in one array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusters {
    /// Start of each cluster in `members`, and the end: k + 1 positions, ascending from 0.
    offsets: Vec<u64>,
    members: Vec<u64>,
}

impl Clusters {
    /// Clusters from the start of each in `members`, and the end: k + 1 positions, ascending from 0.
    ///
    /// # Panics
    /// If `offsets` are not such positions.
    pub fn from_parts(offsets: Vec<u64>, members: Vec<u64>) -> Self {
        assert!(offsets.first() == Some(&0) && offsets.last() == Some(&(members.len() as u64)), "offsets span members");
        assert!(offsets.is_sorted(), "offsets ascend");
        Clusters { offsets, members }
    }

    /// Offsets and members.
    pub fn into_parts(self) -> (Vec<u64>, Vec<u64>) {
        (self.offsets, self.members)
    }

    /// Number of clusters, k, including empty ones.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are no clusters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Members of all clusters, cluster after cluster.
    pub fn members(&self) -> &[u64] {
        &self.members
    }

    /// The start of each cluster in [`members`](Self::members), and the end: k + 1 positions, ascending from 0.
    pub fn offsets(&self) -> &[u64] {
        &self.offsets
    }

    /// Members of cluster `cluster` in the order of the file: closest to the centroid first.
    ///
    /// # Panics
    /// If `cluster` is not below [`len`](Self::len).
    pub fn members_of(&self, cluster: usize) -> &[u64] {
        &self.members[to_usize(self.offsets[cluster])..to_usize(self.offsets[cluster + 1])]
    }

    /// The members of each cluster in turn.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u64]> {
        self.offsets.windows(2).map(|pair| &self.members[to_usize(pair[0])..to_usize(pair[1])])
    }

    /// Clusters of `size` members each: the rows of a matrix, stored row by row or (`by_columns`) column by column.
    fn of_matrix(clusters: u64, size: u64, matrix: Vec<u64>, by_columns: bool, file: &Path) -> Result<Self, Finding> {
        if size == 0 && clusters > MAX_EMPTY {
            return Err(Finding::new("all clusters are empty")
                .file(file)
                .expected(format!("at most {MAX_EMPTY} clusters without any member"))
                .found(format!("{clusters} clusters")));
        }
        let offsets = (0..=clusters).map(|cluster| cluster * size).collect();
        if !by_columns || matrix.is_empty() {
            return Ok(Clusters { offsets, members: matrix });
        }
        let stride = to_usize(clusters);
        let members = (0..stride).flat_map(|cluster| matrix[cluster..].iter().step_by(stride)).copied().collect();
        Ok(Clusters { offsets, members })
    }
}

/// Reads the clusters of a level from a `.npy` file or from a pickle of a list or an array. The `.npy` file holds an object
/// array of integer arrays or lists or, if all clusters have the same size, a matrix of integers.
///
/// Memory: 8 bytes per member and per cluster, and one batch of 1,000 clusters during decoding.
///
/// # Errors
/// A file that can't be read, is truncated or holds anything but clusters, or a member that is not an index: negative, 2^63 or
/// more, or a float that is not integral. The finding names the cluster and the index in it.
pub fn read_clusters(path: &Path) -> Result<Clusters, Finding> {
    let (file, metadata) = input_file::open(path)?;
    let size = metadata.len();
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let start = reader.fill_buf().map_err(|error| Finding::io("the file can't be read", path, &error))?;
    if !start.starts_with(npy::MAGIC) {
        return read_pickle(reader, path, None, 0, size);
    }
    let header = npy::parse_header(&mut reader, path)?;
    let dtype = Dtype::from_descr(&header.descr);
    match dtype {
        Some(dtype) if dtype.is_object() => read_pickle(reader, path, header_shape(&header), header.data_offset, size),
        Some(dtype) if dtype.is_number() => read_matrix(reader, path, &header, dtype, size),
        _ => Err(Finding::new("the file doesn't hold clusters")
            .file(path)
            .expected("an object array of integer arrays, or a matrix of integers")
            .found(format!("dtype {}", header.descr))
            .hint("name the level's sorted_clusters.npy")),
    }
}

fn header_shape(header: &Header) -> Option<Shape> {
    Shape::from_axes(&header.shape)
}

/// Reads a pickle that starts at byte `offset`. `shape` is the shape in a `.npy` header before it.
fn read_pickle(
    mut reader: BufReader<File>,
    path: &Path,
    shape: Option<Shape>,
    offset: u64,
    size: u64,
) -> Result<Clusters, Finding> {
    let fetched = scan(&mut Source::new(&mut reader, path, offset, size), ClusterSink::PURPOSE)?;
    reader.seek(SeekFrom::Start(offset)).map_err(|error| Finding::io("the file can't be read", path, &error))?;
    let mut sink = ClusterSink { file: path, layout: Layout::List, spans: Vec::new() };
    let (top, integers) = decode(Source::new(reader, path, offset, size), &fetched, &mut sink)?;
    if let Some(expected) = shape {
        let found = match &top {
            Top::Array(array) => array.shape.to_string(),
            Top::List => "a list".to_owned(),
        };
        if found != expected.to_string() {
            return Err(Finding::new("the .npy header and the pickle after it disagree")
                .file(path)
                .expected(format!("an array of shape {expected}, as in the header"))
                .found(found)
                .hint("copy the file again, or write it again"));
        }
    }
    sink.finish(top, integers, size)
}

/// Layout of the outermost list.
#[derive(Debug, Clone, Copy)]
enum Layout {
    /// A cluster per item.
    List,
    /// The members of clusters of equal size; that size.
    Flat(u64),
}

/// Receives the clusters in a pickle.
struct ClusterSink<'f> {
    file: &'f Path,
    layout: Layout,
    /// The span of each cluster in the decoder's integers.
    spans: Vec<Span>,
}

impl Sink for ClusterSink<'_> {
    const PURPOSE: &'static str = "a hierarchy";

    fn begin(&mut self, shape: Option<Shape>) -> Decoded<()> {
        self.layout = match shape {
            None | Some(Shape::Vector(_)) => Layout::List,
            Some(Shape::Matrix(_, size)) => Layout::Flat(size),
            Some(Shape::Scalar) => return Err(self.no_clusters("an array with a single object")),
        };
        Ok(())
    }

    fn item(&mut self, item: &Value, integers: &mut Vec<u64>) -> Decoded<()> {
        match self.layout {
            Layout::Flat(size) => self.member(item, size, integers),
            Layout::List => self.cluster(item),
        }
    }
}

impl ClusterSink<'_> {
    fn cluster(&mut self, item: &Value) -> Decoded<()> {
        let found = match item {
            Value::Object(object) => match &**object {
                Object::List(span) => {
                    self.spans.push(span.get());
                    return Ok(());
                }
                Object::Array(array) => match array.get() {
                    Some(array) => match (array.shape, &array.data) {
                        (Shape::Vector(_), Data::Integers(span)) => {
                            self.spans.push(*span);
                            return Ok(());
                        }
                        (shape, Data::Integers(_)) => format!("an array of shape {shape}"),
                        _ => "an array of something else".to_owned(),
                    },
                    None => "an array without data".to_owned(),
                },
                _ => item.kind().to_owned(),
            },
            _ => item.kind().to_owned(),
        };
        let finding = Finding::new("a cluster is not a list of its members").file(self.file);
        let finding = finding.cluster(self.spans.len() as u64);
        Err(finding.expected("a one-dimensional array or a list of integers").found(found))
    }

    fn member(&mut self, item: &Value, size: u64, integers: &mut Vec<u64>) -> Decoded<()> {
        let found = match item {
            Value::Int(value) => match u64::try_from(*value) {
                Ok(member) => {
                    integers.push(member);
                    return Ok(());
                }
                Err(_) => value.to_string(),
            },
            other => other.kind().to_owned(),
        };
        let at = integers.len() as u64;
        let finding = Finding::new("a member of a cluster is not an index").file(self.file);
        let finding = finding.cluster(at.checked_div(size).unwrap_or(0)).index(at.checked_rem(size).unwrap_or(0));
        Err(finding.expected("an integer from 0 to 2^63 - 1").found(found))
    }

    fn finish(self, top: Top, mut integers: Vec<u64>, file_size: u64) -> Result<Clusters, Finding> {
        let array = match top {
            Top::List => return self.gather(integers, file_size),
            Top::Array(array) => array,
        };
        match (array.shape, array.data) {
            (Shape::Vector(_), Data::Items) => self.gather(integers, file_size),
            (Shape::Matrix(clusters, size), Data::Items) => {
                Clusters::of_matrix(clusters, size, integers, false, self.file)
            }
            (Shape::Matrix(clusters, size), Data::Integers(span)) => {
                integers.truncate(span.end());
                integers.drain(..span.start);
                Clusters::of_matrix(clusters, size, integers, array.fortran, self.file)
            }
            (shape, _) => Err(self.no_clusters(&format!("an array of shape {shape}"))),
        }
    }

    /// Arranges the clusters one after the other. They already lie so, unless the pickle uses an array twice.
    fn gather(self, mut integers: Vec<u64>, file_size: u64) -> Result<Clusters, Finding> {
        let mut offsets = Vec::with_capacity(self.spans.len() + 1);
        offsets.push(0);
        let mut total = 0_u64;
        let mut in_place = true;
        for span in &self.spans {
            // Empty clusters can be at any position.
            in_place &= span.len == 0 || span.start as u64 == total;
            total = total.saturating_add(span.len as u64);
            offsets.push(total);
        }
        if !in_place {
            // A stored member takes at least one byte, so more members can only come from repetition.
            if total > file_size {
                return Err(Finding::new("the clusters have more members than their file has bytes")
                    .file(self.file)
                    .expected(format!("at most {file_size} members"))
                    .found(format!("{total}, from repeated arrays"))
                    .hint("write the file again, each cluster with its own members"));
            }
            let spans = self.spans.iter();
            integers =
                spans.flat_map(|span| integers.get(span.start..span.end()).unwrap_or_default()).copied().collect();
        }
        integers.truncate(to_usize(total));
        integers.shrink_to_fit();
        Ok(Clusters { offsets, members: integers })
    }

    fn no_clusters(&self, found: &str) -> Finding {
        Finding::new("the file doesn't hold clusters")
            .file(self.file)
            .expected("a list or an array of clusters, each the indices of its members")
            .found(found)
            .hint("name the level's sorted_clusters.npy; a checkpoint of a clustering is not a result")
    }
}

/// Reads a matrix of numbers with a row per cluster.
fn read_matrix(
    mut reader: BufReader<File>,
    path: &Path,
    header: &Header,
    dtype: Dtype,
    size: u64,
) -> Result<Clusters, Finding> {
    let Some(Shape::Matrix(clusters, width)) = header_shape(header) else {
        return Err(Finding::new("the file doesn't hold clusters")
            .file(path)
            .expected("an object array of integer arrays, or a matrix of integers with a row per cluster")
            .found(format!("integers of shape {:?}", header.shape))
            .hint("name the level's sorted_clusters.npy"));
    };
    let held = size.saturating_sub(header.data_offset);
    let elements = clusters.checked_mul(width);
    if elements.and_then(|elements| elements.checked_mul(dtype.size())) != Some(held) {
        return Err(Finding::new("the file's size does not match its header")
            .file(path)
            .expected(format!("{clusters} x {width} elements of {} bytes", dtype.size()))
            .found(format!("{held} bytes after the header"))
            .hint("copy the file again, or write it again"));
    }
    let mut members = Vec::new();
    let mut chunk = vec![0; BUFFER];
    let mut left = held;
    while left > 0 {
        let step = to_usize(left).min(BUFFER);
        reader.read_exact(&mut chunk[..step]).map_err(|error| Finding::io("the file can't be read", path, &error))?;
        let done = members.len() as u64;
        dtype.append_members(&chunk[..step], &mut members).map_err(|(index, why)| {
            let at = done + index;
            let (row, column) =
                if header.fortran_order { (at % clusters, at / clusters) } else { (at / width, at % width) };
            Finding::new("a member of a cluster is not an index")
                .file(path)
                .cluster(row)
                .index(column)
                .expected("an integer from 0 to 2^63 - 1")
                .found(why.describe())
        })?;
        left -= step as u64;
    }
    Clusters::of_matrix(clusters, width, members, header.fortran_order, path)
}
