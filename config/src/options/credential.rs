//! What may be said of a client's credential.

use crate::credential::{SecretMethod, SigningAlgorithm};
use crate::keys::{Key, Kind, Section};

/// `credential`, or one of several.
pub(super) static CREDENTIAL: Section = Section {
    keys: &[
        Key::optional(
            "secret_file",
            Kind::SecretFile,
            r#""client-secret""#,
            "the path of the file that holds the client secret; read anew for every token request",
        ),
        Key::default(
            "secret_method",
            Kind::OneOf("method", || SecretMethod::ALL.map(SecretMethod::name).to_vec()),
            r#""post""#,
            "how the secret is sent: in the form (client_secret_post), or as HTTP Basic",
        ),
        Key::optional(
            "expires",
            Kind::Date,
            r#""2027-01-31""#,
            "the day on which the authority stops to accept the secret, to be warned before",
        ),
        Key::optional(
            "certificate",
            Kind::Table(&CERTIFICATE),
            r#"{ chain = "client.crt", key = "client.key" }"#,
            "the certificate whose key signs a client assertion for every token request",
        ),
        Key::optional(
            "federated_token_file",
            Kind::TokenFile,
            r#""/var/run/secrets/azure/tokens/azure-identity-token""#,
            "the path of a file with another authority's token; read anew for every token request",
        ),
        Key::optional(
            "workload_identity",
            Kind::Table(&WORKLOAD_IDENTITY),
            "{}",
            "the same from AZURE_FEDERATED_TOKEN_FILE; authority and id may come from there too",
        ),
        Key::optional(
            "managed_identity",
            Kind::Table(&MANAGED_IDENTITY),
            "{}",
            "an identity that Azure gives to the machine or the app that the gateway runs on",
        ),
        Key::optional(
            "service_account",
            Kind::SecretFile,
            r#""service-account.json""#,
            "the path of a Google service account's key file; authority and id stand in it",
        ),
        Key::optional(
            "tls_certificate",
            Kind::Table(&KEY_FILES),
            r#"{ chain = "client.crt", key = "client.key" }"#,
            "the certificate to show in the TLS handshake with the authority (RFC 8705)",
        ),
    ],
    later: &[],
};

static CERTIFICATE: Section = Section {
    keys: &[
        CHAIN,
        KEY,
        PKCS12,
        PASSWORD_FILE,
        Key::optional(
            "algorithm",
            Kind::OneOf("algorithm", || SigningAlgorithm::ALL.map(SigningAlgorithm::name).to_vec()),
            r#""RS256""#,
            "the signature; PS256 for an RSA key, ES256 or ES384 for one on P-256 or P-384",
        ),
        Key::default(
            "x5c",
            Kind::Flag,
            "false",
            "whether assertions hold the chain, for authorities that know its subject only",
        ),
        Key::optional(
            "audience",
            Kind::Text,
            r#""https://auth.example""#,
            "whom assertions are for; the issuer by discovery, else the token endpoint",
        ),
    ],
    later: &[],
};

static KEY_FILES: Section = Section { keys: &[CHAIN, KEY, PKCS12, PASSWORD_FILE], later: &[] };

static WORKLOAD_IDENTITY: Section = Section { keys: &[], later: &[] };

static MANAGED_IDENTITY: Section = Section {
    keys: &[
        Key::optional(
            "client_id",
            Kind::Text,
            r#""11111111-1111-1111-1111-111111111111""#,
            "the client id of a user-assigned identity",
        ),
        Key::optional(
            "object_id",
            Kind::Text,
            r#""22222222-2222-2222-2222-222222222222""#,
            "the object (principal) id of a user-assigned identity",
        ),
        Key::optional(
            "resource_id",
            Kind::Text,
            r#""/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/gateway""#,
            "the Azure resource id of a user-assigned identity",
        ),
        Key::default(
            "federated",
            Kind::Flag,
            "false",
            "whether the identity only vouches for the application of `id`, which gets the tokens",
        ),
        Key::optional(
            "audience",
            Kind::Text,
            r#""api://AzureADTokenExchange""#,
            "what the authority wants to see in a federated identity's token; the cloud's own by default",
        ),
    ],
    later: &[],
};

const CHAIN: Key = Key::optional(
    "chain",
    Kind::File,
    r#""client.crt""#,
    "the certificate with its chain, PEM, leaf first",
);
const KEY: Key = Key::optional(
    "key",
    Kind::SecretFile,
    r#""client.key""#,
    "the certificate's private key, PEM; may be the same file",
);
const PKCS12: Key = Key::optional(
    "pkcs12",
    Kind::KeyStore,
    r#""client.pfx""#,
    "a PKCS#12 file with certificate, chain and key, instead of the PEM files",
);
const PASSWORD_FILE: Key = Key::optional(
    "password_file",
    Kind::SecretFile,
    r#""client-pfx-password""#,
    "the path of the file that holds the password of the PKCS#12 file; without one it is empty",
);
