extension AblationGrid {
  /// Reads a grid, or every fault in it at once.
  ///
  /// - Parameter data: a data set that stands in for the grid's own.
  /// - Throws: `ConfigProblems`, each with its line and key: unknown keys, wrong values, names that no folder can have, two of a kind.
  package static func read(file: String, data: String? = nil) throws(ConfigProblems) -> AblationGrid {
    let root: ConfigNode
    do {
      root = try ConfigDocument.read(file: file)
    } catch {
      throw ConfigProblems(file: file, problems: [error])
    }
    return try read(root, file: file, data: data)
  }

  /// The same from text; `name` stands for the file in messages.
  static func read(text: String, name: String, data: String? = nil) throws(ConfigProblems) -> AblationGrid {
    let root: ConfigNode
    do {
      root = try ConfigDocument.parse(text) { .line($0) }
    } catch {
      throw ConfigProblems(file: name, problems: [error])
    }
    return try read(root, file: name, data: data)
  }

  private static func read(_ root: ConfigNode, file: String, data: String?) throws(ConfigProblems) -> AblationGrid {
    var reader = AblationReader()
    reader.grid.file = file
    reader.read(root)
    if let data { reader.grid.data = data }
    reader.check(root)
    guard reader.faults.isEmpty else { throw ConfigProblems(file: file, problems: reader.faults) }
    return reader.grid
  }
}

/// Takes a grid's nodes apart, noting every fault on the way.
private struct AblationReader {
  private static let keys = AblationGrid.keys.map(\.path)
  /// Far more runs, and ways to evaluate each, than anybody waits for.
  private static let (mostRuns, mostSettings) = (10_000, 64)
  /// What a variant may say besides keys of the configuration.
  private static let dataKey = "data"

  var grid = AblationGrid()
  var faults: [ConfigProblem] = []

  mutating func read(_ root: ConfigNode) {
    for (name, node) in pairs(of: root, at: "") {
      switch name {
      case "data": grid.data = text(node, at: name)
      case "config": grid.config = text(node, at: name) ?? ""
      case "set": grid.common = overrides(node, at: name)
      case "seeds": grid.seeds = list(node, at: name, of: UInt64.self)
      case "base": grid.base = text(node, at: name) ?? ""
      case "variants": grid.variants = pairs(of: node, at: name).map { variant($0.key, $0.node) }
      case "phases": grid.phases = list(node, at: name, of: String.self)
      case "metrics": grid.metrics = list(node, at: name, of: String.self)
      case "buckets": grid.buckets = list(node, at: name, of: String.self)
      case "evaluate": grid.settings = settings(node, at: name)
      case "keep":
        if let keep = text(node, at: name).flatMap(AblationGrid.Keep.init(rawValue:)) {
          grid.keep = keep
        } else {
          fault(name, node, "must be all or results")
        }
      default:
        // Beyond what is shown nobody reads it.
        let isShown = faults.count < ConfigProblems.shown
        let near = isShown ? Spelling.nearest(to: name, among: Self.keys).map { "did you mean \($0)?" } : nil
        fault(name, node, "is not a key of a grid", near ?? "known here: " + Self.keys.joined(separator: ", "))
      }
    }
  }

  /// What must be there, and what must fit together.
  mutating func check(_ root: ConfigNode) {
    func missing(_ key: String) -> Bool { root.child(key) == nil }
    if missing("config") { fault("config", "is missing", "name the configuration that the variants are variants of") }
    if missing("variants") {
      fault("variants", "is missing", "name at least one, as in variants: {both: {}, ids: {model.semantic_dim: 0}}")
    } else if grid.variants.isEmpty, let node = root.child("variants"), faults.isEmpty {
      fault("variants", node, "is empty", "name at least one, as in both: {}")
    }
    if grid.data == nil, let variant = grid.variants.first(where: { $0.data == nil }) {
      fault("data", "is missing, and variant \(variant.name) names none", "name the data set here, or give --data")
    }
    if grid.base.isEmpty {
      grid.base = grid.variants.first?.name ?? ""
    } else if let node = root.child("base"), !grid.variants.contains(where: { $0.name == grid.base }) {
      fault("base", node, "is no variant", "there are " + grid.variants.map(\.name).joined(separator: ", "))
    }
    checkRepeats(root)
    for (index, metric) in grid.metrics.enumerated() where !Self.isMetric(metric) {
      fault("metrics.\(index)", root.nearest(to: "metrics.\(index)"), "must be recall@k, ndcg@k or mrr")
    }
    let runs = grid.variants.count.multipliedReportingOverflow(by: grid.seeds.count)
    if runs.overflow || runs.partialValue > Self.mostRuns {
      let counts = "\(grid.variants.count) variants and \(grid.seeds.count) seeds"
      fault("variants", "\(counts) are more than \(Self.mostRuns) runs", "take several grids")
    }
  }

