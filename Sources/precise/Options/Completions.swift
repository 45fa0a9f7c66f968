import ArgumentParser
import Config
import Files
import Foundation
import Runs

/// What a shell offers for the values of options; its scripts are made by `precise --generate-completion-script`.
///
/// Values that are not known beforehand are asked of the program itself, with the words of the command line so far. A wrong word there is
/// no error: nothing is offered.
extension CompletionKind {
  /// The values of an enumeration.
  static func values<Value>(of: Value.Type) -> CompletionKind
  where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    .list(Value.allCases.map(\.rawValue))
  }

  /// A configuration's file.
  static let configuration = CompletionKind.file(extensions: ["yaml", "yml"])

  /// The phases that stand in the run directory on the command line.
  static let trainedPhases = CompletionKind.custom { words, _, _ in
    unquoted(words).lazy.map { RunDirectory(path: $0).phasesOnDisk }.first { !$0.isEmpty } ?? []
  }

  /// `universal`, `targeted` and the targeted phases of the configuration on the command line.
  static let configuredPhases = CompletionKind.custom { words, _, _ in
    let words = unquoted(words)
    let file = words.lastIndex(of: "--config").flatMap { words.indices.contains($0 + 1) ? words[$0 + 1] : nil }
    let config = file.flatMap { try? ConfigReader.read(file: $0) }
    return ["universal", "targeted"] + (config?.targeted.map(\.name) ?? [])
  }

  /// The keys of the configuration with their `=`, or those that begin in one of some ways, for `--set`.
  static func keys(beginning prefixes: [String] = [""]) -> CompletionKind {
    .list(ConfigReference.keyPaths.map { $0 + "=" }.filter { key in prefixes.contains { key.hasPrefix($0) } })
  }

  /// Words as the program would get them; a shell hands them over as they were typed.
  private static func unquoted(_ words: [String]) -> [String] {
    words.map { $0.filter { !"\\\"'".contains($0) } }
  }
}
