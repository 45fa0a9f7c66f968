/// Writes a run's configuration with every key, its value and a short reason: the `config.yaml` of a run directory.
package enum ConfigWriter {
  /// YAML that ``ConfigReader`` reads back as the same configuration; equal configurations give equal bytes.
  package static func text(_ config: RunConfig) -> String {
    config.entries.map { lines($0, indent: 0).joined(separator: "\n") + "\n" }.joined()
  }

  /// An entry's lines, with what is below it.
  static func lines(_ entry: ConfigText.Entry, indent: Int) -> [String] {
    let margin = String(repeating: " ", count: indent)
    switch entry.text {
    case .scalar(let value):
      return [commented("\(margin)\(entry.name): \(value)", entry.reason)]
    case .section(let entries):
      return [commented("\(margin)\(entry.name):", entry.reason)] + entries.flatMap { lines($0, indent: indent + 2) }
    case .list(let items) where items.isEmpty:
      return [commented("\(margin)\(entry.name): []", entry.reason)]
    case .list(let items):
      return [commented("\(margin)\(entry.name):", entry.reason)] + items.flatMap { item(margin + "  - ", $0) }
    }
  }

  /// The entries of one list item: its first line carries the dash.
  static func item(_ dash: String, _ entries: [ConfigText.Entry]) -> [String] {
    var rows = entries.flatMap { lines($0, indent: dash.count) }
    rows[0] = dash + rows[0].dropFirst(dash.count)
    return rows
  }

  /// A line with the reason for it, behind a margin that lines up.
  static func commented(_ text: String, _ reason: String) -> String {
    let width = 32
    return text + String(repeating: " ", count: max(2, width - text.count)) + "# " + reason
  }
}

/// A configuration on its way out: what the writer prints and what two runs are compared by.
indirect enum ConfigText: Sendable {
  /// A key with its value and the reason for it.
  struct Entry: Sendable {
    let name: String
    let reason: String
    let text: ConfigText
  }

  case scalar(String)
  case section([Entry])
  case list([[Entry]])

  /// Every scalar under its dotted path.
  func flattened(at path: String) -> [(key: String, value: String)] {
    let prefix = path.isEmpty ? "" : path + "."
    switch self {
    case .scalar(let value): return [(path, value)]
    case .section(let entries): return entries.flatMap { $0.text.flattened(at: prefix + $0.name) }
    case .list(let items) where items.isEmpty: return [(path, "[]")]
    case .list(let items): return items.indices.flatMap { ConfigText.section(items[$0]).flattened(at: "\(prefix)\($0)") }
    }
  }

  /// A text as YAML: bare when it cannot be read as anything else, in double quotes otherwise.
  static func quoted(_ text: String) -> String {
    let letters = text.unicodeScalars
    let bare = letters.allSatisfy {
      ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) || "_-@./".unicodeScalars.contains($0)
    }
    let startsWithLetter = letters.first.map { ("a"..."z").contains($0) || ("A"..."Z").contains($0) } ?? false
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
    if bare && startsWithLetter && !words.contains(text.lowercased()) { return text }
    return "\"" + letters.map(escaped).joined() + "\""
  }

  /// One letter inside double quotes; whatever YAML might fold, strip or refuse is written as its number.
  private static func escaped(_ letter: Unicode.Scalar) -> String {
    switch letter {
    case "\"": return "\\\""
    case "\\": return "\\\\"
    case " "..."~", "\u{A1}"..."\u{1FFF}", "\u{3040}"..."\u{D7FF}": return String(letter)
    default:
      let digits = String(letter.value, radix: 16)
      return "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
    }
  }
}
