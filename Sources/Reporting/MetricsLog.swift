public import Files
import Synchronization

/// `metrics.jsonl`: a JSON object a line, in the order things happened, readable while the run goes on.
///
/// A resumed run goes on in the same file.
public final class MetricsLog: Sendable {
  private let file: Mutex<AppendFile>

  /// Opens or creates the file; throws ``InputError`` when it cannot be written.
  public init(path: String) throws(InputError) {
    file = Mutex(try AppendFile(path: path, endsLine: true))
  }

  /// Adds one line and hands it to the system; throws ``InputError`` when the disk is full.
  public func append(_ fields: [JSONValue.Field]) throws {
    let line = Array((JSONValue.object(fields).line + "\n").utf8)
    try file.withLock { file in try file.append(line) }
  }
}
