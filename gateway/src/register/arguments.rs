//! The command line of `register`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use url::Url;

use super::expiry::Expiry;

/// What can be done to a registration.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct RegisterCommand {
    #[command(subcommand)]
    pub(super) command: Option<Existing>,
    #[command(flatten)]
    pub(super) new: New,
}

/// What can be done to a registration that is there.
#[derive(Subcommand)]
pub(super) enum Existing {
    /// List the credentials of the registration, and how long they are good
    List(Target),
    /// Replace the gateway's secret or certificate without an outage
    Rotate(Rotate),
    /// Take the registration away, or one of its credentials
    Remove(Remove),
}

/// How Microsoft Graph and Azure Resource Manager are spoken to.
#[derive(Args, Clone)]
pub(super) struct Access {
    /// Sign in with a device code, even where the Azure CLI could give a token
    #[arg(long)]
    pub(super) device_code: bool,
    /// A file with a token for Microsoft Graph, instead of signing in
    #[arg(long, value_name = "FILE")]
    pub(super) graph_token_file: Option<PathBuf>,
    /// A file with a token for Azure Resource Manager, instead of signing in
    #[arg(long, value_name = "FILE")]
    pub(super) arm_token_file: Option<PathBuf>,
    /// The application that people sign in to with a device code: one of your own that is a public
    /// client, or the Azure CLI's
    #[arg(long, value_name = "ID", default_value = AZURE_CLI)]
    pub(super) sign_in_with: String,
    /// Microsoft Graph of the cloud
    #[arg(long, value_name = "URL", default_value = "https://graph.microsoft.com", value_parser = web)]
    pub(super) graph_url: Url,
    /// Azure Resource Manager of the cloud
    #[arg(long, value_name = "URL", default_value = "https://management.azure.com", value_parser = web)]
    pub(super) arm_url: Url,
    /// Whom to believe at all of these, and at the authority, instead of the system's roots: a PEM
    /// file
    #[arg(long, value_name = "FILE")]
    pub(super) anchors: Option<PathBuf>,
    /// Write what was done to standard output, as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// A registration to be made, or to be brought to what is asked for.
#[derive(Args)]
#[command(group(ArgGroup::new("credential").required(true).args(["secret", "certificate", "federated"])))]
pub(super) struct New {
    /// What the application is called; one of this name is used if it is there
    #[arg(long, default_value = "DICOM gateway")]
    pub(super) name: String,
    /// The application of this id, instead of one by its name
    #[arg(long, value_name = "ID")]
    pub(super) app_id: Option<String>,
    /// Whose accounts may sign in; my-organization for a new application
    #[arg(long, value_enum)]
    pub(super) account_types: Option<AccountTypes>,
    /// Where browsers come back to after a sign-in; may be given several times
    #[arg(long, value_name = "URL")]
    pub(super) redirect_uri: Vec<String>,
    /// The API of the DICOM service: an application's id, name or URI
    #[arg(long, default_value = super::api::AZURE_DICOM, hide_default_value = true)]
    pub(super) api: String,
    /// The delegated permission to ask for, instead of the one that the API is known for
    #[arg(long)]
    pub(super) scope: Option<String>,
    /// Consent to that permission for all users
    #[arg(long)]
    pub(super) admin_consent: bool,
    /// Have a client secret
    #[arg(long)]
    pub(super) secret: bool,
    /// Have a certificate, whose key is made here and stays here
    #[arg(long)]
    pub(super) certificate: bool,
    /// Trust tokens of this issuer for this subject: Kubernetes, GitHub, or a managed identity
    #[arg(long, value_name = "ISSUER,SUBJECT", value_parser = trust)]
    pub(super) federated: Option<Trust>,
    /// Where the gateway will find such a token
    #[arg(long, value_name = "FILE", requires = "federated", default_value = PROJECTED)]
    pub(super) federated_token_file: PathBuf,
    /// What the secret or the certificate is called
    #[arg(long)]
    pub(super) description: Option<String>,
    /// How long it is good: 90d, 6mo, 2y, or a date like 2027-01-31
    #[arg(long, default_value = "6mo")]
    pub(super) expires: Expiry,
    /// Where secret or key go: client-secret, or client-certificate.pem, beside the configuration
    #[arg(long, value_name = "FILE")]
    pub(super) credential_file: Option<PathBuf>,
    /// Print the secret as well, to standard output
    #[arg(long, conflicts_with_all = ["certificate", "federated", "json"])]
    pub(super) print_secret: bool,
    /// Give the gateway this role for the DICOM service of --resource
    #[arg(long, value_enum, requires = "resource")]
    pub(super) role: Option<Role>,
    /// The DICOM service, as Azure calls it: /subscriptions/…/dicomservices/NAME
    #[arg(long, value_name = "ID")]
    pub(super) resource: Option<String>,
    /// The URL of the DICOM service; in the public cloud it follows from --resource
    #[arg(long, value_name = "URL", required_unless_present = "resource")]
    pub(super) origin: Option<String>,
    /// Whom to believe at the DICOM service instead of the system's roots: a PEM file
    #[arg(long, value_name = "FILE")]
    pub(super) origin_anchors: Option<PathBuf>,
    /// The configuration to write
    #[arg(long, value_name = "FILE", default_value = "gateway.toml")]
    pub(super) file: PathBuf,
    /// Replace files that are there
    #[arg(long)]
    pub(super) force: bool,
    /// Change nothing: show the requests, and a script for the Azure CLI that does the same
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The tenant: its id or a domain; that of who signs in without it
    #[arg(long)]
    pub(super) tenant: Option<String>,
    /// The login host of the cloud
    #[arg(long, value_name = "URL", default_value = "https://login.microsoftonline.com", value_parser = web)]
    pub(super) authority_host: Url,
    #[command(flatten)]
    pub(super) access: Access,
}

/// Which registration.
#[derive(Args)]
pub(super) struct Target {
    /// The configuration whose client it is
    #[arg(long, value_name = "FILE", default_value = "gateway.toml")]
    pub(super) file: PathBuf,
    /// Which client of it, where there are several
    #[arg(long, value_name = "NAME")]
    pub(super) client: Option<String>,
    #[command(flatten)]
    pub(super) access: Access,
}

#[derive(Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    pub(super) target: Target,
    /// What the new one is called
    #[arg(long)]
    pub(super) description: Option<String>,
    /// How long it is good: 90d, 6mo, 2y, or a date like 2027-01-31
    #[arg(long, default_value = "6mo")]
    pub(super) expires: Expiry,
    /// How long the old one stays good beside it, in seconds: until every gateway has seen the new
    /// file
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub(super) grace_secs: Duration,
    /// Change nothing: show the requests
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Args)]
pub(super) struct Remove {
    #[command(flatten)]
    pub(super) target: Target,
    /// Only this credential, by the id that `list` shows
    #[arg(long, value_name = "ID")]
    pub(super) credential: Option<String>,
    /// Take its roles for this DICOM service away as well
    #[arg(long, value_name = "ID", conflicts_with = "credential")]
    pub(super) resource: Option<String>,
    /// Really do it
    #[arg(long)]
    pub(super) yes: bool,
    /// Change nothing: show the requests
    #[arg(long, conflicts_with = "yes")]
    pub(super) dry_run: bool,
}

