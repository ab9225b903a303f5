//! Binary forms of the presentation model.

use std::sync::Arc;

use media::{
    presentation::{Addressing, Content, FrameRate, Nominal, Shape, SwitchingSet, Track},
    template::Template,
    time::{Time, Timescale},
    xml::{Element, Node},
};

use super::wire::{Reader, Wire, wire_enum, wire_struct};
use crate::model::{AssetManifest, Kind};

wire_enum!(Kind { 0 => Dash, 1 => Hls, 2 => Plain });
wire_enum!(Content { 0 => Video, 1 => Audio, 2 => Text, 3 => Image });
wire_enum!(Addressing { 0 => Number, 1 => TimelineTime, 2 => TimelineNumber });
wire_struct!(FrameRate { num, den });
wire_struct!(Nominal {
    duration,
    timescale
});
wire_struct!(Time { ticks, scale });
wire_struct!(Track {
    id,
    codecs,
    mime_type,
    bandwidth,
    peak_bandwidth,
    average_bandwidth,
    timescale,
    size,
    sar,
    frame_rate,
    sampling_rate,
    channels,
    init,
    media,
    nominal,
    attributes,
    elements,
});
wire_struct!(SwitchingSet {
    id,
    content,
    lang,
    label,
    roles,
    attributes,
    elements,
    tracks,
});
wire_struct!(Shape {
    profiles,
    namespaces,
    id,
    min_buffer_time,
    max_segment_duration,
    elements,
    period_elements,
    sets,
});
wire_struct!(AssetManifest {
    name,
    shape,
    addressing,
    tracks
});

impl Wire for Timescale {
    fn put(&self, out: &mut Vec<u8>) {
        Timescale::get(*self).put(out);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Self::new(<u32 as Wire>::get(from)?)
    }
}

impl Wire for Template {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_str().to_owned().put(out);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Self::parse(&String::get(from)?).ok()
    }
}

impl Wire for Element {
    fn put(&self, out: &mut Vec<u8>) {
        self.name.put(out);
        self.attributes.put(out);
        self.children.put(out);
    }

    /// The place in the manifest is forgotten: it only serves errors while that is read.
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            name: String::get(from)?,
            attributes: Vec::get(from)?,
            children: Vec::get(from)?,
            ..Self::default()
        })
    }
}

impl Wire for Node {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Element(element) => {
                true.put(out);
                element.put(out);
            }
            Self::Text(text) => {
                false.put(out);
                text.put(out);
            }
        }
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        if bool::get(from)? {
            Element::get(from).map(Self::Element)
        } else {
            String::get(from).map(Self::Text)
        }
    }
}

impl<T: Wire> Wire for Arc<T> {
    fn put(&self, out: &mut Vec<u8>) {
        T::put(self, out);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        T::get(from).map(Self::new)
    }
}
