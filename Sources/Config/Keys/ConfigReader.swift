/// Reads a run's configuration: a YAML file and the command line's `--set`s over it.
package enum ConfigReader {
  /// The configuration of a file, or every fault in it at once.
  ///
  /// - Parameters:
  ///   - file: path of the YAML file; keys it leaves out have their defaults.
  ///   - overrides: `key.path=value`, later ones win.
  /// - Throws: all of: unknown keys (with the nearest known one), wrong types, values out of range, and values that do not
  ///   fit each other. A file that is missing, no YAML, larger than 1 MiB or built on aliases is one fault.
  package static func read(file: String, overrides: [String] = []) throws(ConfigProblems) -> RunConfig {
    let root: ConfigNode
    do {
      root = try ConfigDocument.read(file: file)
    } catch {
      throw ConfigProblems(file: file, problems: [error])
    }
    return try resolve(root, overrides, file: file)
  }

  /// The configuration of YAML text; `name` stands for the file in messages.
  package static func read(text: String, name: String, overrides: [String] = []) throws(ConfigProblems) -> RunConfig {
    let root: ConfigNode
    do {
      root = try ConfigDocument.parse(text) { .line($0) }
    } catch {
      throw ConfigProblems(file: name, problems: [error])
    }
    return try resolve(root, overrides, file: name)
  }

  private static func resolve(_ file: ConfigNode, _ overrides: [String], file name: String) throws(ConfigProblems) -> RunConfig {
    var root = file
    var faults: [ConfigProblem] = []
    for text in overrides {
      do {
        root = try ConfigOverride(text).apply(to: root)
      } catch {
        faults.append(error)
      }
    }
    let config = RunConfig.read(root, at: "", faults: &faults)
    // A key that is itself at fault keeps its default, so a cross-check with it would speak of a value nobody wrote.
    let wrong = Set(faults.map(\.keyPath)).subtracting([""])
    for var problem in ConfigCheck.problems(config) where !problem.concerns(wrong) {
      problem.origin = root.nearest(to: problem.keyPath).origin
      faults.append(problem)
    }
    guard faults.isEmpty else { throw ConfigProblems(file: name, problems: inFileOrder(faults)) }
    return config
  }

  /// By line, then the faults without one; equal places keep the order in which they were found.
  private static func inFileOrder(_ faults: [ConfigProblem]) -> [ConfigProblem] {
    func line(_ fault: ConfigProblem) -> Int {
      if case .line(let line) = fault.origin { line } else { Int.max }
    }
    return faults.enumerated().sorted { (line($0.element), $0.offset) < (line($1.element), $1.offset) }.map(\.element)
  }
}
