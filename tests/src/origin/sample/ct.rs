//! The thorax phantom: body, lungs, heart, aorta, spine, ribs, the dome of a liver and four nodules,
//! on a table. Millimetres, x to the patient's left, y to the back, z to the head.

use std::f64::consts::TAU;

use bytes::Bytes;
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};

use super::paint::{Canvas, Ellipse, Tissue};
use super::{CT_STUDY, Series};

/// The slices, from the feet up.
pub(super) fn files() -> impl Iterator<Item = Bytes> {
    let series = series();
    let tissues = Tissues::new();
    (0..SLICES).filter_map(move |slice| {
        let z = BOTTOM + slice as f64 * SPACING_Z;
        let corner = -MIDDLE;
        let own = [
            (tags::IMAGE_POSITION_PATIENT, VR::DS, format!("{corner}\\{corner}\\{z}")),
            (tags::SLICE_LOCATION, VR::DS, z.to_string()),
        ];
        series.file(slice + 1, own, (VR::OW, tissues.slice(slice, z)))
    })
}

struct Tissues {
    air: Tissue,
    couch: Tissue,
    foam: Tissue,
    fat: Tissue,
    muscle: Tissue,
    lung: Tissue,
    vessel: Tissue,
    heart: Tissue,
    liver: Tissue,
    marrow: Tissue,
    bone: Tissue,
    disc: Tissue,
    nodule: Tissue,
}

impl Tissues {
    fn new() -> Self {
        Self {
            air: Tissue::grey(-1000, 24),
            couch: Tissue::grey(-150, 30),
            foam: Tissue::grey(-900, 30),
            fat: Tissue::grey(-95, 40),
            muscle: Tissue::grey(50, 45),
            lung: Tissue::grey(-830, 70),
            vessel: Tissue::grey(170, 45),
            heart: Tissue::grey(110, 45),
            liver: Tissue::grey(90, 50),
            marrow: Tissue::grey(230, 70),
            bone: Tissue::grey(720, 90),
            disc: Tissue::grey(80, 45),
            nodule: Tissue::grey(40, 40),
        }
    }

    fn slice(&self, number: usize, z: f64) -> Vec<u8> {
        let mut canvas = Canvas::new(SIDE, SIDE, number, &self.air);
        let mut fill = |ellipse: Ellipse, tissue| canvas.fill(ellipse.scaled(SPACING), tissue);
        // How much of a body of half height `half` around `centre` is left at this height.
        let taper = |centre: f64, half: f64| (1.0 - ((z - centre) / half).powi(2)).max(0.0).sqrt();
        let oval = |x, y, rx, ry| Ellipse { x: MIDDLE + x, y: MIDDLE + y, rx, ry };

        fill(oval(0.0, 124.0, 172.0, 10.0), &self.couch);
        fill(oval(0.0, 124.0, 168.0, 7.0), &self.foam);
        let wide = 1.0 - 0.08 * ((z - 20.0) / 120.0).powi(2);
        fill(oval(0.0, 0.0, 168.0 * wide, 114.0 * wide), &self.fat);
        fill(oval(0.0, 2.0, 154.0 * wide, 101.0 * wide), &self.muscle);

        for side in [-1.0, 1.0] {
            let lung = taper(10.0, 125.0);
            fill(oval(side * 76.0, -4.0, 60.0 * lung, 84.0 * lung), &self.lung);
            for vessel in 0..7 {
                let angle = f64::from(vessel) * TAU / 7.0 + z * 0.03 * side;
                let reach = 20.0 + f64::from(vessel * 5 % 4) * 10.0;
                let (x, y) = (side * 72.0 + reach * angle.cos() * lung, reach * angle.sin() * lung);
                fill(oval(x, y, 2.2 * lung, 2.8 * lung), &self.nodule);
            }
        }
        let liver = taper(-135.0, 85.0);
        fill(oval(-66.0, -2.0, 84.0 * liver, 88.0 * liver), &self.liver);
        let heart = taper(-25.0, 62.0);
        fill(oval(22.0, -30.0, 60.0 * heart, 48.0 * heart), &self.muscle);
        fill(oval(26.0, -30.0, 52.0 * heart, 41.0 * heart), &self.heart);
        fill(oval(17.0, 44.0, 12.0, 12.0), &self.vessel);
        if z > 35.0 {
            fill(oval(0.0, 14.0, 9.0, 10.0), &self.air);
            fill(oval(-22.0, -22.0, 11.0, 9.0), &self.vessel);
        } else if z > 5.0 {
            let apart = 9.0 + (35.0 - z) * 0.5;
            fill(oval(-apart, 14.0, 6.5, 7.0), &self.air);
            fill(oval(apart, 14.0, 6.5, 7.0), &self.air);
        }

        fill(oval(0.0, 86.0, 5.0, 16.0), &self.bone);
        fill(oval(0.0, 70.0, 22.0, 9.0), &self.bone);
        if number % 5 == 4 {
            fill(oval(0.0, 54.0, 20.0, 16.0), &self.disc);
        } else {
            fill(oval(0.0, 54.0, 20.0, 16.0), &self.bone);
            fill(oval(0.0, 54.0, 17.5, 13.5), &self.marrow);
        }
        fill(oval(0.0, 72.0, 8.0, 7.0), &self.disc);
        fill(oval(0.0, -97.0 * wide, 16.0, 5.0), &self.bone);
        for rib in 0..10 {
            let angle = (f64::from(rib) + 0.5 + (z / 28.0).fract()) * TAU / 10.0;
            let (x, y) = (141.0 * wide * angle.cos(), 2.0 + 89.0 * wide * angle.sin());
            fill(oval(x, y, 7.5, 6.5), &self.bone);
            fill(oval(x, y, 4.5, 3.5), &self.marrow);
        }
        for [x, y, height, radius] in NODULES {
            let radius = radius * taper(height, radius);
            fill(oval(x, y, radius, radius), &self.nodule);
        }
        canvas.pixels
    }
}

