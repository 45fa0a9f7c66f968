/// Times as microseconds since 1970-01-01 UTC.
package enum Timestamp {
  /// 9999-12-31T23:59:59 UTC; anything beyond is a wrong unit rather than a time.
  static let maximumSeconds: Int64 = 253_402_300_799
  /// 2100-01-01T00:00:00 UTC.
  package static let year2100: Int64 = 4_102_444_800_000_000

  package enum Failure: Error { case notATime, outOfRange }

  private static let maximum = UInt64(maximumSeconds) * 1_000_000

  /// Reads a number (`978300019`, `978300019.25`, `-3`, `1.598930e9`) of a unit, or ISO 8601 (`CalendarTime`); spaces around it are allowed.
  ///
  /// Digits below a microsecond are cut off.
  package static func parse(_ text: UnsafeRawBufferPointer, unit: TimeUnit) -> Result<Int64, Failure> {
    var (start, end) = (0, text.count)
    while start < end && text[start] == 0x20 { start += 1 }
    while end > start && text[end - 1] == 0x20 { end -= 1 }
    let bytes = UnsafeRawBufferPointer(rebasing: text[start..<end])
    // A number has no minus sign behind four digits.
    if bytes.count >= 10 && bytes[4] == 0x2D && bytes[0] &- 0x30 < 10 {
      guard let time = CalendarTime.microseconds(bytes) else { return .failure(.notATime) }
      return time.magnitude <= maximum ? .success(time) : .failure(.outOfRange)
    }
    return number(bytes, unit)
  }

  /// Reads a cut: as a time in a file, numbers in seconds.
  package static func microseconds(cut text: String) -> Int64? {
    let time = Array(text.utf8).withUnsafeBytes { parse($0, unit: .seconds) }
    return try? time.get()
  }

  /// `2014-01-31T12:00:00Z`, for people; whole seconds.
  package static func text(_ microseconds: Int64) -> String {
    let seconds = microseconds >= 0 ? microseconds / 1_000_000 : (microseconds - 999_999) / 1_000_000
    let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    let rest = Int(seconds - day * 86_400)
    let (year, month, monthDay) = CalendarTime.civil(Int(day))
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(year)-\(two(month))-\(two(monthDay))T\(two(rest / 3_600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
  }

  private static func number(_ text: UnsafeRawBufferPointer, _ unit: TimeUnit) -> Result<Int64, Failure> {
    var index = 0
    let isNegative = !text.isEmpty && text[0] == 0x2D
    if isNegative || (!text.isEmpty && text[0] == 0x2B) { index += 1 }
    var decimal = Decimal()
    decimal.appendDigits(of: text, at: &index)
    if index < text.count && text[index] == 0x2E {
      index += 1
      decimal.appendDigits(of: text, at: &index, areFraction: true)
    }
    guard decimal.digits > 0 else { return .failure(.notATime) }
    if index < text.count && text[index] | 0x20 == 0x65 {
      index += 1
      guard let exponent = exponent(text, at: &index) else { return .failure(.notATime) }
      decimal.exponent += exponent
    }
    guard index == text.count else { return .failure(.notATime) }
    guard let value = decimal.value(times: unit.power), value <= maximum else { return .failure(.outOfRange) }
    return .success(isNegative ? -Int64(value) : Int64(value))
  }

  /// A sign and digits; far above what counts it stays where it is.
  private static func exponent(_ text: UnsafeRawBufferPointer, at index: inout Int) -> Int? {
    let isNegative = index < text.count && text[index] == 0x2D
    if isNegative || (index < text.count && text[index] == 0x2B) { index += 1 }
    let start = index
    var value = 0
    while index < text.count, text[index] &- 0x30 < 10 {
      value = min(value * 10 + Int(text[index] &- 0x30), 1 << 40)
      index += 1
    }
    return index > start ? (isNegative ? -value : value) : nil
  }

  /// A number as it is written: 19 digits that count, and a power of ten.
  private struct Decimal {
    var mantissa: UInt64 = 0
    var exponent = 0
    var digits = 0

    @inline(__always)
    mutating func appendDigits(of text: UnsafeRawBufferPointer, at index: inout Int, areFraction: Bool = false) {
      while index < text.count, text[index] &- 0x30 < 10 {
        // Digits behind the nineteenth are below a microsecond in every unit, or the number is out of range.
        if mantissa < 1_000_000_000_000_000_000 {
          mantissa = mantissa * 10 + UInt64(text[index] &- 0x30)
          if areFraction { exponent -= 1 }
        } else if !areFraction {
          exponent += 1
        }
        (index, digits) = (index + 1, digits + 1)
      }
    }

    /// The number times 10 to the power, toward zero; nil when it is larger than any time.
    func value(times power: Int) -> UInt64? {
      guard mantissa > 0 else { return 0 }
      var (value, power) = (mantissa, power + exponent)
      guard power <= 18 else { return nil }
      while power > 0 {
        let (product, isOver) = value.multipliedReportingOverflow(by: 10)
        if isOver { return nil }
        (value, power) = (product, power - 1)
      }
      while power < 0 && value > 0 { (value, power) = (value / 10, power + 1) }
      return value
    }
  }
}

/// The unit of timestamps that are numbers, in CSV, TSV and JSONL files.
package enum TimeUnit: String, Sendable, CaseIterable {
  /// Seconds since 1970, with decimals or an exponent if need be.
  case seconds
  /// Milliseconds since 1970.
  case milliseconds
  /// Microseconds since 1970.
  case microseconds
  /// Nanoseconds since 1970; what is below a microsecond is cut off.
  case nanoseconds

  /// 1971 to 2100 in microseconds since 1970.
  private static let likelyTimes: Range<Int64> = 31_536_000_000_000..<Timestamp.year2100

  /// The power of ten that makes microseconds of it.
  package var power: Int {
    switch self {
    case .seconds: 6
    case .milliseconds: 3
    case .microseconds: 0
    case .nanoseconds: -3
    }
  }

  /// The unit in which a number is a time that events happen at, 1971 to 2100: one at most, as units lie a factor of 1,000 apart.
  package static func fitting(_ text: UnsafeRawBufferPointer) -> (unit: TimeUnit, time: Int64)? {
    for unit in allCases {
      if case .success(let time) = Timestamp.parse(text, unit: unit), likelyTimes.contains(time) { return (unit, time) }
    }
    return nil
  }
}