/// What the portal calls supported account types.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum AccountTypes {
    /// Accounts in this organizational directory only
    MyOrganization,
    /// Accounts in any organizational directory
    AnyOrganization,
    /// Accounts in any organizational directory, and personal Microsoft accounts
    AnyOrganizationAndPersonal,
    /// Personal Microsoft accounts only
    Personal,
}

/// What the gateway may do with the DICOM service.
#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
pub(super) enum Role {
    /// DICOM Data Reader
    Reader,
    /// DICOM Data Owner
    Owner,
}

/// Whose tokens stand for the application.
#[derive(Clone)]
pub(super) struct Trust {
    pub(super) issuer: String,
    pub(super) subject: String,
}

impl RegisterCommand {
    pub(super) fn is_json(&self) -> bool {
        match &self.command {
            None => self.new.access.json,
            Some(Existing::List(target)) => target.access.json,
            Some(Existing::Rotate(rotate)) => rotate.target.access.json,
            Some(Existing::Remove(remove)) => remove.target.access.json,
        }
    }
}

impl AccountTypes {
    /// What Graph calls it.
    pub(super) fn audience(self) -> &'static str {
        match self {
            Self::MyOrganization => "AzureADMyOrg",
            Self::AnyOrganization => "AzureADMultipleOrgs",
            Self::AnyOrganizationAndPersonal => "AzureADandPersonalMicrosoftAccount",
            Self::Personal => "PersonalMicrosoftAccount",
        }
    }
}

/// https, or http where nobody is on the way.
fn web(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        _ => Err("it has to be https://, since tokens go there".to_owned()),
    }
}

fn trust(text: &str) -> Result<Trust, String> {
    let (issuer, subject) = text.split_once(',').ok_or("it is an issuer and a subject: a,b")?;
    if !issuer.starts_with("https://") || subject.is_empty() {
        return Err("the issuer is an https:// URL, and the subject is not empty".to_owned());
    }
    Ok(Trust { issuer: issuer.to_owned(), subject: subject.to_owned() })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u32>().map_err(|error| error.to_string())?;
    Ok(Duration::from_secs(seconds.into()))
}

/// The Azure CLI, which is in every tenant.
const AZURE_CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

/// Where the workload identity webhook of Kubernetes projects it.
const PROJECTED: &str = "/var/run/secrets/azure/tokens/azure-identity-token";
