import Datasets
import Files

/// Counts bad rows by kind, keeps the first ones for people and enforces the limit.
struct BadRowLog: Codable {
  /// How many bad rows of all files are shown in full (ours).
  static let shownRows = 5

  /// A bad row that is shown.
  private struct Shown: Codable {
    var sentence: String
    var rows: Int
  }

  private var counts: [BadRowKind: Int] = [:]
  private(set) var total = 0
  private var shown: [Shown] = []

  /// Takes in a bad row; returns the line for people when it is one of the first.
  mutating func add(_ problem: BadRow, at place: String) -> String? {
    counts[problem.kind, default: 0] += problem.rows
    defer { total += problem.rows }
    guard total < BadRowLog.shownRows else { return nil }
    shown.append(Shown(sentence: "\(place): \(problem.detail) (\(problem.kind.rawValue))", rows: problem.rows))
    return lines.last
  }

  /// Takes in the log of rows that come behind this one's.
  mutating func add(_ next: BadRowLog) {
    var before = total
    for row in next.shown where before < BadRowLog.shownRows {
      shown.append(row)
      before += row.rows
    }
    counts.merge(next.counts, uniquingKeysWith: +)
    total += next.total
  }

  /// The first bad rows, a line each.
  var lines: [String] { shown.map { "bad row: \($0.sentence)" } }

  /// The counts in the order of `BadRowKind`.
  var summary: [PreparationCounts.BadRows] {
    BadRowKind.allCases.compactMap { kind in counts[kind].map { PreparationCounts.BadRows(kind: kind, count: $0) } }
  }

  /// Two summaries as one.
  static func sum(_ first: [PreparationCounts.BadRows], _ second: [PreparationCounts.BadRows]) -> [PreparationCounts.BadRows] {
    BadRowKind.allCases.compactMap { kind in
      let count = (first + second).reduce(0) { $0 + ($1.kind == kind ? $1.count : 0) }
      return count > 0 ? PreparationCounts.BadRows(kind: kind, count: count) : nil
    }
  }

  /// Throws `InputError` when more rows were bad than the limit allows.
  ///
  /// `what` names the rows.
  func check(_ limit: BadRowLimit, rows: Int, _ what: String) throws {
    guard let first = shown.first?.sentence, !limit.allows(total, of: rows) else { return }
    let kinds = summary.map { "\($0.count) with \($0.kind.rawValue)" }.joined(separator: ", ")
    throw InputError(
      "\(total) of \(rows) \(what) rows are bad, more than the \(limit) allowed (\(kinds)), the first at \(first); "
        + "fix them or raise --max-bad-rows; nothing was written")
  }
}

/// How many bad rows `prepare` puts up with.
package enum BadRowLimit: Sendable, Equatable, CustomStringConvertible {
  /// A number of rows.
  case count(Int)
  /// A share of all rows, 0 to 1.
  case share(Double)

  /// Reads a share, `0.1%` or from 0 to 1 (`0.001`, `1`), or a whole number of rows from 2 up.
  package init(_ text: String) throws {
    if text.hasSuffix("%"), let percent = Double(text.dropLast()), (0...100).contains(percent) {
      self = .share(percent / 100)
    } else if let share = Double(text), (0...1).contains(share) {
      self = .share(share)
    } else if let count = Int(text), count >= 0 {
      self = .count(count)
    } else {
      throw InputError(
        "the limit for bad rows is a share (0.1%, or 0.001 up to 1) or a whole number of rows from 2 up, not \(text)")
    }
  }

  /// Whether so many bad rows of so many are within the limit.
  func allows(_ bad: Int, of rows: Int) -> Bool {
    switch self {
    case .count(let count): bad <= count
    case .share(let share): Double(bad) <= share * Double(rows)
    }
  }

  /// For messages.
  package var description: String {
    switch self {
    case .count(let count): "\(count)"
    case .share(let share): "\((share * 1e8).rounded() / 1e6)%"
    }
  }
}
