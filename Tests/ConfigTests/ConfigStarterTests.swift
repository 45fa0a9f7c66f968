import Testing

@testable import Config

/// A starter is a configuration, and so is what becomes of it when lines are uncommented.
struct ConfigStarterTests {
  private static func facts(
    users: Int = 80, items: Int = 60, longest: Int = 30, states: Bool = true, scenes: [(String, Int)] = [],
    behaviors: [(String, Int)] = []
  ) -> StarterFacts {
    StarterFacts(
      path: "dataset", summary: "a few users", users: users, items: items, longest: longest, hasTokenStates: states,
      scenes: scenes.map { .init(name: $0.0, events: $0.1) }, behaviors: behaviors.map { .init(name: $0.0, events: $0.1) })
  }

  private func read(_ text: String) throws -> RunConfig { try ConfigReader.read(text: text, name: "starter") }

  /// The text with every line of these uncommented.
  private func uncommented(_ text: String, where isWanted: (Substring) -> Bool) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      guard let mark = line.firstIndex(of: "#"), line[..<mark].allSatisfy({ $0 == " " }), isWanted(line) else {
        return String(line)
      }
      return String(line[..<mark] + line[mark...].dropFirst(2))
    }.joined(separator: "\n")
  }

  @Test func theDefaultsWithEveryKey() throws {
    #expect(try read(ConfigStarter.text) == RunConfig())
    for (key, _) in RunConfig().flat where !["targeted", "bench"].contains(key) {
      let name = key.split(separator: ".").last ?? ""
      #expect(ConfigStarter.text.contains(" \(name): ") || ConfigStarter.text.contains("\n\(name): "), "\(key)")
    }
    let bench = uncommented(ConfigStarter.text) { $0.contains("catalogue") && $0.contains(" items: ") }
    #expect(try read(bench).bench == BenchConfig())
    let lines = ConfigStarter.text.split(separator: "\n")
    let first = try #require(lines.firstIndex { $0.contains("# - name: ") })
    let phase = lines[first...].prefix { $0.hasPrefix("  # ") }.joined(separator: "\n")
    #expect(try read(uncommented(ConfigStarter.text) { phase.contains($0) }).targeted.map(\.name) == ["like"])
  }

  @Test func onlyWhatTheDataDecidesIsSet() throws {
    let large = try read(ConfigStarter.text(Self.facts(users: 100_000, items: 50_000, longest: 500)))
    #expect(large == RunConfig())
    let small = try read(ConfigStarter.text(Self.facts(states: false)))
    var wanted = RunConfig()
    (wanted.model.semanticDim, wanted.model.length, wanted.batch.users, wanted.universal.negatives) = (0, 30, 8, .all)
    #expect(small == wanted)
    let tiny = Self.facts(users: 1, items: 1, longest: 1)
    #expect(try read(ConfigStarter.text(tiny)).batch.users == 2)
    #expect(ConfigCheck.problems(small, facts: DatasetFacts(scenes: [], behaviors: [], items: 60, users: 80)).isEmpty)
  }

  @Test func everyCommentIsAKeyAtItsDefault() throws {
    let text = ConfigStarter.text(Self.facts(states: false))
    let all = uncommented(text) { line in
      line.contains(": ") && !line.contains("#   ") && !line.contains("- ") && !line.hasPrefix("# A") && !line.contains("starter")
        && !line.contains("Every key") && !line.contains("Phases")
    }
    var wanted = try read(text)
    wanted.bench = BenchConfig()
    #expect(try read(all) == wanted)
  }

  @Test func namesThatYAMLOrAPhaseCannotHave() throws {
    let odd = ["Beauty: \"all\" #1", "5", "universal", "購入", "like", "LIKE", "a\u{85}b\nc", "-"]
    let text = ConfigStarter.text(
      Self.facts(scenes: odd.map { ($0, 200) } + [("too-few", 99)], behaviors: [("like", 300), ("click", 400), ("all", 5)]))
    let config = try read(uncommented(text) { $0.contains("# - {") })
    #expect(Set(config.targeted.map(\.name)).count == odd.count + 2 && config.targeted.allSatisfy { $0.negatives == .all })
    #expect(config.targeted.prefix(2).map(\.name) == ["click", "like"] && config.targeted[0].behavior == "click")
    #expect(config.targeted.dropFirst(2).map(\.scene) == odd && !text.contains("too-few"))
    #expect(ConfigCheck.problems(config).isEmpty)
  }

  @Test func oneCategoryOrManyOfThem() throws {
    #expect(!ConfigStarter.text(Self.facts(scenes: [("only", 1000)])).contains("# - {"))
    let many = ConfigStarter.text(Self.facts(scenes: (0..<40).map { ("scene \($0)", 100 + $0) }))
    #expect(many.contains("and 16 more") && many.contains("scene 39") && !many.contains("scene 15\""))
    #expect(try read(uncommented(many) { $0.contains("# - {") }).targeted.count == 24)
  }
}
