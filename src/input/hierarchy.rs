//! The hierarchy as ssl-data-curation writes it.
