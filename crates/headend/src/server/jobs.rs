//! VoD jobs over HTTP: state and control below `/api/v1/jobs`.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;
use serve::{Request, Response, reply};
use transcode::{
    commit::Step,
    job::{Error, JobReport, JobState, Order},
};

use super::{App, access, control};
use crate::{transcoding::Service, url};

/// Where jobs are below `/api/`.
const JOBS: &str = "v1/jobs";

/// The longest description of a job, in bytes.
const LONGEST: usize = 256 << 10;

/// How long a description may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells whether a path below `/api/` is one of jobs.
pub(super) fn is_meant(rest: &str) -> bool {
    rest.strip_prefix(JOBS)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Describes all jobs for the page.
pub(super) fn reports(app: &App) -> Vec<JobReport> {
    app.jobs.get().map(Service::list).unwrap_or_default()
}

/// Tells whether a job is neither over nor held back.
pub(super) fn are_under_way(app: &App) -> bool {
    let is_under_way = |job: &JobReport| !job.state.is_final() && job.state != JobState::Paused;
    reports(app).iter().any(is_under_way)
}

/// Answers what is below `/api/v1/jobs`; `rest` is the path below `/api/`.
pub(super) async fn api(app: &Arc<App>, request: &mut Request, rest: &str) -> Response {
    let Some(service) = app.jobs.get() else {
        let sentence = "This server takes no jobs; the section `transcode` of its configuration \
                        says so.";
        return reply::text(StatusCode::NOT_FOUND, sentence);
    };
    let path = rest.strip_prefix(JOBS).unwrap_or_default();
    let mut parts = path.split('/').skip(1);
    let (id, action) = (parts.next(), parts.next());
    let posts = *request.method() == Method::POST;
    match (id, action, posts) {
        (None, None, false) => {
            return control::json_state(&json!({ "jobs": service.list() }));
        }
        (Some(id), None, false) => {
            return match service.get(id) {
                Ok(report) => control::json_state(&report),
                Err(error) => refused(&error),
            };
        }
        (_, Some(_), false) => return control::post_only(),
        _ => {}
    }
    if let Some(refusal) = access::refuse(request, app.settings.api_token.as_ref()) {
        return refusal;
    }
    let Some(id) = id else {
        return submit(app, request).await;
    };
    let rest: Vec<&str> = parts.collect();
    let order = match order(action, &rest, request) {
        Ok(Some(order)) => order,
        Ok(None) => return control::nothing(),
        Err(sentence) => return reply::text(StatusCode::BAD_REQUEST, sentence),
    };
    tracing::info!(job = id, ?order, "asked for over HTTP");
    let id = id.to_owned();
    let done = with_jobs(app, move |service| {
        service.order(&id, &order)?;
        match order {
            Order::Remove => Ok(None),
            _ => service.get(&id).map(Some),
        }
    });
    match done.await {
        Ok(Some(report)) => control::json_state(&report),
        Ok(None) => control::json_state(&json!({})),
        Err(error) => refused(&error),
    }
}

/// Reads what is asked of a job; `None` if there is no such thing, a sentence if it is wrong.
fn order(action: Option<&str>, rest: &[&str], request: &Request) -> Result<Option<Order>, String> {
    Ok(Some(match (action, rest) {
        (Some("pause"), []) => Order::Pause,
        (Some("resume"), []) => Order::Resume,
        (Some("cancel"), []) => Order::Cancel,
        (Some("retry"), []) => Order::Retry,
        (Some("remove"), []) => Order::Remove,
        (Some("priority"), []) => {
            let value = request
                .query()
                .and_then(|query| url::query_value(query, "value"));
            let value = value.and_then(|text| text.parse().ok());
            Order::Priority(value.ok_or("`value` is missing: a whole number.")?)
        }
        (Some("steps"), [step, "redo"]) => {
            let step: Step = step.parse().map_err(|error: String| format!("{error}."))?;
            Order::Redo(vec![step])
        }
        (Some("tracks"), [track, "redo"]) => Order::RedoTrack((*track).to_owned()),
        _ => return Ok(None),
    }))
}

async fn submit(app: &Arc<App>, request: &mut Request) -> Response {
    let body = match request.read_body(LONGEST, PATIENCE).await {
        Ok(body) => body,
        Err(error) => return reply::text(StatusCode::BAD_REQUEST, format!("{error}.")),
    };
    match with_jobs(app, move |service| service.submit(&body)).await {
        Ok(report) => {
            let place = format!("/api/v1/jobs/{}", report.id);
            let mut response = control::json_state(&report);
            *response.status_mut() = StatusCode::CREATED;
            if let Ok(place) = HeaderValue::from_str(&place) {
                response.headers_mut().insert(header::LOCATION, place);
            }
            response
        }
        Err(error) => refused(&error),
    }
}

/// Does something that waits for disks away from the threads that answer requests.
async fn with_jobs<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&Service) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let own = Arc::clone(app);
    let done = tokio::task::spawn_blocking(move || match own.jobs.get() {
        Some(service) => work(service),
        None => Err(Error::Unknown(String::new())),
    });
    match done.await {
        Ok(outcome) => outcome,
        Err(error) => Err(Error::Io {
            what: "the jobs".to_owned(),
            source: std::io::Error::other(error),
        }),
    }
}

fn refused(error: &Error) -> Response {
    let status = match error {
        Error::Request(_) => StatusCode::BAD_REQUEST,
        Error::Unknown(_) => StatusCode::NOT_FOUND,
        Error::Busy(_) | Error::Kept { .. } => StatusCode::CONFLICT,
        _ => {
            tracing::error!(%error, "jobs");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    control::state(reply::text(status, format!("That cannot be: {error}.")))
}
