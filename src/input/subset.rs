//! Row numbers.
