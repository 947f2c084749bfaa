//! One level: so many commands in flight, or so many a second, for a while.

use std::{
    fmt,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use async_nats::Message;
use futures::{FutureExt, StreamExt};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval, sleep_until},
};

use super::{
    Failure,
    heard::Heard,
    measure::{Counts, Waits},
    mix::Mix,
    rows::Rows,
    wire::{self, PATIENCE, Reply, Wire},
};

/// Replies taken before anything else is looked at.
const TOGETHER: usize = 64;
/// So many failures and nothing accepted: it is no use.
const HOPELESS: u64 = 10_000;
/// How long rows are waited for when a level is over.
const ROWS: Duration = Duration::from_secs(60);

/// How commands are paced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Closed loop: each reply lets the next command go.
    InFlight(u32),
    /// Open loop: due at a rate.
    PerSecond(u32),
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// How commands are paced.
    pub pace: Pace,
    /// How long it runs before it is measured.
    pub warmup: Duration,
    /// How long it is measured.
    pub measured: Duration,
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pace {
            Pace::InFlight(count) => write!(out, "{count} in flight")?,
            Pace::PerSecond(rate) => write!(out, "{rate} a second")?,
        }
        write!(out, " for {} s", self.measured.as_secs())
    }
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Measured {
    /// What was asked for.
    pub level: Level,
    /// What came back within the time.
    pub counts: Counts,
    /// What came back at all, warm-up and the last replies included.
    pub total: Counts,
    /// From sending, or from when it was due, to the reply of an accepted command.
    pub waits: Waits,
    /// Open loop: how late commands were sent. If it is long, this machine is what was measured.
    pub late: Option<Waits>,
    /// Of the rows.
    pub rows: Option<MeasuredRows>,
}

/// What was measured of the rows.
#[derive(Debug, Clone)]
pub struct MeasuredRows {
    /// From reply to visible row.
    pub waits: Waits,
    /// Events that became visible within the time.
    pub shown: i64,
    /// How many accepted events were not visible at its end.
    pub behind: i64,
    /// How long it took then until all were; nothing if they never were.
    pub caught_up_in: Option<Duration>,
}

/// Puts load on.
pub struct Load<'a> {
    /// Where it goes.
    pub wire: &'a mut Wire,
    /// What is sent.
    pub mix: Mix,
    /// Who listens to the projector.
    pub rows: Option<Rows>,
    /// Which events the replies named, over all levels.
    pub heard: Heard,
}

/// A level that runs.
struct Run<'a> {
    wire: &'a mut Wire,
    mix: &'a mut Mix,
    rows: Option<&'a mut Rows>,
    heard: &'a mut Heard,
    flight: Flight,
    from: Instant,
    until: Instant,
    counts: Counts,
    total: Counts,
    waits: Waits,
    late: Waits,
    /// The last position that a reply named.
    last: i64,
    failed: Option<Failure>,
}

impl Load<'_> {
    /// Runs a level.
    pub async fn run(&mut self, level: Level) -> Result<Measured, Failure> {
        self.wire.forget().await;
        let began = Instant::now();
        let mut run = Run {
            wire: self.wire,
            mix: &mut self.mix,
            rows: self.rows.as_mut(),
            heard: &mut self.heard,
            flight: Flight::new(level.pace, began),
            from: began + level.warmup,
            until: began + level.warmup + level.measured,
            counts: Counts::default(),
            total: Counts::default(),
            waits: Waits::new(),
            late: Waits::new(),
            last: 0,
            failed: None,
        };
        run.start().await?;
        run.go(run.from).await?;
        let shown_before = run.visible();
        run.go(run.until).await?;
        let shown = run.visible() - shown_before;
        let behind = (run.last - run.visible()).max(0);
        let ended = Instant::now();
        run.drain().await?;
        let Run { counts, total, waits, late, last, .. } = run;
        let rows = match &mut self.rows {
            Some(rows) => {
                let caught_up = rows.wait_for(last, ROWS).await;
                let caught_up_in = caught_up.then(|| ended.elapsed());
                Some(MeasuredRows { waits: rows.finish(), shown, behind, caught_up_in })
            }
            None => None,
        };
        let late = matches!(level.pace, Pace::PerSecond(_)).then_some(late);
        Ok(Measured { level, counts, total, waits, late, rows })
    }
}

