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

  /// Removes the lines of a file that are not to stay: what a run did behind the checkpoint that it goes on from.
  ///
  /// A line that was left half-written, or that says nothing, goes too when only such lines follow. Throws ``InputError`` when the file
  /// cannot be changed; it is as it was then.
  public static func keep(path: String, where stays: (Place) -> Bool) throws {
    guard access(path, F_OK) == 0 else { return }
    let file = try MappedFile(path: path)
    try file.withBytes { bytes in
      var (kept, start, lastPlace) = ([Range<Int>](), 0, 0)
      while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
        let place = try? JSONDecoder().decode(Place.self, from: Data(bytes[start..<end]))
        if place.map(stays) ?? true { kept.append(start..<end + 1) }
        if place.map(stays) ?? false { lastPlace = kept.count }
        start = end + 1
      }
      try RecordFile.keep(kept[..<lastPlace], of: bytes, path: path)
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
    @Bounded<CountBounds> public private(set) var step: Int
    private let split: String?

    init(phase: String, step: Int, split: String?) { (self.phase, self.step, self.split) = (phase, step, split) }

    /// Whether it is an evaluation's.
    public var isEvaluation: Bool { split != nil }
  }

  /// Adds one line and hands it to the system; throws ``InputError`` when the disk is full.
  public func append(_ fields: [JSONValue.Field]) throws {
    let line = Array((JSONValue.object(fields).line + "\n").utf8)
    try file.withLock { file in try file.append(line) }
  }
}
