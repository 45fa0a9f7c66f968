import ArgumentParser
import Logging
import Reporting

/// How much a command says: shared by every command.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print only results and errors.")
  var quiet = false
  @Flag(help: "Say more about what happens.")
  var verbose = false

  func validate() throws {
    if quiet && verbose { throw ValidationError("give --quiet or --verbose, not both") }
  }

  /// The console to speak through.
  var console: Console { Console(verbosity: quiet ? .quiet : verbose ? .verbose : .normal) }

  /// The console, which from now on also prints what the program's inner parts log.
  ///
  /// Once a process.
  func startConsole() -> Console {
    let console = console
    LoggingSystem.bootstrap { _ in ConsoleLogHandler(console) }
    return console
  }
}

extension RawRepresentable where RawValue == String, Self: CaseIterable {
  /// The case with this spelling, or a usage error that lists all.
  static func parse(_ text: String) throws -> Self {
    guard let value = Self(rawValue: text) else {
      throw ValidationError("\(text) is none of \(allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return value
  }
}
