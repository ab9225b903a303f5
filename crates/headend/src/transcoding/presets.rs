//! Presets by name or from a file.

use std::{fs, path::PathBuf};

use transcode::preset::{self, Preset};

use super::Error;

/// Finds a preset by its name, or reads the file of that name, JSON or YAML.
pub(crate) fn find(name: &str) -> Result<Preset, Error> {
    let file = PathBuf::from(name);
    let is_file = file.is_file() || name.contains('/');
    if !is_file {
        return preset::named(name).map_err(|error| Error::Usage(error.to_string()));
    }
    let wrong = |reason: String| Error::Usage(format!("{name}: {reason}"));
    let text = fs::read_to_string(&file).map_err(|error| wrong(error.to_string()))?;
    let preset: Preset =
        crate::config::from_yaml(&text).map_err(|error| wrong(error.to_string()))?;
    preset.check().map_err(|error| wrong(error.to_string()))?;
    Ok(preset)
}
