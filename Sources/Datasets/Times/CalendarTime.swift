/// Times as ISO 8601 writes them, and as tables and logs do: `2025-03-01`, `2025-03-01T09:05:57.25+02:00`, `2025-03-01 09:05:57`.
///
/// Without an offset a time is UTC. Seconds may be left out, the fraction may have any number of digits, a leap second is the first of the
/// next minute; the offset is `Z`, `UTC`, `+hh`, `+hhmm` or `+hh:mm`, with or without a space before it.
struct CalendarTime {
  private let bytes: UnsafeRawBufferPointer
  private var index = 0

  /// Microseconds since 1970-01-01 UTC; nil when the text is no such time.
  static func microseconds(_ text: UnsafeRawBufferPointer) -> Int64? {
    var reader = CalendarTime(bytes: text)
    return reader.read()
  }

  private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  private mutating func read() -> Int64? {
    guard let year = number(4), take("-"), let month = number(2), take("-"), let day = number(2),
      let days = CalendarTime.days(year, month, day)
    else { return nil }
    let midnight = Int64(days) * 86_400_000_000
    if index == bytes.count { return midnight }
    guard take("T") || take("t") || take(" "), let time = timeOfDay(), let offset = offset(), index == bytes.count else {
      return nil
    }
    return midnight + time - offset
  }

  /// `hh:mm[:ss[.fraction]]` in microseconds.
  private mutating func timeOfDay() -> Int64? {
    guard let hour = number(2), hour < 24, take(":"), let minute = number(2), minute < 60 else { return nil }
    var microseconds = Int64(hour * 3_600 + minute * 60) * 1_000_000
    guard take(":") else { return microseconds }
    guard let second = number(2), second <= 60 else { return nil }
    microseconds += Int64(second) * 1_000_000
    guard take(".") || take(",") else { return microseconds }
    let start = index
    var scale: Int64 = 100_000
    while index < bytes.count, bytes[index] &- 0x30 < 10 {
      microseconds += Int64(bytes[index] &- 0x30) * scale
      (scale, index) = (scale / 10, index + 1)
    }
    return index > start ? microseconds : nil
  }

  /// What is to be taken away for UTC, in microseconds.
  private mutating func offset() -> Int64? {
    if index == bytes.count { return 0 }
    if take("Z") || take("z") { return 0 }
    _ = take(" ")
    if bytes[index...].elementsEqual("UTC".utf8) {
      index = bytes.count
      return 0
    }
    let isEast = take("+")
    guard isEast || take("-"), let hours = number(2), hours < 24 else { return nil }
    var minutes = 0
    if index < bytes.count {
      _ = take(":")
      guard let more = number(2), more < 60 else { return nil }
      minutes = more
    }
    return Int64(hours * 3_600 + minutes * 60) * (isEast ? 1_000_000 : -1_000_000)
  }

  private mutating func take(_ letter: Unicode.Scalar) -> Bool {
    guard index < bytes.count, bytes[index] == UInt8(ascii: letter) else { return false }
    index += 1
    return true
  }

  /// Exactly so many digits.
  private mutating func number(_ digits: Int) -> Int? {
    guard index + digits <= bytes.count else { return nil }
    var value = 0
    for byte in bytes[index..<index + digits] {
      guard byte &- 0x30 < 10 else { return nil }
      value = value * 10 + Int(byte &- 0x30)
    }
    index += digits
    return value
  }

  // MARK: The Gregorian calendar

  /// Days since 1970-01-01; nil for a day that does not exist.
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int? {
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
  static func civil(_ day: Int) -> (Int, Int, Int) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let march = (5 * dayOfYear + 2) / 153
    let month = march < 10 ? march + 3 : march - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * march + 2) / 5 + 1)
  }
}
