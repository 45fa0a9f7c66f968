public import Files
import Foundation
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

  /// Cuts off the lines at the end of a file that are not to stay: what a run did behind the checkpoint that it goes on from.
  ///
  /// A line that was left half-written goes too. Throws ``InputError`` when the file cannot be cut.
  ///
  /// - Parameter stays: whether a line stays; lines that do are not looked behind.
  public static func cut(path: String, where stays: (Place) -> Bool) throws {
    guard access(path, F_OK) == 0 else { return }
    let length = try MappedFile(path: path).withBytes { bytes in
      var end = bytes.count
      while end > 0 {
        let start = (bytes[..<(end - 1)].lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
        let line = Data(bytes[start..<end])
        if line.last == UInt8(ascii: "\n"), let place = try? JSONDecoder().decode(Place.self, from: line),
          stays(place)
        {
          break
        }
        end = start
      }
      return end
    }
    guard truncate(path, length) == 0 else {
      throw InputError("\(path): cannot be cut to \(length) bytes: \(String(cString: strerror(errno)))")
    }
  }

  /// Phase and step of the last whole line of a file; nil when there is none.
  ///
  /// For whoever supervises a run: reads no more than the file's end.
  public static func lastPlace(path: String) -> Place? {
    guard let handle = FileHandle(forReadingAtPath: path), let size = try? handle.seekToEnd() else { return nil }
    // Lines are a few hundred bytes, but for those of an evaluation with many cutoffs.
    try? handle.seek(toOffset: size - min(size, 1 << 16))
    guard let end = try? handle.readToEnd() else { return nil }
    for line in end.split(separator: UInt8(ascii: "\n")).reversed() {
      if let place = try? JSONDecoder().decode(Place.self, from: Data(line)) { return place }
    }
    return nil
  }

  /// What a line says of itself.
  public struct Place: Decodable {
    /// The phase.
    public let phase: String
    /// The step that it was written after.
    public let step: Int
    private let split: String?

    /// Whether it is an evaluation's.
    public var isEvaluation: Bool { split != nil }
  }

  /// Adds one line and hands it to the system; throws ``InputError`` when the disk is full.
  public func append(_ fields: [JSONValue.Field]) throws {
    let line = Array((JSONValue.object(fields).line + "\n").utf8)
    try file.withLock { file in try file.append(line) }
  }
}
