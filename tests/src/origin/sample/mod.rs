//! Four synthetic studies that look like something: a CT of a thorax, an MR of a head, a radiograph
//! of a hand and an ultrasound clip. They show nobody. Their UIDs and their every byte are the same
//! in each run. They are painted once per process, however many servers are started.

mod cr;
mod ct;
mod mr;
mod paint;
mod us;

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

use super::instance::Instance;
use super::store::Store;

/// The thorax: 40 slices, 512×512, 16 bit signed, 5 mm apart.
pub const CT_STUDY: &str = "2.25.211903541672330815207463518902746170001";
/// Its only series.
pub const CT_SERIES: &str = "2.25.211903541672330815207463518902746170002";
/// The head: 12 slices, 256×256, 16 bit unsigned.
pub const MR_STUDY: &str = "2.25.211903541672330815207463518902746180001";
/// The hand: one image, 1024×1024, MONOCHROME1.
pub const CR_STUDY: &str = "2.25.211903541672330815207463518902746190001";
/// The clip: one object, 12 frames, 320×240, RGB.
pub const US_STUDY: &str = "2.25.211903541672330815207463518902746200001";

/// Adds the studies to `store`, those that it has not got.
pub fn load(store: &Store) {
    for instance in INSTANCES.iter() {
        // Being there already is as good.
        let _ = store.add(instance.clone());
    }
}

/// The UID of the `slice`th object, counted from 1, of the thorax.
pub fn ct_instance(slice: usize) -> String {
    uid_after(CT_STUDY, 99 + slice)
}

static INSTANCES: LazyLock<Vec<Arc<Instance>>> = LazyLock::new(|| {
    let files = us::files().chain(cr::files()).chain(mr::files()).chain(ct::files());
    files.filter_map(|file| Some(Arc::new(Instance::read(file).ok()?))).collect()
});

/// A series of a study, ready to have objects made of it.
struct Series {
    study: &'static str,
    class: &'static str,
    attributes: Vec<(Tag, VR, &'static str)>,
}

impl Series {
    /// The `number`th object, counted from 1: the series' attributes, `own` and the pixels.
    fn file(
        &self,
        number: usize,
        own: impl IntoIterator<Item = (Tag, VR, String)>,
        pixels: (VR, Vec<u8>),
    ) -> Option<Bytes> {
        let instance = uid_after(self.study, 99 + number);
        let mut object = InMemDicomObject::new_empty();
        for &(tag, vr, value) in COMMON.iter().chain(&self.attributes) {
            object.put(element(tag, vr, value));
        }
        for (tag, vr, value) in own {
            object.put(element(tag, vr, &value));
        }
        object.put_str(tags::SOP_CLASS_UID, VR::UI, self.class);
        object.put_str(tags::SOP_INSTANCE_UID, VR::UI, &instance);
        object.put_str(tags::STUDY_INSTANCE_UID, VR::UI, self.study);
        object.put_str(tags::SERIES_INSTANCE_UID, VR::UI, uid_after(self.study, 1));
        object.put_str(tags::INSTANCE_NUMBER, VR::IS, number.to_string());
        let (vr, pixels) = pixels;
        object.put(DataElement::new(tags::PIXEL_DATA, vr, PrimitiveValue::U8(pixels.into())));

        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
            .media_storage_sop_class_uid(self.class)
            .media_storage_sop_instance_uid(instance);
        let mut file = Vec::new();
        object.with_meta(meta).ok()?.write_all(&mut file).ok()?;
        Some(file.into())
    }
}

fn element(tag: Tag, vr: VR, value: &str) -> DataElement<InMemDicomObject> {
    let value = match vr {
        VR::US => PrimitiveValue::U16(value.split('\\').filter_map(|n| n.parse().ok()).collect()),
        VR::AT => PrimitiveValue::Tags(value.split('\\').filter_map(|t| t.parse().ok()).collect()),
        _ => PrimitiveValue::from(value),
    };
    DataElement::new(tag, vr, value)
}

/// `uid` with `offset` added to its last number.
fn uid_after(uid: &str, offset: usize) -> String {
    let (root, last) = uid.rsplit_once('.').unwrap_or(("2.25", uid));
    format!("{root}.{}", last.parse::<u128>().unwrap_or_default() + offset as u128)
}

const COMMON: [(Tag, VR, &str); 6] = [
    (tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192"),
    (tags::MANUFACTURER, VR::LO, "Painted"),
    (tags::INSTITUTION_NAME, VR::LO, "Synthetic Hospital"),
    (tags::REFERRING_PHYSICIAN_NAME, VR::PN, "Referrer^Rita"),
    (tags::SERIES_NUMBER, VR::IS, "1"),
    (tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, "+0000"),
];
