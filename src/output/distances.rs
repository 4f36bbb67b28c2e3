//! Distance buffers.
