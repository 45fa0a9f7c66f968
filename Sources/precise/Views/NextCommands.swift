import Datasets
import Files
import Foundation
import Reporting

/// The commands that come next, as a person can paste them: with this data's names, quoted for a shell, and no name that is taken.
///
/// A shell writes `> my.yaml` over a file that may have been worked on, and `prepare` and `train` refuse a folder that is there.
enum NextCommands {
  /// `next: COMMAND`, and further commands below the first.
  static func lines(_ commands: [String]) -> [String] {
    commands.enumerated().map { ($0 == 0 ? "next: " : "      ") + $1 }
  }

  /// After raw files: a data set of them.
  static func prepare(interactions: String, items: String) -> [String] {
    ["precise prepare --interactions \(word(interactions)) --items \(word(items)) --out \(free("dataset"))/"]
  }

  /// After a data set: its texts' vectors where items have texts, else a configuration.
  ///
  /// - Parameter encoding: flags that give a data set that was appended to the states that the old one had.
  static func encode(_ dataset: String, encoding: String = "") -> [String] {
    ["precise encode \(word(dataset))\(encoding)"]
  }

  /// After a data set that is ready: a configuration, and a run by it.
  static func configure(_ dataset: String) -> [String] {
    let file = free("my", ".yaml")
    return [
      "precise config --data \(word(dataset)) > \(file)", train(config: file, dataset: dataset),
    ]
  }

  /// A run by a configuration.
  static func train(config: String, dataset: String, flags: [String] = []) -> String {
    ([
      "precise train --config \(word(config)) --data \(word(dataset)) --out \(free("run"))/"
    ] + flags.map(shellWord)).joined(separator: " ")
  }

  /// After a run was measured: what it recommends to a user of its data set; nothing where no user has an id that a line can show.
  ///
  /// Throws `InputError` on a damaged shard.
  ///
  /// - Parameters:
  ///   - data: where the data set is, if not where the run was trained.
  ///   - flags: how it recommends, quoted for a shell.
  static func recommend(
    _ run: String, _ dataset: Dataset, data: String?, flags: String = "--explain"
  ) throws -> [String] {
    for number in 0..<dataset.shardCount {
      let shard = try dataset.shard(number)
      guard let id = (0..<shard.userCount).lazy.map({ shard.id($0) }).first(where: { !$0.isEmpty && printable($0) == $0 }) else {
        continue
      }
      // What begins with a dash is a value only behind the flag's own sign.
      let user = id.hasPrefix("-") ? "--user=\(shellWord(id))" : "--user \(shellWord(id))"
      return ["precise recommend \(word(run))\(data.map { " --data \(word($0))" } ?? "") \(user) \(flags)"]
    }
    return []
  }

  /// A path as a word of a command line that is no flag.
  static func word(_ path: String) -> String { shellWord(path.hasPrefix("-") ? "./\(path)" : path) }

  /// A name in the working folder that nothing has yet: `run`, `run-2`.
  static func free(_ name: String, _ suffix: String = "") -> String {
    let names = sequence(first: 1) { $0 + 1 }.lazy.map { $0 == 1 ? name + suffix : "\(name)-\($0)\(suffix)" }
    return names.first { (try? FileManager.default.attributesOfItem(atPath: $0)) == nil } ?? name + suffix
  }

  /// The file that standard output is written into, by its name in the working folder or its path; nil when it is no file, or not known.
  static var outputFile: String? {
    var status = stat()
    guard fstat(1, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/1")
    else { return nil }
    let folder = FileManager.default.currentDirectoryPath + "/"
    return path.hasPrefix(folder) ? String(path.dropFirst(folder.count)) : path
  }
}
