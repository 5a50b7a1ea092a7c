use super::{Features, INPUTS, Model, count, inference, inputs};

/// Fits a logistic regression by gradient descent.
pub(crate) fn train(rides: &[Features], rounds: u32, rate: f64) -> Model {
    let mut model = Model::default();
    for _ in 0..rounds {
        let mut slope = [0.0; INPUTS];
        for ride in rides {
            let error = f64::from(ride.high_tip) - inference(&model, ride);
            slope.iter_mut().zip(inputs(ride)).for_each(|(slope, input)| *slope += error * input);
        }
        let step = rate / count(rides);
        model.0.iter_mut().zip(slope).for_each(|(weight, slope)| *weight += step * slope);
    }
    model
}
