//! One stored object: its bytes as they came, and what can be said of it without them.

use std::sync::OnceLock;

use bytes::Bytes;
use dicom_core::{DicomValue, Tag};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{DefaultDicomObject, InMemDicomObject, OpenFileOptions};
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry, entries};

use super::json::{self, Attributes};
use super::route::Scope;

/// A stored SOP instance.
#[derive(Debug)]
pub struct Instance {
    pub(super) sop: Sop,
    pub(super) class: String,
    pub(super) transfer_syntax: String,
    pub(super) attributes: Attributes,
    pub(super) bytes: Bytes,
    frames: OnceLock<Vec<Bytes>>,
}

/// The UIDs that name an instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sop {
    /// (0020,000D)
    pub study: String,
    /// (0020,000E)
    pub series: String,
    /// (0008,0018)
    pub instance: String,
}

/// Why bytes are not an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// They are not a DICOM file.
    NotDicom,
    /// An attribute that every instance must have is missing or wrong.
    Incomplete(Tag),
}

impl Instance {
    /// The instance in `bytes`, a DICOM file (PS3.10), which it keeps as they are.
    pub fn read(bytes: Bytes) -> Result<Self, Unreadable> {
        let file = OpenFileOptions::new()
            .read_until(tags::PIXEL_DATA)
            .from_reader(&bytes[..])
            .map_err(|_| Unreadable::NotDicom)?;
        let attributes = json::attributes(&file);
        let required = |tag| {
            json::text(&attributes, tag)
                .filter(|uid| uid.len() <= 64)
                .map(str::to_owned)
                .ok_or(Unreadable::Incomplete(tag))
        };
        let sop = Sop {
            study: required(tags::STUDY_INSTANCE_UID)?,
            series: required(tags::SERIES_INSTANCE_UID)?,
            instance: required(tags::SOP_INSTANCE_UID)?,
        };
        let class = required(tags::SOP_CLASS_UID)?;
        let transfer_syntax = file.meta().transfer_syntax().to_owned();
        Ok(Self { sop, class, transfer_syntax, attributes, bytes, frames: OnceLock::new() })
    }

    /// This instance with its attributes changed by `edit`, and itself named as the writer.
    pub(super) fn edited(&self, edit: impl FnOnce(&mut InMemDicomObject)) -> Option<Self> {
        let mut file = self.parse()?;
        edit(&mut file);
        file.update_meta(|meta| meta.implementation_class_uid = WRITER.to_owned());
        let mut bytes = Vec::with_capacity(self.bytes.len());
        file.write_all(&mut bytes).ok()?;
        Self::read(bytes.into()).ok()
    }

    /// The UIDs that name it.
    pub fn sop(&self) -> &Sop {
        &self.sop
    }

    /// The DICOM file, byte for byte as it was stored.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether pixel data is in fragments, which only a codec can change.
    pub(super) fn is_encapsulated(&self) -> bool {
        TransferSyntaxRegistry
            .get(&self.transfer_syntax)
            .is_none_or(|syntax| syntax.is_encapsulated_pixel_data())
    }

    /// The file in Explicit VR Little Endian, or `None` where that takes a codec.
    pub(super) fn explicit_little_endian(&self) -> Option<Bytes> {
        if self.transfer_syntax == uids::EXPLICIT_VR_LITTLE_ENDIAN {
            return Some(self.bytes.clone());
        }
        if self.is_encapsulated() {
            return None;
        }
        let mut file = self.parse()?;
        file.meta_mut().set_transfer_syntax(&entries::EXPLICIT_VR_LITTLE_ENDIAN.erased());
        let mut bytes = Vec::with_capacity(self.bytes.len());
        file.write_all(&mut bytes).ok()?;
        Some(bytes.into())
    }

    /// The frames of the pixel data, native ones little endian; none if there is no pixel data.
    pub(super) fn frames(&self) -> &[Bytes] {
        self.frames.get_or_init(|| self.split_frames().unwrap_or_default())
    }

    fn split_frames(&self) -> Option<Vec<Bytes>> {
        let file = self.parse()?;
        let count = json::count(&self.attributes, tags::NUMBER_OF_FRAMES).unwrap_or(1).max(1);
        match file.get(tags::PIXEL_DATA)?.value() {
            DicomValue::Primitive(pixels) => {
                let pixels = Bytes::copy_from_slice(&pixels.to_bytes());
                let length = self.frame_length()?;
                (0..count)
                    .map(|n| {
                        (pixels.len() >= (n + 1) * length).then(|| n * length..(n + 1) * length)
                    })
                    .map(|range| Some(pixels.slice(range?)))
                    .collect()
            }
            DicomValue::PixelSequence(sequence) => {
                let fragments = sequence.fragments();
                let joined = |part: &[Vec<u8>]| Bytes::from(part.concat());
                Some(match fragments.len() {
                    _ if count == 1 => vec![joined(fragments)],
                    length if length == count => {
                        fragments.iter().map(|fragment| Bytes::from(fragment.clone())).collect()
                    }
                    _ => by_offsets(fragments, sequence.offset_table()),
                })
            }
            DicomValue::Sequence(_) => None,
        }
    }

    fn frame_length(&self) -> Option<usize> {
        let count = |tag| json::count(&self.attributes, tag);
        let samples = match json::text(&self.attributes, tags::PHOTOMETRIC_INTERPRETATION) {
            // Two pixels share their chrominance.
            Some("YBR_FULL_422") => 2,
            _ => count(tags::SAMPLES_PER_PIXEL).unwrap_or(1),
        };
        let bits = count(tags::ROWS)? * count(tags::COLUMNS)? * samples;
        Some((bits * count(tags::BITS_ALLOCATED)?).div_ceil(8)).filter(|&length| length > 0)
    }

    fn parse(&self) -> Option<DefaultDicomObject> {
        dicom_object::from_reader(&self.bytes[..]).ok()
    }
}

/// Fragments joined into frames, each frame beginning where the basic offset table says.
fn by_offsets(fragments: &[Vec<u8>], offsets: &[u32]) -> Vec<Bytes> {
    let mut frames: Vec<Vec<u8>> = Vec::with_capacity(offsets.len());
    let mut position = 0u64;
    for fragment in fragments {
        match frames.last_mut() {
            Some(frame) if !offsets.iter().any(|&o| u64::from(o) == position) => {
                frame.extend_from_slice(fragment);
            }
            _ => frames.push(fragment.clone()),
        }
        position += ITEM_HEADER + fragment.len() as u64;
    }
    frames.into_iter().map(Bytes::from).collect()
}

impl Scope {
    /// Whether it names `sop` or something that `sop` is part of.
    pub(super) fn contains(&self, sop: &Sop) -> bool {
        let matches =
            |wanted: &Option<String>, uid: &String| wanted.as_ref().is_none_or(|it| it == uid);
        matches(&self.study, &sop.study)
            && matches(&self.series, &sop.series)
            && matches(&self.instance, &sop.instance)
    }
}

/// As the hosted service says in the files that it writes itself.
const WRITER: &str = "1.3.6.1.4.1.311.129";
const ITEM_HEADER: u64 = 8;
