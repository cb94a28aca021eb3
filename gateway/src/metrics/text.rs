//! The counters in Prometheus' text form (version 0.0.4).

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::{
    AcquisitionMetrics, BOUNDS_MS, FAILED_KINDS, Metrics, RouteMetrics, STATUSES,
    TransactionMetrics,
};
use crate::caller::Principal;
use crate::error::Blame;
use crate::life::Life;
use crate::route::Routes;
use crate::token::{AcquireError, ConfidentialClient, Slot, Usage, Users};
use config::Transaction;

/// Everything, as `/metrics` shows it; of tokens, those of `routes`, and how much memory users' take.
/// A slot that only transfers of an earlier configuration still hold is not among them: its labels may
/// be those of its successor.
pub(crate) fn render(
    metrics: &Metrics,
    (routes, usage): (&Routes, Usage),
    lives: &[Life],
) -> String {
    let mut text = String::with_capacity(16 << 10);
    // Writing to a String does not fail.
    let _ = transactions(&mut text, metrics);
    let _ = failed_authentications(&mut text, metrics);
    let _ = acquisitions(&mut text, &routes.slots(), &routes.users());
    let _ = user_tokens(&mut text, usage);
    let _ = connections(&mut text, metrics);
    let _ = publications(&mut text, metrics);
    let _ = key_material(&mut text, lives);
    text
}

fn transactions(text: &mut String, metrics: &Metrics) -> fmt::Result {
    let routes = metrics.routes();
    let routes = routes
        .iter()
        .map(|(prefix, metrics)| (if prefix.is_empty() { "/" } else { prefix }, &**metrics))
        .chain([("", &metrics.unrouted)])
        .collect::<Vec<_>>();
    callers(text, &routes)?;
    vouched(text, &routes)?;
    let all = routes
        .iter()
        .copied()
        .flat_map(|(prefix, metrics)| classes(prefix, metrics))
        .collect::<Vec<_>>();
    family(text, "transactions_total", "counter", "Transactions that ended.")?;
    for (labels, class) in &all {
        for (index, counters) in class.ended.iter().enumerate() {
            let blame = index.checked_sub(1).map_or("", |index| Blame::ALL[index].name());
            for (status, counter) in counters.iter().enumerate().filter(|(_, c)| c.value() > 0) {
                let (status, value) = (status_label(status), counter.value());
                let extra = format!("{labels},status=\"{status}\",blame=\"{blame}\"");
                writeln!(text, "dicom_gateway_transactions_total{{{extra}}} {value}")?;
            }
        }
    }
    let name = "transaction_duration_seconds";
    family(text, name, "histogram", "From a request's head to its answer's last byte.")?;
    for (labels, class) in all.iter().filter(|(_, class)| class.is_used()) {
        let mut total = 0;
        for (bucket, counter) in class.duration.buckets.iter().enumerate() {
            total += counter.value();
            let bound = BOUNDS_MS
                .get(bucket)
                .map_or_else(|| "+Inf".into(), |ms| (f64::from(*ms as u32) / 1000.0).to_string());
            writeln!(text, "dicom_gateway_{name}_bucket{{{labels},le=\"{bound}\"}} {total}")?;
        }
        let sum = class.duration.sum_us.value() as f64 / 1e6;
        writeln!(text, "dicom_gateway_{name}_sum{{{labels}}} {sum}")?;
        writeln!(text, "dicom_gateway_{name}_count{{{labels}}} {total}")?;
    }
    for (name, help, of) in [
        ("received_bytes_total", "Bytes of request bodies.", 0),
        ("sent_bytes_total", "Bytes of answers' bodies.", 1),
    ] {
        family(text, name, "counter", help)?;
        for (labels, class) in all.iter().filter(|(_, class)| class.is_used()) {
            let value = [&class.received, &class.sent][of].value();
            writeln!(text, "dicom_gateway_{name}{{{labels}}} {value}")?;
        }
    }
    Ok(())
}

fn callers(text: &mut String, routes: &[(&str, &RouteMetrics)]) -> fmt::Result {
    let name = "callers_total";
    let help = "Transactions that ended, by how their caller proved who it is.";
    family(text, name, "counter", help)?;
    for (prefix, metrics) in routes {
        let kinds = Principal::KINDS.into_iter().chain([""]).zip(&metrics.callers);
        for (kind, counter) in kinds.filter(|(_, counter)| counter.value() > 0) {
            let value = counter.value();
            let labels = format!("route=\"{prefix}\",caller=\"{kind}\"");
            writeln!(text, "dicom_gateway_{name}{{{labels}}} {value}")?;
        }
    }
    Ok(())
}

