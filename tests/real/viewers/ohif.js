// Uses OHIF as a reader does: finds a patient in the list, opens the study, turns the wheel.
//
// Reads one object of JSON: `viewer` (OHIF's URL), `patient` (as the list has it), `picture` (a file name's beginning). Writes one object of
// JSON, what was to be seen and who was asked for what, and judges nothing: that is `ohif.py`'s part.

'use strict';

const { readFileSync } = require('node:fs');
const { open } = require('./browser.js');

async function main() {
  const { viewer, patient, picture } = JSON.parse(readFileSync(0));
  const { browser, page, errors, requests } = await open();
  const told = { slices: [], errors };
  try {
    await page.goto(viewer);
    const row = page.getByText(patient);
    await row.waitFor();
    told.list = await page.locator('body').innerText();
    await page.screenshot({ path: `${picture}-list.png` });

    await row.click();
    await page.getByTitle('Basic Viewer').click();
    await page.getByText('Skip all').click(); // a guided tour lies over everything
    told.slices.push(await shown(page));
    await page.screenshot({ path: `${picture}-first.png` });
    await page.mouse.move(700, 450);
    for (let turn = 0; turn < TURNS; turn += 1) {
      await page.mouse.wheel(0, 100);
      told.slices.push(await shown(page, told.slices.at(-1)));
    }
    await page.waitForLoadState('networkidle'); // slices are loaded ahead
    await page.screenshot({ path: `${picture}-scrolled.png` });
  } catch (error) {
    told.failure = String(error);
    await page.screenshot({ path: `${picture}-failed.png` });
  } finally {
    await browser.close();
  }
  console.log(JSON.stringify({ ...told, requests: requests() }));
}

/** What the viewport shows, once that is a picture, and neither the position nor the picture `before`. */
async function shown(page, before = null) {
  const seen = await page.waitForFunction(look, before, { polling: 50 });
  return seen.jsonValue();
}

/** Runs in the page: the position that the viewport tells, how many shades its canvas has, and a sum of all its pixels. */
function look(before) {
  const position = document.body.innerText.match(/\((\d+)\/(\d+)\)/);
  const canvas = document.querySelector('canvas.cornerstone-canvas');
  if (!position || !canvas) {
    return null;
  }
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const shades = new Set();
  let sum = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    shades.add(pixels[at]);
    sum = (Math.imul(sum, 31) + pixels[at]) | 0;
  }
  const seen = { position: Number(position[1]), of: Number(position[2]), shades: shades.size, sum };
  return shades.size > 1 && seen.position !== before?.position && sum !== before?.sum ? seen : null;
}

const TURNS = 20;

main();
