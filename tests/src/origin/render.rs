//! From stored values to a picture (PS3.3 C.7.6.3, C.11): rescale, window, polarity. Native 8 and
//! 16 bit grey and 8 bit RGB are known; anything else is not rendered.

use dicom_dictionary_std::tags;

use super::json::{self, Attributes};

/// A picture, top left first, one or three bytes per pixel.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Raster {
    width: u16,
    height: u16,
    colour: Colour,
    pixels: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    Grey,
    Rgb,
}

/// The picture of one frame's native, little endian pixels.
pub(super) fn raster(attributes: &Attributes, frame: &[u8]) -> Option<Raster> {
    let count = |tag| json::count(attributes, tag);
    let (height, width) = (count(tags::ROWS)?, count(tags::COLUMNS)?);
    let (colour, pixels) = match json::text(attributes, tags::PHOTOMETRIC_INTERPRETATION)? {
        "MONOCHROME1" => (Colour::Grey, grey(attributes, frame, |shade| 255 - shade)?),
        "MONOCHROME2" => (Colour::Grey, grey(attributes, frame, |shade| shade)?),
        "RGB" => (Colour::Rgb, rgb(attributes, frame)?),
        _ => return None,
    };
    let samples = if colour == Colour::Rgb { 3 } else { 1 };
    (pixels.len() == width * height * samples).then_some(())?;
    let (width, height) = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
    Some(Raster { width, height, colour, pixels })
}

impl Raster {
    pub(super) fn png(&self) -> Option<Vec<u8>> {
        let mut encoded = Vec::new();
        let mut encoder = png::Encoder::new(&mut encoded, self.width.into(), self.height.into());
        encoder.set_color(match self.colour {
            Colour::Grey => png::ColorType::Grayscale,
            Colour::Rgb => png::ColorType::Rgb,
        });
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&self.pixels).ok()?;
        writer.finish().ok()?;
        Some(encoded)
    }

    pub(super) fn jpeg(&self, quality: u8) -> Option<Vec<u8>> {
        let mut encoded = Vec::new();
        let colour = match self.colour {
            Colour::Grey => jpeg_encoder::ColorType::Luma,
            Colour::Rgb => jpeg_encoder::ColorType::Rgb,
        };
        jpeg_encoder::Encoder::new(&mut encoded, quality)
            .encode(&self.pixels, self.width, self.height, colour)
            .ok()?;
        Some(encoded)
    }
}

fn grey(attributes: &Attributes, frame: &[u8], polarity: fn(u8) -> u8) -> Option<Vec<u8>> {
    let signed = json::count(attributes, tags::PIXEL_REPRESENTATION) == Some(1);
    let stored: Vec<i32> = match (json::count(attributes, tags::BITS_ALLOCATED)?, signed) {
        (8, _) => frame.iter().map(|&byte| byte.into()).collect(),
        (16, true) => words(frame).map(|word| i16::from_le_bytes(word).into()).collect(),
        (16, false) => words(frame).map(|word| u16::from_le_bytes(word).into()).collect(),
        _ => return None,
    };
    let (low, high) = (*stored.iter().min()?, *stored.iter().max()?);
    let slope = json::float(attributes, tags::RESCALE_SLOPE).unwrap_or(1.0);
    let intercept = json::float(attributes, tags::RESCALE_INTERCEPT).unwrap_or(0.0);
    let window = json::float(attributes, tags::WINDOW_CENTER)
        .zip(json::float(attributes, tags::WINDOW_WIDTH).filter(|&width| width >= 1.0));
    let (centre, width) = window.unwrap_or_else(|| {
        let (low, high) = (f64::from(low) * slope, f64::from(high) * slope);
        ((low + high) / 2.0 + intercept, (high - low).abs().max(1.0))
    });
    // One entry per value that occurs, so that the arithmetic is not done once per pixel.
    let shades: Vec<u8> = (low..=high)
        .map(|value| {
            let value = f64::from(value) * slope + intercept;
            let shade = ((value - (centre - 0.5)) / (width - 1.0).max(1.0) + 0.5) * 255.0;
            polarity(shade.clamp(0.0, 255.0) as u8)
        })
        .collect();
    Some(stored.iter().map(|value| shades[(value - low) as usize]).collect())
}

fn rgb(attributes: &Attributes, frame: &[u8]) -> Option<Vec<u8>> {
    if json::count(attributes, tags::BITS_ALLOCATED) != Some(8) {
        return None;
    }
    if json::count(attributes, tags::PLANAR_CONFIGURATION) != Some(1) {
        return Some(frame.to_vec());
    }
    let plane = frame.len() / 3;
    Some((0..plane).flat_map(|n| [frame[n], frame[n + plane], frame[n + 2 * plane]]).collect())
}

fn words(frame: &[u8]) -> impl Iterator<Item = [u8; 2]> {
    frame.chunks_exact(2).map(|pair| [pair[0], pair[1]])
}
