/// The unit of the timestamps in CSV, TSV and JSONL files.
public enum TimeUnit: String, Sendable, CaseIterable {
  /// Seconds since 1970, with decimals if need be.
  case seconds
  /// Milliseconds since 1970.
  case milliseconds

  /// Microseconds in one unit.
  var microseconds: Int64 { self == .seconds ? 1_000_000 : 1_000 }
}
