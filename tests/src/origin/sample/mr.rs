//! A head as T1-weighted MR would show it, in a few axial slices.

use std::f64::consts::TAU;

use bytes::Bytes;
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};

use super::paint::{Canvas, Ellipse, Tissue};
use super::{MR_STUDY, Series};

/// The slices, from the neck up.
pub(super) fn files() -> impl Iterator<Item = Bytes> {
    let series = series();
    (0..SLICES).filter_map(move |slice| {
        let z = slice as f64 * 8.0 - 40.0;
        let corner = -MIDDLE;
        let own = [
            (tags::IMAGE_POSITION_PATIENT, VR::DS, format!("{corner}\\{corner}\\{z}")),
            (tags::SLICE_LOCATION, VR::DS, z.to_string()),
        ];
        series.file(slice + 1, own, (VR::OW, paint(slice, z)))
    })
}

fn paint(number: usize, z: f64) -> Vec<u8> {
    let [air, skin, skull, fluid, grey, white] =
        [(12, 12), (950, 120), (60, 40), (190, 50), (430, 60), (640, 60)]
            .map(|(mean, spread)| Tissue::grey(mean, spread));
    let mut canvas = Canvas::new(SIDE, SIDE, number, &air);
    let mut fill = |ellipse: Ellipse, tissue| canvas.fill(ellipse.scaled(SPACING), tissue);
    let oval = |x, y, rx, ry| Ellipse { x: MIDDLE + x, y: MIDDLE + y, rx, ry };
    let size = (1.0 - (z / 95.0).powi(2)).max(0.0).sqrt();

    fill(oval(0.0, 0.0, 78.0 * size, 98.0 * size), &skin);
    fill(oval(0.0, 0.0, 73.0 * size, 93.0 * size), &skull);
    fill(oval(0.0, 0.0, 67.0 * size, 87.0 * size), &fluid);
    for gyrus in 0..26 {
        let angle = f64::from(gyrus) * TAU / 26.0 + z * 0.02;
        let (x, y) = (57.0 * size * angle.cos(), 76.0 * size * angle.sin());
        fill(Ellipse::circle(MIDDLE + x, MIDDLE + y, 8.4 * size), &grey);
    }
    fill(oval(0.0, 0.0, 57.0 * size, 76.0 * size), &grey);
    for gyrus in 0..19 {
        let angle = f64::from(gyrus) * TAU / 19.0 - z * 0.02;
        let (x, y) = (42.0 * size * angle.cos(), 60.0 * size * angle.sin());
        fill(Ellipse::circle(MIDDLE + x, MIDDLE + y, 8.0 * size), &white);
    }
    fill(oval(0.0, 0.0, 44.0 * size, 62.0 * size), &white);
    fill(oval(0.0, -44.0 * size, 1.5, 38.0 * size), &fluid);
    fill(oval(0.0, 50.0 * size, 1.5, 32.0 * size), &fluid);
    for side in [-1.0, 1.0] {
        fill(oval(side * 24.0 * size, 4.0, 9.0 * size, 16.0 * size), &grey);
        let ventricle = (1.0 - ((z - 8.0) / 30.0).powi(2)).max(0.0).sqrt();
        fill(oval(side * 9.0, -10.0, 5.0 * ventricle, 20.0 * ventricle), &fluid);
        fill(oval(side * 14.0, 22.0, 4.5 * ventricle, 14.0 * ventricle), &fluid);
    }
    canvas.pixels
}

fn series() -> Series {
    Series {
        study: MR_STUDY,
        class: uids::MR_IMAGE_STORAGE,
        attributes: vec![
            (tags::PATIENT_NAME, VR::PN, "Phantom^Head=幻^頭"),
            (tags::PATIENT_ID, VR::LO, "PHANTOM-MR"),
            (tags::PATIENT_BIRTH_DATE, VR::DA, "19851124"),
            (tags::PATIENT_SEX, VR::CS, "F"),
            (tags::STUDY_DATE, VR::DA, "20240115"),
            (tags::STUDY_TIME, VR::TM, "083000"),
            (tags::ACCESSION_NUMBER, VR::SH, "A-1002"),
            (tags::STUDY_ID, VR::SH, "1002"),
            (tags::STUDY_DESCRIPTION, VR::LO, "MR head, synthetic"),
            (tags::SERIES_DESCRIPTION, VR::LO, "T1 axial"),
            (tags::MANUFACTURER_MODEL_NAME, VR::LO, "Ellipse 12"),
            (tags::MODALITY, VR::CS, "MR"),
            (tags::BODY_PART_EXAMINED, VR::CS, "HEAD"),
            (tags::PATIENT_POSITION, VR::CS, "HFS"),
            (tags::IMAGE_TYPE, VR::CS, "DERIVED\\PRIMARY\\OTHER"),
            (tags::SCANNING_SEQUENCE, VR::CS, "SE"),
            (tags::SEQUENCE_VARIANT, VR::CS, "NONE"),
            (tags::SCAN_OPTIONS, VR::CS, ""),
            (tags::MR_ACQUISITION_TYPE, VR::CS, "2D"),
            (tags::ECHO_TIME, VR::DS, "12"),
            (tags::REPETITION_TIME, VR::DS, "550"),
            (tags::ECHO_TRAIN_LENGTH, VR::IS, "1"),
            (tags::SLICE_THICKNESS, VR::DS, "8"),
            (tags::FRAME_OF_REFERENCE_UID, VR::UI, "2.25.211903541672330815207463518902746180003"),
            (tags::POSITION_REFERENCE_INDICATOR, VR::LO, ""),
            (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0"),
            (tags::PIXEL_SPACING, VR::DS, "0.9\\0.9"),
            (tags::SAMPLES_PER_PIXEL, VR::US, "1"),
            (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
            (tags::ROWS, VR::US, "256"),
            (tags::COLUMNS, VR::US, "256"),
            (tags::BITS_ALLOCATED, VR::US, "16"),
            (tags::BITS_STORED, VR::US, "12"),
            (tags::HIGH_BIT, VR::US, "11"),
            (tags::PIXEL_REPRESENTATION, VR::US, "0"),
            (tags::WINDOW_CENTER, VR::DS, "450"),
            (tags::WINDOW_WIDTH, VR::DS, "900"),
        ],
    }
}

const SLICES: usize = 12;
const SIDE: usize = 256;
const SPACING: f64 = 0.9;
const MIDDLE: f64 = SIDE as f64 * SPACING / 2.0;