fn series() -> Series {
    Series {
        study: CT_STUDY,
        class: uids::CT_IMAGE_STORAGE,
        attributes: vec![
            (tags::PATIENT_NAME, VR::PN, "Phantom^Thorax"),
            (tags::PATIENT_ID, VR::LO, "PHANTOM-CT"),
            (tags::PATIENT_BIRTH_DATE, VR::DA, "19700101"),
            (tags::PATIENT_SEX, VR::CS, "O"),
            (tags::PATIENT_AGE, VR::AS, "054Y"),
            (tags::STUDY_DATE, VR::DA, "20240312"),
            (tags::STUDY_TIME, VR::TM, "101500"),
            (tags::SERIES_DATE, VR::DA, "20240312"),
            (tags::SERIES_TIME, VR::TM, "101730"),
            (tags::ACCESSION_NUMBER, VR::SH, "A-1001"),
            (tags::STUDY_ID, VR::SH, "1001"),
            (tags::STUDY_DESCRIPTION, VR::LO, "CT thorax, synthetic"),
            (tags::SERIES_DESCRIPTION, VR::LO, "Axial 5 mm"),
            (tags::MANUFACTURER_MODEL_NAME, VR::LO, "Ellipse 40"),
            (tags::MODALITY, VR::CS, "CT"),
            (tags::BODY_PART_EXAMINED, VR::CS, "CHEST"),
            (tags::PATIENT_POSITION, VR::CS, "HFS"),
            (tags::IMAGE_TYPE, VR::CS, "DERIVED\\PRIMARY\\AXIAL"),
            (tags::KVP, VR::DS, "120"),
            (tags::SLICE_THICKNESS, VR::DS, "5"),
            (tags::SPACING_BETWEEN_SLICES, VR::DS, "5"),
            (tags::FRAME_OF_REFERENCE_UID, VR::UI, "2.25.211903541672330815207463518902746170003"),
            (tags::POSITION_REFERENCE_INDICATOR, VR::LO, ""),
            (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0"),
            (tags::PIXEL_SPACING, VR::DS, "0.75\\0.75"),
            (tags::SAMPLES_PER_PIXEL, VR::US, "1"),
            (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
            (tags::ROWS, VR::US, "512"),
            (tags::COLUMNS, VR::US, "512"),
            (tags::BITS_ALLOCATED, VR::US, "16"),
            (tags::BITS_STORED, VR::US, "16"),
            (tags::HIGH_BIT, VR::US, "15"),
            (tags::PIXEL_REPRESENTATION, VR::US, "1"),
            (tags::RESCALE_INTERCEPT, VR::DS, "0"),
            (tags::RESCALE_SLOPE, VR::DS, "1"),
            (tags::RESCALE_TYPE, VR::LO, "HU"),
            (tags::WINDOW_CENTER, VR::DS, "40\\-600"),
            (tags::WINDOW_WIDTH, VR::DS, "400\\1500"),
            (tags::WINDOW_CENTER_WIDTH_EXPLANATION, VR::LO, "MEDIASTINUM\\LUNG"),
        ],
    }
}

const SLICES: usize = 40;
const SIDE: usize = 512;
const SPACING: f64 = 0.75;
const SPACING_Z: f64 = 5.0;
const BOTTOM: f64 = -100.0;
const MIDDLE: f64 = SIDE as f64 * SPACING / 2.0;

/// x, y, z and radius.
const NODULES: [[f64; 4]; 4] = [
    [-88.0, -30.0, 25.0, 14.0],
    [-60.0, 40.0, 50.0, 9.0],
    [92.0, 20.0, 10.0, 18.0],
    [70.0, -45.0, 60.0, 11.0],
];
