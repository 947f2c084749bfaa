//! Sessions and answers: what is concerning, what changes, what stays away.

use annals_domain::{
    Imported,
    lift::{
        alert::{self, Alert, AlertType, RaiseAlert, Severity},
        wellbeing_session::{
            AbandonSession, Event, ResponseRecorded, SessionCompleted, SessionStarted,
            SessionStatus, SessionType, WellbeingSession,
        },
    },
};
use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{CONCERNING, DECLINE, DROP, IDLE, OfChild, POSITIVE, rewards};
use crate::reaction::{Halt, Reacting};

/// What a session's events lead to.
pub fn session(event: &Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let session_id = reacting.cause.id_of_stream()?;
    match event {
        Event::SessionStarted(started) => begun(session_id, started, reacting),
        Event::ResponseRecorded(response) => answered(session_id, response, reacting),
        Event::SessionCompleted(completed) => {
            reacting.let_sleep(IDLE, session_id);
            let before = reacting.recall::<OfChild>(completed.child_id)?;
            let child = note_completed(session_id, completed, reacting)?;
            let kind = before.open.get(&session_id).copied();
            rewards::for_session(session_id, kind, completed.child_id, &child, reacting)?;
            moods(completed.child_id, child, reacting)
        }
        Event::SessionAbandoned(abandoned) => {
            reacting.let_sleep(IDLE, session_id);
            left(session_id, abandoned.child_id, reacting)
        }
        Event::Imported(row) => taken_over(session_id, row, reacting),
    }
}

/// A session that was there before the log was: it counts, and what is open of it ends in time. Its mood
/// is not compared, since rows do not come in the order in which things happened; nothing is sent.
fn taken_over(session: Uuid, row: &Imported, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let Some((child_id, status)) = row
        .get::<Uuid>("child_id")
        .zip(row.get::<SessionStatus>("status"))
        .filter(|_| row.table() == "wellbeing_sessions")
    else {
        return Ok(());
    };
    let rules = &reacting.rules.lift;
    let (idle, away) =
        (Duration::hours(rules.idle_session_hours.into()), Duration::days(rules.quiet_days.into()));
    let (kind, started) =
        (row.get::<SessionType>("session_type"), row.get::<DateTime<Utc>>("started_at"));
    let child = reacting.amend(child_id, |child: &mut OfChild| {
        match (status, kind) {
            (SessionStatus::InProgress, Some(kind)) => {
                child.open.insert(session, kind);
            }
            (SessionStatus::Completed, _) => child.completed += 1,
            (SessionStatus::InProgress | SessionStatus::Abandoned, _) => {}
        }
        child.last_session = child.last_session.max(started);
    })?;
    if let (SessionStatus::InProgress, Some(started)) = (status, started) {
        reacting.wake_at(IDLE, session, started + idle);
    }
    if let Some(last) = child.last_session {
        reacting.wake_at(DROP, child_id, last + away);
    }
    Ok(())
}

/// What an alert's events change of what is remembered.
pub fn alert(event: &alert::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    match event {
        alert::Event::AlertRaised(raised) => {
            reacting.amend(raised.child_id, |child: &mut OfChild| {
                child.alerts.insert(id, raised.alert_type);
            })?;
        }
        alert::Event::AlertResolved(resolved) => {
            reacting.amend(resolved.child_id, |child: &mut OfChild| {
                child.alerts.remove(&id);
            })?;
        }
        alert::Event::Imported(row) => {
            let open = row.get::<String>("status").is_some_and(|status| status != "resolved");
            let about = row.get::<Uuid>("child_id").zip(row.get::<AlertType>("alert_type"));
            if let Some((child_id, alert_type)) = about.filter(|_| open) {
                reacting.amend(child_id, |child: &mut OfChild| {
                    child.alerts.insert(id, alert_type);
                })?;
            }
        }
        alert::Event::AlertAcknowledged(_) | alert::Event::AlertEscalated(_) => {}
    }
    Ok(())
}

fn begun(session: Uuid, started: &SessionStarted, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let hours = Duration::hours(reacting.rules.lift.idle_session_hours.into());
    reacting.wake_at(IDLE, session, started.started_at + hours);
    reacting.amend(started.child_id, |child: &mut OfChild| {
        child.open.insert(session, started.session_type);
        child.last_session = Some(started.started_at);
    })?;
    let days = Duration::days(reacting.rules.lift.quiet_days.into());
    reacting.wake_at(DROP, started.child_id, started.started_at + days);
    Ok(())
}

/// A session that nobody finished for a day is left (lift.reaction.idle-session).
pub fn left_open(session: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    reacting.send::<WellbeingSession, _>(IDLE, session, &AbandonSession {})
}

/// An answer with a flag, or the lowest score (lift.reaction.concerning-response).
fn answered(
    session: Uuid,
    response: &ResponseRecorded,
    reacting: &mut Reacting<'_>,
) -> Result<(), Halt> {
    let rules = &reacting.rules.lift;
    let flags = response.flags.as_deref().unwrap_or_default();
    let urgent = flags.iter().any(|flag| rules.urgent_flags.contains(flag));
    let low = response.response_score.is_some_and(|score| score <= rules.concerning_score);
    let (severity, title, description) = match (urgent, flags.is_empty(), low) {
        (true, _, _) => (
            Severity::Urgent,
            "An answer needs somebody now",
            "Flags say that a child may be in danger.",
        ),
        (false, false, _) => {
            (Severity::High, "An answer needs a look today", "An answer was flagged.")
        }
        (false, true, true) => {
            (Severity::Medium, "A very low score", "A child gave the lowest score of the scale.")
        }
        (false, true, false) => return Ok(()),
    };
    raise(
        CONCERNING,
        RaiseAlert {
            child_id: response.child_id,
            alert_type: AlertType::Safeguarding,
            severity,
            title: title.to_owned(),
            description: description.to_owned(),
            trigger_data: Some(json!({
                "question_key": response.question_key,
                "response_score": response.response_score,
                "flags": flags,
            })),
            session_id: Some(session),
            response_id: Some(response.id),
        },
        reacting,
    )
}

