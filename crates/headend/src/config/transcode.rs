//! VoD jobs of a server: where they put assets, what they may read, and presets of one's own.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use transcode::preset::Preset;

use super::{Issue, Root};

/// What is set of VoD jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Transcode {
    /// Where assets are put.
    pub(crate) to: Root,
    /// Where work lies; below `to` unless it is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) work: Option<Root>,
    /// Encoder threads at one time; as many as there are processors unless it is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) slots: Option<u32>,
    /// Folders that jobs sent over HTTP may read.
    pub(crate) inputs: Vec<PathBuf>,
    /// Folders that key files of jobs may lie in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) keys: Vec<PathBuf>,
    /// Presets by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) presets: BTreeMap<String, Preset>,
}

/// VoD jobs that are sent over HTTP; without this section there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TranscodeOverlay {
    /// The folder or `s3://bucket/prefix` that assets are put into; the first folder of `assets`
    /// unless set.
    pub(crate) to: Option<Root>,
    /// Where work lies that lets jobs go on; `.headend` below `to` unless set.
    pub(crate) work: Option<Root>,
    /// Encoder threads at one time; as many as there are processors unless set.
    pub(crate) slots: Option<NonZeroU32>,
    /// Folders that jobs may read; only what lies on the public Internet unless set.
    pub(crate) inputs: Option<Vec<PathBuf>>,
    /// Folders that key files of jobs may lie in; none unless set.
    pub(crate) keys: Option<Vec<PathBuf>>,
    /// Presets by name, each as in a preset file.
    pub(crate) presets: Option<BTreeMap<String, RawPreset>>,
    /// The presets, once they have been read.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) read: BTreeMap<String, Preset>,
}

/// A preset as it is written, not looked at yet.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(transparent)]
pub(crate) struct RawPreset(Value);

impl Eq for RawPreset {}

impl JsonSchema for RawPreset {
    fn schema_name() -> Cow<'static, str> {
        "Preset".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "object" })
    }
}

impl TranscodeOverlay {
    /// Reads the presets. Fails with everything that is wrong with them.
    pub(super) fn read_presets(
        &mut self,
        position: impl Fn(&[&str]) -> Option<(u64, u64)>,
    ) -> Result<(), Vec<Issue>> {
        let mut issues = Vec::new();
        for (name, raw) in self.presets.take().unwrap_or_default() {
            match parse(&name, raw.0) {
                Ok(preset) => {
                    self.read.insert(name, preset);
                }
                Err(reason) => issues.push(Issue {
                    position: position(&["transcode", "presets", &name]),
                    ..Issue::at_key(&format!("transcode.presets.{name}"), reason)
                }),
            }
        }
        if issues.is_empty() {
            Ok(())
        } else {
            Err(issues)
        }
    }

    /// Lets the relative paths start from `folder`.
    pub(super) fn resolve_paths(&mut self, folder: &Path) {
        let roots = self.to.iter_mut().chain(&mut self.work);
        let paths = roots.filter_map(Root::path_mut);
        let folders = self.inputs.iter_mut().chain(&mut self.keys).flatten();
        for path in paths.chain(folders) {
            *path = folder.join(&*path);
        }
    }

    /// Returns what is set, given the roots of content; a sentence if nothing says where assets go.
    pub(super) fn settings(self, assets: &[Root]) -> Result<Transcode, String> {
        let first = || assets.iter().find(|root| root.path().is_some()).cloned();
        let to = self.to.or_else(first).ok_or(
            "`transcode.to` is missing, and there is no folder in `assets` to put assets into",
        )?;
        Ok(Transcode {
            to,
            work: self.work,
            slots: self.slots.map(Into::into),
            inputs: self.inputs.unwrap_or_default(),
            keys: self.keys.unwrap_or_default(),
            presets: self.read,
        })
    }
}

/// Reads a preset; its name is its key.
fn parse(name: &str, mut value: Value) -> Result<Preset, String> {
    if let Value::Object(fields) = &mut value {
        fields.insert("name".to_owned(), name.into());
    }
    let preset: Preset = serde_json::from_value(value).map_err(|error| error.to_string())?;
    preset.check().map_err(|error| error.to_string())?;
    Ok(preset)
}
