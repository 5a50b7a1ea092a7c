use super::super::city::Ride;
use super::month;

/// Keeps rides that cost something and do not end before they begin.
///
/// A file that holds rides of another month is refused.
pub(crate) fn cleaning(raw: &[Ride], of: &str) -> Result<Vec<Ride>, String> {
    let strangers = raw.iter().filter(|ride| month(ride.dropoff.date_naive()) != of);
    if let Some(first) = strangers.clone().min_by_key(|ride| ride.dropoff) {
        let (count, all) = (strangers.count(), raw.len());
        let day = first.dropoff.date_naive();
        return Err(format!("{count} of {all} rides are not of {of}, the first of {day}: is it another month's file?"));
    }
    Ok(raw.iter().filter(|ride| ride.fare > 0.0 && ride.dropoff >= ride.pickup).cloned().collect())
}
