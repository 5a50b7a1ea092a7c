use proptest::prelude::*;

use super::*;
use crate::monitor::testing::uniform;

fn profile(column: Column) -> Profile {
    Profile::of([("column", column)]).unwrap()
}

fn of(column: Column) -> ColumnProfile {
    profile(column).column("column").unwrap().clone()
}

/// The profile of a column by a reference's edges or categories.
fn against(reference: &Profile, column: Column) -> Profile {
    let shape = |name: &str| reference.column(name).map(ColumnProfile::shape);
    Profile::shaped([("column", column)], shape).unwrap()
}

#[test]
fn the_kind_of_a_column_follows_from_its_type_unless_it_is_declared() {
    assert_eq!(of(Column::floats([1.0])).kind(), Kind::Numeric);
    assert_eq!(of(Column::texts(["a"])).kind(), Kind::Categorical);
    assert_eq!(of(Column::booleans([true])).kind(), Kind::Categorical);
    assert_eq!(of(Column::integers(0..300)).kind(), Kind::Categorical);
    assert_eq!(of(Column::integers(0..301)).kind(), Kind::Numeric);
    assert_eq!(of(Column::integers(0..20_000)).kind(), Kind::Numeric);
    assert_eq!(of(Column::integers(0..301).of_kind(Kind::Categorical)).kind(), Kind::Categorical);
    assert_eq!(of(Column::booleans([true]).of_kind(Kind::Numeric)).kind(), Kind::Numeric);
}

#[test]
fn integers_that_are_few_in_each_part_may_be_many_in_the_whole() {
    let mut whole = profile(Column::integers(0..200));
    assert_eq!(whole.column("column").unwrap().kind(), Kind::Categorical);
    whole.merge(&profile(Column::integers(200..400))).unwrap();
    assert_eq!(whole.column("column").unwrap().kind(), Kind::Numeric);
}

#[test]
fn what_is_no_finite_number_counts_as_null() {
    let column = of(Column::floats([Some(1.0), None, Some(f64::NAN), Some(f64::INFINITY)]));
    assert_eq!((column.count(), column.nulls()), (4, 3));
    assert_eq!(column.moments().unwrap().max(), Some(1.0));
}

#[test]
fn texts_cannot_be_declared_numbers() {
    let error = Profile::of([("zone", Column::texts(["a"]).of_kind(Kind::Numeric))]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().starts_with("zone: "), "{error}");
}

