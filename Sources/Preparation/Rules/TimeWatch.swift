import Datasets

/// Times of rows that can be read but are hardly meant: before 1970, after 2100, or all of them just after 1970 in a fine unit.
struct TimeWatch: Codable {
  /// 1970 to 2100.
  static let usual: Range<Int64> = 0..<Timestamp.year2100
  /// The newest time of all rows.
  var newest = Int64.min
  private var early = Occurrences()
  private var late = Occurrences()
  private var firstEarly = ""
  private var firstLate = ""

  mutating func add(_ time: Int64, _ text: UnsafeRawBufferPointer, _ source: any RowSource) {
    let advice = source.hasTypedTimes ? nil : TimeWatch.advice(text)
    let sentence = { "\(Timestamp.text(time))\(advice.map { "; \($0)" } ?? "")" }
    if time < 0 {
      if early.count == 0 { firstEarly = sentence() }
      early.add(source.place)
    } else {
      if late.count == 0 { firstLate = sentence() }
      late.add(source.place)
    }
  }

  /// Adds what was seen in rows that come behind these.
  mutating func add(_ next: TimeWatch) {
    newest = max(newest, next.newest)
    if early.count == 0 { firstEarly = next.firstEarly }
    if late.count == 0 { firstLate = next.firstLate }
    early.add(next.early)
    late.add(next.late)
  }

  /// The unit that makes a likely time of a number; nil when none does.
  static func advice(_ text: UnsafeRawBufferPointer) -> String? {
    TimeUnit.fitting(text).map { "in \($0.unit.rawValue) it is \(Timestamp.text($0.time)) (--time-unit \($0.unit.rawValue))" }
  }

  /// A sentence for each fault.
  func warnings(unit: TimeUnit) -> [String] {
    var warnings: [String] = []
    for (found, first, when) in [(early, firstEarly, "before 1970"), (late, firstLate, "after 2100")] where found.count > 0 {
      let events = found.count == 1 ? "1 event is" : "\(found.count) events are"
      warnings.append("\(events) dated \(when), the first at \(found.first) (\(first))")
    }
    // A coarser unit than the one that was given.
    let coarser = TimeUnit.allCases.prefix { $0 != unit }.first { coarse in
      guard let read = coarse.relative(to: unit) else { return false }
      return Array(String(newest).utf8).withUnsafeBytes { TimeUnit.fitting($0)?.unit == read }
    }
    if newest >= 0, let coarser {
      warnings.append(
        "the newest event is of \(Timestamp.text(newest)); are the timestamps in \(coarser.rawValue) (--time-unit)?")
    }
    if unit == .seconds, let day = Self.dayAsNumber(newest / 1_000_000) {
      warnings.append(
        "the newest event is of \(Timestamp.text(newest)), \(newest / 1_000_000) seconds; if you meant the day \(day), write it in that form"
      )
    }
    return warnings
  }

  /// The day that a number such as 20250301 may stand for, as it must be written; nil for other numbers.
  private static func dayAsNumber(_ seconds: Int64) -> String? {
    let (year, month, day) = (seconds / 10_000, seconds / 100 % 100, seconds % 100)
    guard (1970...2100).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
    let digits = { (number: Int64) in number < 10 ? "0\(number)" : "\(number)" }
    return "\(year)-\(digits(month))-\(digits(day))"
  }
}

extension TimeUnit {
  /// The unit whose numbers a time in microseconds has when numbers of this unit were read as if they were of `other`.
  fileprivate func relative(to other: TimeUnit) -> TimeUnit? {
    TimeUnit.allCases.first { $0.power == power - other.power }
  }
}
