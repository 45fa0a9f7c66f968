/// Sets of cores as the kernel writes them: `0-3,8`.
enum CoreList {
  /// The cores of a list; a part that is no number or range is left out.
  static func cores(_ text: String) -> [Int] {
    text.split(separator: ",").flatMap { part -> [Int] in
      let ends = part.split(separator: "-").compactMap { Int($0.filter { !$0.isWhitespace }) }
      guard let first = ends.first, let last = ends.last, first >= 0, first <= last, last < 1 << 16 else { return [] }
      return Array(first...last)
    }
  }

  /// The list of some numbers.
  static func text(_ numbers: some Sequence<Int>) -> String {
    var parts: [ClosedRange<Int>] = []
    for number in Set(numbers).sorted() {
      if let last = parts.last, last.upperBound + 1 == number {
        parts[parts.count - 1] = last.lowerBound...number
      } else {
        parts.append(number...number)
      }
    }
    return parts.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
  }
}
