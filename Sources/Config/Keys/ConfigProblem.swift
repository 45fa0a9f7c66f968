/// One fault of a configuration, as a person reads it: where, what stands there, what should.
package struct ConfigProblem: Error, Sendable, Equatable, CustomStringConvertible {
  /// Where a value came from.
  package enum Origin: Sendable, Equatable {
    /// A line of the file, from 1.
    case line(Int)
    /// A `--set` on the command line.
    case override(String)
    /// Nowhere in particular: a default, or the whole file.
    case none
  }

  /// Dotted path of the key; empty for the whole file.
  package let keyPath: String
  /// What stands there; empty when nothing does.
  package let value: String
  /// What it breaks: "must be a whole number from 1 to 64".
  package let rule: String
  /// What to do about it.
  package let suggestion: String?
  /// Where it stands.
  package var origin: Origin
  /// Other keys whose values the rule speaks of: where one of them is itself at fault, the rule says nothing.
  package let others: [String]

  /// Makes a problem of its parts.
  package init(
    keyPath: String, value: String, rule: String, suggestion: String? = nil, origin: Origin = .none, others: [String] = []
  ) {
    self.keyPath = keyPath
    self.value = value
    self.rule = rule
    self.suggestion = suggestion
    self.origin = origin
    self.others = others
  }

  /// Whether the fault lies in, above or below one of these keys, or its rule speaks of one.
  func concerns(_ keys: Set<String>) -> Bool {
    ([keyPath] + others).contains { key in
      keys.contains { $0 == key || $0.hasPrefix(key + ".") || key.hasPrefix($0 + ".") }
    }
  }

  init(_ keyPath: String, _ node: ConfigNode, rule: String, suggestion: String?) {
    self.init(keyPath: keyPath, value: node.shown, rule: rule, suggestion: suggestion, origin: node.origin)
  }

  /// `line 4, model.heads: 3, must divide 128; try 2 or 4`.
  package var description: String {
    let location =
      switch origin {
      case .line(let line): "line \(line), "
      case .override(let text): "--set \(Self.short(text)), "
      case .none: ""
      }
    let path = Self.short(keyPath)
    let subject = path.isEmpty ? "" : value.isEmpty ? "\(path): " : "\(path): \(value), "
    return location + subject + rule + (suggestion.map { "; " + $0 } ?? "")
  }

  private static func short(_ text: String) -> String { text.count > 100 ? text.prefix(100) + "..." : text }
}

/// Every fault of a configuration at once; the command prints it and exits with 64.
package struct ConfigProblems: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file, as it was named.
  package let file: String
  /// The faults, in the order of the file as far as that is known; never empty.
  package let problems: [ConfigProblem]

  /// The most faults that are written out (ours): who has more of them has another file in hand.
  static let shown = 50

  /// Makes the error of at least one fault.
  package init(file: String, problems: [ConfigProblem]) {
    precondition(!problems.isEmpty, "an error without a problem")
    self.file = file
    self.problems = problems
  }

  /// One line for one fault; a heading and a line each for several.
  package var description: String {
    if problems.count == 1 { return "\(file): \(problems[0])" }
    let lines = problems.prefix(Self.shown).map { "  \($0)" }
    let more = problems.count > Self.shown ? ["  and \(problems.count - Self.shown) more"] : []
    return "\(file): \(problems.count) problems\n" + (lines + more).joined(separator: "\n")
  }
}

/// Finds the word that a misspelled one was meant to be.
enum Spelling {
  /// The candidate with the fewest edits, when they are few for the word's length; the first of equals.
  static func nearest(to word: String, among candidates: [String]) -> String? {
    let plain = word.lowercased()
    guard plain.count <= 64 else { return nil }
    let ranked = candidates.map { ($0, distance(plain, $0.lowercased())) }
    guard let best = ranked.min(by: { $0.1 < $1.1 }), best.1 <= max(1, min(plain.count, best.0.count) / 3) else { return nil }
    return best.0
  }

  /// Edits (insert, delete, replace, swap of neighbors) between two words: the optimal string alignment distance.
  static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a), b = Array(b)
    if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
    var rows = [Array(0...b.count)]
    for i in 1...a.count {
      var row = [i]
      for j in 1...b.count {
        var least = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { least = min(least, rows[i - 2][j - 2] + 1) }
        row.append(least)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}
