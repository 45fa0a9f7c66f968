import Foundation
import TestSupport
import Testing

/// Every number of every JSON file of ours replaced by what it cannot be: no command traps, and what is refused is one sentence.
struct HostileNumberTests {
  /// Which numbers are replaced together.
  enum Choice {
    /// Those of one key, key by key; those of one name, whatever it is a part of; all but the version, which would be refused before
    /// any other is looked at.
    case each, named, all
  }

  /// A JSON file, and a command that reads it.
  struct Kind: Sendable, CustomTestStringConvertible {
    let file: String
    let command: [String]
    var choice = Choice.each
    var reseal: (@Sendable (String) throws -> Void)?
    var testDescription: String { "\(file), \(command[0])" }
  }

  private static let check = ["check", "--config", "config.yaml", "--data", "dataset", "--ranks", "1", "--quiet"]
  private static let export = ["export", "run", "--data", "dataset", "--out", "made", "--quiet"]
  private static let append = [
    "prepare", "--append", "dataset", "--interactions", "raw/interactions.csv", "--out", "made", "--quiet",
  ]

  static let kinds: [Kind] = [
    Kind(file: "dataset/encode.json", command: check),
    Kind(file: "dataset/encode.json", command: export),
    Kind(file: "dataset/manifest.json", command: append, reseal: NumberDamage.resealDataset),
    Kind(file: "dataset/manifest.json", command: ["inspect", "dataset"], choice: .named, reseal: NumberDamage.resealDataset),
    Kind(file: "dataset/manifest.json", command: check, choice: .all, reseal: NumberDamage.resealDataset),
    Kind(file: "\(HostileFile.checkpoint)/manifest.json", command: export, reseal: NumberDamage.resealCheckpoint),
    Kind(file: "\(HostileFile.checkpoint)/manifest.json", command: HostileFile.resume, reseal: NumberDamage.resealCheckpoint),
    Kind(
      file: "\(HostileFile.checkpoint)/manifest.json", command: ["inspect", "run"], choice: .all,
      reseal: NumberDamage.resealCheckpoint),
    Kind(file: "run/evaluation.json", command: ["inspect", "run"], choice: .named),
    Kind(file: "run/metrics.jsonl", command: ["inspect", "run"], choice: .all),
    Kind(file: "run/metrics.jsonl", command: HostileFile.resume, choice: .all),
  ]

  @Test(arguments: kinds) func noNumberTraps(_ kind: Kind) throws {
    let whole = try HostileWorld.shared().copy()
    let numbers = try NumberDamage(whole.file(kind.file))
    let keys = numbers.keys
    try #require(!keys.isEmpty)
    let choices = choices(keys, kind.choice)
    var (cases, refused) = (0, 0)
    for choice in choices {
      for value in NumberDamage.values {
        let folder = try HostileWorld.shared().copy()
        let path = folder.file(kind.file)
        try numbers.file(choice, value).write(to: URL(fileURLWithPath: path))
        try kind.reseal?(path)
        let ending = try CommandRunner.run(kind.command, in: folder.path)
        cases += 1
        refused += ending.code == 0 ? 0 : 1
        let what = "\(kind.testDescription), \(choice.count == 1 ? choice.joined() : "all numbers"), \(value)"
        #expect([0, 64, 65].contains(ending.code), "\(what): \(ending.code), \(ending.errors)")
        #expect(!ending.errors.contains("Fatal error") && !ending.errors.contains("fault of this program"), "\(what)")
        let sentences = ending.errorLines.filter { $0.hasPrefix("precise: ") && !$0.hasPrefix("precise: bad row") }
        #expect(ending.code == 0 || sentences.count == 1, "\(what): \(ending.errors)")
      }
    }
    print("hostile numbers: \(kind.testDescription): \(keys.count) keys, \(cases) cases, \(refused) refused, no trap")
  }

  private func choices(_ keys: [String], _ choice: Choice) -> [Set<String>] {
    let all = Set(keys.filter { !$0.lowercased().contains("version") })
    return switch choice {
    case .each: keys.map { Set([$0]) } + [all]
    case .named: Dictionary(grouping: keys) { $0.split(separator: ".").last ?? "" }.values.map { Set($0) } + [all]
    case .all: [all]
    }
  }

  /// A run's other records have no number, or none that is read.
  @Test func theOtherRecordsHaveNone() throws {
    let folder = try HostileWorld.shared().copy()
    #expect(try NumberDamage(folder.file("run/run.json")).keys.isEmpty)
  }
}
