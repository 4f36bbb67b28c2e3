//! `.npy` headers and small matrices.
