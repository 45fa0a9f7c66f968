/// Writes a run's configuration with every key, its value and a short reason: the `config.yaml` of a run directory.
public enum ConfigWriter {
  /// YAML that ``ConfigReader`` reads back as the same configuration; equal configurations give equal bytes.
  public static func text(_ config: RunConfig) -> String {
    config.entries.map { lines($0, indent: 0).joined(separator: "\n") + "\n" }.joined()
  }

  private static func lines(_ entry: ConfigText.Entry, indent: Int) -> [String] {
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
  private static func item(_ dash: String, _ entries: [ConfigText.Entry]) -> [String] {
    var rows = entries.flatMap { lines($0, indent: dash.count) }
    rows[0] = dash + rows[0].dropFirst(dash.count)
    return rows
  }

  private static func commented(_ text: String, _ reason: String) -> String {
    let width = 32
    return text + String(repeating: " ", count: max(2, width - text.count)) + "# " + reason
  }
}
