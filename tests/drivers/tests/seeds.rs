//! Some seeds each time; `make drivers` runs many.

use drivers::each_seed;

#[test]
fn all_invariants_hold() {
    let totals = each_seed(0..150);
    assert!(totals.failures.is_empty(), "{totals}\n{}", totals.failures.join("\n"));
    // A network without its faults would let everything pass.
    for fault in ["short write", "write of nothing", "stall of writes", "stall of reads", "refused dial"] {
        assert!(totals.faults.get(fault).is_some_and(|count| *count >= 5), "{fault}: {totals}");
    }
    let cuts: u64 = totals.faults.iter().filter(|(fault, _)| fault.starts_with("cut")).map(|(_, count)| count).sum();
    assert!(cuts >= 30 && totals.faults.contains_key("cancel in a write"), "{totals}");
}
