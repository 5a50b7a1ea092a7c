use mltrace::component;

struct Model;

impl Model {
    #[component(after(rows.len() > month, self.fits(raw), format!("{}", month).len() == 2, ret.is_empty()))]
    fn train(self, raw: &str, rows: Vec<u8>, month: usize) -> String {
        format!("{raw}{rows:?}{month}")
    }
}

fn main() {
    Model.train("rides.csv", vec![1], 3);
}
