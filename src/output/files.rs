//! The output folder: lock, staging, commit.
