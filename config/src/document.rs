//! The file as a whole: read, taken apart, checked, put together.

use std::fs;
use std::path::Path;

use toml::de::DeTable;

use crate::files::Files;
use crate::model::Config;
use crate::options::ROOT;
use crate::problem::{Environment, Problem, Problems, Report};
use crate::route::Routes;
use crate::table::Table;
use crate::{client, emergency, listener, process, records};

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What the operator asked for.
    pub config: Config,
    /// What works, but should not stay so; mostly empty.
    pub warnings: Problems,
}

/// Reads a configuration file. Paths in it are relative to its folder; the files that they name
/// have to be there.
pub fn load(file: &Path) -> Result<Loaded, Problems> {
    let text = fs::read_to_string(file).map_err(|error| {
        let message = format!("cannot be read: {error}");
        Problems::new(file, vec![Problem { line: None, key: String::new(), message }])
    })?;
    parse(&text, file)
}

/// Reads `text` as the content of `file`, which does not have to exist.
pub fn parse(text: &str, file: &Path) -> Result<Loaded, Problems> {
    parse_with(text, file, |name| std::env::var(name).ok())
}

/// The same, with other variables than those of the process: some credentials look for them.
pub fn parse_with(
    text: &str,
    file: &Path,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Loaded, Problems> {
    read(text, file, Files::Checked, &env)
}

/// The same, with a choice about the files that are named.
pub(crate) fn read(
    text: &str,
    file: &Path,
    files: Files,
    environment: Environment<'_>,
) -> Result<Loaded, Problems> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let folder = file.parent().unwrap_or_else(|| Path::new(""));
    let mut report = Report::new(text, folder, files, environment);
    for error in &errors {
        let message = error.message().trim_end_matches(", expected nothing");
        report.broken(error.span().map_or(0, |span| span.start), message);
    }
    let config = config(&Table::root(&report, &ROOT, document.get_ref()));
    let (problems, warnings) = report.finish(file);
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded { config, warnings }),
        _ => Err(problems),
    }
}

fn config(root: &Table<'_>) -> Option<Config> {
    let runtime = process::runtime(&root.table("runtime"));
    let listener_table = root.table("listener");
    let mut listener = listener::listener(&listener_table)?;
    let admin = listener::admin(&root.table("admin"), &listener)?;

    let forward_auth = root.has("forward_auth").then(|| {
        listener::forward_auth(&root.table("forward_auth"), [&listener.address, &admin.address])
    });

    let clients = client::clients(root);
    let mut reader = Routes::new((&listener, forward_auth.is_some()), &clients);
    let tables = root.tables("route");
    let routes = tables.iter().map(|table| reader.read(table)).collect::<Vec<_>>();
    emergency::check_is_recorded(root, &tables);
    if routes.is_empty() && root.is_fine("route") {
        root.missing("route", "write a table [[route]] with prefix, origin, scope and callers");
    }

    let audit = root.has("audit").then(|| records::audit(&root.table("audit"), &clients));
    let log = process::log(&root.table("log"))?;
    let drain = process::drain(&root.table("drain"));

    let routes = routes.into_iter().collect::<Option<Vec<_>>>()?;
    let clients = clients.into_iter().map(|(_, client)| client).collect::<Option<Vec<_>>>()?;
    let fhir = audit.iter().flatten().flat_map(|audit| &audit.fhir);
    let sent = fhir.filter_map(|sink| Some(sink.token.as_ref()?.0));
    let used = routes.iter().map(|route| route.client).chain(sent).collect::<Vec<_>>();
    client::warn_of_unused(root, &clients, &used);
    if !listener_table.has("hosts") {
        listener.hosts = listener::default_hosts(&listener.address, &routes);
        if !listener.address.is_local() {
            listener_table.warning(
                "hosts",
                "is absent, so any name is answered, and a web page that points a name of its own here \
                 is let in; name your hosts, or write [\"*\"] where something before the gateway \
                 checks them",
            );
        }
    }
    let forward_auth = forward_auth.flatten();
    let runtime = runtime?;
    Some(Config {
        listener,
        admin,
        forward_auth,
        clients,
        routes,
        audit: audit.flatten(),
        log,
        runtime,
        drain,
    })
}
