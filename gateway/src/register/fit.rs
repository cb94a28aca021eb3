//! Whether a configuration that is there is the one that is asked for.
//!
//! Somebody may have edited it, so it is never written anew; and what it says otherwise than the
//! command line is not to be passed over: the run would end well, and nothing would be as asked.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

use super::arguments::New;
use super::error::Error;
use super::file::beside;

/// Whether this application's client there has the kind of credential that is asked for, in the file
/// that is asked for, and a route to the service.
pub(super) fn fits(new: &New, app_id: &str, (origin, scope): (&str, &str)) -> Result<(), Error> {
    let wrong = |why: String| Error::Configuration(format!("{}: {why}", new.file.display()));
    let text = fs::read_to_string(&new.file).map_err(|error| wrong(error.to_string()))?;
    let table = text.parse::<Table>().map_err(|error| wrong(error.message().to_owned()))?;
    let differ = [credential(new, &table, app_id), route(&table, origin, scope)];
    let differ = differ.into_iter().flatten().collect::<Vec<_>>();
    if differ.is_empty() {
        return Ok(());
    }
    Err(wrong(format!(
        "it is there already, and is not what is asked for: {}. Ask for what it says, or change it there; \
         --file names another file, --force writes a new one and keeps a copy",
        differ.join("; ")
    )))
}

fn credential(new: &New, table: &Table, app_id: &str) -> Option<String> {
    let client = table.get("client")?.as_table()?;
    let clients = client.values().filter_map(Value::as_table).chain([client]);
    let ours = clients.filter(|it| it.get("id").and_then(Value::as_str) == Some(app_id));
    let credentials = ours.flat_map(|it| match it.get("credential") {
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_table).collect(),
        Some(Value::Table(one)) => vec![one],
        _ => Vec::new(),
    });
    let credentials = credentials.collect::<Vec<_>>();
    if new.federated.is_some() {
        let known = ["federated_token_file", "managed_identity"];
        let has_one =
            credentials.iter().any(|it| known.iter().any(|known| it.contains_key(*known)));
        return (!has_one).then(|| "it trusts no tokens of others".to_owned());
    }
    let (what, name, files) = if new.certificate {
        let files = credentials.iter().filter_map(|it| it.get("certificate")?.get("key"));
        ("certificate", "client-certificate.pem", files.collect::<Vec<_>>())
    } else {
        let files = credentials.iter().filter_map(|it| it.get("secret_file"));
        ("secret", "client-secret", files.collect())
    };
    let asked = beside(new, name);
    let files = files.into_iter().filter_map(Value::as_str).collect::<Vec<_>>();
    let is_asked = |it: &&str| is_same(&new.file.with_file_name(it), &asked);
    if files.iter().any(is_asked) {
        return None;
    }
    Some(match files.first() {
        None => format!("it has no {what} in a file"),
        Some(file) => format!("its {what} is in {file} (--credential-file)"),
    })
}

fn route(table: &Table, origin: &str, scope: &str) -> Option<String> {
    let routes = table.get("route").and_then(Value::as_array).into_iter().flatten();
    let text = |route: &Value, name: &str| {
        route.get(name).and_then(Value::as_str).map(|it| it.trim_end_matches('/').to_owned())
    };
    let routes = routes.filter_map(|it| Some((text(it, "origin")?, text(it, "scope"))));
    let routes = routes.collect::<Vec<_>>();
    let to_it = routes.iter().filter(|it| it.0 == origin.trim_end_matches('/')).collect::<Vec<_>>();
    if to_it.is_empty() {
        let origins = routes.iter().map(|it| &*it.0).collect::<Vec<_>>().join(", ");
        return Some(format!("it has no route to --origin {origin}, but to: {origins}"));
    }
    // The profile of a route may say it as well.
    let fits = |it: &Option<String>| it.as_ref().is_none_or(|it| it == scope);
    let has_scope = to_it.iter().any(|it| fits(&it.1));
    (!has_scope).then(|| format!("no route to {origin} has scope {scope}"))
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || std::path::absolute(one).ok() == std::path::absolute(other).ok()
}
