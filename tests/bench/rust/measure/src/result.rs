//! What a benchmark program prints; `../go/internal/result` says what each field means.

use serde::Serialize;

/// One run of one client under one workload.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Result {
    pub client: String,
    pub version: String,
    pub workload: String,
    pub ops: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub p999_us: f64,
    pub cpu_us_per_op: f64,
    pub allocs_per_op: f64,
    pub rss_mb: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub mb_s: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub server_cpu_us_per_op: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub mean_batch: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub open_us: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub rate: f64,
}

/// What `--list` prints.
#[derive(Debug, Serialize)]
pub struct List {
    pub language: &'static str,
    pub workloads: Vec<Workload>,
    pub clients: Vec<About>,
}

#[derive(Debug, Serialize)]
pub struct Workload {
    pub name: &'static str,
    pub about: String,
}

/// One entry of a list.
#[derive(Debug, Default, Clone, Serialize)]
pub struct About {
    pub name: String,
    pub about: String,
    #[serde(skip_serializing_if = "is_false")]
    pub ours: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub baseline: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub native: String,
    pub workloads: Vec<&'static str>,
    #[serde(skip_serializing_if = "is_false")]
    pub quick: bool,
}

fn is_zero(figure: &f64) -> bool {
    *figure == 0.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_applies_only() {
        let result = Result { client: "c".into(), ops: 2.5, rate: 3.0, ..Result::default() };
        let line = serde_json::to_value(&result).unwrap();
        assert_eq!(line["ops"], 2.5);
        assert_eq!(line["rate"], 3.0);
        assert!(line.get("mb_s").is_none() && line.get("p99_us").is_some(), "{line}");
        let about = serde_json::to_value(About { ours: true, ..About::default() }).unwrap();
        assert_eq!(about["ours"], true);
        assert!(about.get("quick").is_none() && about.get("native").is_none(), "{about}");
    }
}
