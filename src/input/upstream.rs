//! Upstream's config.yaml.
