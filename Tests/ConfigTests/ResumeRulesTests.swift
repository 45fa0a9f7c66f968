import Testing

@testable import Config

struct ResumeRulesTests {
  private func config(_ targeted: String, _ changes: String...) throws -> RunConfig {
    try ConfigReader.read(text: "targeted: [\(targeted)]", name: "c.yaml", overrides: changes)
  }

  @Test(arguments: ["time", "block"]) func whatTheModelIsStays(key: String) throws {
    let old = try config("")
    let new = try config("", "model.\(key)=\(["time": "request", "block": "gated"][key] ?? "")")
    #expect(ResumeRules.problems(old, new).map(\.keyPath) == ["model.\(key)"])
    #expect(ResumeRules.extentProblems(old, new).map(\.keyPath) == ["model.\(key)"])
  }

  @Test func targetedPhasesAreComparedByName() throws {
    let old = try config("{name: like, epochs: 3}, {name: share}")
    #expect(ResumeRules.problems(old, try config("{name: share}, {name: like, epochs: 3}")).isEmpty)
    let other = try config("{name: share, epochs: 7}, {name: buy}, {name: like, epochs: 4}", "seed=2", "log.every_steps=3")
    let problems = ResumeRules.problems(old, other)
    #expect(problems.map(\.keyPath).contains("targeted.1.name"))
    #expect(Set(problems.map(\.keyPath)).isSuperset(of: ["seed", "targeted.0.epochs", "targeted.2.epochs"]))
    #expect(ResumeRules.problems(old, other, phases: ["like"]).map(\.keyPath) == ["seed", "targeted.2.epochs"])
    #expect(ResumeRules.problems(old, other, phases: []).map(\.keyPath) == ["seed"])
    // One that is gone from the configuration.
    let gone = ResumeRules.problems(old, try config(""), phases: ["like"])
    #expect(gone.contains { $0.keyPath == "targeted.0.epochs" && $0.rule.contains("was 3") })
  }
}
