package import Logging

/// Carries log messages of the program's inner parts to the console: warnings as notes, the rest under `--verbose`.
///
/// Parts that no console is handed to (a sampler, a loader) still have a voice, in the form the Swift server world agreed on.
package struct ConsoleLogHandler: LogHandler {
  /// What every message carries besides its text.
  package var metadata: Logger.Metadata = [:]
  /// Messages below this level are dropped.
  package var logLevel: Logger.Level
  private let console: Console

  /// Sends messages to a console; its verbosity decides which are heard.
  package init(_ console: Console) {
    self.console = console
    logLevel = console.verbosity == .verbose ? .debug : .warning
  }

  /// A value that every message carries.
  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Prints one message on one line, with its values behind it.
  package func log(event: LogEvent) {
    let values = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    let tail = values.isEmpty ? "" : " (" + values.map { "\($0.key) \($0.value)" }.joined(separator: ", ") + ")"
    if event.level >= .warning {
      console.note("warning: \(event.message)\(tail)")
    } else {
      console.detail("\(event.message)\(tail)")
    }
  }
}
