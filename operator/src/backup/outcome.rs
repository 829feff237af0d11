//! How far a Job is, out of its own status and of its pods' last words. Pure.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};

use super::report::{self, Report};
use crate::status::seen::Seen;
use crate::status::trouble::{self, Trouble};

/// How far a Job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// At work; what keeps its pod from being up, where something does.
    Running(Option<Trouble>),
    /// The backup is made.
    Made(Box<Report>),
    /// It will not be made, and why.
    Failed(String),
}

pub(super) fn of(job: &Job, pods: &[Pod]) -> Outcome {
    if holds(job, "Complete").is_some() {
        let said = pods.iter().filter_map(end).find(|end| end.exit_code == 0);
        let message = said.and_then(|end| end.message.as_deref()).unwrap_or_default();
        return match serde_json::from_str(message) {
            Ok(report) => Outcome::Made(Box::new(report)),
            Err(_) => Outcome::Failed(
                "the Job ended well, and its pod's report is gone or cannot be read".to_owned(),
            ),
        };
    }
    if let Some(why) = holds(job, "Failed") {
        let mut ends: Vec<_> = pods.iter().filter_map(end).collect();
        ends.sort_by_key(|end| end.finished_at.as_ref().map(|time| time.0));
        let words = ends.last().and_then(|end| report::failure(end.message.as_deref()?));
        return Outcome::Failed(words.unwrap_or(why));
    }
    Outcome::Running(trouble::find(&Seen { pods: pods.to_vec(), ..Seen::default() }))
}

/// The message of a condition of a Job that is true.
fn holds(job: &Job, type_: &str) -> Option<String> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let condition =
        conditions.iter().find(|condition| condition.type_ == type_ && condition.status == "True")?;
    Some(condition.message.clone().unwrap_or_default())
}

fn end(pod: &Pod) -> Option<&ContainerStateTerminated> {
    let container = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    container.state.as_ref()?.terminated.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(condition: &str) -> Job {
        let yaml = format!("{{metadata: {{name: b}}, status: {{conditions: [{condition}]}}}}");
        serde_yaml::from_str(&yaml).unwrap()
    }

    fn pod(code: i32, time: &str, message: &str) -> Pod {
        let mut pod: Pod = serde_yaml::from_str(&format!(
            "{{metadata: {{name: b-x}}, status: {{containerStatuses: [{{name: backup, image: i, imageID: '', ready: false, restartCount: 0,
              state: {{terminated: {{exitCode: {code}, finishedAt: '2026-11-22T10:00:0{time}Z'}}}}}}]}}}}"
        ))
        .unwrap();
        let statuses = pod.status.as_mut().unwrap().container_statuses.as_mut().unwrap();
        statuses[0].state.as_mut().unwrap().terminated.as_mut().unwrap().message = Some(message.to_owned());
        pod
    }

    #[test]
    fn a_job_that_failed_says_what_its_last_pod_said() {
        let failed = job("{type: Failed, status: 'True', reason: BackoffLimitExceeded, message: too often}");
        let pods = [pod(1, "5", r#"{"error":"no bucket"}"#), pod(1, "3", r#"{"error":"refused"}"#)];
        assert_eq!(of(&failed, &pods), Outcome::Failed("no bucket".to_owned()));
        assert_eq!(of(&failed, &[]), Outcome::Failed("too often".to_owned()));
    }

    #[test]
    fn a_job_that_ended_well_is_a_backup_only_with_its_report() {
        let complete = job("{type: Complete, status: 'True'}");
        let report = r#"{"location":"l","revision":7,"keys":2,"bytes":512,"sha256":"ab","stateHash":"cd","storeId":"ef","startedAt":"s","finishedAt":"f"}"#;
        let Outcome::Made(made) = of(&complete, &[pod(1, "1", "x"), pod(0, "2", report)]) else {
            panic!("the report is there")
        };
        assert_eq!((made.revision, made.pruned.len()), (7, 0));
        assert!(matches!(of(&complete, &[]), Outcome::Failed(_)));
    }

    #[test]
    fn what_keeps_a_pod_from_being_up_is_told() {
        let pending: Pod = serde_yaml::from_str(
            "{metadata: {name: b-x}, status: {conditions: [{type: PodScheduled, status: 'False', message: no claim.}]}}",
        )
        .unwrap();
        let Outcome::Running(Some(trouble)) = of(&job(""), &[pending]) else { panic!("it runs") };
        assert_eq!(trouble.message, "Pod b-x has no node: no claim.");
        assert_eq!(of(&job(""), &[]), Outcome::Running(None));
    }
}
