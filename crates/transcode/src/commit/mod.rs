//! Records of finished steps: what has one, with the right key, is never made again.