impl Run<'_> {
    fn visible(&self) -> i64 {
        self.rows.as_ref().map_or(0, |rows| rows.visible)
    }

    /// Fills the slots of a closed loop.
    async fn start(&mut self) -> Result<(), Failure> {
        if let Flight::Slots(slots) = &self.flight {
            for number in 0..slots.len() as u64 {
                self.send(number).await?;
            }
        }
        Ok(())
    }

    /// Sends and receives until then.
    async fn go(&mut self, end: Instant) -> Result<(), Failure> {
        let bell = match &self.flight {
            Flight::Slots(_) => None,
            Flight::Schedule(schedule) => Some(schedule.ring_until(end)),
        };
        let mut look = interval(Duration::from_secs(1));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < end {
            tokio::select! {
                biased;
                () = hear(&mut self.rows) => {}
                message = self.wire.replies.next() => self.take_all(message).await?,
                () = rung(bell.as_deref()) => self.send_what_is_due().await?,
                _ = look.tick() => self.give_up_on_some().await?,
                () = sleep_until(end.into()) => {}
            }
        }
        Ok(())
    }

    /// Receives what is still under way.
    async fn drain(&mut self) -> Result<(), Failure> {
        let end = Instant::now() + PATIENCE;
        while self.flight.under_way() > 0 && Instant::now() < end {
            tokio::select! {
                biased;
                () = hear(&mut self.rows) => {}
                message = self.wire.replies.next() => self.take_all(message).await?,
                () = sleep_until(end.into()) => {}
            }
        }
        for due in self.flight.unanswered() {
            self.count_lost(due);
        }
        Ok(())
    }

    async fn take_all(&mut self, first: Option<Message>) -> Result<(), Failure> {
        let mut next = first;
        for _ in 0..TOGETHER {
            let Some(message) = next else {
                return Err(Failure::unavailable("NATS closed the connection"));
            };
            self.take(&message).await?;
            next = match self.wire.replies.next().now_or_never() {
                Some(next) => next,
                None => return Ok(()),
            };
        }
        match next {
            Some(message) => self.take(&message).await,
            None => Ok(()),
        }
    }

    /// Takes a reply; in a closed loop the next command goes.
    async fn take(&mut self, message: &Message) -> Result<(), Failure> {
        let now = Instant::now();
        let Some(number) = wire::number(message) else { return Ok(()) };
        let Some(due) = self.flight.answered(number) else { return Ok(()) };
        let within = now >= self.from && now < self.until;
        let counts = match &self.flight {
            Flight::Slots(_) => within,
            Flight::Schedule(_) => due >= self.from && due < self.until,
        };
        match wire::read(message) {
            Reply::Accepted(position) => {
                self.last = self.last.max(position);
                self.total.accepted += 1;
                self.heard.hear(position);
                if within {
                    self.counts.accepted += 1;
                }
                if counts {
                    self.waits.add(now.saturating_duration_since(due));
                    if let Some(rows) = &mut self.rows {
                        rows.expect(position, now);
                    }
                }
            }
            Reply::Refused(code) => {
                Counts::add(&mut self.total.refused, code, 1);
                if within {
                    Counts::add(&mut self.counts.refused, code, 1);
                }
                self.look_for_hope(message);
            }
            Reply::Failed(why) => {
                Counts::add(&mut self.total.errors, why, 1);
                if within {
                    Counts::add(&mut self.counts.errors, why, 1);
                }
                self.look_for_hope(message);
            }
        }
        if let Some(failure) = self.failed.take() {
            return Err(failure);
        }
        if let Flight::Slots(slots) = &self.flight
            && now < self.until
        {
            let next = number + slots.len() as u64;
            self.send(next).await?;
        }
        Ok(())
    }

    /// Ends the level where nothing is ever accepted.
    fn look_for_hope(&mut self, message: &Message) {
        let failures: u64 = self.counts.refused.values().chain(self.counts.errors.values()).sum();
        if self.last == 0 && failures >= HOPELESS {
            let mut failure = wire::told("nothing is accepted", message);
            failure.text.push_str(" (and so were all others)");
            self.failed = Some(failure);
        }
    }

    async fn send(&mut self, number: u64) -> Result<(), Failure> {
        let (id, subject, body) = self.mix.draw();
        self.flight.sent(number, Instant::now());
        self.wire.sender.send(number, id, subject, body).await
    }

    /// Open loop: sends all that is due by now.
    async fn send_what_is_due(&mut self) -> Result<(), Failure> {
        let Flight::Schedule(schedule) = &self.flight else { return Ok(()) };
        let end = self.until - Duration::from_nanos(1);
        let numbers = schedule.sent..schedule.due_by(Instant::now().min(end));
        for number in numbers {
            let Flight::Schedule(schedule) = &self.flight else { return Ok(()) };
            let (due, now) = (schedule.due(number), Instant::now());
            if due >= self.from {
                self.late.add(now.saturating_duration_since(due));
            }
            self.send(number).await?;
        }
        Ok(())
    }

    /// Closed loop: a slot whose reply got lost goes on with another command.
    async fn give_up_on_some(&mut self) -> Result<(), Failure> {
        let Flight::Slots(slots) = &self.flight else { return Ok(()) };
        let now = Instant::now();
        let late: Vec<(u64, Instant)> = slots
            .iter()
            .filter_map(|slot| slot.sent.map(|sent| (slot.number, sent)))
            .filter(|(_, sent)| now.saturating_duration_since(*sent) >= PATIENCE)
            .collect();
        let count = slots.len() as u64;
        for (number, sent) in late {
            self.count_lost(sent);
            self.send(number + count).await?;
        }
        Ok(())
    }

    /// A reply that never came waited at least until now.
    fn count_lost(&mut self, due: Instant) {
        let now = Instant::now();
        Counts::add(&mut self.total.errors, "no_answer_in_time", 1);
        if now >= self.from && due < self.until {
            Counts::add(&mut self.counts.errors, "no_answer_in_time", 1);
            self.waits.add(now.saturating_duration_since(due));
        }
    }
}

