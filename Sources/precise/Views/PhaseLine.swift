import Files
import Foundation

/// A line of `metrics.jsonl` of one kind, as `inspect` reads it.
protocol PhaseLine: Decodable {
  /// What every line of the kind has in it, so that others need not be read.
  static var mark: String { get }
  /// The phase that it speaks of.
  var phase: String { get }
}

extension PhaseLine {
  /// The last line of the kind of each phase, read from the end; a line cut short by a stop is passed over.
  static func last(in path: String, of names: [String]) throws -> [String: Self] {
    guard FileManager.default.fileExists(atPath: path) else { return [:] }
    let file = try MappedFile(path: path)
    return withExtendedLifetime(file) {
      var found: [String: Self] = [:]
      var end = file.bytes.count
      while end > 0 && found.count < names.count {
        let start = file.bytes[..<end].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let data = Data(file.bytes[start..<end])
        if data.range(of: Data(mark.utf8)) != nil, let line = try? RecordCoding.decode(Self.self, from: data),
          names.contains(line.phase), found[line.phase] == nil
        {
          found[line.phase] = line
        }
        end = start - 1
      }
      return found
    }
  }
}
