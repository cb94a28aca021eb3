//! An ultrasound clip: the fan of a probe, speckle, and two chambers that beat once per clip.

use std::f64::consts::TAU;

use bytes::Bytes;
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};

use super::paint::{Canvas, Ellipse, Tissue};
use super::{Series, US_STUDY};

/// The one object.
pub(super) fn files() -> impl Iterator<Item = Bytes> {
    let pixels = (0..FRAMES).flat_map(frame).collect();
    series().file(1, [], (VR::OB, pixels)).into_iter()
}

fn frame(number: usize) -> Vec<u8> {
    let [dark, flesh, wall, blood] =
        [(0, 0), (75, 75), (150, 90), (18, 25)].map(|(mean, spread)| Tissue::rgb(mean, spread));
    let mut picture = Canvas::new(WIDTH, HEIGHT, number, &flesh);
    let beat = 1.0 + 0.18 * (number as f64 * TAU / FRAMES as f64).sin();
    let oval = |x, y, rx, ry| Ellipse { x, y, rx, ry };
    picture.fill(oval(150.0, 125.0, 62.0, 72.0), &wall);
    picture.fill(oval(138.0, 115.0, 24.0 * beat, 44.0 * beat), &blood);
    picture.fill(oval(178.0, 118.0, 17.0 * beat, 38.0 * beat), &blood);
    picture.fill(oval(160.0, 200.0, 90.0, 7.0), &wall);

    // All but the fan stays dark.
    for y in 0..HEIGHT {
        let depth = y as f64 - 8.0;
        let arc = (218.0_f64.powi(2) - depth.powi(2)).max(0.0).sqrt();
        let half = if depth < 4.0 { 0.0 } else { (14.0 + depth * 0.72).min(arc) };
        let edge = |x: f64| x.clamp(0.0, WIDTH as f64) as usize;
        picture.span(y, 0, edge(160.0 - half), &dark);
        picture.span(y, edge(160.0 + half), WIDTH, &dark);
    }
    picture.pixels
}

fn series() -> Series {
    Series {
        study: US_STUDY,
        class: uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE,
        attributes: vec![
            (tags::PATIENT_NAME, VR::PN, "Phantom^Heart"),
            (tags::PATIENT_ID, VR::LO, "PHANTOM-US"),
            (tags::PATIENT_BIRTH_DATE, VR::DA, "19590214"),
            (tags::PATIENT_SEX, VR::CS, "M"),
            (tags::STUDY_DATE, VR::DA, "20230908"),
            (tags::STUDY_TIME, VR::TM, "160200"),
            (tags::ACCESSION_NUMBER, VR::SH, "A-1004"),
            (tags::STUDY_ID, VR::SH, "1004"),
            (tags::STUDY_DESCRIPTION, VR::LO, "Echocardiography, synthetic"),
            (tags::SERIES_DESCRIPTION, VR::LO, "Four chambers, two shown"),
            (tags::MANUFACTURER_MODEL_NAME, VR::LO, "Ellipse 4D"),
            (tags::MODALITY, VR::CS, "US"),
            (tags::BODY_PART_EXAMINED, VR::CS, "HEART"),
            (tags::IMAGE_TYPE, VR::CS, "DERIVED\\PRIMARY"),
            (tags::NUMBER_OF_FRAMES, VR::IS, "12"),
            (tags::FRAME_TIME, VR::DS, "83.3"),
            (tags::FRAME_INCREMENT_POINTER, VR::AT, "(0018,1063)"),
            (tags::SAMPLES_PER_PIXEL, VR::US, "3"),
            (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB"),
            (tags::PLANAR_CONFIGURATION, VR::US, "0"),
            (tags::ROWS, VR::US, "240"),
            (tags::COLUMNS, VR::US, "320"),
            (tags::BITS_ALLOCATED, VR::US, "8"),
            (tags::BITS_STORED, VR::US, "8"),
            (tags::HIGH_BIT, VR::US, "7"),
            (tags::PIXEL_REPRESENTATION, VR::US, "0"),
            (tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00"),
        ],
    }
}

const FRAMES: usize = 12;
const WIDTH: usize = 320;
const HEIGHT: usize = 240;
