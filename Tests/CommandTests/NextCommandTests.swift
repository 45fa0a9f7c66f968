import Foundation
import TestSupport
import Testing

/// Every command that a command prints as the next one is run as it stands, by a shell, on data with names that are none of a program's.
struct NextCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// 24 users with 6 to 9 events over 12 items, of scenes and behaviors that must be quoted wherever they stand.
  private func write(_ name: String, withTexts: Bool) throws {
    var rows = "user,item,timestamp,scene,behavior\n"
    let (scenes, behaviors) = (["Café \"Zürich\"", "l'été: 50 %"], ["gefällt mir", "$HOME `x`"])
    func quoted(_ text: String) -> String { "\"\(text.replacingOccurrences(of: "\"", with: "\"\""))\"" }
    for user in 0..<24 {
      for event in 0..<(6 + user % 4) {
        let (item, scene) = ((user * 5 + event * 7) % 12, quoted(scenes[(user + event) % 2]))
        rows += "-user '\(user),item \(item),\(1_700_000_000 + 3_600 * event),\(scene),\(quoted(behaviors[event % 2]))\n"
      }
    }
    try make(name)
    try folder.write("\(name)/interactions.csv", rows)
    guard withTexts else { return }
    let items = (0..<12).map { "item \($0),a thing of kind \($0 % 3) und Größe \($0)\n" }
    try folder.write("\(name)/items.csv", "item,text\n" + items.joined())
  }

  private func make(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: false)
  }

  private func text(_ file: String) throws -> String { try String(contentsOfFile: folder.file(file), encoding: .utf8) }

  /// What stands behind `next: `, and below it.
  private func next(_ text: String) -> [String] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    var commands: [String] = []
    for line in lines {
      if let found = line.range(of: "next: ") {
        commands.append(String(line[found.upperBound...]))
      } else if line.hasPrefix("      precise "), !commands.isEmpty {
        commands.append(line.trimmingCharacters(in: .whitespaces))
      }
    }
    return commands
  }

  /// Commands in a file's comments.
  private func commands(in file: String) throws -> [String] {
    try text(file).split(separator: "\n").filter { $0.hasPrefix("#   precise ") }.map { String($0.dropFirst(4)) }
  }

  /// Runs a line in the test's folder with the built program on the path; says all that it prints.
  private func shell(_ line: String) throws -> String {
    let program = URL(fileURLWithPath: try CommandRunner.binary()).deletingLastPathComponent().path
    let path = "PATH=\(program):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
    let outcome = try CommandRunner.run(["-c", line], in: folder.path, setting: [path], program: "/bin/sh")
    #expect(outcome.code == 0, "\(line)\n\(outcome.errors)")
    return outcome.output + "\n" + outcome.errors
  }

  /// Runs what a text names next, and what that names, until nothing does; gives all lines that were run.
  @discardableResult
  private func follow(_ text: String, atMost: Int = 20) throws -> [String] {
    var (waiting, run) = (next(text), [String]())
    while !waiting.isEmpty && run.count < atMost {
      let command = waiting.removeFirst()
      // A command that was run already, as check names train and the configuration does too.
      guard !run.contains(command) else { continue }
      run.append(command)
      let printed = try shell(command)
      waiting = next(printed) + waiting
      if let file = command.split(separator: ">").dropFirst().first.map({ $0.trimmingCharacters(in: .whitespaces) }) {
        #expect(try commands(in: file).count == 2, "\(file)")
        waiting = try commands(in: file) + waiting
      }
    }
    return run
  }

  private func verbs(_ commands: [String]) -> [String] { commands.map { String($0.split(separator: " ")[1]) } }

  @Test func fromALogWithTextsToRecommendations() throws {
    try write("raw events", withTexts: true)
    let prepared = try shell(
      "precise prepare --interactions 'raw events/interactions.csv' --items 'raw events/items.csv' --out 'Mein Datensatz' --virtual-shards 4"
    )
    #expect(next(prepared) == ["precise encode 'Mein Datensatz'"])
    let run = try follow(prepared)
    #expect(verbs(run) == ["encode", "config", "check", "train", "evaluate", "recommend", "report"], "\(run)")
    #expect(run[1] == "precise config --data 'Mein Datensatz' > my.yaml")
    #expect(run[5].contains(#"--user='-user '\''"#), "\(run[5])")
  }

  @Test func withoutTextsThereIsNothingToEncode() throws {
    try write("ids", withTexts: false)
    let prepared = try shell("precise prepare --interactions ids/interactions.csv --out=-data --virtual-shards 4")
    #expect(verbs(next(prepared)) == ["config", "train"] && next(prepared)[0].contains("--data ./-data "))
    #expect(verbs(try follow(prepared)) == ["config", "check", "train", "evaluate", "recommend", "report"])
  }

  /// Files and folders that are there are worked with: what is proposed is another name.
  @Test func namesThatAreTakenAreNotProposed() throws {
    try write("raw", withTexts: true)
    for name in ["run", "dataset"] { try make(name) }
    for name in ["my.yaml", "my-2.yaml", "run/config.yaml", "dataset/x"] { try folder.write(name, "mine\n") }
    let prepared = try shell(
      "precise prepare --interactions raw/interactions.csv --items raw/items.csv --out d --virtual-shards 2")
    let encoded = try shell(try #require(next(prepared).first))
    #expect(
      next(encoded) == ["precise config --data d > my-3.yaml", "precise train --config my-3.yaml --data d --out run-2/"])
    _ = try shell(next(encoded)[0])
    #expect(try commands(in: "my-3.yaml").last == "precise train --config my-3.yaml --data d --out run-2/")
    #expect(try text("my.yaml") == "mine\n")
    let made = try shell("precise synth --out 'other raw' --users 30 --items 40 --scenes 1 --behaviors 1")
    #expect(next(made).first?.hasSuffix(" --out dataset-2/") == true)
    _ = try shell(try #require(next(made).first))
  }

  /// Days that are appended are encoded as the first were.
  @Test func whatIsAppendedIsEncodedAsBefore() throws {
    try write("raw", withTexts: true)
    _ = try shell("precise prepare --interactions raw/interactions.csv --items raw/items.csv --out d --virtual-shards 2 --quiet")
    _ = try shell("precise encode d --dim 24 --tokens 3 --quiet")
    let appended = try shell(
      "precise prepare --append d --interactions raw/interactions.csv --items raw/items.csv --out 'd 2'")
    #expect(next(appended) == ["precise encode 'd 2' --dim 24 --tokens 3"])
    _ = try shell(next(appended)[0])
  }
}
