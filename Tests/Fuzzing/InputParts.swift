import Foundation
import Glibc
import TestSupport

/// Several files in one input: two bytes of length, little-endian, before each but the last.
enum InputParts {
  /// Cuts an input up; a length beyond the input's end stands for all that is left.
  static func split(_ input: UnsafeRawBufferPointer, into count: Int) -> [UnsafeRawBufferPointer] {
    var rest = input[...]
    var parts: [UnsafeRawBufferPointer] = []
    for _ in 1..<count {
      let length = rest.count < 2 ? 0 : Int(rest[rest.startIndex]) | Int(rest[rest.startIndex + 1]) << 8
      rest = rest.dropFirst(2)
      parts.append(UnsafeRawBufferPointer(rebasing: rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
    return parts + [UnsafeRawBufferPointer(rebasing: rest)]
  }

  /// The input that is cut up into these parts.
  static func join(_ parts: [[UInt8]]) -> [UInt8] {
    parts.dropLast().flatMap { [UInt8($0.count & 0xFF), UInt8($0.count >> 8)] + $0 } + (parts.last ?? [])
  }
}

extension TemporaryFolder {
  /// Writes a file without flushing it or going through a temporary name: a thousand times a second.
  func put(_ name: String, _ bytes: some Sequence<UInt8>) { put(name, Array(bytes)) }

  /// The same.
  func put(_ name: String, _ bytes: [UInt8]) { bytes.withUnsafeBytes { put(name, $0) } }

  /// The same.
  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) {
    let descriptor = open(file(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    must(descriptor >= 0, "\(file(name)) cannot be written")
    defer { close(descriptor) }
    must(bytes.isEmpty || Glibc.write(descriptor, bytes.baseAddress, bytes.count) == bytes.count, "the disk is full")
  }
}

/// The bytes of a file.
func contents(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
