package import Files
import Foundation
import Glibc
import Host
import Synchronization

/// `metrics.jsonl`: a JSON object a line, in the order things happened, readable while the run goes on.
///
/// A resumed run goes on in the same file.
package final class MetricsLog: Sendable {
  private let file: Mutex<AppendFile>

  /// Opens or creates the file; throws ``InputError`` when it cannot be written.
  package init(path: String) throws(InputError) {
    file = Mutex(try AppendFile(path: path, endsLine: true))
  }

  /// Removes the lines of a file that are not to stay: what a run did behind the checkpoint that it goes on from.
  ///
  /// A line that was left half-written, or that says nothing, goes too when only such lines follow. Throws ``InputError`` when the file
  /// cannot be changed; it is as it was then.
  package static func keep(path: String, where stays: (StepPosition) -> Bool) throws {
    guard access(path, F_OK) == 0 else { return }
    let file = try MappedFile(path: path)
    try file.withBytes { bytes in
      var (kept, start, lastPosition) = ([Range<Int>](), 0, 0)
      while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
        let position = try? JSONDecoder().decode(StepPosition.self, from: Data(bytes[start..<end]))
        if position.map(stays) ?? true { kept.append(start..<end + 1) }
        if position.map(stays) ?? false { lastPosition = kept.count }
        start = end + 1
      }
      try RecordFile.keep(kept[..<lastPosition], of: bytes, path: path)
    }
  }

  /// Phase and step of the last whole line of a file; nil when there is none.
  ///
  /// For whoever supervises a run: reads no more than the file's end.
  package static func lastPosition(path: String) -> StepPosition? {
    guard let handle = FileHandle(forReadingAtPath: path), let size = try? handle.seekToEnd() else { return nil }
    // Lines are a few hundred bytes, but for those of an evaluation with many cutoffs.
    try? handle.seek(toOffset: size - min(size, 1 << 16))
    guard let end = try? handle.readToEnd() else { return nil }
    for line in end.split(separator: UInt8(ascii: "\n")).reversed() {
      if let position = try? JSONDecoder().decode(StepPosition.self, from: Data(line)) { return position }
    }
    return nil
  }

  /// What a line says of itself.
  package struct StepPosition: Decodable {
    /// The phase.
    package let phase: String
    /// The step that it was written after.
    @Bounded<CountBounds> package private(set) var step: Int
    private let split: String?

    init(phase: String, step: Int, split: String?) { (self.phase, self.step, self.split) = (phase, step, split) }

    /// Whether it is an evaluation's.
    package var isEvaluation: Bool { split != nil }
  }

  /// Adds one line, with the second since 1970 in which it was written, and hands it to the system.
  ///
  /// Throws ``InputError`` when the disk is full.
  package func append(_ record: some MetricsRecord, time: Double = WallClock.seconds()) throws {
    // To the millisecond: what is finer is noise, and longer lines.
    let fields = record.fields + [.init("time", .double((1000 * time).rounded() / 1000))]
    let line = Array((JSONValue.object(fields).line + "\n").utf8)
    try file.withLock { file in try file.append(line) }
  }
}

/// Removes records from the middle or the end of a log.
enum RecordFile {
  /// Leaves of a file only some of its bytes, in order: whole or not at all.
  ///
  /// Throws `InputError`; the file is as it was then.
  static func keep(_ kept: ArraySlice<Range<Int>>, of bytes: UnsafeRawBufferPointer, path: String) throws {
    let count = kept.reduce(0) { $0 + $1.count }
    guard count < bytes.count else { return }
    if kept.last?.upperBound ?? 0 == count {
      guard truncate(path, count) == 0 else {
        throw InputError("\(path): cannot be cut to \(count) bytes: \(systemReason())")
      }
      return
    }
    var file = try AtomicFile(path: path)
    for range in kept { try file.write(UnsafeRawBufferPointer(rebasing: bytes[range])) }
    try file.commit()
  }
}
