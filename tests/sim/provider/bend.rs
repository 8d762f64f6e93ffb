//! What a fault does to the events of a response.

use crate::dice::Dice;
use crate::fault::{After, Fatal, Fault, Place};
use crate::stream::{Event, Script};

/// Puts the fault's own events among those of the answer, before the model stops, and says
/// how many events come before them.
pub(super) fn bend(
    events: &mut Vec<Event>,
    script: &Script,
    fault: Option<Fault>,
    dice: &mut Dice,
) -> usize {
    let stop = events.iter().position(|event| event.stops).unwrap_or(events.len());
    let at = |place: Place| place.0 * stop / 1000;
    let number = |at: usize| events[..at].iter().filter(|event| !event.beats).count();
    let foreign = match fault {
        Some(Fault::Malformed(place)) => (at(place), script.malformed()),
        Some(Fault::InBand(place)) => (at(place), script.error(false, number(at(place)))),
        Some(Fault::Fatal(Fatal::InBand(place))) => {
            (at(place), script.error(true, number(at(place))))
        }
        Some(Fault::Pings(place)) => {
            events.truncate(at(place));
            events.extend((0..400).map(|_| script.heartbeat()));
            return events.len();
        }
        Some(Fault::SecondStart(place)) => return restart(events, script, at(place), dice),
        Some(Fault::Again(place, events_again)) => {
            let at = at(place);
            let again = events[at.saturating_sub(events_again)..at].to_vec();
            events.splice(at..at, again);
            return events.len();
        }
        Some(Fault::Gap(place)) => return skip(events, at(place)),
        Some(Fault::AfterStop(after)) => {
            events.truncate(stop + 1);
            match after {
                After::Malformed => events.push(script.malformed()),
                After::Error => events.push(script.error(dice.percent(50), stop + 1)),
                After::Heartbeats => events.extend((0..9).map(|_| script.heartbeat())),
                After::Silence | After::End => {}
            }
            return stop + 1;
        }
        _ => return events.len(),
    };
    events.insert(foreign.0, foreign.1);
    foreign.0
}

/// Begins another response behind so many events.
fn restart(events: &mut Vec<Event>, script: &Script, at: usize, dice: &mut Dice) -> usize {
    let id = format!("{}-again", script.id);
    let style = script.style.going_on();
    let again = Script { id, style, ..script.clone() };
    // Who keeps a response has made it before anybody reads it.
    let is_made = script.is_kept && events.first().is_some_and(|first| first.number == Some(0));
    let at = if is_made { at.max(1) } else { at };
    events.truncate(at);
    let first = !script.is_kept && events.iter().all(|event| event.beats);
    events.extend(again.write(dice));
    // With nothing before it the second start is the first.
    if first { events.len() } else { at }
}

/// Leaves an event out, and not the one that says that there is a response.
fn skip(events: &mut Vec<Event>, at: usize) -> usize {
    let is_due = |event: &Event| event.number.is_some_and(|number| number > 0);
    let Some(next) = events[at..].iter().position(is_due) else { return events.len() };
    events.remove(at + next);
    at + next
}
