// npm's oidc-provider, as strict as it comes. Its settings are in the JSON file named on the command line.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const installed = createRequire(`${settings.npm}/`);
const { Provider } = await import(pathToFileURL(installed.resolve('oidc-provider')));

/** The last part of a resource's address says what its access tokens look like: `opaque`, or how they are signed. */
function resourceServer(resource) {
  const form = new URL(resource).pathname.slice(1);
  return {
    scope: 'read write',
    audience: settings.audience,
    accessTokenTTL: settings.tokenSeconds,
    ...(form === 'opaque' ? { accessTokenFormat: 'opaque' } : { accessTokenFormat: 'jwt', jwt: { sign: { alg: form } } }),
  };
}

const provider = new Provider(settings.issuer, {
  clients: settings.clients,
  jwks: { keys: settings.keys },
  cookies: { keys: settings.cookieKeys },
  scopes: ['openid', 'offline_access', 'read', 'write'],
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  extraTokenClaims: (_, token) => (token.accountId ? { groups: settings.groups[token.accountId] ?? [] } : undefined),
  issueRefreshToken: () => true,
  pkce: { required: () => true },
  enabledJWA: { idTokenSigningAlgValues: ['RS512', 'PS256', 'ES256', 'EdDSA'] },
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => resourceServer(resource),
      useGrantedResource: () => true,
    },
  },
});
provider.on('server_error', (_, error) => console.error(error));
provider.listen(settings.port, '127.0.0.1');
