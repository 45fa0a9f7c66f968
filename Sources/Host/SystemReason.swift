import Glibc

/// The system's words for an error code, as they stand in the middle of a sentence: `No space left on device`.
///
/// The one place that asks for them. Ours.
package func systemReason(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
