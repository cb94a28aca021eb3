// dicomweb-client for JavaScript, in node or in a web page.
//
// Reads one object of JSON: `url` (the gateway's route), `study`, `series`, `instance`, `fresh` (a file to store, base64), and either
// `page`, a page of another origin, in which the client then runs, or nothing, for node. Writes what came back, bodies as their SHA-256.

'use strict';

const { readFileSync } = require('node:fs');
const { open } = require('./browser.js');

async function main() {
  const wanted = JSON.parse(readFileSync(0));
  if (!wanted.page) {
    globalThis.XMLHttpRequest = require('xhr2');
    globalThis.DICOMwebClient = require('dicomweb-client');
    globalThis.crypto ??= require('node:crypto').webcrypto;
    console.log(JSON.stringify(await exercise(wanted)));
    return;
  }
  const { browser, page } = await open();
  try {
    await page.goto(wanted.page);
    await page.addScriptTag({ path: require.resolve('dicomweb-client') });
    console.log(JSON.stringify(await page.evaluate(exercise, wanted)));
  } finally {
    await browser.close();
  }
}

/** All calls, one after the other. Runs in a page too, so it knows nothing but its argument and what is global. */
async function exercise({ url, study, series, instance, fresh, copy }) {
  const client = new globalThis.DICOMwebClient.api.DICOMwebClient({ url, verbose: false });
  const [studyInstanceUID, seriesInstanceUID, sopInstanceUID] = [study, series, instance];
  const one = { studyInstanceUID, seriesInstanceUID, sopInstanceUID };
  const told = {};
  const call = async (name, work) => {
    try {
      told[name] = await work();
    } catch (error) {
      told[name] = { failure: String(error), status: error.status };
    }
  };
  const digest = async body => {
    const hash = await globalThis.crypto.subtle.digest('SHA-256', body);
    return Array.from(new Uint8Array(hash), byte => byte.toString(16).padStart(2, '0')).join('');
  };
  const digests = async bodies => Promise.all(bodies.map(digest));
  const values = (items, tag) => items.map(item => item[tag].Value[0]);

  await call('studies', async () => values(await client.searchForStudies(), '0020000D'));
  await call('filtered', async () => values(await client.searchForStudies({ queryParams: { ModalitiesInStudy: 'CT' } }), '0020000D'));
  await call('series', async () => values(await client.searchForSeries({ studyInstanceUID }), '0020000E'));
  await call('instances', async () => values(await client.searchForInstances({ studyInstanceUID, seriesInstanceUID }), '00080018'));
  await call('studyMetadata', async () => values(await client.retrieveStudyMetadata({ studyInstanceUID }), '00080018'));
  await call('seriesMetadata', async () => values(await client.retrieveSeriesMetadata({ studyInstanceUID, seriesInstanceUID }), '00080018'));
  await call('instanceMetadata', async () => values(await client.retrieveInstanceMetadata(one), '00080018'));
  await call('wholeInstance', async () => digest(await client.retrieveInstance(one)));
  await call('wholeSeries', async () => digests(await client.retrieveSeries({ studyInstanceUID, seriesInstanceUID })));
  await call('wholeStudy', async () => digests(await client.retrieveStudy({ studyInstanceUID })));
  await call('frames', async () => digests(await client.retrieveInstanceFrames({ ...one, frameNumbers: [1] })));
  const stored = [{ mediaType: 'application/octet-stream', transferSyntaxUID: '*' }];
  await call('storedFrames', async () => digests(await client.retrieveInstanceFrames({ ...one, frameNumbers: [1], mediaTypes: stored })));
  await call('rendered', async () => (await client.retrieveInstanceRendered(one))[0].byteLength);
  const jpeg = { mediaType: 'image/jpeg' };
  await call('renderedJpeg', async () => (await client.retrieveInstanceRendered({ ...one, mediaTypes: [jpeg] }))[0].byteLength);
  await call('bulk', async () => {
    const [metadata] = await client.retrieveInstanceMetadata(one);
    const BulkDataURI = metadata['7FE00010']?.BulkDataURI;
    return BulkDataURI && { BulkDataURI, digests: await digests(await client.retrieveBulkData({ BulkDataURI })) };
  });
  await call('store', async () => {
    const bytes = Uint8Array.from(atob(fresh), letter => letter.charCodeAt(0));
    const answer = await client.storeInstances({ datasets: [bytes.buffer] });
    return typeof answer === 'string' ? JSON.parse(answer) : answer;
  });
  await call('found', async () => values(await client.searchForStudies({ queryParams: { StudyInstanceUID: copy } }), '0020000D'));
  return told;
}

main();
