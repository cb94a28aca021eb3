// Two authorities in one process, as oidc-provider makes them: one described by OpenID Connect Discovery, one by RFC 8414 alone.
//
//     node provider.js SETTINGS
//
// The settings are a JSON file: where oidc-provider is, port and files for TLS, the issuers, the clients' file, the resource, and how long
// tokens live. The clients' file is read for each request. Every token request is told in a line of JSON.
'use strict';

const { generateKeyPairSync } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { createServer } = require('node:https');
const { pathToFileURL } = require('node:url');

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));

async function main() {
  const library = (file) => import(pathToFileURL(`${settings.library}/lib/${file}`));
  const { default: Provider } = await library('index.js');
  const { createMemoryAdapter } = await library('adapters/memory_adapter.js');

  const stored = createMemoryAdapter();
  const adapter = (model) => (model === 'Client' ? clients : stored(model));
  const [known, described] = settings.issuers.map((issuer) => provider(Provider, issuer, adapter));

  const prefix = new URL(settings.issuers[1]).pathname;
  const metadata = `/.well-known/oauth-authorization-server${prefix}`;
  createServer({ cert: readFileSync(settings.chain), key: readFileSync(settings.key) }, (request, answer) => {
    request.originalUrl = request.url;
    if (request.url === metadata) {
      // Behind the well-known path stands the issuer's, which a provider that is mounted there does not see.
      request.originalUrl = `${prefix}/.well-known/oauth-authorization-server`;
      request.url = '/.well-known/oauth-authorization-server';
      described(request, answer);
    } else if (request.url.startsWith(`${prefix}/.well-known/`)) {
      answer.writeHead(404).end();
    } else if (request.url.startsWith(`${prefix}/`)) {
      request.url = request.url.slice(prefix.length);
      described(request, answer);
    } else {
      known(request, answer);
    }
  }).listen(settings.port, '127.0.0.1');
}

function provider(Provider, issuer, adapter) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const made = new Provider(issuer, {
    adapter,
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
    scopes: ['dicom'],
    enabledJWA: { clientAuthSigningAlgValues: ['PS256', 'RS256', 'ES256'] },
    ttl: { ClientCredentials: settings.life },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: 'dicom',
          audience: resource,
          accessTokenTTL: settings.life,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
  made.on('grant.error', (ctx, error) => { ctx.state.why = error.error_detail ?? error.error_description; });
  made.use(async (ctx, next) => {
    await next();
    if (ctx.path === '/token') {
      tell(issuer, ctx);
    }
  });
  return made.callback();
}

function tell(issuer, ctx) {
  const told = {
    issuer,
    client: ctx.oidc.client?.clientId,
    by: ctx.oidc.client?.clientAuthMethod,
    form: ctx.oidc.body,
    basic: ctx.get('authorization') !== '',
    status: ctx.status,
    error: ctx.body.error,
    why: ctx.state.why,
  };
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

// What a database would be.
const clients = {
  find: async (id) => JSON.parse(readFileSync(settings.clients, 'utf8')).find((client) => client.client_id === id),
};

main();
