//! A restricted decoder of pickles.
