//! Montages.
