/// What a starter must know of a data set: plain values, no files.
package struct StarterFacts: Sendable {
  /// A scene or a behavior.
  package struct Category: Sendable {
    let name: String
    let events: Int

    /// A name as the data set has it, and how many events there are.
    package init(name: String, events: Int) { (self.name, self.events) = (name, events) }
  }

  /// The folder, as a word of a command line.
  package var path: String
  /// The data set in a few words.
  package var summary: String
  /// Users.
  package var users: Int
  /// Items of the catalogue, V.
  package var items: Int
  /// Events of the longest history.
  package var longest: Int
  /// Whether items have token states.
  package var hasTokenStates: Bool
  /// The file that the starter is written into, and a folder for a run, as words of a command line.
  package var names = (file: "my.yaml", run: "run/")
  /// In the data set's order.
  package var scenes: [Category]
  /// In the data set's order.
  package var behaviors: [Category]

  /// Gathers the facts.
  package init(
    path: String, summary: String, users: Int, items: Int, longest: Int, hasTokenStates: Bool, scenes: [Category],
    behaviors: [Category]
  ) {
    (self.path, self.summary, self.users, self.items) = (path, summary, users, items)
    (self.longest, self.hasTokenStates) = (longest, hasTokenStates)
    (self.scenes, self.behaviors) = (scenes, behaviors)
  }
}

/// What a data set decides of a configuration, each with the reason; and the targeted phases that it has the events for.
///
/// Ours. Only what follows from the data set's size is set; whether a deeper or wider model ranks better is for trials to say.
struct StarterPlan {
  /// Fewer events than this teach a phase nothing.
  private static let leastEvents = 100
  /// Steps that an epoch should have at least.
  private static let leastSteps = 8
  /// More examples than this nobody reads.
  private static let mostExamples = 24

  private(set) var config = RunConfig()
  /// Paths of the keys that were set, each with the reason for its value.
  private(set) var reasons: [String: String] = [:]
  /// Targeted phases as YAML, a line each.
  private(set) var examples: [String] = []

  init(_ facts: StarterFacts) {
    if !facts.hasTokenStates {
      config.model.semanticDim = 0
      reasons["model.semantic_dim"] = "the data set has no token states; after precise encode: 64"
    }
    if facts.longest < config.model.length {
      config.model.length = max(1, facts.longest)
      reasons["model.length"] = "the longest history of the data set"
    }
    var few = 2
    while few * 2 * Self.leastSteps <= facts.users && few < config.batch.users { few *= 2 }
    if few < config.batch.users {
      config.batch.users = few
      reasons["batch.users"] =
        few * Self.leastSteps <= facts.users
        ? "so that an epoch over the data set's users has \(Self.leastSteps) steps or more" : "the data set has few users"
    }
    if case .count(let draws) = config.universal.negatives, facts.items <= draws {
      config.universal.negatives = .all
      reasons["universal.negatives"] = "the catalogue is small, so every item competes"
    }
    var names: Set<String> = []
    addExamples(facts.behaviors, "behavior", &names)
    addExamples(facts.scenes, "scene", &names)
  }

  /// A phase for each category with enough events; of one category alone the universal phase knows all.
  private mutating func addExamples(_ categories: [StarterFacts.Category], _ key: String, _ names: inout Set<String>) {
    guard categories.count > 1 else { return }
    let enough = categories.enumerated().filter { $0.element.events >= Self.leastEvents }
      .sorted { ($1.element.events, $0.offset) < ($0.element.events, $1.offset) }
    for (offset, category) in enough.prefix(Self.mostExamples) {
      var name = Self.phaseName(category.name) ?? "\(key)-\(offset)"
      while !names.insert(name).inserted { name += "-\(offset)" }
      let competing = config.universal.negatives == .all ? ", negatives: all" : ""
      let phase = "- {name: \(name.text), \(key): \(category.name.text)\(competing)}"
      examples.append(phase + "  # \(category.events) events")
    }
    let more = enough.count - Self.mostExamples
    if more > 0 { examples.append("# and \(more) more with enough events") }
  }

  /// A category's name as that of a phase; nil when too little of it is left.
  private static func phaseName(_ category: String) -> String? {
    let word = category.lowercased().map { letter in
      ("a"..."z").contains(letter) || ("0"..."9").contains(letter) || letter == "_" ? letter : "-"
    }
    let name = String(word).split(separator: "-").joined(separator: "-").prefix(48)
    return name.contains { $0 != "-" && $0 != "_" } && ConfigRange<String>.phaseName.contains(String(name)) ? String(name) : nil
  }
}
