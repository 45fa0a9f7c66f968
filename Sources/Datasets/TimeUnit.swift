/// The unit of timestamps that are numbers, in CSV, TSV and JSONL files.
public enum TimeUnit: String, Sendable, CaseIterable {
  /// Seconds since 1970, with decimals or an exponent if need be.
  case seconds
  /// Milliseconds since 1970.
  case milliseconds
  /// Microseconds since 1970.
  case microseconds
  /// Nanoseconds since 1970; what is below a microsecond is cut off.
  case nanoseconds

  /// The power of ten that makes microseconds of it.
  var power: Int {
    switch self {
    case .seconds: 6
    case .milliseconds: 3
    case .microseconds: 0
    case .nanoseconds: -3
    }
  }

  /// The unit in which a number is a time that events happen at, 1971 to 2100: one at most, as units lie a factor of 1,000 apart.
  static func fitting(_ text: UnsafeRawBufferPointer) -> (unit: TimeUnit, time: Int64)? {
    for unit in allCases {
      if case .success(let time) = Timestamp.parse(text, unit: unit), likelyTimes.contains(time) { return (unit, time) }
    }
    return nil
  }

  /// 1971 to 2100 in microseconds since 1970.
  private static let likelyTimes: Range<Int64> = 31_536_000_000_000..<Timestamp.year2100
}
