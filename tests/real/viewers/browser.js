// Debian's Chromium, without a screen or a graphics card, and without a way to anything but this machine.

'use strict';

const { chromium } = require('playwright-core');

/** A browser, its one page, and `requests`, all that it ever asked anyone: url, method, type, then status or failure. */
exports.open = async function open() {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGUMENTS });
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  context.setDefaultTimeout(30_000);
  const requests = new Map();
  const errors = [];
  context.on('request', request => {
    requests.set(request, { url: request.url(), method: request.method(), type: request.resourceType() });
  });
  context.on('response', response => {
    requests.get(response.request()).status = response.status();
  });
  context.on('requestfailed', request => {
    requests.get(request).failure = request.failure()?.errorText ?? 'failed';
  });
  context.on('weberror', error => errors.push(String(error.error())));
  const page = await context.newPage();
  return { browser, page, errors, requests: () => [...requests.values()] };
};

const ARGUMENTS = [
  '--no-sandbox', // as root it knows no other way
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];
