//! A radiograph of a hand, in MONOCHROME1: the less reached the plate, the smaller the value and
//! the brighter it is shown.

use bytes::Bytes;
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};

use super::paint::{Canvas, Ellipse, Tissue};
use super::{CR_STUDY, Series};

/// The one image.
pub(super) fn files() -> impl Iterator<Item = Bytes> {
    series().file(1, [], (VR::OW, paint())).into_iter()
}

fn paint() -> Vec<u8> {
    let [bare, flesh, bone] =
        [(3700, 60), (2700, 90), (1500, 120)].map(|(mean, spread)| Tissue::grey(mean, spread));
    let mut canvas = Canvas::new(SIDE, SIDE, 0, &bare);
    let oval = |x, y, rx, ry| Ellipse { x, y, rx, ry };

    canvas.fill(oval(512.0, 960.0, 130.0, 200.0), &flesh);
    canvas.fill(oval(512.0, 640.0, 205.0, 220.0), &flesh);
    canvas.fill(oval(325.0, 680.0, 95.0, 130.0), &flesh);
    for (x, tip, root) in FINGERS {
        let middle = (tip + root) / 2.0;
        canvas.fill(oval(x, middle, 46.0, (root - tip) / 2.0 + 30.0), &flesh);
    }
    for (x, tip, root) in FINGERS {
        // Three phalanges, each longer than the one before it, and the metacarpal.
        let length = root - tip;
        let mut top = tip;
        for share in [0.22, 0.3, 0.48] {
            let half = length * share / 2.0;
            canvas.fill(oval(x, top + half, 19.0, half - 5.0), &bone);
            canvas.fill(oval(x, top + 2.0 * half - 14.0, 25.0, 14.0), &bone);
            top += 2.0 * half;
        }
        let towards = 512.0 + (x - 512.0) * 0.55;
        for step in 0..20 {
            let along = f64::from(step) / 19.0;
            let centre = (x + (towards - x) * along, root + 20.0 + 190.0 * along);
            canvas.fill(oval(centre.0, centre.1, 21.0 - 5.0 * (along * 3.1).sin(), 14.0), &bone);
        }
    }
    for (n, x) in [430.0, 480.0, 535.0, 590.0].into_iter().enumerate() {
        canvas.fill(oval(x, 800.0 + (n % 2) as f64 * 8.0, 27.0, 24.0), &bone);
        canvas.fill(oval(x - 5.0, 848.0, 26.0, 22.0), &bone);
    }
    canvas.fill(oval(462.0, 985.0, 44.0, 110.0), &bone);
    canvas.fill(oval(570.0, 985.0, 30.0, 105.0), &bone);
    canvas.pixels
}

fn series() -> Series {
    Series {
        study: CR_STUDY,
        class: uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE,
        attributes: vec![
            (tags::PATIENT_NAME, VR::PN, "Phantom^Hand"),
            (tags::PATIENT_ID, VR::LO, "PHANTOM-CR"),
            (tags::PATIENT_BIRTH_DATE, VR::DA, "20010630"),
            (tags::PATIENT_SEX, VR::CS, "M"),
            (tags::STUDY_DATE, VR::DA, "20231204"),
            (tags::STUDY_TIME, VR::TM, "141210"),
            (tags::ACCESSION_NUMBER, VR::SH, "A-1003"),
            (tags::STUDY_ID, VR::SH, "1003"),
            (tags::STUDY_DESCRIPTION, VR::LO, "Hand, synthetic"),
            (tags::SERIES_DESCRIPTION, VR::LO, "PA"),
            (tags::MANUFACTURER_MODEL_NAME, VR::LO, "Ellipse 1"),
            (tags::MODALITY, VR::CS, "CR"),
            (tags::BODY_PART_EXAMINED, VR::CS, "HAND"),
            (tags::VIEW_POSITION, VR::CS, "PA"),
            (tags::IMAGE_TYPE, VR::CS, "DERIVED\\PRIMARY"),
            (tags::IMAGER_PIXEL_SPACING, VR::DS, "0.2\\0.2"),
            (tags::SAMPLES_PER_PIXEL, VR::US, "1"),
            (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1"),
            (tags::ROWS, VR::US, "1024"),
            (tags::COLUMNS, VR::US, "1024"),
            (tags::BITS_ALLOCATED, VR::US, "16"),
            (tags::BITS_STORED, VR::US, "12"),
            (tags::HIGH_BIT, VR::US, "11"),
            (tags::PIXEL_REPRESENTATION, VR::US, "0"),
            (tags::WINDOW_CENTER, VR::DS, "2600"),
            (tags::WINDOW_WIDTH, VR::DS, "2800"),
        ],
    }
}

const SIDE: usize = 1024;

/// x, tip and root.
const FINGERS: [(f64, f64, f64); 5] = [
    (250.0, 430.0, 640.0),
    (385.0, 150.0, 520.0),
    (485.0, 90.0, 500.0),
    (585.0, 140.0, 515.0),
    (685.0, 240.0, 560.0),
];
