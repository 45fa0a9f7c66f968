import Datasets
import Files

/// The rows of several files one after another, for lists that a command reads as one.
final class ChainedSource: RowSource {
  private var source: any RowSource
  private var rest: ArraySlice<() throws -> any RowSource>
  private var bytesBefore = 0

  /// Opens the first of the files, of which there is at least one.
  init(_ files: [() throws -> any RowSource]) throws {
    precondition(!files.isEmpty, "no file to read")
    source = try files[0]()
    rest = files.dropFirst()
  }

  var path: String { source.path }
  var place: String { source.place }
  var lineNumber: Int { source.lineNumber }
  var bytesRead: Int { bytesBefore + source.bytesRead }
  var timeUnit: TimeUnit { source.timeUnit }
  var hasTypedTimes: Bool { source.hasTypedTimes }
  var defaultScene: String { source.defaultScene }
  var defaultBehavior: String { source.defaultBehavior }
  var namesScenes: Bool { source.namesScenes }

  func next(_ row: Row) throws -> RowOutcome {
    while true {
      let outcome = try source.next(row)
      guard case .end = outcome, let open = rest.popFirst() else { return outcome }
      bytesBefore += source.bytesRead
      source = try open()
    }
  }
}
