//! The older of AWS's protocols: a form goes in, XML comes out.

use super::super::moto::REGION;

/// The emulators read the service and the region off it, and check nothing.
pub(in super::super) fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// A form's body: the action, its version, and its parameters percent-encoded.
pub(in super::super) fn encoded(action: &str, version: &str, parameters: &[(&str, &str)]) -> String {
    let mut body = format!("Action={action}&Version={version}");
    for (name, value) in parameters {
        body.push_str(&format!("&{name}={}", percent_encoded(value)));
    }
    body
}

fn percent_encoded(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// What stands between every pair of such tags.
pub(in super::super) fn texts_between(xml: &str, tag: &str) -> Vec<String> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    xml.split(&open).skip(1).filter_map(|rest| rest.split(&close).next()).map(str::to_owned).collect()
}

/// What stands between the first pair of such tags; nothing where there is none.
pub(in super::super) fn first_between(xml: &str, tag: &str) -> String {
    texts_between(xml, tag).into_iter().next().unwrap_or_default()
}