fn note_completed(
    session: Uuid,
    completed: &SessionCompleted,
    reacting: &mut Reacting<'_>,
) -> Result<OfChild, Halt> {
    let kept =
        usize::try_from(reacting.rules.lift.mood_window.saturating_mul(2)).unwrap_or(usize::MAX);
    reacting.amend(completed.child_id, |child: &mut OfChild| {
        child.open.remove(&session);
        child.completed += 1;
        child.abandoned = 0;
        let moods = child.moods.get_or_insert_default();
        moods.extend(completed.overall_mood);
        moods.drain(..moods.len().saturating_sub(kept));
    })
}

/// The mean of the last moods against that of as many before them (lift.reaction.wellbeing-decline,
/// lift.reaction.positive-change). Sessions that were completed without a mood say nothing.
fn moods(child_id: Uuid, child: OfChild, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let rules = &reacting.rules.lift;
    let window = usize::try_from(rules.mood_window).unwrap_or(usize::MAX);
    let moods = child.moods.as_deref().unwrap_or_default();
    if window == 0 || moods.len() < window.saturating_mul(2) {
        return Ok(());
    }
    let (before, last) = moods.split_at(moods.len() - window);
    let (before, last): (i32, i32) = (before.iter().sum(), last.iter().sum());
    let rise = f64::from(last - before) / f64::from(rules.mood_window);
    let means = json!({
        "mean_before": f64::from(before) / f64::from(rules.mood_window),
        "mean_now": f64::from(last) / f64::from(rules.mood_window),
        "sessions": rules.mood_window,
    });
    let (reaction, alert_type, severity, title, description) = if rise <= -rules.decline {
        let steep = rise <= -rules.steep_decline;
        let severity = if steep { Severity::High } else { Severity::Medium };
        let description = "The mean mood of the last sessions is well below that of those before.";
        (DECLINE, AlertType::WellbeingDecline, severity, "Moods go down", description)
    } else if rise >= rules.rise {
        let description = "The mean mood of the last sessions is well above that of those before.";
        (POSITIVE, AlertType::PositiveChange, Severity::Low, "Moods go up", description)
    } else {
        return Ok(());
    };
    if child.has_open(alert_type) {
        return Ok(());
    }
    let session_id = Some(reacting.cause.id_of_stream()?);
    raise(
        reaction,
        RaiseAlert {
            child_id,
            alert_type,
            severity,
            title: title.to_owned(),
            description: description.to_owned(),
            trigger_data: Some(means),
            session_id,
            response_id: None,
        },
        reacting,
    )
}

fn left(session: Uuid, child_id: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let child = reacting.amend(child_id, |child: &mut OfChild| {
        child.open.remove(&session);
        child.abandoned += 1;
    })?;
    let most = reacting.rules.lift.abandoned_in_a_row;
    if child.abandoned < most || !child.checks_in() || child.has_open(AlertType::EngagementDrop) {
        return Ok(());
    }
    let detail = format!("{} check-ins in a row were left unfinished.", child.abandoned);
    disengaged(child_id, Some(session), detail, json!({"abandoned": child.abandoned}), reacting)
}

/// A child that used to check in stays away (lift.reaction.engagement-drop). The timer moves with each
/// session, and comes back every day while the child stays away.
pub fn quiet(child_id: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let child = reacting.recall::<OfChild>(child_id)?;
    let Some(last) = child.last_session.filter(|_| child.checks_in()) else { return Ok(()) };
    let now = reacting.cause.at;
    reacting.wake_at(DROP, child_id, now + Duration::days(1));
    if child.has_open(AlertType::EngagementDrop) {
        return Ok(());
    }
    let days = (now - last).num_days();
    let data = json!({"days": days, "last_session": last});
    disengaged(child_id, None, format!("No check-in for {days} days."), data, reacting)
}

fn disengaged(
    child_id: Uuid,
    session_id: Option<Uuid>,
    description: String,
    data: serde_json::Value,
    reacting: &mut Reacting<'_>,
) -> Result<(), Halt> {
    raise(
        DROP,
        RaiseAlert {
            child_id,
            alert_type: AlertType::EngagementDrop,
            severity: Severity::Low,
            title: "Check-ins stay away".to_owned(),
            description,
            trigger_data: Some(data),
            session_id,
            response_id: None,
        },
        reacting,
    )
}

/// Raises an alert, and counts it as open before it comes back as an event: the next session may be
/// read first.
fn raise(
    reaction: &'static str,
    alert: RaiseAlert,
    reacting: &mut Reacting<'_>,
) -> Result<(), Halt> {
    let id = reacting.new_id(reaction);
    reacting.amend(alert.child_id, |child: &mut OfChild| {
        child.alerts.insert(id, alert.alert_type);
    })?;
    reacting.send::<Alert, _>(reaction, id, &alert)
}
