//! Manifests of a finished result.