fn vouched(text: &mut String, routes: &[(&str, &RouteMetrics)]) -> fmt::Result {
    let name = "forward_auth_total";
    family(text, name, "counter", "Requests that proxies asked about, by the answer's status.")?;
    for (prefix, metrics) in routes {
        let counters = metrics.vouched.iter().enumerate();
        for (status, counter) in counters.filter(|(_, counter)| counter.value() > 0) {
            let (status, value) = (status_label(status), counter.value());
            let labels = format!("route=\"{prefix}\",status=\"{status}\"");
            writeln!(text, "dicom_gateway_{name}{{{labels}}} {value}")?;
        }
    }
    Ok(())
}

fn status_label(index: usize) -> String {
    STATUSES.get(index).map_or_else(|| "other".into(), u16::to_string)
}

fn classes<'m>(
    prefix: &'m str,
    metrics: &'m RouteMetrics,
) -> impl Iterator<Item = (String, &'m TransactionMetrics)> {
    Transaction::ALL.into_iter().map(Some).chain([None]).map(move |transaction| {
        let name = transaction.map_or("", Transaction::name);
        let labels = format!("route=\"{prefix}\",transaction=\"{name}\"");
        (labels, metrics.of(transaction))
    })
}

impl TransactionMetrics {
    fn is_used(&self) -> bool {
        self.duration.buckets.iter().any(|bucket| bucket.value() > 0)
    }
}

fn failed_authentications(text: &mut String, metrics: &Metrics) -> fmt::Result {
    let name = "failed_authentications_total";
    family(text, name, "counter", "Requests whose credential was not good.")?;
    for (kind, counter) in FAILED_KINDS.into_iter().zip(&*metrics.authentications_failed) {
        let value = counter.value();
        writeln!(text, "dicom_gateway_{name}{{kind=\"{kind}\"}} {value}")?;
    }
    Ok(())
}

fn acquisitions(text: &mut String, slots: &[Arc<Slot>], users: &[Arc<Users>]) -> fmt::Result {
    let now = Instant::now();
    let slots = slots
        .iter()
        .map(|slot| {
            let client = escaped(&slot.client().config().name);
            (format!("client=\"{client}\",scope=\"{}\"", escaped(slot.scope())), slot)
        })
        .collect::<Vec<_>>();
    family(text, "token_acquisitions_total", "counter", "Token requests by their outcome.")?;
    for (labels, slot) in &slots {
        outcomes(text, ("token_acquisitions_total", labels), slot.metrics())?;
    }
    let name = "user_token_acquisitions_total";
    family(text, name, "counter", "Token requests on behalf of users by their outcome.")?;
    for users in users {
        let client = escaped(&users.client().config().name);
        let labels = format!("client=\"{client}\",scope=\"{}\"", escaped(users.scope()));
        outcomes(text, (name, &labels), users.metrics())?;
    }
    let name = "token_refresh_failures_total";
    family(text, name, "counter", "Failed token requests while the old token was still good.")?;
    for (labels, slot) in &slots {
        let value = slot.metrics().refresh_failed.value();
        writeln!(text, "dicom_gateway_{name}{{{labels}}} {value}")?;
    }
    let own = slots.iter().map(|(_, slot)| slot.client());
    credentials(text, own.chain(users.iter().map(|users| users.client().clone())))?;
    family(text, "token_age_seconds", "gauge", "How long ago the token in use was acquired.")?;
    for (labels, slot) in &slots {
        if let Some(token) = slot.status(now).token {
            let age = token.age(now).as_secs_f64();
            writeln!(text, "dicom_gateway_token_age_seconds{{{labels}}} {age}")?;
        }
    }
    let name = "token_life_left_seconds";
    family(text, name, "gauge", "How long the token in use may still be sent; 0 without one.")?;
    for (labels, slot) in &slots {
        let left = slot.status(now).token.map_or(0.0, |token| token.life_left(now).as_secs_f64());
        writeln!(text, "dicom_gateway_{name}{{{labels}}} {left}")?;
    }
    Ok(())
}

fn outcomes(
    text: &mut String,
    (name, labels): (&str, &str),
    metrics: &AcquisitionMetrics,
) -> fmt::Result {
    let failed = AcquireError::KINDS.into_iter().zip(&metrics.failed);
    for (outcome, counter) in [("acquired", &metrics.acquired)].into_iter().chain(failed) {
        let value = counter.value();
        writeln!(text, "dicom_gateway_{name}{{{labels},outcome=\"{outcome}\"}} {value}")?;
    }
    Ok(())
}

