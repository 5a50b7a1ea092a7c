use super::monitor::{ARRIVED_AFTER, GIVEN_OUT, LABELLED_BY, LAST_LABELLED, START_OF_LAST};
use super::rows::key;
use super::{Observed, Span, Store};

const ALL: Span = Span { from: i64::MIN, to: i64::MAX, labels_until: i64::MAX };

fn observed(name: &str, value: f64) -> Observed<'_> {
    Observed { name, value, at: 0 }
}

#[test]
fn ids_of_one_hash_are_told_apart_by_their_names() {
    let store = Store::in_memory().unwrap();
    let outputs = |names: &[(&str, f64)]| {
        store
            .write(None, |tx| {
                let task = tx.task("high_tip")?;
                names.iter().try_for_each(|(name, value)| tx.put_output(task, &observed(name, *value)).map(drop))
            })
            .unwrap();
    };
    outputs(&[("ride-1", 1.0)]);
    // No two names of one hash are known.
    store.write(None, |tx| tx.execute("UPDATE pair SET hash = ?1", &[key(b"ride-2").into()])).unwrap();
    outputs(&[("ride-2", 2.0), ("ride-2", 3.0)]);
    let mut values = Vec::new();
    let each = &mut |value| {
        values.push(value);
        Ok(())
    };
    store.read(|view| view.output_values(view.task_id("high_tip")?.unwrap(), ALL, each)).unwrap();
    assert_eq!(values, [1.0, 3.0]);
}

#[test]
fn what_waits_for_its_label_is_not_read_to_find_what_has_one() {
    let store = Store::in_memory().unwrap();
    for (sql, values, seeks) in [(LAST_LABELLED, 5, 2), (LABELLED_BY, 2, 1)] {
        let plan = store.plan(sql, values);
        let labelled = plan.matches("COVERING INDEX pair_labelled (task=? AND output_at").count();
        assert!(labelled == seeks && !plan.contains("pair_by_time"), "{plan}");
    }
}

#[test]
fn where_the_last_outputs_begin_is_found_in_the_index_alone() {
    let plan = Store::in_memory().unwrap().plan(START_OF_LAST, 3);
    assert_eq!(plan, "SEARCH pair USING COVERING INDEX pair_by_time (task=? AND output_at<?)");
}

#[test]
fn what_was_given_out_under_an_id_is_sought_by_it_in_each_task() {
    let plan = Store::in_memory().unwrap().plan(GIVEN_OUT, 2);
    assert!(plan.contains("SEARCH p USING INDEX pair_by_hash (task=? AND hash=?)"), "{plan}");
}

#[test]
fn what_came_in_after_an_output_is_read_from_there_on_whatever_the_task() {
    let plan = Store::in_memory().unwrap().plan(ARRIVED_AFTER, 2);
    assert!(plan.starts_with("SEARCH p USING INTEGER PRIMARY KEY (rowid>?)") && !plan.contains("ORDER BY"), "{plan}");
}
