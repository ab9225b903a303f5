//! An asset as a static presentation: all of it, from stored bytes.

use std::sync::Arc;

use crate::model::Asset;

/// Supplies an asset on demand.
pub struct Vod {
    asset: Arc<Asset>,
}

impl Vod {
    /// Makes the presentation of an asset.
    pub fn new(asset: Arc<Asset>) -> Self {
        Self { asset }
    }

    /// Returns the asset.
    pub fn asset(&self) -> &Arc<Asset> {
        &self.asset
    }
}
