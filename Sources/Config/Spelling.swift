/// Finds the word that a misspelt one was meant to be.
enum Spelling {
  /// The candidate with the fewest edits, when they are few for the word's length; the first of equals.
  static func nearest(to word: String, among candidates: [String]) -> String? {
    let plain = word.lowercased()
    guard plain.count <= 64 else { return nil }
    let ranked = candidates.map { ($0, distance(plain, $0.lowercased())) }
    guard let best = ranked.min(by: { $0.1 < $1.1 }), best.1 <= max(1, min(plain.count, best.0.count) / 3) else { return nil }
    return best.0
  }

  /// Edits (insert, delete, replace, swap of neighbours) between two words: the optimal string alignment distance.
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
