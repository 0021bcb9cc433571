//! The answers of a network backend to each fault of its server, its recovery, and single-flight
//! reads.

use std::time::Duration;

use far_core::VersionSelector;
use far_core::provider::SecretProvider;
use far_servers::Failure;
use far_servers::fault::{Fault, Proxy};
use futures_util::future::join_all;

use super::backend::{Backend, Vault};
use super::checks::describe_result;
use super::{Row, row};

/// Returns the checks: the consecutive faults and the expected answers.
fn cases() -> Vec<(&'static str, Vec<Fault>, &'static str)> {
    vec![
        ("fault.sealed", vec![Fault::sealed()], "sealed; then one-1"),
        ("fault.hidden-404", vec![Fault::hidden()], "not-found; then one-1"),
        ("fault.429-once", vec![Fault::limited(1)], "one-1; then one-1"),
        ("fault.429-for-long", vec![Fault::limited(60)], "throttled; then throttled"),
        ("fault.500-once", vec![Fault::broken(500)], "one-1; then one-1"),
        ("fault.502-for-long", vec![Fault::broken(502); 5], "unavailable; then one-1"),
        ("fault.silent-once", vec![Fault::Hang], "one-1; then one-1"),
        ("fault.cut-once", vec![Fault::Truncate], "one-1; then one-1"),
        ("fault.endless", vec![Fault::Endless], "too-large; then one-1"),
        ("fault.malformed", vec![Fault::Malformed], "invalid; then one-1"),
        ("fault.same-answer-again", vec![Fault::Pass, Fault::Replay], "one-1; then one-1"),
    ]
}

pub(super) async fn all(vault: &Vault, report: &mut impl FnMut(&Row)) -> Result<(), Failure> {
    vault.put("one", "one-1");
    for (id, faults, expected) in cases() {
        let proxy = Proxy::start(vault.server.socket())?;
        report(&row(vault, id, expected, answered(vault, &proxy, faults)).await);
    }
    let proxy = Proxy::start(vault.server.socket())?;
    let expected = "1000 values, one read of the server";
    report(&row(vault, "single-flight", expected, single_flight(vault, &proxy)).await);
    Ok(())
}

/// Reads from a thousand callers while the server delays its answer.
async fn single_flight(vault: &Vault, proxy: &Proxy) -> String {
    let (provider, one) = (vault.provider_at(&proxy.address()), vault.reference("one"));
    let get = || async { describe_result(provider.get_secret(&one, &VersionSelector::Current).await) };
    // Logs in first.
    get().await;
    let before = vault.read_count("one");
    proxy.next([Fault::Delay(Duration::from_secs(1))]);
    let answers = join_all((0..1000).map(|_| get())).await;
    let right = answers.iter().filter(|answer| *answer == "one-1").count();
    let times = match vault.read_count("one") - before {
        1 => "one read".to_owned(),
        times => format!("{times} reads"),
    };
    format!("{right} values, {times} of the server")
}

async fn answered(vault: &Vault, proxy: &Proxy, faults: Vec<Fault>) -> String {
    let (provider, one) = (vault.provider_at(&proxy.address()), vault.reference("one"));
    let get = || async { describe_result(provider.get_secret(&one, &VersionSelector::Current).await) };
    // Logs in first, so that the fault hits the read.
    if get().await != "one-1" {
        return "nothing without a fault".to_owned();
    }
    proxy.next(faults);
    let first = get().await;
    if first == "not-found" {
        // The negative cache lasts two seconds.
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    format!("{first}; then {}", get().await)
}
