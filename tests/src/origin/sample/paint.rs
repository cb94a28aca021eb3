//! Ellipses of noise on a raster. Rows are copied out of strips of noise made beforehand, because
//! this code runs unoptimised in tests and there are ten million pixels to fill.

/// What an ellipse is filled with: a strip of noise in the pixel format of the canvas.
pub(super) struct Tissue {
    strip: Vec<u8>,
    pixel: usize,
}

/// A raster, top left first.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    /// Moves the noise, so that no two slices have the same.
    phase: usize,
    pixel: usize,
    pub(super) pixels: Vec<u8>,
}

/// Centre and radii, in pixels.
#[derive(Clone, Copy)]
pub(super) struct Ellipse {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) rx: f64,
    pub(super) ry: f64,
}

impl Tissue {
    /// 16 bit values around `mean`, at most `spread` away.
    pub(super) fn grey(mean: i32, spread: i32) -> Self {
        // Bit patterns of signed and unsigned values are the same.
        let strip = noise().flat_map(|n| ((mean + n * spread / 100) as u16).to_le_bytes());
        Self { strip: strip.collect(), pixel: 2 }
    }

    /// Grey as three bytes around `mean`, at most `spread` away.
    pub(super) fn rgb(mean: i32, spread: i32) -> Self {
        let strip = noise().flat_map(|n| [(mean + n * spread / 100).clamp(0, 255) as u8; 3]);
        Self { strip: strip.collect(), pixel: 3 }
    }
}

impl Canvas {
    /// All of `ground`.
    pub(super) fn new(width: usize, height: usize, phase: usize, ground: &Tissue) -> Self {
        let pixel = ground.pixel;
        let pixels = vec![0; width * height * pixel];
        let mut canvas = Self { width, height, phase, pixel, pixels };
        for y in 0..height {
            canvas.span(y, 0, width, ground);
        }
        canvas
    }

    /// Fills `ellipse` with `tissue`; what lies outside the canvas is cut off.
    pub(super) fn fill(&mut self, ellipse: Ellipse, tissue: &Tissue) {
        let Ellipse { x, y, rx, ry } = ellipse;
        let clip = |value: f64, end: usize| value.clamp(0.0, end as f64) as usize;
        for row in clip((y - ry).ceil(), self.height)..clip(y + ry + 1.0, self.height) {
            let up = (row as f64 - y) / ry;
            let half = rx * (1.0 - up * up).max(0.0).sqrt();
            let (from, to) = (clip((x - half).ceil(), self.width), clip(x + half, self.width));
            self.span(row, from, to, tissue);
        }
    }

    /// Fills a part of a row.
    pub(super) fn span(&mut self, row: usize, from: usize, to: usize, tissue: &Tissue) {
        if from >= to {
            return;
        }
        let start = (row * self.width + from) * self.pixel;
        let length = (to - from) * self.pixel;
        let room = (tissue.strip.len() - length) / self.pixel;
        let offset = (row * 7919 + self.phase * 104_729 + from * 31) % room * self.pixel;
        self.pixels[start..start + length].copy_from_slice(&tissue.strip[offset..offset + length]);
    }
}

impl Ellipse {
    pub(super) fn circle(x: f64, y: f64, r: f64) -> Self {
        Self { x, y, rx: r, ry: r }
    }

    /// In millimetres to in pixels of `spacing` millimetres.
    pub(super) fn scaled(self, spacing: f64) -> Self {
        let Self { x, y, rx, ry } = self;
        Self { x: x / spacing, y: y / spacing, rx: rx / spacing, ry: ry / spacing }
    }
}

/// Values within ±100, mostly small, the same each time.
fn noise() -> impl Iterator<Item = i32> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    (0..STRIP).map(move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let uniform = |shift: u32| ((state >> shift) % 201) as i32 - 100;
        (uniform(3) + uniform(19) + uniform(37)) / 3
    })
}

/// Pixels in a strip of noise.
const STRIP: usize = 8192;
