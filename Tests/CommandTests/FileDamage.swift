import Files
import Foundation

/// What can have happened to a file before it comes to us.
enum FileDamage: String, CaseIterable {
  case truncated, bitFlipped, oversizedLength, overlappingOffsets, nanFilled, wrongEndianLength, wrongEndianNumbers
  case danglingLink, linkToFolder, linkLoop, unreadable, empty, folder

  /// What a file is made of, which decides what some damages are.
  enum Format: Sendable {
    /// Lines of CSV, TSV, JSON or ids.
    case lines
    /// The same, compressed.
    case gzip
    case yaml, json, safetensors
  }

  /// Damages a file; false where a file of this format cannot have this damage, or this user cannot inflict it.
  func apply(to path: String, _ format: Format) throws -> Bool {
    switch self {
    case .danglingLink: try link(path, to: "nothing-there")
    case .linkToFolder: try link(path, to: ".")
    case .linkLoop: try link(path, to: URL(fileURLWithPath: path).lastPathComponent)
    case .folder:
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    case .unreadable:
      // Root reads everything.
      guard getuid() != 0 else { return false }
      try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
    default:
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      guard let damaged = try bytes(whole, format, path), damaged != whole else { return false }
      try damaged.write(to: URL(fileURLWithPath: path))
    }
    return true
  }

  private func link(_ path: String, to target: String) throws {
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
  }

  private func bytes(_ whole: Data, _ format: Format, _ path: String) throws -> Data? {
    switch (self, format) {
    case (.truncated, _): return whole.prefix(whole.count / 2)
    case (.empty, _): return Data()
    case (.bitFlipped, _):
      var damaged = whole
      damaged[whole.count / 2] ^= 4
      return damaged
    case (_, .safetensors): return TensorDamage(whole).damaged(self)
    case (.wrongEndianLength, .gzip): return Data([whole[1], whole[0]]) + whole.dropFirst(2)
    case (_, .gzip):
      let reader = try LineReader(path: path)
      var text = ""
      while let line = try reader.next() { text += String(decoding: line, as: UTF8.self) + "\n" }
      return try self.text(text, .lines).map { try Self.compressed($0, beside: path) }
    default: return text(String(decoding: whole, as: UTF8.self), format)
    }
  }

  private func text(_ text: String, _ format: Format) -> Data? {
    switch (self, format) {
    case (.oversizedLength, .json): Data(text.replacing(Self.number) { "\($0.1)\(Int.max)" }.utf8)
    // JSON has no NaN; this is a number that no count can be.
    case (.nanFilled, .json): Data(text.replacing(Self.number) { "\($0.1)1e300" }.utf8)
    case (.oversizedLength, .yaml): Data((text + "# " + String(repeating: "a", count: 1 << 20)).utf8)
    case (.oversizedLength, _): Data((text + String(repeating: "a", count: 17 << 20) + "\n").utf8)
    case (.nanFilled, _): Data(text.replacing(/[0-9]+/, with: "nan").utf8)
    case (.wrongEndianLength, _): text.data(using: .utf16BigEndian)
    default: nil
    }
  }

  /// A number of a JSON object, with the colon before it.
  private nonisolated(unsafe) static let number = /(:\s*)-?[0-9][0-9.eE+-]*/

  private static func compressed(_ text: Data, beside path: String) throws -> Data {
    var file = try OutputFile(path: "\(path).made", isGzipped: true)
    try text.withUnsafeBytes { try file.write($0) }
    try file.commit()
    defer { try? FileManager.default.removeItem(atPath: "\(path).made") }
    return try Data(contentsOf: URL(fileURLWithPath: "\(path).made"))
  }
}
