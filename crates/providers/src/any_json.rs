//! Any JSON at all, for the property that none of it panics: mostly the names that are looked for, holding mostly the
//! wrong things.

use proptest::{
    collection::{btree_map, vec},
    prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof},
    sample::select,
};
use serde_json::{Map, Value, json};

/// Values of every kind below the given names, nested up to eight deep.
pub(crate) fn any_json(names: &'static [&'static str], texts: &'static [&'static str]) -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,20}".prop_map(Value::from),
        select(texts).prop_map(Value::from),
        select(texts).prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 96, 8, move |inner| {
        let object = btree_map(select(names).prop_map(str::to_owned), inner.clone(), 0..10);
        prop_oneof![
            vec(inner, 0..6).prop_map(Value::from),
            object.clone().prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
            object.prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
    .boxed()
}
