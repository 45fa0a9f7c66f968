/// A configuration to start from: every key with its default and its reason, ready to be changed.
package enum ConfigStarter {
  /// What `precise config` prints: all defaults, live.
  package static var text: String {
    let head = """
      # A configuration with every key at its default, by: precise config
      #
      #   precise config > my.yaml                                     writes it
      #   precise check --config my.yaml --data dataset/               tells every mistake at once, and what a run takes
      #   precise train --config my.yaml --data dataset/ --out run/    trains
      #
      # Keys that are left out have their defaults. precise config --data dataset/ makes a starter for a data set.
      """
    return document(head, StarterLines(config: RunConfig(), examples: [], live: nil))
  }

  /// What `precise config --data` prints: live are only the keys that the data set decides, the others are comments.
  package static func text(_ facts: StarterFacts) -> String {
    let (path, plan) = (facts.path, StarterPlan(facts))
    let (file, run) = facts.names
    let head = """
      # A starter for \(path): \(facts.summary), by: precise config --data \(path)
      #
      #   precise check --config \(file) --data \(path)
      #   precise train --config \(file) --data \(path) --out \(run)
      #
      # The first tells every mistake at once, and what a run takes; the second trains.
      #
      # A line that begins with # is a key at its default: take "# " away, and change the value.
      """
    return document(head, StarterLines(config: plan.config, examples: plan.examples, live: plan.reasons))
  }

  private static func document(_ head: String, _ lines: StarterLines) -> String {
    ([head, ""] + lines.all).joined(separator: "\n") + "\n"
  }
}

/// A starter's lines: keys that are live, and others behind a `#` at their place, so that to take it away is enough.
private struct StarterLines {
  let config: RunConfig
  /// Targeted phases to choose from, a line each, without margin.
  let examples: [String]
  /// Paths of the keys that are live, each with the reason for its value; nil = all, with their own.
  let live: [String: String]?

  var all: [String] {
    config.entries.flatMap { entry in
      switch entry.name {
      case "targeted": [ConfigWriter.commented("targeted:", entry.reason)] + phases
      case "bench": [ConfigWriter.commented("bench:", entry.reason)] + BenchConfig().entries.flatMap(comment)
      default: lines(entry, path: entry.name, margin: "")
      }
    }
  }

  /// An empty list; what could stand in it as comments.
  private var phases: [String] {
    var phase = TargetedConfig()
    phase.name = "like"
    let choices =
      examples.isEmpty
      ? [] : ["  # Phases to choose from, for what the data set has enough events of:"] + examples.map { "  # " + $0 }
    return choices + ["  # Every key of a phase, with its default:"] + ConfigWriter.item("- ", phase.entries).map { "  # " + $0 }
  }

  private func comment(_ entry: ConfigText.Entry) -> [String] {
    ConfigWriter.lines(entry, indent: 0).map { "  # " + $0 }
  }

  private func lines(_ entry: ConfigText.Entry, path: String, margin: String) -> [String] {
    switch entry.text {
    case .scalar(let value):
      let isLive = live.map { $0[path] != nil } ?? true
      let text = margin + (isLive ? "" : "# ") + "\(entry.name): \(value)"
      return [ConfigWriter.commented(text, live?[path] ?? entry.reason)]
    case .section(let entries):
      let heading = ConfigWriter.commented("\(margin)\(entry.name):", entry.reason)
      return [heading] + entries.flatMap { lines($0, path: "\(path).\($0.name)", margin: margin + "  ") }
    case .list:
      return ConfigWriter.lines(entry, indent: margin.count)
    }
  }
}
