/// Times as microseconds since 1970-01-01 UTC.
enum Timestamp {
  /// 9999-12-31T23:59:59 UTC; anything beyond is a wrong unit rather than a time.
  static let maximumSeconds: Int64 = 253_402_300_799

  enum Failure: Error { case notANumber, outOfRange }

  /// Reads a decimal number (`978300019`, `978300019.25`, `-3`; spaces around it are allowed; no exponent).
  ///
  /// `unit` is the number of microseconds in 1. Digits below a microsecond are cut off.
  static func parse(_ text: UnsafeRawBufferPointer, unit: Int64) -> Result<Int64, Failure> {
    var (index, end) = (0, text.count)
    while index < end && text[index] == 0x20 { index += 1 }
    while end > index && text[end - 1] == 0x20 { end -= 1 }
    let isNegative = index < end && text[index] == 0x2D
    if isNegative || (index < end && text[index] == 0x2B) { index += 1 }
    var value: Int64 = 0
    var digits = 0
    while index < end, text[index] &- 0x30 < 10 {
      // Saturates far above the range that is allowed below.
      value = min(value, 1 << 55) &* 10 &+ Int64(text[index] &- 0x30)
      (index, digits) = (index + 1, digits + 1)
    }
    var fraction: Int64 = 0
    if index < end && text[index] == 0x2E {
      index += 1
      var scale = unit
      while index < end, text[index] &- 0x30 < 10 {
        // 10 divides every unit until less than a microsecond is left.
        scale /= 10
        fraction += Int64(text[index] &- 0x30) &* scale
        (index, digits) = (index + 1, digits + 1)
      }
    }
    guard index == end && digits > 0 else { return .failure(.notANumber) }
    guard value <= maximumSeconds &* (1_000_000 / unit) else { return .failure(.outOfRange) }
    let microseconds = value &* unit &+ fraction
    return .success(isNegative ? -microseconds : microseconds)
  }

  /// Reads a cut: Unix seconds or an ISO date with or without a time of day, UTC.
  static func microseconds(cut text: String) -> Int64? {
    let number = Array(text.utf8).withUnsafeBytes { parse($0, unit: 1_000_000) }
    if case .success(let value) = number { return value }
    let bare = text.hasSuffix("Z") ? String(text.dropLast()) : text
    let parts = bare.split(separator: "T", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.count == 2 || !text.hasSuffix("Z") else { return nil }
    guard let days = days(parts[0]), let seconds = parts.count == 2 ? secondsOfDay(parts[1]) : 0 else { return nil }
    return (Int64(days) * 86_400 + Int64(seconds)) * 1_000_000
  }

  /// `2014-01-31T12:00:00Z`, for people; whole seconds.
  static func text(_ microseconds: Int64) -> String {
    let seconds = microseconds >= 0 ? microseconds / 1_000_000 : (microseconds - 999_999) / 1_000_000
    let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    let rest = Int(seconds - day * 86_400)
    let (year, month, monthDay) = civil(Int(day))
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(year)-\(two(month))-\(two(monthDay))T\(two(rest / 3_600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
  }

  /// Days since 1970-01-01 of `YYYY-MM-DD` in the Gregorian calendar; nil for a day that does not exist.
  private static func days(_ text: Substring) -> Int? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, let year = number(parts[0], 4), let month = number(parts[1], 2), let day = number(parts[2], 2) else {
      return nil
    }
    guard (1...12).contains(month) && (1...31).contains(day) else { return nil }
    // Count from March, so that the leap day ends the year (H. Hinnant, "chrono-compatible low-level date algorithms").
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let yearOfEra = shifted - era * 400
    let result = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    return civil(result) == (year, month, day) ? result : nil
  }

  /// Year, month and day of a day number; the inverse of `days` (same source).
  private static func civil(_ day: Int) -> (Int, Int, Int) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let march = (5 * dayOfYear + 2) / 153
    let month = march < 10 ? march + 3 : march - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * march + 2) / 5 + 1)
  }

  private static func secondsOfDay(_ text: Substring) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), let hour = number(parts[0], 2), let minute = number(parts[1], 2) else { return nil }
    guard let second = parts.count == 3 ? number(parts[2], 2) : 0 else { return nil }
    guard hour < 24 && minute < 60 && second < 60 else { return nil }
    return hour * 3_600 + minute * 60 + second
  }

  private static func number(_ text: Substring, _ digits: Int) -> Int? {
    guard text.utf8.count == digits && text.utf8.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
    return Int(text)
  }
}