async fn hear(rows: &mut Option<&mut Rows>) {
    match rows {
        Some(rows) => rows.hear().await,
        None => std::future::pending().await,
    }
}

async fn rung(bell: Option<&Notify>) {
    match bell {
        Some(bell) => bell.notified().await,
        None => std::future::pending().await,
    }
}

/// What is under way.
enum Flight {
    Slots(Vec<Slot>),
    Schedule(Schedule),
}

/// One of the commands of a closed loop. Numbers of a slot are those that leave its place as the
/// remainder, so that a reply which comes too late is told from the one that is waited for.
#[derive(Clone, Copy)]
struct Slot {
    number: u64,
    sent: Option<Instant>,
}

/// The commands of an open loop, each with its time.
struct Schedule {
    began: Instant,
    rate: u32,
    /// How many were sent.
    sent: u64,
    /// Which of them were answered.
    answered: Vec<bool>,
    under_way: usize,
}

impl Schedule {
    fn due(&self, number: u64) -> Instant {
        due(self.began, self.rate, number)
    }

    /// How many are due by then, the one that is due at this very moment among them.
    fn due_by(&self, then: Instant) -> u64 {
        let nanos = then.saturating_duration_since(self.began).as_nanos();
        let last = nanos * u128::from(self.rate) / 1_000_000_000;
        u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// Rings whenever something is due, from a thread: timers of the runtime go by milliseconds.
    fn ring_until(&self, end: Instant) -> Arc<Notify> {
        const FINEST: Duration = Duration::from_micros(100);
        let bell = Arc::new(Notify::new());
        let ringing = Arc::clone(&bell);
        let (began, rate, mut number) = (self.began, self.rate, self.sent);
        thread::spawn(move || {
            loop {
                let next = due(began, rate, number);
                if next >= end {
                    return;
                }
                let pause = next.saturating_duration_since(Instant::now());
                thread::sleep(if pause.is_zero() { FINEST } else { pause });
                ringing.notify_one();
                // Several may be due at once: one ring is enough for all of them.
                let now = Instant::now();
                while due(began, rate, number) <= now {
                    number += 1;
                }
            }
        });
        bell
    }
}

/// When a command of an open loop is due.
fn due(began: Instant, rate: u32, number: u64) -> Instant {
    let nanos = (u128::from(number) * 1_000_000_000).div_ceil(u128::from(rate));
    began + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl Flight {
    fn new(pace: Pace, began: Instant) -> Self {
        match pace {
            Pace::InFlight(count) => {
                let slot = |number| Slot { number, sent: None };
                Self::Slots((0..u64::from(count)).map(slot).collect())
            }
            Pace::PerSecond(rate) => Self::Schedule(Schedule {
                began,
                rate,
                sent: 0,
                answered: Vec::new(),
                under_way: 0,
            }),
        }
    }

    fn sent(&mut self, number: u64, at: Instant) {
        match self {
            Self::Slots(slots) => {
                let nth = usize::try_from(number % slots.len() as u64).unwrap_or_default();
                if let Some(slot) = slots.get_mut(nth) {
                    *slot = Slot { number, sent: Some(at) };
                }
            }
            Self::Schedule(schedule) => {
                schedule.sent = number + 1;
                schedule.answered.push(false);
                schedule.under_way += 1;
            }
        }
    }

    /// When the command was sent, or was due, if its reply is waited for.
    fn answered(&mut self, number: u64) -> Option<Instant> {
        match self {
            Self::Slots(slots) => {
                let nth = usize::try_from(number % slots.len() as u64).ok()?;
                let slot = slots.get_mut(nth)?;
                if slot.number == number { slot.sent.take() } else { None }
            }
            Self::Schedule(schedule) => {
                let answered = schedule.answered.get_mut(usize::try_from(number).ok()?)?;
                if std::mem::replace(answered, true) {
                    return None;
                }
                schedule.under_way -= 1;
                Some(schedule.due(number))
            }
        }
    }

    fn under_way(&self) -> usize {
        match self {
            Self::Slots(slots) => slots.iter().filter(|slot| slot.sent.is_some()).count(),
            Self::Schedule(schedule) => schedule.under_way,
        }
    }

    /// When those were due whose replies never came.
    fn unanswered(&self) -> Vec<Instant> {
        match self {
            Self::Slots(slots) => slots.iter().filter_map(|slot| slot.sent).collect(),
            Self::Schedule(schedule) => schedule
                .answered
                .iter()
                .zip(0..)
                .filter(|(answered, _)| !**answered)
                .map(|(_, number)| schedule.due(number))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_counts_once_and_a_late_one_is_not_taken_for_the_next() {
        let now = Instant::now();
        let mut flight = Flight::new(Pace::InFlight(4), now);
        flight.sent(2, now);
        assert_eq!((flight.under_way(), flight.answered(2)), (1, Some(now)));
        assert_eq!(flight.answered(2), None);
        flight.sent(6, now);
        assert_eq!((flight.answered(2), flight.answered(6)), (None, Some(now)));
    }

    #[test]
    fn an_open_loops_wait_begins_when_the_command_was_due() {
        let began = Instant::now();
        let mut flight = Flight::new(Pace::PerSecond(1_000), began);
        for number in 0..3 {
            flight.sent(number, began + Duration::from_secs(9));
        }
        assert_eq!(flight.answered(2), Some(began + Duration::from_millis(2)));
        assert_eq!((flight.under_way(), flight.answered(2)), (2, None));
        assert_eq!(flight.unanswered(), [began, began + Duration::from_millis(1)]);
    }

    #[test]
    fn as_many_are_due_as_the_rate_says() {
        let began = Instant::now();
        let Flight::Schedule(schedule) = Flight::new(Pace::PerSecond(5_000), began) else {
            panic!()
        };
        assert_eq!(schedule.due_by(began + Duration::from_secs(3)), 15_001);
        for rate in [1, 3, 7, 5_000, 333_333] {
            let Flight::Schedule(schedule) = Flight::new(Pace::PerSecond(rate), began) else {
                panic!()
            };
            assert_eq!((schedule.due(0), schedule.due_by(began)), (began, 1));
            assert_eq!(schedule.due_by(schedule.due(7)), 8);
            assert_eq!(schedule.due_by(schedule.due(7) - Duration::from_nanos(1)), 7);
        }
    }
}