fn user_tokens(text: &mut String, usage: Usage) -> fmt::Result {
    let Usage { entries, bytes, evicted } = usage;
    for (name, kind, help, value) in [
        ("user_tokens", "gauge", "Users whose tokens are held.", entries),
        ("user_tokens_bytes", "gauge", "The memory that users' tokens take.", bytes),
        (
            "user_tokens_evicted_total",
            "counter",
            "Users' tokens that went before their time, to make room.",
            evicted,
        ),
    ] {
        family(text, name, kind, help)?;
        writeln!(text, "dicom_gateway_{name} {value}")?;
    }
    Ok(())
}

/// Which of a client's credentials its authority takes.
fn credentials(
    text: &mut String,
    clients: impl Iterator<Item = Arc<ConfidentialClient>>,
) -> fmt::Result {
    let name = "credential_uses_total";
    family(text, name, "counter", "Token requests by the credential that was shown.")?;
    let clients = clients.map(|of| (escaped(&of.config().name), of));
    for (client, of) in clients.collect::<BTreeMap<_, _>>() {
        for (index, way) in of.ways().iter().enumerate() {
            let labels =
                format!("client=\"{client}\",credential=\"{index}\",kind=\"{}\"", way.kind());
            for (outcome, counter) in [("accepted", &way.accepted), ("refused", &way.refused)] {
                let value = counter.value();
                writeln!(text, "dicom_gateway_{name}{{{labels},outcome=\"{outcome}\"}} {value}")?;
            }
        }
    }
    Ok(())
}

fn connections(text: &mut String, metrics: &Metrics) -> fmt::Result {
    let sides =
        [("caller", &metrics.callers), ("proxy", &metrics.proxies), ("origin", &metrics.origins)];
    family(text, "connections", "gauge", "Open connections.")?;
    for (side, metrics) in sides {
        let open = metrics.open_now();
        writeln!(text, "dicom_gateway_connections{{side=\"{side}\"}} {open}")?;
    }
    family(text, "connections_total", "counter", "Connections opened.")?;
    for (side, metrics) in sides {
        let value = metrics.opened.value();
        writeln!(text, "dicom_gateway_connections_total{{side=\"{side}\"}} {value}")?;
    }
    family(text, "connections_refused_total", "counter", "Connections that came to nothing.")?;
    for (side, metrics) in sides {
        let value = metrics.refused.value();
        writeln!(text, "dicom_gateway_connections_refused_total{{side=\"{side}\"}} {value}")?;
    }
    Ok(())
}

fn publications(text: &mut String, metrics: &Metrics) -> fmt::Result {
    let Metrics { reloads, reloads_refused, rotations, rotations_refused, .. } = metrics;
    for (name, help, published, refused) in [
        ("reloads_total", "Reloads of the configuration by outcome.", reloads, reloads_refused),
        ("rotations_total", "Changes of key material by outcome.", rotations, rotations_refused),
    ] {
        family(text, name, "counter", help)?;
        for (outcome, counter) in [("published", published), ("refused", refused)] {
            let value = counter.value();
            writeln!(text, "dicom_gateway_{name}{{outcome=\"{outcome}\"}} {value}")?;
        }
    }
    Ok(())
}

fn key_material(text: &mut String, lives: &[Life]) -> fmt::Result {
    let (name, now) = ("key_material_life_left_seconds", SystemTime::now());
    let help = "How long what an option names lasts; negative once it has ended.";
    family(text, name, "gauge", help)?;
    for life in lives {
        let (key, left) = (escaped(&life.key), life.left_secs(now));
        writeln!(text, "dicom_gateway_{name}{{key=\"{key}\"}} {left}")?;
    }
    Ok(())
}

/// Log lines that were lost to a slow disk or terminal.
pub(crate) fn render_dropped_lines(text: &mut String, dropped: u64) {
    let name = "log_lines_dropped_total";
    let _ = family(text, name, "counter", "Log lines lost because writing them took too long.");
    let _ = writeln!(text, "dicom_gateway_{name} {dropped}");
}

pub(super) fn family(text: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(text, "# HELP dicom_gateway_{name} {help}\n# TYPE dicom_gateway_{name} {kind}")
}

/// A label's value as the text form wants it.
pub(super) fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