#[test]
fn a_column_is_given_once() {
    let twice = Profile::of([("a", Column::floats([1.0])), ("a", Column::floats([1.0]))]);
    assert_eq!(twice.unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn profiles_on_the_edges_of_two_references_do_not_merge_and_nothing_is_lost() {
    let [first, second] = [1, 2].map(|seed| profile(Column::floats(uniform(seed, 1_000))));
    let mut on_first = against(&first, Column::floats(uniform(3, 100)));
    let error = on_first.merge(&against(&second, Column::floats(uniform(4, 100)))).unwrap_err();
    assert!(error.to_string().contains("two references"), "{error}");
    assert_eq!(on_first.column("column").unwrap().count(), 100);
}

#[test]
fn a_numeric_and_a_categorical_column_do_not_merge() {
    let mut numeric = profile(Column::floats([1.0]));
    assert_eq!(numeric.merge(&profile(Column::texts(["1"]))).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_float_that_is_a_class_is_the_same_category_as_its_integer() {
    let classes = of(Column::floats([1.0, 2.0, 1.0, -0.0, 0.0]).of_kind(Kind::Categorical));
    let expected = [("0", 2), ("1", 2), ("2", 1)].map(|(key, count)| (key.to_owned(), count));
    assert_eq!(classes.categories(), BTreeMap::from(expected));
}

#[test]
fn what_is_written_is_read_and_what_is_damaged_is_refused() {
    let whole = Profile::of([
        ("few", Column::floats([1.0, 2.0])),
        ("many", Column::floats(uniform(5, 50_000))),
        ("keys", Column::integers(0..20_000)),
        ("none", Column::floats(Vec::<f64>::new())),
    ])
    .unwrap();
    let bytes = whole.to_bytes().unwrap();
    let read = Profile::from_bytes(&bytes).unwrap();
    for (name, column) in whole.columns() {
        // The bytes may differ: frequent categories have no order.
        let found = read.column(name).unwrap();
        assert_eq!((found.kind, found.count, found.nulls), (column.kind, column.count, column.nulls), "{name}");
        assert_eq!((&found.moments, &found.grid), (&column.moments, &column.grid), "{name}");
        assert_eq!((found.categories(), found.missing_mass()), (column.categories(), column.missing_mass()), "{name}");
        let sketched = |column: &ColumnProfile| {
            column.quantiles.as_ref().map(|sketch| sketch.cumulated(&[0.1, 0.5, 2.0]).unwrap())
        };
        assert_eq!(sketched(found), sketched(column), "{name}");
    }
    for damaged in [&bytes[..bytes.len() / 2], b"", b"profile"] {
        assert_eq!(Profile::from_bytes(damaged).unwrap_err().kind(), ErrorKind::Damaged);
    }
    let mut untrue = whole;
    untrue.columns.get_mut("few").unwrap().count = 99;
    assert_eq!(Profile::from_bytes(&untrue.to_bytes().unwrap()).unwrap_err().kind(), ErrorKind::Damaged);
}

#[test]
fn thirty_one_shards_in_any_order_are_the_month() {
    let month = uniform(31, 93_000);
    let zones = |values: &[f64]| values.iter().map(|value| format!("{:.3}", value * value)).collect::<Vec<_>>();
    let columns = |values: &[f64]| {
        let zones = zones(values);
        [
            ("distance", Column::floats(values.iter().copied())),
            ("zone", Column::texts(zones.iter().map(String::as_str))),
        ]
    };
    let reference = Profile::of(columns(&uniform(30, 10_000))).unwrap();
    let shape = |name: &str| reference.column(name).map(ColumnProfile::shape);
    let whole = Profile::shaped(columns(&month), shape).unwrap();
    let mut order: Vec<usize> = (0..31).collect();
    for seed in 0..5 {
        let keys = uniform(seed, 31);
        order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
        let (mut merged, mut sketched) = (Profile::default(), Profile::default());
        for &shard in &order {
            let part = columns(&month[shard * 3_000..(shard + 1) * 3_000]);
            merged.merge(&Profile::shaped(part.clone(), shape).unwrap()).unwrap();
            sketched.merge(&Profile::of(part).unwrap()).unwrap();
        }
        let (found, expected) = (merged.column("distance").unwrap(), whole.column("distance").unwrap());
        assert_eq!(found.grid, expected.grid);
        assert_eq!(merged.column("zone").unwrap().categories(), whole.column("zone").unwrap().categories());
        assert_eq!(sketched.column("zone").unwrap().categories(), whole.column("zone").unwrap().categories());

        let edges = expected.grid.as_ref().unwrap().edges();
        let (about, error) = sketched.column("distance").unwrap().cumulated(edges).unwrap();
        let (exactly, none) = expected.cumulated(edges).unwrap();
        assert!(none == 0.0 && error > 0.0, "{none} {error}");
        let worst = about.iter().zip(&exactly).map(|(a, b)| (a - b).abs() / 93_000.0).fold(0.0, f64::max);
        assert!(worst <= error, "{worst} {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parts_in_any_order_are_the_whole(
        parts in prop::collection::vec(prop::collection::vec(prop::option::of(0_i64..40), 0..30), 1..6),
        order in any::<prop::sample::Index>(),
    ) {
        let floats = |part: &[Option<i64>]| Column::floats(part.iter().map(|value| value.map(|value| value as f64)));
        let whole = parts.concat();
        let reference = profile(floats(&whole[..whole.len() / 2]));
        let mut rotated = parts.clone();
        rotated.rotate_left(order.index(parts.len()));
        let mut on_grid = against(&reference, floats(&[]));
        let mut by_itself = profile(Column::integers(Vec::<i64>::new()));
        for part in &rotated {
            on_grid.merge(&against(&reference, floats(part))).unwrap();
            by_itself.merge(&profile(Column::integers(part.iter().copied()))).unwrap();
        }
        let (merged, expected) = (on_grid.column("column").unwrap().clone(), against(&reference, floats(&whole)));
        let expected = expected.column("column").unwrap();
        prop_assert_eq!((&merged.grid, merged.count, merged.nulls), (&expected.grid, expected.count, expected.nulls));
        let (merged, expected) = (by_itself.column("column").unwrap(), of(Column::integers(whole.iter().copied())));
        prop_assert_eq!(merged.categories(), expected.categories());
        prop_assert_eq!((merged.count, merged.nulls), (expected.count, expected.nulls));
        let edges = expected.grid.as_ref().unwrap().edges().to_vec();
        // So few are kept as they are.
        prop_assert_eq!(merged.cumulated(&edges).unwrap().0, expected.cumulated(&edges).unwrap().0);
    }
}