  private mutating func checkRepeats(_ root: ConfigNode) {
    let lists = [
      ("metrics", grid.metrics), ("buckets", grid.buckets), ("phases", grid.phases ?? []), ("seeds", grid.seeds.map(String.init)),
    ]
    for (key, values) in lists {
      var seen: Set<String> = []
      for (index, value) in values.enumerated() where !seen.insert(value).inserted {
        fault("\(key).\(index)", root.nearest(to: "\(key).\(index)"), "stands there twice")
      }
    }
  }

  private static func isMetric(_ name: String) -> Bool {
    let parts = name.split(separator: "@", omittingEmptySubsequences: false)
    return name == "mrr" || parts.count == 2 && ["recall", "ndcg"].contains(parts[0]) && (Int(parts[1]) ?? 0) > 0
  }

  private mutating func variant(_ name: String, _ node: ConfigNode) -> AblationGrid.Variant {
    let path = "variants.\(name)"
    let letters = name.unicodeScalars
    let isPlain = letters.allSatisfy {
      ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) || "_-+.".unicodeScalars.contains($0)
    }
    if !isPlain || name.hasPrefix(".") || !(1...64).contains(letters.count) {
      fault(path, node, "names a folder, so it has letters, digits, _, -, + and . only, 64 at most, and no dot at the beginning")
    }
    guard !node.isNull else { return AblationGrid.Variant(name: name, data: nil, overrides: []) }
    let data = node.child(Self.dataKey).flatMap { text($0, at: "\(path).\(Self.dataKey)") }
    return AblationGrid.Variant(name: name, data: data, overrides: overrides(node, at: path, besides: [Self.dataKey]))
  }

  private mutating func overrides(_ node: ConfigNode, at path: String, besides: [String] = []) -> [AblationGrid.Override] {
    pairs(of: node, at: path).filter { !besides.contains($0.key) }.compactMap { key, node in
      guard key != "seed" else {
        fault("\(path).\(key)", node, "is what seeds says")
        return nil
      }
      return AblationGrid.Override(text: "\(key)=\(node.flow)", line: line(node))
    }
  }

  /// Every combination of the values of each key, the last key's changing fastest.
  private mutating func settings(_ node: ConfigNode, at path: String) -> [AblationGrid.Setting] {
    var combinations: [[AblationGrid.Override]] = [[]]
    for (key, node) in pairs(of: node, at: path) {
      guard key.hasPrefix("evaluation.") else {
        fault("\(path).\(key)", node, "must be a key below evaluation", "what changes a training belongs to a variant")
        continue
      }
      var values = [node]
      if case .list(let list) = node.content { values = list }
      if values.isEmpty { fault("\(path).\(key)", node, "needs a value") }
      let choices = values.map { AblationGrid.Override(text: "\(key)=\($0.flow)", line: line(node)) }
      guard combinations.count * choices.count <= Self.mostSettings else {
        fault("\(path).\(key)", node, "makes more than \(Self.mostSettings) ways to evaluate")
        break
      }
      combinations = combinations.flatMap { before in choices.map { before + [$0] } }
    }
    return combinations.map(AblationGrid.Setting.init)
  }

  private mutating func pairs(of node: ConfigNode, at path: String) -> [(key: String, node: ConfigNode)] {
    if node.isNull { return [] }
    guard case .map(let pairs) = node.content else {
      fault(path, node, "must be a section: keys and values")
      return []
    }
    return pairs
  }

  private mutating func text(_ node: ConfigNode, at path: String) -> String? {
    guard let text = String.read(node), !text.isEmpty else {
      fault(path, node, "must be a text")
      return nil
    }
    return text
  }

  private mutating func list<Value: ConfigValue>(_ node: ConfigNode, at path: String, of type: Value.Type) -> [Value] {
    guard let values = [Value].read(node), !values.isEmpty else {
      fault(path, node, "must be \([Value].kind), at least one")
      return []
    }
    return values
  }

  private func line(_ node: ConfigNode) -> Int { if case .line(let line) = node.origin { line } else { 1 } }

  /// A fault of the grid as a whole.
  private mutating func fault(_ path: String, _ rule: String, _ suggestion: String) {
    faults.append(ConfigProblem(keyPath: path, value: "", rule: rule, suggestion: suggestion))
  }

  private mutating func fault(_ path: String, _ node: ConfigNode, _ rule: String, _ suggestion: String? = nil) {
    faults.append(ConfigProblem(path, node, rule: rule, suggestion: suggestion))
  }
}

extension ConfigNode {
  /// The value as YAML on one line, as a `--set` has it.
  fileprivate var flow: String {
    switch content {
    case .scalar(let text, let quoted):
      let needsQuotes = quoted || text.unicodeScalars.contains { ",[]{}:#&*!|>'\"%@`\n".unicodeScalars.contains($0) }
      return needsQuotes ? ConfigText.quoted(text) : text
    case .list(let nodes): return "[" + nodes.map(\.flow).joined(separator: ", ") + "]"
    case .map(let pairs): return "{" + pairs.map { "\(ConfigText.quoted($0.key)): \($0.node.flow)" }.joined(separator: ", ") + "}"
    }
  }
}
