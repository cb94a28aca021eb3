//! What is wrong, and what to do about it: `dicom-gateway doctor`.
//!
//! Makes, one after the other, the steps that a transaction depends on, with the very parts that
//! serve it: the reader of the file, key material, the token engine, connections to origin servers,
//! the issuers' keys, the rules for web pages. Each step is a [`Finding`]; one that cannot be made
//! because another failed says so. Every step has a limit of time. Nothing is changed anywhere, and
//! nothing of a token, a secret or an answer's values is told.

use std::io;
use std::path::PathBuf;

use config::{AppOnly, Config, Grant};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

mod challenge;
mod client;
mod clock;
mod finding;
mod handshake;
mod issuers;
mod keys;
mod life;
mod listener;
mod origin;
mod page;
mod place;
mod proxy;
mod public;
mod published;
mod reach;
mod refusal;
mod role;
mod route;
mod search;
mod token;
mod trust;
mod user;

pub use self::finding::{Finding, Verdict};

use self::client::{Tokens, Wish};
use self::finding::{Said, Section, count, plain};
use crate::build::{Generation, Shared};

/// What is to be examined.
#[derive(Clone, Debug, Default)]
pub struct Examination {
    /// The configuration file.
    pub file: PathBuf,
    /// The prefix of the only route to look at; all without it.
    pub route: Option<String>,
    /// The origin of a web page that is to be let in, `https://viewer.example`.
    pub page: Option<String>,
    /// A file with a user's access token, for routes that act on behalf of users.
    pub user_token: Option<PathBuf>,
}

/// Why nothing could be examined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExamineError {
    /// The system gives no runtime.
    #[error("the examination cannot begin: {0}")]
    Runtime(#[from] io::Error),
    /// No route has that prefix.
    #[error("no route has the prefix {prefix:?}: there are {known}")]
    NoSuchRoute {
        /// What was asked for.
        prefix: String,
        /// Those that there are.
        known: String,
    },
}

/// What all checks have at hand.
struct Patient<'p> {
    asked: &'p Examination,
    config: &'p Config,
    /// The indices of the routes to look at.
    routes: Vec<usize>,
    /// The configuration, built as for a start; `None` if it cannot be.
    generation: Option<Generation>,
    tell: &'p mut dyn FnMut(Finding),
}

/// Examines, and tells each finding as it comes. Opens no listener for longer than it takes to see
/// that it could: a gateway that serves meanwhile is not disturbed.
pub fn examine(asked: &Examination, tell: &mut dyn FnMut(Finding)) -> Result<(), ExamineError> {
    let Some(config) = file(asked, tell) else { return Ok(()) };
    let routes = chosen(&config, asked.route.as_deref())?;
    proxy::look(tell);
    // Never run: what a generation would begin by itself is done here step by step.
    let idle = Builder::new_current_thread().build()?;
    let generation = keys::look(&config, &Shared::new(idle.handle().clone()), tell);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut patient = Patient { asked, config: &config, routes, generation, tell };
    let local = LocalSet::new();
    local.block_on(&runtime, patient.look());
    drop(local);
    // A name server that says nothing must not keep us.
    runtime.shutdown_background();
    Ok(())
}

impl Patient<'_> {
    async fn look(&mut self) {
        let mut tokens = Tokens::default();
        for (index, client) in self.config.clients.iter().enumerate() {
            let wishes = self.wishes(index);
            if !wishes.is_empty() {
                let mut section = Section::new(format!("client {}", client.name), self.tell);
                client::look(&mut section, (index, client), &wishes, &mut tokens).await;
            }
        }
        for index in self.routes.clone() {
            let route = &self.config.routes[index];
            let name = if route.prefix.is_empty() { "/" } else { &route.prefix };
            let mut section = Section::new(format!("callers of {name}"), self.tell);
            let issuers = issuers::look(&mut section, route).await;
            let mut section = Section::new(format!("route {name}"), self.tell);
            let client = &self.config.clients[route.client];
            let token = tokens.of(route);
            route::look(&mut section, (route, client), token, (issuers, self.asked)).await;
            if let Some(page) = &self.asked.page {
                let built =
                    self.generation.as_ref().map(|built| built.routes.at(built_at(built, route)));
                section.say("cors", page::look(page, built));
            }
        }
        let mut section = Section::new("listener", self.tell);
        listener::look(&mut section, self.config, &self.routes).await;
    }

    /// What tokens of this client are for.
    fn wishes(&self, client: usize) -> Vec<Wish> {
        let mut wishes = Vec::<Wish>::new();
        let routes = self.routes.iter().map(|index| &self.config.routes[*index]);
        for route in routes.filter(|route| route.client == client) {
            let for_users_only = matches!(
                route.grant,
                Grant::OnBehalfOf(terms) if terms.app_only == AppOnly::Refuse
            );
            match wishes.iter_mut().find(|wish| wish.scope == route.scope) {
                Some(wish) => wish.for_users_only &= for_users_only,
                None => wishes.push(Wish { scope: route.scope.clone(), for_users_only }),
            }
        }
        wishes
    }
}

/// Where a generation has this route: it may have them in another order.
fn built_at(generation: &Generation, route: &config::Route) -> usize {
    generation.routes.iter().position(|built| built.config.prefix == route.prefix).unwrap_or(0)
}

/// Reads the file, and tells all that is wrong with it.
fn file(asked: &Examination, tell: &mut dyn FnMut(Finding)) -> Option<Config> {
    let mut section = Section::new("file", tell);
    let path = asked.file.display();
    let parted = |problem: &config::Problem| {
        let (says, remedy) = match problem.message.split_once("; ") {
            Some((says, remedy)) => (says, remedy),
            None => (problem.message.as_str(), "mend it, and run this again"),
        };
        let line = problem.line.map_or_else(String::new, |line| format!(":{line}"));
        let key = if problem.key.is_empty() { String::new() } else { format!("{}: ", problem.key) };
        (format!("{path}{line}: {key}{}", plain(says)), remedy.to_owned())
    };
    match config::load(&asked.file) {
        Ok(loaded) => {
            let (routes, clients) = (loaded.config.routes.len(), loaded.config.clients.len());
            let says =
                format!("{path}: {} of {}", count(routes, "route"), count(clients, "client"));
            section.say("configuration", Said::ok(says));
            for warning in &loaded.warnings {
                let (says, remedy) = parted(warning);
                section.say("configuration", Said::warn(says, remedy));
            }
            Some(loaded.config)
        }
        Err(problems) => {
            for problem in &problems {
                let (says, remedy) = parted(problem);
                section.say("configuration", Said::fail(says, remedy));
            }
            section.skip(&["everything else"], "the file cannot be used");
            None
        }
    }
}

fn chosen(config: &Config, prefix: Option<&str>) -> Result<Vec<usize>, ExamineError> {
    let Some(prefix) = prefix else { return Ok((0..config.routes.len()).collect()) };
    let wanted = prefix.trim_end_matches('/');
    let found = config.routes.iter().position(|route| route.prefix == wanted);
    found.map(|index| vec![index]).ok_or_else(|| {
        let name = |route: &config::Route| {
            format!("{:?}", if route.prefix.is_empty() { "/" } else { &route.prefix })
        };
        let known = config.routes.iter().map(name).collect::<Vec<_>>().join(", ");
        ExamineError::NoSuchRoute { prefix: prefix.to_owned(), known }
    })
}
