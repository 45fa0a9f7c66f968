public import Collectives
import Files
import Foundation

/// Where every rank leaves a trace of what it did when: `rank-0000.json` and so on, written when its work ends.
public struct TraceFolder: Sendable {
  /// The folder; made when the first file is written.
  public let path: String

  /// Names a folder.
  ///
  /// Throws `InputError` when it cannot be one, so that this does not show only after hours of training.
  public init(path: String) throws {
    self.path = OutputFolder.withoutTrailingSlash(path)
    var folder = URL(fileURLWithPath: self.path).standardizedFileURL
    while access(folder.path, F_OK) != 0, errno == ENOENT, folder.path != "/" { folder.deleteLastPathComponent() }
    var isFolder: ObjCBool = false
    guard !path.isEmpty, FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue else {
      throw InputError("the trace cannot be written to \(path), which is no folder; name another one with --trace")
    }
    guard access(folder.path, W_OK | X_OK) == 0 else {
      throw InputError("the trace cannot be written to \(path): \(String(cString: strerror(errno))); name another --trace folder")
    }
  }

  /// The file of a rank.
  public func file(of rank: Int) -> String { "\(path)/\(Self.name(rank))" }

  /// Throws `InputError` when the folder holds files of ranks that this job does not have: they would be opened with its own.
  public func check(ranks: Int) throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let foreign = names.sorted().first { name in
      guard name.hasPrefix("rank-"), name.hasSuffix(".json"), let rank = Int(name.dropFirst(5).dropLast(5)) else { return false }
      return rank >= ranks && name == Self.name(rank)
    }
    guard let foreign else { return }
    throw InputError("\(path) holds the trace of a job of more ranks (\(foreign)); name another --trace folder")
  }

  /// Runs a rank's work with a timeline, and writes that, whether the work ended well or with an error.
  ///
  /// Returns what the work returned, and how many spans the file does not have.
  public func record<Result>(
    _ communicator: any Communicator, capacity: Int = Timeline.defaultCapacity, _ body: () throws -> Result
  ) throws -> (result: Result, dropped: Int) {
    let timeline = Timeline(capacity: capacity)
    communicator.state.timeline = timeline
    defer { communicator.state.timeline = nil }
    let result: Result
    do {
      result = try body()
    } catch {
      // That the trace of a failure cannot be written must not hide the failure.
      try? write(timeline, communicator)
      throw error
    }
    try write(timeline, communicator)
    return (result, timeline.dropped)
  }

  private func write(_ timeline: Timeline, _ communicator: any Communicator) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw InputError("the trace folder \(path) cannot be made: \(systemReason(error))")
    }
    try TraceFile(timeline: timeline, rank: communicator.rank, ranks: communicator.size, carrier: communicator.carrier)
      .write(to: file(of: communicator.rank))
  }

  private static func name(_ rank: Int) -> String {
    let digits = String(rank)
    return "rank-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ".json"
  }
}
