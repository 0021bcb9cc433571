//! Example skills that send requests with `far run` to real servers, or to fakes of them. Output
//! and files are searched for sealed values in every encoding.

mod deploy_status;
mod git_clone;
mod git_push;
mod registry;
mod slack;

use far_servers::Authority;

use crate::fixture::Far;

/// A skill, its secret and its server.
pub(super) struct Example {
    pub(super) skill: &'static str,
    pub(super) secret: &'static str,
    pub(super) value: &'static str,
    /// The server's name, which is mapped to loopback, and its port.
    pub(super) host: &'static str,
    pub(super) port: u16,
    pub(super) input: &'static str,
}

impl Example {
    /// Returns a run with the secret permitted for `permitted` and granted for the whole host.
    pub(super) fn run(&self, authority: &Authority, permitted: &str) -> Far {
        let Self { skill, secret, value, host, port, input } = self;
        let config = format!(
            "[egress]\nnetworks = ['127.0.0.0/8']\nca-file = 'ca.pem'\nhosts = {{ '{host}' = '127.0.0.1:{port}' }}\n\
             [providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.{secret}]\nprovider = 'dev'\n\
             operations = ['seal']\ndestinations = ['{permitted}']\n"
        );
        let far = Far::run(skill, &format!("--grant {secret}:seal@https://{host} --config far.toml"));
        let far = far.args(["--input", input]).file("far.toml", config).file("ca.pem", authority.pem());
        far.env_file(&format!("{}={value}\n", secret.replace('-', "_").to_uppercase()))
    }

    /// Returns the events of a task that sends the secret this many times and completes.
    pub(super) fn sent(&self, times: usize) -> String {
        format!("{}{}{}{}", self.head(), self.used().repeat(times), self.wiped(), finished("completed"))
    }

    /// Returns the events of a task that sends the secret once and fails.
    pub(super) fn failed(&self) -> String {
        self.failed_after(1)
    }

    /// Returns the events of a task that sends the secret this many times and fails.
    pub(super) fn failed_after(&self, times: usize) -> String {
        format!("{}{}{}{}", self.head(), self.used().repeat(times), self.wiped(), finished("skill-error"))
    }

    fn used(&self) -> String {
        let Self { secret, host, .. } = self;
        let used = |outcome| {
            format!(
                "* secret.used      {secret} version=env-* provider=dev operation=seal destination=https://{host} \
                 outcome={outcome} task=task-*\n"
            )
        };
        format!(
            "{}{}{}* egress.finished  destination=https://{host} outcome=completed status=* sent=yes bytes-sent=* \
             bytes-received=* duration=*us task=task-*\n",
            self.sealed(),
            used("started"),
            used("completed")
        )
    }

    /// Returns the events and the error of a task that sends the secret elsewhere.
    pub(super) fn denied(&self) -> String {
        self.denied_after(0)
    }

    /// Returns the events and the error of a task that sends the secret elsewhere after this many
    /// permitted requests.
    pub(super) fn denied_after(&self, times: usize) -> String {
        let Self { secret, .. } = self;
        format!(
            "{}{}{}* secret.denied    {secret} operation=seal outcome=scope-violation reason=destination task=task-*\n{}{}\
             error: the task was ended: scope violation on '{secret}': the destination was not declared, granted and permitted\n  \
             help: the request must match a destination of '{secret}' in skill.json, in the grant (--grant \
             {secret}:seal@DESTINATION) and, with --config, under [secrets.{secret}]\n",
            self.head(),
            self.used().repeat(times),
            self.sealed(),
            self.wiped(),
            finished("scope-violation")
        )
    }

    fn head(&self) -> String {
        let Self { secret, .. } = self;
        format!(
            "* task.admitted    task=task-*\n* task.started     task=task-*\n\
             * secret.requested {secret} provider=dev task=task-*\n\
             * secret.fetched   {secret} version=env-* provider=dev outcome=completed cache=miss duration=*us task=task-*\n\
             * secret.injected  {secret} version=env-* provider=dev outcome=completed cache=miss duration=*us task=task-*\n"
        )
    }

    fn sealed(&self) -> String {
        let secret = self.secret;
        format!(
            "* secret.sealed    {secret} version=env-* provider=dev operation=seal outcome=completed duration=*us task=task-*\n"
        )
    }

    fn wiped(&self) -> String {
        format!("* secret.wiped     {} version=env-* provider=dev task=task-*\n", self.secret)
    }
}

fn finished(outcome: &str) -> String {
    format!("* task.finished    outcome={outcome} duration=*us task=task-*\n")
}
