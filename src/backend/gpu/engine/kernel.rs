//! What the host knows about a kernel: sources, entry points, bindings and overrides.

use crate::base::matrix::Dtype;

/// Loads of points, prepended to the kernels that read them.
pub(crate) const POINTS: &str = include_str!("../../../../shaders/shared/points.wgsl");

/// The shared squared distance, which follows [`POINTS`] in the kernels that use it.
pub(crate) const DISTANCE: &str = include_str!("../../../../shaders/shared/distance.wgsl");

/// WGSL that declares eight vectors of four components, for kernels with register tiles.
pub(crate) const EIGHT: &str = include_str!("../../../../shaders/shared/eight.wgsl");

/// Values of pipeline overrides, by name.
pub type Overrides = &'static [(&'static str, f64)];

/// One WGSL file and what the host must know about it.
#[derive(Debug)]
pub struct Kernel {
    /// Name of the kernel: the file name without its suffix.
    pub name: &'static str,
    /// WGSL sources in the order of concatenation.
    pub sources: &'static [&'static str],
    /// Entry points.
    pub entries: &'static [Entry],
    /// Bindings of group 0; the index in the slice is the binding number.
    pub bindings: &'static [Binding],
    /// Sets of overrides that pipelines are compiled with.
    pub variants: &'static [Overrides],
    /// Overrides that every pipeline gets: sizes that the host relies on.
    pub constants: Overrides,
}

impl Kernel {
    /// The complete WGSL source.
    pub fn source(&self) -> String {
        self.sources.concat()
    }

    /// Bytes of a parameter block; 0 if the kernel takes none.
    pub fn params_bytes(&self) -> u64 {
        let bytes = |binding: &Binding| if let Binding::Params(bytes) = binding { Some(*bytes) } else { None };
        self.bindings.iter().find_map(bytes).unwrap_or(0)
    }

    /// All overrides of variant `variant`.
    pub fn overrides(&self, variant: usize) -> Vec<(&'static str, f64)> {
        [self.variants[variant], self.constants].concat()
    }
}

/// An entry point.
#[derive(Debug)]
pub struct Entry {
    /// Name of the WGSL function.
    pub name: &'static str,
    /// Invocations per workgroup.
    pub workgroup: u32,
}

/// Kind of a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// Read-only storage buffer.
    Read,
    /// Storage buffer that is read and written.
    Write,
    /// Uniform buffer of this many bytes, bound with a dynamic offset.
    Params(u64),
}

/// Variants of the kernels that read points and centroids; [`distance_variant`] gives the index of one.
pub(crate) const DISTANCE_VARIANTS: &[Overrides] = &[
    &[("POINT_BITS", 16.0), ("CENTROID_LO", 0.0)],
    &[("POINT_BITS", 16.0), ("CENTROID_LO", 1.0)],
    &[("POINT_BITS", 32.0), ("CENTROID_LO", 0.0)],
    &[("POINT_BITS", 32.0), ("CENTROID_LO", 1.0)],
    &[("POINT_BITS", 64.0), ("CENTROID_LO", 0.0)],
    &[("POINT_BITS", 64.0), ("CENTROID_LO", 1.0)],
];

/// Variants of the kernels that read points only; [`point_variant`] gives the index of one.
pub(crate) const POINT_VARIANTS: &[Overrides] =
    &[&[("POINT_BITS", 16.0)], &[("POINT_BITS", 32.0)], &[("POINT_BITS", 64.0)]];

/// Index in [`POINT_VARIANTS`] for points of `dtype`.
pub(crate) fn point_variant(dtype: Dtype) -> usize {
    match dtype {
        Dtype::F16 => 0,
        Dtype::F32 => 1,
        Dtype::F64 => 2,
    }
}

/// Index in [`DISTANCE_VARIANTS`] for points of `dtype` and centroids with or without a plane of lo parts.
pub(crate) fn distance_variant(dtype: Dtype, lo: bool) -> usize {
    2 * point_variant(dtype) + usize::from(lo)
}
